"""The loop: a sequence, both transcripts, the verdict; and what happens to a sequence that fails."""

import dataclasses
import sys
import time

from avoidances import without_known_differences
from case import Case, Schedule
from commands import Commands
from conversation import converse
from faults import CASE as FAULT_CASE
from faults import FAULTS, FaultyRelay
from judge import difference, is_illegal
from minimise import Minimiser
from plain import Plain

# How PostgreSQL is asked: cuts do not matter there.
DIRECTLY = Schedule(0, "whole", "eager")
SHOWN = 5000  # characters of a case that are printed; the file has all


@dataclasses.dataclass
class Verdict:
    unfit: str = ""    # why the sequence says nothing about metadb
    problem: str = ""  # where the transcripts part
    schedule: Schedule = None


class Fuzzer:
    def __init__(self, servers, arguments):
        self._servers = servers
        self._arguments = arguments
        self._expected = servers.direct
        self._actual = servers.direct if arguments.direct else servers.through
        self._lists = servers.twins_of_lists()
        self.sequences = self.conversations = self.messages = self.replayed = self.known = self.failures = 0

    def counts(self):
        return (f"{self.replayed} stored cases, {self.known} of them known to differ; {self.sequences} sequences, "
                f"{self.messages} messages, {self.conversations} conversations through metadb; {self.failures} failed")

    # ---- Parts of a run.

    def find_planted_faults(self):
        """A relay that does one thing wrong stands in for metadb: each fault must be found."""
        for fault in FAULTS:
            with FaultyRelay(self._servers.direct, fault) as relay:
                if not self._judge(FAULT_CASE, relay.endpoint).problem:
                    raise AssertionError(f"a relay that {fault} was not found out")
        print(f"differential: {len(FAULTS)} planted faults found", flush=True)

    def replay(self, paths):
        for path in paths:
            case = Case.load(path)
            verdict = self._judge(case, is_lenient=False)
            self.replayed += 1
            if verdict.unfit:
                self._say(f"{path}: {verdict.unfit}")
            elif case.known and verdict.problem:
                self.known += 1
                print(f"differential: {path.name} is known to differ: {case.known}", flush=True)
                if self._arguments.cases:
                    print(verdict.problem, flush=True)
            elif case.known:
                self._say(f"{path} no longer differs: remove its \"known\"")
            elif verdict.problem:
                self._say(f"{path}: {verdict.problem}")

    def explore(self):
        seed = self._arguments.seed
        print(f"differential: METADB_FUZZ_SEED={seed}", flush=True)
        deadline = time.monotonic() + self._arguments.seconds
        while time.monotonic() < deadline and self.failures < self._arguments.failures:
            self._try(seed)
            seed += 1

    # ---- One sequence.

    def _case_of(self, seed):
        only = self._arguments.only
        has_commands = only == "commands" or (only is None and seed % 2 == 1)
        return Commands(seed, self._lists).case() if has_commands else Plain(seed).case()

    def _try(self, seed):
        case = self._case_of(seed)
        verdict = self._judge(case)
        self.sequences += 1
        self.messages += len(case.messages)
        self.conversations += len(case.schedules)
        if verdict.unfit:
            self._say(f"METADB_FUZZ_SEED={seed}, the fuzzer's fault: {verdict.unfit}, {self._stored(seed, case)}")
        elif verdict.problem:
            self._report(seed, case, verdict)

    def _judge(self, case, actual_endpoint=None, is_lenient=True):
        expected = converse(self._expected, case, DIRECTLY)
        if is_illegal(expected):
            return Verdict("illegal messages")
        if expected.ended.startswith("hang"):
            return Verdict(f"PostgreSQL: {expected.ended}")
        for schedule in case.schedules:
            actual = converse(actual_endpoint or self._actual, case, schedule, expected.waits)
            problem = difference(expected, actual, case.has_commands, is_lenient)
            if problem and self._servers.has_postgres_crashed():
                return Verdict("PostgreSQL crashed")
            if problem:
                return Verdict("", problem, schedule)
        return Verdict()

    def _say(self, what):
        self.failures += 1
        print(f"differential: {what}", file=sys.stderr, flush=True)

    def _report(self, seed, case, verdict):
        self._say(f"METADB_FUZZ_SEED={seed} fails, cuts \"{verdict.schedule.cuts}\": {verdict.problem}")
        if not self._servers.is_alive:
            raise AssertionError(f"metadb is gone\n{self._servers.tail()}")
        smallest = Minimiser(self._still_fails).smallest(case)
        smallest.about = f"Found with METADB_FUZZ_SEED={seed}."
        print(f"differential: made smaller, {self._stored(seed, smallest)}:\n{smallest.dump()[:SHOWN]}"
              f"{self._judge(smallest).problem}", file=sys.stderr, flush=True)

    def _stored(self, seed, case):
        path = self._arguments.found / f"seed_{seed}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(case.dump())
        return path

    def _still_fails(self, case):
        if case.has_commands and without_known_differences(case.messages) != case.messages:
            return False
        return bool(self._judge(case).problem)
