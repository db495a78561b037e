"""The suites that run under pg_regress: regress (scripts of psql) and isolation (sessions side by side)."""

import re
import shutil
import time

from processes import own
from program import Program
from outcome import Outcome, Unusable

# pg_regress waits for nothing but its tests: one that hangs must not hang the run.
SECONDS = 900
DATABASES = {"regress": "regression", "isolation": "isolation_regression"}

# Of isolation: where sessions wait for, notify, time out, cancel or lock out each other.
QUICK_ISOLATION = """
async-notify timeouts stats horizons temp-schema-cleanup inherit-temp
deadlock-simple deadlock-hard deadlock-soft deadlock-soft-2 deadlock-parallel fk-deadlock fk-deadlock2
nowait nowait-2 nowait-3 nowait-4 nowait-5 skip-locked skip-locked-2 skip-locked-3 skip-locked-4
lock-update-delete lock-update-traversal tuplelock-conflict tuplelock-update multixact-no-deadlock
insert-conflict-do-nothing insert-conflict-do-update insert-conflict-specconflict merge-delete merge-update
delete-abort-savept aborted-keyrevoke read-only-anomaly-3 serializable-parallel
detach-partition-concurrently-3 drop-index-concurrently-1 multiple-cic reindex-concurrently
alter-table-3 alter-table-4 create-trigger sequence-ddl truncate-conflict intra-grant-inplace-db
vacuum-concurrent-drop vacuum-conflict vacuum-skip-locked partition-key-update-4 plpgsql-toast
""".split()


class PgRegress:
    """One of the two suites in a folder of its own, in which every run happens at the same path: some results name
    it."""

    def __init__(self, room, built, name, program, schedule, options=()):
        self.name = name
        # Some tests name the database as pg_regress would.
        self.database = DATABASES[name]
        self._room = room
        self._folder = room.folder(name)
        self._input = self._folder / "input"
        self._work = self._folder / "work"
        self._program = self._input / program
        self._schedule = self._input / schedule
        self._options = options
        self._count = 0
        shutil.copytree(built, self._input)

    def choose(self, tests):
        """Restricts the suite to these tests, one after the other."""
        known = set(re.findall(r"\S+", re.sub(r"^test:|^#.*|^ignore:.*", "", self._schedule.read_text(),
                                              flags=re.MULTILINE)))
        if missing := [test for test in tests if test not in known]:
            raise Unusable(f"{self.name} has no tests {missing}: choose others in tests/proxy/run")
        self._schedule.write_text("".join(f"test: {test}\n" for test in tests))

    def run(self, servers, way):
        began = time.monotonic()
        self._count += 1
        name = f"{self._count}-{way}"
        self._work.mkdir()
        for path in [self._input, self._work]:
            own(path)
        program = Program(self._room, f"{self.name}-{name}")
        host, port = servers.address(way)
        code = program.run([self._program, "--use-existing", f"--dbname={self.database}", "--bindir=", f"--host={host}",
                            f"--port={port}", f"--inputdir={self._input}", f"--outputdir={self._work}",
                            f"--schedule={self._schedule}", "--max-concurrent-tests=20", *self._options],
                           servers.environment(way), SECONDS)
        kept = self._work.rename(self._folder / name)
        if code is None:
            raise Unusable(f"{program.name} did not end in {SECONDS} s; its last lines:\n{program.tail(10)}")
        return self._read(kept, program)._replace(seconds=time.monotonic() - began)

    def _read(self, folder, program):
        told = program.log.read_text(errors="replace")
        files = {path.stem: path.read_bytes() for path in (folder / "results").glob("*.out")}
        diffs = folder / "regression.diffs"
        failed = set(re.findall(r"^diff .*/results/(\S+)\.out$", diffs.read_text(errors="replace"), re.MULTILINE)
                     if diffs.exists() else [])
        # Of a test whose program crashed there may be nothing but this line.
        ended = sorted(re.findall(r"^.*exited with .*$", told, re.MULTILINE))
        counts = re.search(r"(?:All|\d+ of) (\d+) tests (?:passed|failed)", told)
        if not counts or int(counts[1]) != len(files):
            raise Unusable(f"{program.name} left {len(files)} results and does not say the same:\n{program.tail()}")
        return Outcome(folder, files, failed, ended, 0)


def regress(room, built):
    return PgRegress(room, built / "regress", "regress", "pg_regress", "parallel_schedule",
                     [f"--dlpath={room.path}/regress/input"])


def isolation(room, built):
    return PgRegress(room, built / "isolation", "isolation", "pg_isolation_regress", "isolation_schedule")
