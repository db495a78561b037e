"""Reads what a client printed, and compares two runs of it section by section."""

import collections
import difflib
import re

SHOWN = 60

# One section: passed, failed or skipped, and why.
Verdict = collections.namedtuple("Verdict", "section outcome why")


def parse(text):
    """Lines by section. Lines before the first section are a section of their own, which no run should have."""
    sections = {}
    lines = None
    for line in text.splitlines():
        if line.startswith("== "):
            name = line[3:]
            while name in sections:
                name += " (again)"
            lines = sections[name] = []
        elif lines is None and line:
            lines = sections["(before the first section)"] = [line]
        elif lines is not None:
            lines.append(line)
    return sections


def normalized(text, ports):
    """What differs between two runs by nature: ports, processes, temporary schemas, how long Kafka's refusal took."""
    text = re.sub(rf"\b({'|'.join(map(str, ports))})\b", "PORT", text)
    text = re.sub(r"\b(PID|pid) \d+", r"\1 N", text)
    text = re.sub(r"\bpg_temp_\d+", "pg_temp_N", text)
    return re.sub(r"\(after \d+ms in state", "(after Nms in state", text)


def is_of_metadb(name):
    return name.startswith("metadb")


def _difference(wanted, found, names):
    lines = list(difflib.unified_diff(wanted, found, *names, lineterm="", n=2))
    return "\n".join(lines[:SHOWN] + ([f"... {len(lines)} lines in all"] if len(lines) > SHOWN else []))


def _verdict(name, wanted, found, names):
    """wanted: the lines of the other run, None if it has no such section; likewise found."""
    if wanted is None or found is None:
        return Verdict(name, "failed", f"not in {names[0] if wanted is None else names[1]}")
    failures = [line for line in wanted + found if line.startswith("!! ")]
    if failures:
        return Verdict(name, "failed", "\n".join(failures))
    if wanted != found:
        return Verdict(name, "failed", _difference(wanted, found, names))
    skips = [line for line in found if line.startswith("-- skipped: ")]
    if skips:
        return Verdict(name, "skipped", skips[0].removeprefix("-- skipped: "))
    if not found:
        return Verdict(name, "failed", "nothing was printed")
    return Verdict(name, "passed", "")


def compare(direct, proxied, expected):
    """Three parsed transcripts: PostgreSQL's, metadb's, and what metadb's sections of Metadb commands must be."""
    verdicts = []
    for name in dict.fromkeys([*direct, *proxied, *expected]):
        if is_of_metadb(name):
            verdicts.append(_verdict(name, expected.get(name), proxied.get(name), ("expected", "metadb")))
        else:
            verdicts.append(_verdict(name, direct.get(name), proxied.get(name), ("PostgreSQL", "metadb")))
    return verdicts


def _is_failure(lines):
    return any(line.startswith("!! ") for line in lines)


def expectation(proxied, previous):
    """The text of an expectation, from a transcript that was read and found right; a failure changes nothing."""
    sections = {name: previous.get(name, []) if _is_failure(lines) else lines
                for name, lines in proxied.items() if is_of_metadb(name)}
    return "".join(f"== {name}\n" + "".join(f"{line}\n" for line in lines) for name, lines in sections.items())
