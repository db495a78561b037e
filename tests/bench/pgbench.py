"""pgbench, and what it says."""

import os
import re

from processes import run


class Pgbench:
    """`ways` gives socket directory and port for each way to the database."""

    def __init__(self, ways, user, password):
        self._ways, self._user = ways, user
        self._environment = {**os.environ, "PGPASSWORD": password}

    def run(self, way, *arguments, seconds=0):
        host, port = self._ways[way]
        return run(["pgbench", "-h", host, "-p", port, "-U", self._user, *arguments, "metadb"], seconds=300 + seconds,
                   env=self._environment)

    def fill(self, way, scale):
        self.run(way, "-i", "-q", "-s", scale)

    def select_only(self, way, mode, clients, length):
        """Transactions per second, connecting not included, and the number of transactions."""
        told = self.run(way, "-n", "-S", "-M", mode, "-c", clients, "-j", min(clients, 2), *length, seconds=length[1])
        return _figure(r"tps = ([0-9.]+) \(without initial connection time\)", told), _transactions(told)

    def connect(self, way, clients, length, script):
        """Milliseconds that one connection takes to be made, with a connection for each query."""
        told = self.run(way, "-n", "-C", "-f", script, "-c", clients, "-j", min(clients, 2), *length,
                        seconds=length[1])
        _transactions(told)
        return _figure(r"average connection time = ([0-9.]+) ms", told)


def _transactions(told):
    if not re.search(r"^number of failed transactions: 0 ", told, re.MULTILINE):
        raise AssertionError(f"pgbench: {told}")
    return int(_figure(r"number of transactions actually processed: ([0-9]+)", told))


def _figure(expression, told):
    found = re.search(f"^{expression}", told, re.MULTILINE)
    if not found:
        raise AssertionError(f"pgbench: {told}")
    return float(found[1])
