"""metadb, PgBouncer and no proxy at all before one PostgreSQL, measured in turns.

All three ways go over Unix sockets and log in with SCRAM. Each round measures every way once, each time with another
one first, so that drift of the machine meets all; ratios and differences are taken within a round, and the median of
the rounds is told.
"""

import dataclasses
import statistics

import psycopg2

from backing import Backing, cpu_seconds
from metadb import Metadb
from pgbench import Pgbench
from pgbouncer import PgBouncer
from processes import wait_until
from streams import Wire, copy_data

DIRECT, BOUNCER, THROUGH = "direct", "PgBouncer", "metadb"
WAYS = [DIRECT, BOUNCER, THROUGH]
MODES = ["simple", "extended", "prepared"]
CLIENTS = [1, 16, 64]
CONNECTING_CLIENTS = 4
# Sessions of every way may be open at once: PgBouncer keeps its own.
MAX_CONNECTIONS = 250
LINE = b"0" * 100 + b"\n"

# Issue 3, Speed.
LEAST_OF_DIRECT = 0.92
MOST_CONNECTING_MS = 1.0


@dataclasses.dataclass
class Plan:
    scale: int  # of pgbench's tables
    rounds: int
    stream_rounds: int
    length: object  # of a pgbench run, by the number of clients
    connecting: list
    copied_rows: int
    result_rows: int


FULL = Plan(scale=10, rounds=5, stream_rounds=5, length=lambda clients: ["-T", 3], connecting=["-T", 3],
            copied_rows=10_000_000, result_rows=10_000_000)
# Transactions instead of seconds, since pgbench knows no fraction of one.
SHORT = Plan(scale=1, rounds=1, stream_rounds=1,
             length=lambda clients: ["-t", 1000 if clients == 1 else 3200 // clients], connecting=["-t", 25],
             copied_rows=200_000, result_rows=200_000)


class Ways:
    """The servers, and what of them a measurement needs."""

    def __init__(self, room):
        self.metadb = Metadb(room, environment={"METADB_MAX_CONNECTIONS": str(MAX_CONNECTIONS)})
        self.backing = Backing(self.metadb)
        self._bouncer = PgBouncer(room, self.backing, self.metadb.user, self.metadb.password)
        self.places = {DIRECT: (self.backing.socket, self.backing.port),
                       BOUNCER: (self._bouncer.directory, self._bouncer.port),
                       THROUGH: (self.metadb.directory, self.metadb.port)}
        self._pids = {BOUNCER: self._bouncer.popen.pid, THROUGH: self.metadb.popen.pid}
        self.pgbench = Pgbench(self.places, self.metadb.user, self.metadb.password)

    def cpu_seconds(self, way):
        """Of the proxy alone."""
        return cpu_seconds(self._pids[way]) if way in self._pids else 0.0

    def end_backends(self):
        """All but metadb's own. PgBouncer keeps those that it has, with their caches filled: every way is to begin with
        new ones."""
        connection = self.backing.connect()
        cursor = connection.cursor()

        def have_gone():
            cursor.execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = %s AND "
                           "application_name <> 'metadb'", [self.metadb.user])
            return cursor.fetchone()[0] == 0
        wait_until(have_gone, 10, "backends do not end", pause=0.01)
        connection.close()

    def wire(self, way):
        host, port = self.places[way]
        return Wire(psycopg2.connect(host=str(host), port=port, user=self.metadb.user, dbname="metadb",
                                     password=self.metadb.password))


def in_turns(rounds, measure):
    """What measure(way) gives: one dictionary by way for each round."""
    found = []
    for number in range(rounds):
        first = number % len(WAYS)
        found.append({way: measure(way) for way in WAYS[first:] + WAYS[:first]})
    return found


def median(rounds, figure):
    return statistics.median(figure(one) for one in rounds)


def ratio(rounds, way, other, figure=lambda measured: measured[0]):
    return median(rounds, lambda one: figure(one[way]) / figure(one[other]))


class Verdicts:
    """What issue 3 demands, each with what was found. Told at the end; none makes the program fail."""

    def __init__(self):
        self._lines = []

    def add(self, demand, failures, rows=1):
        """`failures` says where it was not met, of so many rows of the table."""
        met_rows = f"in {rows - len(failures)} of {rows}; " if rows > 1 and failures else ""
        self._lines.append(f"not met: {demand} ({met_rows}{', '.join(failures)})" if failures else f"met:     {demand}")

    def tell(self):
        print("  targets of issue 3")
        for line in self._lines:
            print(f"    {line}")
        met = sum(line.startswith("met") for line in self._lines)
        print(f"proxy: {met} targets met, {len(self._lines) - met} not met", flush=True)


def queries(ways, plan, verdicts):
    """pgbench -S in each mode and number of clients."""
    print(f"  {'pgbench -S':12}{'clients':>8}{'direct tps':>12}{'PgBouncer':>11}{'metadb':>9}{'/direct':>9}"
          f"{'/PgBouncer':>12}{'CPU us':>16}{'added us':>16}", flush=True)

    def measure(way, mode, clients):
        ways.end_backends()
        spent_before = ways.cpu_seconds(way)
        rate, count = ways.pgbench.select_only(way, mode, clients, plan.length(clients))
        return rate, (ways.cpu_seconds(way) - spent_before) / count * 1e6

    slower, later = [], []
    for mode in MODES:
        for clients in CLIENTS:
            rounds = in_turns(plan.rounds, lambda way, m=mode, c=clients: measure(way, m, c))
            tps = {way: median(rounds, lambda one, w=way: one[w][0]) for way in WAYS}
            cpu = {way: median(rounds, lambda one, w=way: one[w][1]) for way in WAYS}
            to_bouncer = ratio(rounds, THROUGH, BOUNCER)
            line = (f"  {mode:12}{clients:8}{tps[DIRECT]:12.0f}{tps[BOUNCER]:11.0f}{tps[THROUGH]:9.0f}"
                    f"{ratio(rounds, THROUGH, DIRECT):9.2f}{to_bouncer:12.2f}"
                    f"{_pair(cpu[THROUGH], cpu[BOUNCER])}")
            if to_bouncer < 1:
                slower.append(f"{mode} {clients}: {to_bouncer:.3f}")
            if clients == 1:
                added = {way: median(rounds, lambda one, w=way: 1e6 / one[w][0] - 1e6 / one[DIRECT][0])
                         for way in (THROUGH, BOUNCER)}
                line += _pair(added[THROUGH], added[BOUNCER])
                if added[THROUGH] > added[BOUNCER]:
                    later.append(f"{mode}: {added[THROUGH]:.1f} against {added[BOUNCER]:.1f} us")
            print(line, flush=True)
    verdicts.add("at least PgBouncer's transactions per second", slower, len(MODES) * len(CLIENTS))
    verdicts.add("added latency at 1 client no more than PgBouncer's", later, len(MODES))


def _pair(ours, others):
    return f"{f'{ours:.1f} / {others:.1f}':>16}"


def streams(ways, plan, verdicts):
    """COPY both ways and a large result."""
    connection = ways.backing.connect()
    cursor = connection.cursor()
    width = len(LINE) - 1
    cursor.execute(f"CREATE UNLOGGED TABLE copied AS SELECT lpad(i::text, {width}, '0') AS line "
                   f"FROM generate_series(1, {plan.copied_rows}) i")
    cursor.execute("CREATE UNLOGGED TABLE loaded (LIKE copied)")
    cursor.execute("GRANT ALL ON copied, loaded TO PUBLIC")
    cursor.execute("VACUUM copied")
    lines_at_once = min(plan.copied_rows, 100_000)
    messages, times = copy_data(LINE, lines_at_once), plan.copied_rows // lines_at_once

    def copy_in(wire):
        # What the last one left is thrown away before the clock starts.
        cursor.execute("TRUNCATE loaded")
        cursor.execute("CHECKPOINT")
        return wire.write("COPY loaded FROM STDIN", messages, times, f"COPY {plan.copied_rows}")

    flows = {
        "COPY out": lambda wire: wire.read("COPY copied TO STDOUT", b"H", f"COPY {plan.copied_rows}"),
        "COPY in": copy_in,
        "small rows": lambda wire: wire.read(f"SELECT generate_series(1, {plan.result_rows})", b"T",
                                             f"SELECT {plan.result_rows}"),
    }
    print(f"  {'':12}{'MB':>8}{'direct MB/s':>12}{'PgBouncer':>11}{'metadb':>9}{'/direct':>9}{'/PgBouncer':>12}",
          flush=True)
    for name, flow in flows.items():
        def measure(way, flow=flow):
            with ways.wire(way) as wire:
                seconds, count = flow(wire)
            return count / seconds / 1e6, count
        rounds = in_turns(plan.stream_rounds, measure)
        sizes = {one[way][1] for one in rounds for way in WAYS}
        if len(sizes) != 1:
            raise AssertionError(f"{name}: the ways carried different numbers of bytes: {sorted(sizes)}")
        rate = {way: median(rounds, lambda one, w=way: one[w][0]) for way in WAYS}
        to_direct, to_bouncer = ratio(rounds, THROUGH, DIRECT), ratio(rounds, THROUGH, BOUNCER)
        print(f"  {name:12}{sizes.pop() / 1e6:8.0f}{rate[DIRECT]:12.0f}{rate[BOUNCER]:11.0f}{rate[THROUGH]:9.0f}"
              f"{to_direct:9.2f}{to_bouncer:12.2f}", flush=True)
        failures = [] if to_direct >= LEAST_OF_DIRECT else [f"{to_direct:.3f} of direct"]
        failures += [] if to_bouncer > 1 else [f"{to_bouncer:.3f} of PgBouncer"]
        verdicts.add(f"{name}: at least {LEAST_OF_DIRECT} of direct, better than PgBouncer", failures)
    cursor.execute("DROP TABLE copied, loaded")
    connection.close()


def connecting(room, ways, plan, verdicts):
    """A connection for each query."""
    script = room.path / "one.sql"
    script.write_text("SELECT 1;\n")
    rounds = in_turns(plan.rounds, lambda way: ways.pgbench.connect(way, CONNECTING_CLIENTS, plan.connecting, script))
    taken = {way: median(rounds, lambda one, w=way: one[w]) for way in WAYS}
    beyond = {way: median(rounds, lambda one, w=way: one[w] - one[DIRECT]) for way in (THROUGH, BOUNCER)}
    print(f"  {'connecting':12}{CONNECTING_CLIENTS:8}{taken[DIRECT]:9.2f} ms{taken[BOUNCER]:8.2f} ms"
          f"{taken[THROUGH]:6.2f} ms; beyond direct: metadb {beyond[THROUGH]:+.2f} ms, "
          f"PgBouncer {beyond[BOUNCER]:+.2f} ms (it has connections at hand)", flush=True)
    late = [] if beyond[THROUGH] < MOST_CONNECTING_MS else [f"{beyond[THROUGH]:.2f} ms"]
    verdicts.add(f"connection set-up beyond direct under {MOST_CONNECTING_MS:.0f} ms", late)


def measure(room, short):
    plan = SHORT if short else FULL
    ways = Ways(room)
    ways.pgbench.fill(DIRECT, plan.scale)
    ways.backing.connect().cursor().execute("CHECKPOINT")
    for way in WAYS:
        # Fills the shared buffers.
        ways.pgbench.select_only(way, "simple", max(CLIENTS), ["-t", 20])
    print(f"proxy: pgbench scale {plan.scale}, medians of {plan.rounds} rounds; ratios and differences within a round;"
          " CPU and added: metadb / PgBouncer", flush=True)
    verdicts = Verdicts()
    queries(ways, plan, verdicts)
    streams(ways, plan, verdicts)
    connecting(room, ways, plan, verdicts)
    verdicts.tell()
    ways.metadb.stop()
