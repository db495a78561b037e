"""What a suite gave in one run, and how the outcomes of two runs differ."""

import collections
import difflib
import os

SHOWN_LINES = 40


class Unusable(AssertionError):
    """A run that says nothing about its tests."""


# files: name of the test -> what it gave, in bytes. failed: tests that do not give what PostgreSQL's source expects.
# ended: lines about programs that ended in no ordinary way. All of it is under `folder`.
Outcome = collections.namedtuple("Outcome", "folder files failed ended seconds")


def differing(one, other):
    """Names of the tests that differ: in their bytes, in being there at all, in what the suite thinks of them."""
    names = one.files.keys() | other.files.keys()
    different = {name for name in names if one.files.get(name) != other.files.get(name)}
    different |= one.failed ^ other.failed
    if one.ended != other.ended:
        different |= {f"({line.strip()})" for line in set(one.ended) ^ set(other.ended)} or {"(programs that ended)"}
    return sorted(different)


def judge(direct, again, through):
    """The tests that differ, since metadb's run gave what neither direct run gave, and the unsteady ones, since it
    gave what one of the two gave."""
    different = differing(direct, through)
    unsteady = sorted(set(different) - set(differing(again, through)))
    return sorted(set(different) - set(unsteady)), unsteady


def explain(name, one, other):
    """The differing lines, the first of them."""
    def lines(outcome):
        return outcome.files.get(name, b"").decode(errors="backslashreplace").splitlines()
    folders = [os.path.relpath(outcome.folder) for outcome in (one, other)]
    found = list(difflib.unified_diff(lines(one), lines(other), *folders, lineterm=""))
    more = [f"... {len(found) - SHOWN_LINES} more lines"] if len(found) > SHOWN_LINES else []
    return "\n".join("    " + line for line in found[:SHOWN_LINES] + more)
