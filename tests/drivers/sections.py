"""What a client's program prints: sections of lines, which the runner compares one by one.

A section begins with `== NAME`. `!! WHY` in it: failed, whatever the other server says. `-- skipped: WHY`: not run.
Sections whose name begins with `metadb` use commands that PostgreSQL does not have.
"""

import asyncio
import inspect
import os
import sys
import traceback

IS_METADB = os.environ.get("DRIVERS_ON") == "metadb"
_steps = []


def step(function):
    """The section of this function, by its name; of Metadb commands if the name begins with metadb."""
    _steps.append(function)
    return function


def show(what, value=""):
    print(f"{what}: {value!r}" if value != "" else what, flush=True)


def skip(why):
    print(f"-- skipped: {why}", flush=True)


def run_steps(reports):
    """Runs all steps. reports(error) gives the lines that tell of an expected error of the driver."""
    failures = 0
    for function in _steps:
        if function.__name__.startswith("metadb") and not IS_METADB:
            continue
        print(f"== {function.__name__.replace('_', ' ')}", flush=True)
        try:
            found = function()
            if inspect.isawaitable(found):
                asyncio.run(found)
        except Exception as error:
            failures += 1
            print(f"!! {type(error).__name__} {reports(error)}", flush=True)
            traceback.print_exc(file=sys.stderr)
    return 1 if failures else 0
