"""metadb as a user runs it: init, start, stop, psql; and kill -9."""

import collections
import os
import pathlib
import pty
import re
import signal
import subprocess

import psycopg2

from processes import REPOSITORY, Process, free_ports, plain_environment, run, wait_until

# The database that a server is given; without one it runs its own.
Database = collections.namedtuple("Database", "conninfo user password name")


def binary():
    path = pathlib.Path(os.environ.get("METADB_BINARY") or REPOSITORY / "build/release/metadb")
    if not path.exists():
        raise AssertionError(f"{path} is missing: cmake --preset release && cmake --build --preset release")
    return path


class Metadb(Process):
    def __init__(self, room, name="metadb", environment=None, database=None):
        super().__init__(room, name)
        self.directory = room.path / f"{name}-data"
        [self.port] = free_ports(1)
        self._environment = environment or {}
        more = ["--database", database.conninfo] if database else []
        told = run([binary(), "init", "-D", self.directory, *more], env=plain_environment())
        self.user, self.database = "mdbadmin", "metadb"
        if database:
            _, self.user, self.password, self.database = database
        else:
            self.password = self._password_file(told).read_text().strip()
        self.start()

    def _password_file(self, told):
        """init says where the system user's password is."""
        named = [pathlib.Path(word.rstrip(".,;:)'\"")) for word in re.findall(r"/[^\s'\"]+", told)]
        files = [path for path in named if path.is_file() and "pass" in path.name]
        if not files:
            raise AssertionError(f"metadb init names no password file:\n{told}")
        return files[0]

    def launch_only(self):
        """Starts the server and does not wait for it."""
        self.launch([binary(), "start", "-D", self.directory, "-p", self.port], environment=self._environment)

    def start(self):
        self.launch_only()
        self.wait_ready()

    def wait_ready(self):
        self.ready(self.answers, 60)

    def answers(self):
        try:
            self.connect().close()
            return True
        except psycopg2.OperationalError:
            return False

    def stop(self):
        """The documented way; returns when the server is gone."""
        run([binary(), "stop", "-D", self.directory], env=plain_environment())
        wait_until(lambda: not self.running, 1, "metadb stop returned before the server was gone")
        if self.popen.returncode != 0:
            raise AssertionError(f"metadb ended with {self.popen.returncode}:\n{self.tail()}")

    def answered(self, answer, command, *words):
        """A command of the program, on a terminal where somebody answers its question; returns what it prints."""
        terminal, there = pty.openpty()
        with subprocess.Popen([binary(), command, "-D", self.directory, *words], stdin=there, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=plain_environment()) as process:
            os.close(there)
            os.write(terminal, f"{answer}\n".encode())
            told = process.communicate(timeout=120)[0].decode()
        os.close(terminal)
        if process.returncode != 0:
            raise AssertionError(f"metadb {command} ended with {process.returncode}:\n{told}")
        return told

    def connect(self, statement_timeout="60s"):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user=self.user, password=self.password,
                                      dbname=self.database, connect_timeout=10)
        connection.autocommit = True
        connection.cursor().execute(f"SET TIME ZONE 'UTC'; SET statement_timeout = '{statement_timeout}'")
        return connection

    def psql(self, text):
        """One command through psql, as the documentation shows it; returns what psql prints."""
        return run(["psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.port, "-U", self.user,
                    "-d", self.database, "-c", text], env={**os.environ, "PGPASSWORD": self.password})

    def psql_script(self, text):
        """Several commands as a file would hold them; ends at the first error."""
        return run(["psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.port, "-U", self.user,
                    "-d", self.database], input=text.encode(), env={**os.environ, "PGPASSWORD": self.password})

    def query(self, text, parameters=None):
        connection = self.connect()
        try:
            cursor = connection.cursor()
            cursor.execute(text, parameters)
            return cursor.fetchall()
        finally:
            connection.close()

    def scalar(self, text, parameters=None):
        return self.query(text, parameters)[0][0]

    def status(self):
        """`list status` as one dictionary per source, by name."""
        connection = self.connect()
        try:
            cursor = connection.cursor()
            cursor.execute("list status")
            names = [column.name for column in cursor.description]
            return {row["name"]: row for row in (dict(zip(names, values)) for values in cursor.fetchall())}
        finally:
            connection.close()

    def has_table(self, schema, table):
        return bool(self.scalar("SELECT to_regclass(format('%%I.%%I', %s::text, %s::text)) IS NOT NULL",
                                [schema, table]))

    def positions(self, source):
        """Offset of the next record to apply, by topic."""
        return dict(self.query("SELECT topic, next_offset FROM metadb.ingest_position "
                               "WHERE source_name = %s AND part = 0", [source]))

    def close(self):
        super().close()
        self._end_embedded_postgres()

    def _end_embedded_postgres(self):
        """The private PostgreSQL outlives a killed server on purpose; not the test."""
        for pid_file in self.directory.rglob("postmaster.pid"):
            pid = int(pid_file.read_text().split()[0])
            try:
                command_line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                if str(self.directory).encode() in command_line:
                    os.kill(pid, signal.SIGQUIT)
                    wait_until(lambda p=pid: not pathlib.Path(f"/proc/{p}/cmdline").exists()
                               or not pathlib.Path(f"/proc/{p}/cmdline").read_bytes(), 10, "PostgreSQL stays")
            except (FileNotFoundError, ProcessLookupError):
                continue
