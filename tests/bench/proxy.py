"""Transactions per second of pgbench -S through metadb, against the same PostgreSQL directly.

Both ways go over a Unix socket and log in with a password. Runs alternate, so that drift of the machine meets both.
"""

import os
import re
import statistics

from backing import Backing, cpu_seconds
from metadb import Metadb
from processes import run

SCALE = 10
MODES = ["simple", "extended", "prepared"]
CLIENTS = [1, 16]
DIRECT, THROUGH = "direct", "metadb"
ORDER, SECONDS = [DIRECT, THROUGH, THROUGH, DIRECT], 5
SHORT_ORDER, SHORT_SECONDS = [DIRECT, THROUGH], 3


class Pgbench:
    def __init__(self, metadb, backing):
        self._ways = {DIRECT: (backing.socket, backing.port), THROUGH: (metadb.directory, metadb.port)}
        self._metadb = metadb
        self._environment = {**os.environ, "PGPASSWORD": metadb.password}

    def run(self, way, *arguments, seconds=0):
        host, port = self._ways[way]
        return run(["pgbench", "-h", host, "-p", port, "-U", self._metadb.user, *arguments, "metadb"], seconds=300 + seconds,
                   env=self._environment)

    def measure(self, way, mode, clients, seconds):
        """Transactions per second, connecting not included, and microseconds of metadb's CPU for each."""
        spent_before = cpu_seconds(self._metadb.popen.pid)
        told = self.run(way, "-n", "-S", "-M", mode, "-c", clients, "-j", min(clients, 2), "-T", seconds,
                        seconds=seconds)
        found = re.search(r"^tps = ([0-9.]+) \(without initial connection time\)", told, re.MULTILINE)
        if not found or not re.search(r"^number of failed transactions: 0 ", told, re.MULTILINE):
            raise AssertionError(f"pgbench through {way}: {told}")
        count = re.search(r"^number of transactions actually processed: ([0-9]+)", told, re.MULTILINE)
        return float(found[1]), (cpu_seconds(self._metadb.popen.pid) - spent_before) / int(count[1]) * 1e6


def measure(room, short):
    order, seconds = (SHORT_ORDER, SHORT_SECONDS) if short else (ORDER, SECONDS)
    metadb = Metadb(room)
    backing = Backing(metadb)
    pgbench = Pgbench(metadb, backing)
    pgbench.run(DIRECT, "-i", "-q", "-s", SCALE)
    backing.connect().cursor().execute("CHECKPOINT")
    for way in (DIRECT, THROUGH):
        pgbench.measure(way, "simple", 1, 1)
    print(f"proxy: pgbench -S, scale {SCALE}, {len(order) // 2} runs of {seconds} s each way, in turn")
    print(f"  {'mode':10}{'clients':>8}{'direct tps':>12}{'metadb tps':>12}{'ratio':>8}{'CPU us':>8}{'added us':>10}",
          flush=True)
    for mode in MODES:
        for clients in CLIENTS:
            found = {DIRECT: [], THROUGH: []}
            for way in order:
                found[way].append(pgbench.measure(way, mode, clients, seconds))
            direct, through = (statistics.mean(rate for rate, _ in found[way]) for way in (DIRECT, THROUGH))
            cpu = statistics.mean(spent for _, spent in found[THROUGH])
            added = f"{1e6 / through - 1e6 / direct:10.1f}" if clients == 1 else ""
            print(f"  {mode:10}{clients:8}{direct:12.0f}{through:12.0f}{through / direct:8.2f}{cpu:8.1f}{added}",
                  flush=True)
    metadb.stop()
