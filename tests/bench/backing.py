"""The private PostgreSQL of a metadb server, without metadb in between."""

import os
import pathlib

import psycopg2

SUPERUSER = "postgres"


class Backing:
    def __init__(self, metadb):
        self._directory = metadb.directory
        # postmaster.pid: process, data directory, start, port, socket directory, ... (miscadmin.h)
        lines = (metadb.directory / "postgres/data/postmaster.pid").read_text().splitlines()
        self.pid, self.port, self.socket = int(lines[0]), int(lines[3]), lines[4]

    def connect(self):
        """As superuser, since only one may CHECKPOINT."""
        connection = psycopg2.connect(host=self.socket, port=self.port, user=SUPERUSER, dbname="metadb",
                                      password=(self._directory / f"{SUPERUSER}.password").read_text().strip())
        connection.autocommit = True
        return connection

    def cpu_seconds(self):
        """CPU time of the server and of all its processes, also of those that are gone."""
        return cpu_seconds(self.pid, ended_children=True) + sum(cpu_seconds(child) for child in _children(self.pid))


def _stat(pid):
    """Fields of /proc/PID/stat from the third on; None if the process is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _children(pid):
    processes = [int(path.name) for path in pathlib.Path("/proc").iterdir() if path.name.isdigit()]
    return [one for one in processes if (stat := _stat(one)) and int(stat[1]) == pid]


def cpu_seconds(pid, ended_children=False):
    """User and system time (proc(5): utime, stime, cutime, cstime)."""
    stat = _stat(pid)
    if stat is None:
        return 0.0
    return sum(int(field) for field in stat[11:15 if ended_children else 13]) / os.sysconf("SC_CLK_TCK")
