"""Which stored cases are known to differ today."""

import functools
import json
import pathlib

CASES = pathlib.Path(__file__).resolve().parent / "cases"


@functools.lru_cache
def is_known(name):
    path = CASES / f"{name}.json"
    return path.exists() and bool(json.loads(path.read_text()).get("known"))
