"""Rows per second of a snapshot into tables, against COPY of the same rows into the same tables."""

import statistics
import subprocess
import time

from backing import Backing, cpu_seconds
from kafka import Kafka
from messages import DELIMITER, TOPIC, snapshot
from metadb import Metadb
from processes import Timeout

EVENTS, SHORT_EVENTS = 200_000, 20_000
COPIES, SHORT_COPIES = 3, 1
SOURCE = "bench"
PARTIES = ["PostgreSQL", "metadb", "Kafka"]  # whose CPU time is told
MAIN, CURRENT = "public.loans__", "public.loans"
# metadb, too, leaves __id to the identity of the main table.
COPIED_COLUMNS = "__start, __end, __current, __origin, id, document, due, created, fee, title, open, renewals"
STALL_SECONDS = 60
POLL_SECONDS = 0.03  # more often costs the server noticeable time


def produce(kafka, events):
    """Fills the topic; gives the seconds that it took and the bytes sent."""
    began, sent = time.monotonic(), 0
    with subprocess.Popen(["kcat", "-q", "-P", "-b", kafka.bootstrap, "-t", TOPIC, "-p", "0", "-K", DELIMITER,
                           "-X", "linger.ms=50", "-X", "batch.size=1000000"], stdin=subprocess.PIPE) as kcat:
        for line in snapshot(events):
            record = line.encode()
            sent += len(record)
            kcat.stdin.write(record)
    if kcat.returncode != 0:
        raise AssertionError(f"kcat ended with {kcat.returncode}")
    if kafka.end_offset(TOPIC) != events:
        raise AssertionError(f"the topic holds {kafka.end_offset(TOPIC)} records instead of {events}")
    return time.monotonic() - began, sent


class Meter:
    """CPU seconds of each party since its start."""

    def __init__(self, **parties):
        self._parties = parties
        self._began = {name: spent() for name, spent in parties.items()}

    def read(self):
        return {name: spent() - self._began[name] for name, spent in self._parties.items()}


def watch(metadb, cursor, events):
    """Follows the position to the end of the topic; gives (moment, rows) of each step that was seen."""
    steps, last_moment, rows = [], time.monotonic(), 0
    while rows < events:
        cursor.execute("SELECT coalesce(max(next_offset), 0) FROM metadb.ingest_position WHERE source_name = %s",
                       [SOURCE])
        moment, found = time.monotonic(), cursor.fetchone()[0]
        if found > rows:
            steps.append((moment, found))
            last_moment, rows = moment, found
        elif moment - last_moment > STALL_SECONDS:
            raise Timeout(f"stands still at {rows} of {events}: {metadb.status()}\n{metadb.tail()}")
        time.sleep(POLL_SECONDS)
    return steps


def ingest(kafka, metadb, backing, events):
    """Lets metadb read the topic. Gives seconds to the first rows, seconds and rows from there on, CPU seconds."""
    cursor = backing.connect().cursor()
    cursor.execute("CHECKPOINT")
    meter = Meter(metadb=lambda: cpu_seconds(metadb.popen.pid), PostgreSQL=backing.cpu_seconds,
                  Kafka=lambda: cpu_seconds(kafka.popen.pid))
    began = time.monotonic()
    metadb.psql(f"""CREATE DATA SOURCE {SOURCE} TYPE kafka OPTIONS (brokers '{kafka.bootstrap}',
        security 'plaintext', topics '{TOPIC}', consumer_group '{SOURCE}')""")
    steps = watch(metadb, cursor, events)
    spent = meter.read()
    (first_moment, first_rows), (last_moment, _) = steps[0], steps[-1]
    cursor.execute(f"SELECT count(*) FROM {CURRENT}")
    if (stored := cursor.fetchone()[0]) != events:
        raise AssertionError(f"{stored} rows of {events}\n{metadb.tail()}")
    return {"wait": first_moment - began, "whole": last_moment - began, "cpu": spent,
            "rate": (events - first_rows) / (last_moment - first_moment) if len(steps) > 1 else 0.0,
            "whole_rate": events / (last_moment - began), "steps": len(steps)}


def copy_rates(room, backing, events, times):
    """COPY of the rows that metadb wrote, into the tables that it made, emptied. Gives rows per second and CPU seconds
    of PostgreSQL for each time, and the bytes of the table and of its indexes."""
    cursor = backing.connect().cursor()
    cursor.execute(f"SELECT pg_table_size('{CURRENT}'), pg_indexes_size('{CURRENT}')")
    sizes = cursor.fetchone()
    path = room.path / "rows"
    with open(path, "wb") as file:
        cursor.copy_expert(f"COPY (SELECT {COPIED_COLUMNS} FROM {CURRENT} ORDER BY __id) TO STDOUT (FORMAT binary)",
                           file)
    rates, spent = [], []
    for _ in range(times):
        cursor.execute(f"TRUNCATE {MAIN}")
        cursor.execute("CHECKPOINT")
        with open(path, "rb") as file:
            began, spent_before = time.monotonic(), backing.cpu_seconds()
            cursor.copy_expert(f"COPY {MAIN} ({COPIED_COLUMNS}) FROM STDIN (FORMAT binary)", file, size=1 << 20)
            rates.append(events / (time.monotonic() - began))
            spent.append(backing.cpu_seconds() - spent_before)
        if cursor.rowcount != events:
            raise AssertionError(f"COPY wrote {cursor.rowcount} rows of {events}")
    return rates, spent, sizes


def measure(room, short):
    events = SHORT_EVENTS if short else EVENTS
    kafka = Kafka(room)
    produced, sent = produce(kafka, events)
    print(f"ingest: {events} snapshot events of {sent // events} bytes (produced in {produced:.1f} s)", flush=True)
    metadb = Metadb(room)
    backing = Backing(metadb)
    found = ingest(kafka, metadb, backing, events)
    metadb.psql(f"DROP DATA SOURCE {SOURCE}")
    rates, copy_cpu, sizes = copy_rates(room, backing, events, SHORT_COPIES if short else COPIES)
    print(f"  a row takes {sizes[0] // events} bytes, its index entries {sizes[1] // events}; first rows after "
          f"{found['wait']:.2f} s, all after {found['whole']:.2f} s, {found['steps']} commits seen")
    copied = statistics.median(rates)
    print_table(events, [
        (f"COPY, median of {len(rates)}", copied, copied, {"PostgreSQL": statistics.median(copy_cpu)}),
        ("metadb, from the first rows on", found["rate"], copied, {}),
        ("metadb, from create data source on", found["whole_rate"], copied, found["cpu"])])
    metadb.stop()


def print_table(events, lines):
    print(f"  {'':36}{'rows/s':>8}{'ratio':>7}   CPU us a row: " + "".join(f"{name:>11}" for name in PARTIES))
    for what, rate, copied, spent in lines:
        cpu = "".join(f"{spent[name] / events * 1e6:11.1f}" if name in spent else f"{'':11}" for name in PARTIES)
        print(f"  {what:36}{rate:8.0f}{rate / copied:7.2f}{'':17}{cpu}", flush=True)
