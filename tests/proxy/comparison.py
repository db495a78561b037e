"""One suite run both ways, what differs, and the lines that say so.

A test that differs is run directly once more. If the second direct run gives what metadb's run gave, the test is
unsteady by itself: that is said, and is no difference. If it gives a third result or the first one again, it is one.
"""

from outcome import Unusable, differing, explain, judge
from servers import DIRECT, THROUGH, Servers

# Few tests fail directly, because metadb is in their database. Were it many, a common cause would hide differences.
MOST_FAILED = 0.05


class Comparison:
    def __init__(self, room, suite, certificate=None):
        self._room = room
        self._certificate = certificate
        self._suite = suite
        self.tests, self.different, self.unsteady, self._unlike_any, self.failed = 0, [], [], [], False

    def make(self):
        """Runs and prints. A run that is of no use, or a server that does not live through it, is a failure."""
        try:
            direct, through = (self._run(way) for way in (DIRECT, THROUGH))
            self.tests = len(direct.files.keys() | through.files.keys())
            self._find(direct, through)
            self._tell(direct, through)
        except AssertionError as error:
            self.failed = True
            print(f"{self._suite.name}: {error}", flush=True)

    def _run(self, way):
        servers = Servers(self._room, self._suite.database, self._certificate)
        try:
            outcome = self._suite.run(servers, way)
            servers.stop()
        finally:
            servers.close()
        if way == DIRECT and len(outcome.failed) > MOST_FAILED * len(outcome.files):
            raise Unusable(f"{len(outcome.failed)} of {len(outcome.files)} tests fail directly: "
                           f"{sorted(outcome.failed)}")
        return outcome

    def _find(self, direct, through):
        self.different = differing(direct, through)
        if self.different:
            again = self._run(DIRECT)
            self.different, self.unsteady = judge(direct, again, through)
            self._unlike_any = sorted(set(self.different) & set(differing(direct, again)))

    def _tell(self, direct, through):
        name = self._suite.name
        for test in self.different:
            note = " (two direct runs differ, too, but neither is like this one)" if test in self._unlike_any else ""
            print(f"{name}: {test} differs{note}\n{explain(test, direct, through)}")
        for test in self.unsteady:
            print(f"{name}: {test} is unsteady: two direct runs differ, one of them is equal to the run through "
                  f"metadb\n{explain(test, direct, through)}")
        failed = ", ".join(sorted(direct.failed)) or "none"
        same = "the same" if through.failed == direct.failed else ", ".join(sorted(through.failed)) or "none"
        print(f"{name}: {self.tests} tests, {len(self.different)} differ, {len(self.unsteady)} unsteady; direct in "
              f"{direct.seconds:.0f} s, through metadb in {through.seconds:.0f} s; unlike PostgreSQL's expected output "
              f"directly: {failed}; through metadb: {same}", flush=True)
