"""Rows per second of a snapshot and of changes, against what PostgreSQL does alone with the same rows and tables."""

import collections
import pathlib
import random
import re
import statistics
import subprocess
import time

from backing import Backing, cpu_seconds
from kafka import Kafka
from messages import DELIMITER, Topic, mixed, new_row, snapshot, with_other_values
from metadb import Metadb
from processes import Timeout, wait_until

# Snapshot rows, times that COPY is measured, updates, tables, rows and changes of each, seconds at 1,000 events/s,
# events that wait.
Sizes = collections.namedtuple("Sizes", "rows copies updates tables rows_each changes_each seconds backlog")
FULL = Sizes(200_000, 3, 100_000, 50, 1_000, 2_000, 20, 0)
SHORT = Sizes(20_000, 1, 10_000, 10, 100, 500, 4, 0)
LONG = Sizes(1_000_000, 3, 500_000, 50, 1_000, 10_000, 60, 5_000_000)
SOURCE = "bench"
PARTIES = ["PostgreSQL", "metadb", "Kafka"]  # whose CPU time is told
STAGES = ["decode", "shape", "stage", "merge", "commit"]
MAIN, CURRENT, HISTORY = "public.loans__", "public.loans", "public.zzz___loans___"
VALUES = "document, due, created, fee, title, open, renewals"
# metadb, too, leaves __id to the identity of the main table.
COPIED_COLUMNS = f"__start, __end, __current, __origin, id, {VALUES}"
STALL_SECONDS = 60
POLL_SECONDS = 0.03  # more often costs the server noticeable time


class Producer:
    """kcat, fed with lines for one topic."""

    def __init__(self, kafka, topic, linger_ms=50):
        self.popen = subprocess.Popen(["kcat", "-q", "-P", "-b", kafka.bootstrap, "-t", topic.name, "-p", "0", "-K",
                                       DELIMITER, "-X", f"linger.ms={linger_ms}", "-X", "batch.size=1000000"],
                                      stdin=subprocess.PIPE)

    def write(self, line):
        record = line.encode()
        self.popen.stdin.write(record)
        return len(record)

    def flush(self):
        self.popen.stdin.flush()

    def finish(self):
        self.popen.communicate()
        if self.popen.returncode != 0:
            raise AssertionError(f"kcat ended with {self.popen.returncode}")


def produce(kafka, topic, lines):
    """Gives the number of records and their bytes."""
    producer, count, sent = Producer(kafka, topic), 0, 0
    for line in lines:
        sent += producer.write(line)
        count += 1
    producer.finish()
    return count, sent


class Meter:
    """CPU seconds of each party since its start."""

    def __init__(self, **parties):
        self._parties = parties
        self._began = {name: spent() for name, spent in parties.items()}

    def read(self):
        return {name: spent() - self._began[name] for name, spent in self._parties.items()}


class Server:
    """metadb with one data source that reads everything, and its database."""

    def __init__(self, room, kafka):
        self.metadb = Metadb(room)
        self.backing = Backing(self.metadb)
        self._kafka = kafka
        self._cursor = self.backing.connect().cursor()
        self._told = dict.fromkeys(STAGES, 0.0)

    def query(self, sql, parameters=None):
        self._cursor.execute(sql, parameters)
        return self._cursor.fetchone() if self._cursor.description else None

    def _watch(self, events):
        """Follows the positions until they have grown by so many events; gives (moment, events) of each step."""
        def applied():
            return self.query("SELECT coalesce(sum(greatest(next_offset, 0)), 0)::bigint FROM metadb.ingest_position "
                              "WHERE source_name = %s", [SOURCE])[0]
        before, steps, last_moment = applied(), [], time.monotonic()
        while not steps or steps[-1][1] < events:
            moment, done = time.monotonic(), applied() - before
            if done > (steps[-1][1] if steps else 0):
                steps.append((moment, done))
                last_moment = moment
            elif moment - last_moment > STALL_SECONDS:
                raise Timeout(f"stands still at {done} of {events}: {self.metadb.status()}\n{self.metadb.tail()}")
            time.sleep(POLL_SECONDS)
        return steps

    def read(self, command, events):
        """Lets metadb read so many events and pauses it. Gives rates, CPU and the seconds of each stage."""
        self.query("CHECKPOINT")
        meter = Meter(metadb=lambda: cpu_seconds(self.metadb.popen.pid), PostgreSQL=self.backing.cpu_seconds,
                      Kafka=lambda: cpu_seconds(self._kafka.popen.pid))
        began = time.monotonic()
        self.metadb.psql(command)
        steps = self._watch(events)
        spent = meter.read()
        (first_moment, first_rows), (last_moment, _) = steps[0], steps[-1]
        return {"wait": first_moment - began, "whole": last_moment - began, "cpu": spent, "steps": len(steps),
                "rate": (events - first_rows) / (last_moment - first_moment) if len(steps) > 1 else 0.0,
                "whole_rate": events / (last_moment - began), "stages": self.pause()}

    def build_indexes(self):
        """Waits until the tables that the snapshot has loaded have their indexes. Gives the seconds that took."""
        self.metadb.psql(f"RESUME DATA SOURCE {SOURCE}")
        wait_until(lambda: self.query("SELECT count(*) FROM metadb.managed_table WHERE lacks_indexes")[0] == 0, 120,
                   lambda: self.metadb.tail())
        self.pause()
        return sum(float(seconds) for seconds in re.findall(r"indexes of \S+ built in ([\d.]+) s",
                                                            self.metadb.log.read_text(errors="replace")))

    def resume(self, events):
        return self.read(f"RESUME DATA SOURCE {SOURCE}", events)

    def pause(self):
        """Gives the seconds of each stage since the last pause, as the log tells them."""
        def lines():
            return [line for line in self.metadb.log.read_text(errors="replace").splitlines()
                    if "changes applied since" in line]
        known = len(lines())
        self.metadb.psql(f"PAUSE DATA SOURCE {SOURCE}")
        line = wait_until(lambda: (lines()[known:] or [None])[-1], 20, "the worker does not say what it did")
        told = {stage: float(re.search(rf"{stage} ([\d.]+) s", line)[1]) for stage in STAGES}
        spent = {stage: told[stage] - self._told[stage] for stage in STAGES}
        self._told = told
        return spent

    def peak_mib(self):
        status = pathlib.Path(f"/proc/{self.metadb.popen.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024

    def expect_rows(self, table, rows):
        if (stored := self.query(f"SELECT count(*) FROM {table}")[0]) != rows:
            raise AssertionError(f"{table}: {stored} rows of {rows}\n{self.metadb.tail()}")


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
        seconds, cpu, rows = restore(cursor, backing, path)
        rates.append(events / seconds)
        spent.append(cpu)
        if rows != events:
            raise AssertionError(f"COPY wrote {rows} rows of {events}")
    return rates, spent, sizes


def restore(cursor, backing, path):
    """Leaves in the tables exactly the rows of the file. Gives seconds, CPU seconds and rows of the COPY."""
    cursor.execute(f"TRUNCATE {MAIN}")
    cursor.execute("CHECKPOINT")
    with open(path, "rb") as file:
        began, spent_before = time.monotonic(), backing.cpu_seconds()
        cursor.copy_expert(f"COPY {MAIN} ({COPIED_COLUMNS}) FROM STDIN (FORMAT binary)", file, size=1 << 20)
        return time.monotonic() - began, backing.cpu_seconds() - spent_before, cursor.rowcount


def plain_updates(room, backing, updates, times):
    """What the updates of the topic did, by one INSERT ... SELECT and one UPDATE of the same rows. Gives rows per
    second and CPU seconds for each time."""
    cursor = backing.connect().cursor()
    cursor.execute(f"CREATE UNLOGGED TABLE bench_updates AS SELECT __start AS ts, id, {VALUES} FROM {CURRENT} "
                   f"WHERE id IN (SELECT id FROM {HISTORY})")
    if cursor.rowcount != updates:
        raise AssertionError(f"{cursor.rowcount} rows were updated instead of {updates}")
    cursor.execute("ANALYZE bench_updates")
    olds = ", ".join(f"c.{name}" for name in f"id, {VALUES}".split(", "))
    news = ", ".join(f"{name} = u.{name}" for name in VALUES.split(", "))
    sequence = f"pg_get_serial_sequence('{MAIN}', '__id')"
    rates, spent = [], []
    for _ in range(times):
        restore(cursor, backing, room.path / "rows")
        cursor.execute(f"ANALYZE {CURRENT}")
        cursor.execute("CHECKPOINT")
        began, spent_before = time.monotonic(), backing.cpu_seconds()
        cursor.execute(f"""BEGIN;
            INSERT INTO {HISTORY} (__id, __start, __end, __current, __origin, id, {VALUES})
                SELECT c.__id, c.__start, u.ts, false, c.__origin, {olds}
                FROM bench_updates u JOIN {CURRENT} c USING (id);
            UPDATE {CURRENT} c SET __id = nextval({sequence}), __start = u.ts, {news} FROM bench_updates u
                WHERE c.id = u.id;
            COMMIT""")
        rates.append(updates / (time.monotonic() - began))
        spent.append(backing.cpu_seconds() - spent_before)
    cursor.execute("DROP TABLE bench_updates")
    return rates, spent


def measure_snapshot(room, kafka, server, loans, rows, sizes):
    count, sent = produce(kafka, loans, snapshot(loans, rows))
    print(f"snapshot: {count} events of {sent // count} bytes", flush=True)
    found = server.read(f"""CREATE DATA SOURCE {SOURCE} TYPE kafka OPTIONS (brokers '{kafka.bootstrap}',
        security 'plaintext', topics '^bench\\.', consumer_group '{SOURCE}')""", count)
    server.expect_rows(CURRENT, count)
    building = server.build_indexes()
    rates, cpu, bytes_used = copy_rates(room, server.backing, count, sizes.copies)
    print(f"  a row takes {bytes_used[0] // count} bytes, its index entries {bytes_used[1] // count}; first rows after "
          f"{found['wait']:.2f} s, all after {found['whole']:.2f} s, {found['steps']} commits seen; then {building:.2f} s "
          "for indexes, which the rates below include")
    for kind in ("rate", "whole_rate"):
        found[kind] = 1 / (1 / found[kind] + building / count) if found[kind] else 0.0
    copied = statistics.median(rates)
    print_table([(f"COPY, median of {len(rates)}", copied, copied, per_row(cpu={"PostgreSQL": statistics.median(cpu)},
                                                                            events=count)),
                 ("metadb, from the first rows on", found["rate"], copied, {}),
                 ("metadb, from the command on", found["whole_rate"], copied, per_row(found["cpu"], count))])
    print_stages(found["stages"])


def measure_updates(room, kafka, server, loans, rows, sizes, chance):
    picked = chance.sample(range(len(rows)), sizes.updates)
    produce(kafka, loans, (loans.line("u", with_other_values(rows[at], at, chance)) for at in picked))
    print(f"updates: {sizes.updates} of {len(rows)} rows", flush=True)
    found = server.resume(sizes.updates)
    server.expect_rows(CURRENT, len(rows))
    server.expect_rows(HISTORY, sizes.updates)
    rates, cpu = plain_updates(room, server.backing, sizes.updates, sizes.copies)
    plain = statistics.median(rates)
    print_table([(f"plain UPDATE and INSERT, median of {len(rates)}", plain, plain,
                  per_row({"PostgreSQL": statistics.median(cpu)}, sizes.updates)),
                 ("metadb, from the first rows on", found["rate"], plain, {}),
                 ("metadb, from the command on", found["whole_rate"], plain, per_row(found["cpu"], sizes.updates))])
    print_stages(found["stages"])
    return found["rate"] or found["whole_rate"]


def measure_mixed(kafka, server, sizes, chance, updates_rate):
    topics = [Topic(f"m{number}") for number in range(sizes.tables)]
    rows = {topic.name: [new_row(number, chance) for number in range(sizes.rows_each)] for topic in topics}
    read = sum(produce(kafka, topic, snapshot(topic, rows[topic.name]))[0] for topic in topics)
    server.resume(read)
    changes = sum(produce(kafka, topic, mixed(topic, rows[topic.name], sizes.changes_each, chance))[0]
                  for topic in topics)
    print(f"mixed: {changes} inserts, updates and deletes of {sizes.tables} tables", flush=True)
    found = server.resume(changes)
    for topic in topics:
        server.expect_rows(f"public.{topic.table}", len(rows[topic.name]))
    print_table([("metadb, updates as above", updates_rate, updates_rate, {}),
                 ("metadb, from the first rows on", found["rate"], updates_rate, {}),
                 ("metadb, from the command on", found["whole_rate"], updates_rate, per_row(found["cpu"], changes))])
    print_stages(found["stages"])


def measure_latency(kafka, server, sizes, chance):
    """1,000 events/s for a while: from the moment an event is handed to kcat until a query sees its row."""
    ticks = Topic("ticks")
    produce(kafka, ticks, [ticks.line("r", {**new_row(0, chance), "renewals": -1}, "last")])
    server.resume(1)
    server.metadb.psql(f"RESUME DATA SOURCE {SOURCE}")
    wait_until(lambda: server.metadb.status()[SOURCE]["state"] == "snapshot complete", 30, lambda: server.metadb.tail())
    count, sent, waits = sizes.seconds * 1000, [], []
    lines = [ticks.line("c", {**new_row(number, chance), "renewals": number}) for number in range(count)]
    producer, began = Producer(kafka, ticks, linger_ms=1), time.monotonic()
    deadline = began + sizes.seconds + STALL_SECONDS
    while len(waits) < count:
        due = min(count, int((time.monotonic() - began) * 1000))
        if len(sent) < due:
            for line in lines[len(sent):due]:
                producer.write(line)
                sent.append(time.monotonic())
            producer.flush()
            if due == count:
                producer.finish()  # kcat keeps the last line until more comes
        seen = server.query("SELECT renewals FROM public.ticks ORDER BY __id DESC LIMIT 1")[0]
        moment = time.monotonic()
        waits += [moment - sent[number] for number in range(len(waits), seen + 1)]
        if moment > deadline:
            raise Timeout(f"{len(waits)} of {count} are seen: {server.metadb.status()}\n{server.metadb.tail()}")
        time.sleep(0.005)
    waits.sort()
    print(f"latency at 1,000 events/s for {sizes.seconds} s: median {waits[count // 2] * 1000:.0f} ms, "
          f"99 % {waits[count * 99 // 100] * 1000:.0f} ms, last {waits[-1] * 1000:.0f} ms")
    print_stages(server.pause())


def measure_backlog(kafka, server, loans, rows, events):
    """Updates of the rows again and again, all waiting before the first is read; and what metadb takes meanwhile."""
    count, sent = produce(kafka, loans, (loans.line("u", {**rows[number % len(rows)], "renewals": number})
                                         for number in range(events)))
    before = server.peak_mib()
    found = server.resume(count)
    server.expect_rows(CURRENT, len(rows))
    print(f"backlog: {count} updates of {sent / count:.0f} bytes waiting, applied in {found['whole']:.0f} s "
          f"({found['whole_rate']:.0f} rows/s); metadb took {before:.0f} MiB at most before, {server.peak_mib():.0f} MiB now")
    print_stages(found["stages"])


def measure_long(room, short):
    """More rows, and then a backlog of millions of events."""
    measure(room, short, LONG)


def measure(room, short, sizes=FULL):
    sizes = SHORT if short else sizes
    chance = random.Random(sizes.rows)
    kafka = Kafka(room)
    loans, rows = Topic("loans"), [new_row(number, chance) for number in range(sizes.rows)]
    server = None
    try:
        server = Server(room, kafka)
        measure_snapshot(room, kafka, server, loans, rows, sizes)
        updates_rate = measure_updates(room, kafka, server, loans, rows, sizes, chance)
        peak = server.peak_mib()
        measure_mixed(kafka, server, sizes, chance, updates_rate)
        measure_latency(kafka, server, sizes, chance)
        print(f"memory: metadb took {peak:.0f} MiB at most with {sizes.rows} events waiting, "
              f"{server.peak_mib():.0f} MiB in the end")
        if sizes.backlog:
            measure_backlog(kafka, server, loans, rows, sizes.backlog)
    finally:
        if server:
            server.metadb.stop()


def per_row(cpu, events):
    return {name: spent / events * 1e6 for name, spent in cpu.items()}


def print_table(lines):
    print(f"  {'':40}{'rows/s':>8}{'ratio':>7}   CPU us a row: " + "".join(f"{name:>11}" for name in PARTIES))
    for what, rate, base, spent in lines:
        cpu = "".join(f"{spent[name]:11.1f}" if name in spent else f"{'':11}" for name in PARTIES)
        print(f"  {what:40}{rate:8.0f}{rate / base:7.2f}{'':17}{cpu}", flush=True)


def print_stages(spent):
    # Decoding goes on beside the rest, so that the sum is more than the time that passed.
    total = sum(spent.values()) or 1.0
    print("  " + ", ".join(f"{stage} {spent[stage]:.2f} s ({spent[stage] / total:.0%})" for stage in STAGES), flush=True)
