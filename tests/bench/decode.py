"""How fast the decoders are: events and bytes a second on one core, and allocations for an event."""

import json
import random

import messages
from processes import REPOSITORY, run

PROGRAM = REPOSITORY / "build/release/tests/decode_bench"
REPETITIONS, SHORT_REPETITIONS = 9, 3
SECONDS, SHORT_SECONDS = 0.3, 0.05
EVENTS = 2000  # different ones, some megabytes: more than what lies in the fast caches
WIDE = 4       # how many times the columns, for what is spent on each
LEAST_BYTES, LEAST_EVENTS = 500e6, 400e3  # issue 4, Held to
JUDGED, WIDER = "json with schemas, 1.5 kB", "json with schemas, 32 columns"


def _wide(value):
    """The columns of a row or of a schema, and again under other names."""
    if isinstance(value, list):
        return value + [{**field, "field": f"{field['field']}_{n}"} for n in range(1, WIDE) for field in value]
    return {**value, **{f"{name}_{n}": one for n in range(1, WIDE) for name, one in value.items()}}


def _flattened(key, value, fields):
    """As ExtractNewRecordState leaves an event, with its defaults."""
    row = json.loads(value)["payload"]["after"]
    schema = {"type": "struct", "fields": fields, "optional": False, "name": "bench.public.loans.Value"}
    return key, json.dumps({"schema": schema, "payload": row}, separators=(",", ":"))


def _without_schemas(key, value):
    return tuple(json.dumps(json.loads(side)["payload"], separators=(",", ":")) for side in (key, value))


def _write(room):
    """Files of the same rows as different connectors send them."""
    chance = random.Random(7)
    rows = [messages.new_row(number, chance) for number in range(EVENTS)]
    plain = [tuple(line.rstrip("\n").split(messages.DELIMITER, 1))
             for line in messages.snapshot(messages.Topic("loans"), rows)]
    wide = [tuple(line.rstrip("\n").split(messages.DELIMITER, 1)) for line in messages.snapshot(
        messages.Topic("loans", _wide(messages.FIELDS)), [_wide(row) for row in rows])]
    found = {
        f"{JUDGED}.flat": [_flattened(*event, messages.FIELDS) for event in plain],
        "json with schemas, envelope.json": plain,
        f"{WIDER}.json": wide,
        "json without schemas.json": [_without_schemas(*event) for event in plain],
        "avro.avro": plain,
    }
    files = []
    for name, events in found.items():
        files.append(room.path / name)
        files[-1].write_text("".join(f"{key}{messages.DELIMITER}{value}\n" for key, value in events))
    return files


def measure(room, short):
    if not PROGRAM.exists():
        raise AssertionError(f"{PROGRAM} is missing: script/bench builds it")
    told = room.path / "decode.json"
    repetitions = SHORT_REPETITIONS if short else REPETITIONS
    run([PROGRAM, f"--benchmark_repetitions={repetitions}",
         f"--benchmark_min_time={SHORT_SECONDS if short else SECONDS}", f"--benchmark_out={told}",
         "--benchmark_out_format=json", *_write(room)], seconds=300)
    found = {}
    for one in json.loads(told.read_text())["benchmarks"]:
        if one.get("error_occurred"):
            raise AssertionError(f"{one['name']}: {one['error_message']}")
        if one.get("aggregate_name") == "median":
            found[one["run_name"]] = one
    print(f"decode: on one core, by its CPU time, medians of {repetitions}")
    print(f"  {'':34}{'bytes':>7}{'MB/s':>7}{'events/s':>11}{'allocations':>13}")
    for name, one in found.items():
        print(f"  {name:34}{one['event_bytes']:7.0f}{one['bytes_per_second'] / 1e6:7.0f}"
              f"{one['items_per_second']:11,.0f}{one['allocations']:13.1f}")
    judged = found[JUDGED]
    for what, value, least in (("MB/s", judged["bytes_per_second"] / 1e6, LEAST_BYTES / 1e6),
                               ("events/s", judged["items_per_second"], LEAST_EVENTS)):
        print(f"decode: {JUDGED}: at least {least:,.0f} {what}: {_verdict(value >= least)} ({value:,.0f})")
    more = found[WIDER]["allocations"] - found["json with schemas, envelope"]["allocations"]
    print(f"decode: no allocation for a field: {_verdict(more < 1)} ({more:.1f} more for {WIDE} times the columns)",
          flush=True)


def _verdict(is_met):
    return "met" if is_met else "not met"
