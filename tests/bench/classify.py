"""Nanoseconds that grammar::may_be_ours takes for SQL that is not ours."""

import json
import re

from processes import REPOSITORY, run

PROGRAM = REPOSITORY / "build/release/tests/classify_bench"
REPETITIONS, SHORT_REPETITIONS = 9, 3
SECONDS, SHORT_SECONDS = 0.1, 0.02
MOST_NS = 100  # issue 3, Speed


def measure(room, short):
    if not PROGRAM.exists():
        raise AssertionError(f"{PROGRAM} is missing: script/bench builds it")
    told = room.path / "classify.json"
    run([PROGRAM, f"--benchmark_repetitions={SHORT_REPETITIONS if short else REPETITIONS}",
         f"--benchmark_min_time={SHORT_SECONDS if short else SECONDS}", f"--benchmark_out={told}",
         "--benchmark_out_format=json"])
    found = {}
    for one in json.loads(told.read_text())["benchmarks"]:
        if one.get("error_occurred"):
            raise AssertionError(f"{one['name']}: {one['error_message']}")
        if one.get("aggregate_name") == "median":
            found[one["run_name"]] = one["cpu_time"]
    print(f"classify: ns for a statement, medians of {SHORT_REPETITIONS if short else REPETITIONS}")
    for name, nanoseconds in found.items():
        print(f"  {name:20}{nanoseconds:8.1f}")
    slow = [f"{name}: {nanoseconds:.0f} ns" for name, nanoseconds in found.items() if nanoseconds >= MOST_NS]
    verdict = f"not met ({', '.join(slow)})" if slow else "met"
    print(f"classify: under {MOST_NS} ns for ordinary SQL: {verdict}", flush=True)
