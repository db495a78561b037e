"""The suite libpq_pipeline: a client that sends ahead of the answers, with libpq's trace of each message.

Two of its tests send while they read, so that the order between the two directions is chance even without metadb;
one of them sends until no buffer takes any more, so that its length is chance, too. Their traces are compared as far
as they are not chance.
"""

import re
import time

from outcome import Outcome
from processes import own
from program import Program

# As PostgreSQL's own test of this program calls it.
ROWS = 700
SECONDS = 120


def by_direction(trace):
    """What the client sent, then what it received."""
    lines = trace.splitlines(keepends=True)
    return b"".join(line for way in (b"F", b"B") for line in lines if line.startswith(way))


def by_shape(trace):
    """By direction, without digits, and a sequence of messages that repeats only once; and whether the rows, which
    this test numbers from 0 on, have come without a gap."""
    lines = trace.translate(None, b"0123456789").splitlines()
    letters = {line: chr(number) for number, line in enumerate(dict.fromkeys(lines), ord("A"))}
    kinds = list(letters)
    shape = []
    for way in (b"F", b"B"):
        sequence = "".join(letters[line] for line in lines if line.startswith(way))
        squeezed = re.sub(r"(.{1,8}?)\1+", r"\1", sequence)
        shape += [kinds[ord(letter) - ord("A")] for letter in squeezed]
    rows = [int(row) for row in re.findall(rb"^B\t\d+\tDataRow\t 1 \d+ '(\d+)'$", trace, re.MULTILINE)]
    shape.append(b"rows without a gap" if rows == list(range(len(rows))) else b"rows with gaps")
    return b"\n".join(shape)


COMPARABLE = {"pipelined_insert": by_direction, "uniqviol": by_shape}


class LibpqPipeline:
    name = database = "libpq_pipeline"

    def __init__(self, room, built):
        self._room = room
        self._folder = room.folder(self.name)
        self._expected = built / self.name / "traces"
        # Where the user who runs it can reach it.
        self._program = self._folder / self.name
        self._program.write_bytes((built / self.name / self.name).read_bytes())
        self._program.chmod(0o755)
        self._count = self._seconds = 0

    def run(self, servers, way):
        self._count += 1
        self._seconds = 0
        folder = self._room.folder(f"{self.name}/{self._count}-{way}")
        own(folder)
        names = self._start("tests", [self._program, "tests"], servers, way)[1].split()
        outcome = Outcome(folder, {}, set(), [], 0)
        for test in names:
            self._run_one(test, outcome, servers, way)
        return outcome._replace(seconds=self._seconds)

    def _start(self, test, command, servers, way):
        program = Program(self._room, f"{self.name}-{self._count}-{way}-{test}")
        began = time.monotonic()
        code = program.run(command, servers.environment(way), SECONDS)
        self._seconds += time.monotonic() - began
        return code, program.log.read_text(errors="replace")

    def _run_one(self, test, outcome, servers, way):
        path = outcome.folder / f"{test}.trace"
        code, told = self._start(test, [self._program, "-r", ROWS, "-t", path, test], servers, way)
        trace = path.read_bytes() if path.exists() else b""
        outcome.files[test] = COMPARABLE.get(test, bytes)(trace)
        if code != 0:
            last = (told.splitlines() or ["without a word"])[-1]
            outcome.ended.append(f"{test} ended with {code}: {last}")
        expected = self._expected / path.name
        if code != 0 or (expected.exists() and expected.read_bytes() != trace):
            outcome.failed.add(test)
