"""The source, and a database for metadb to keep its tables in: PostgreSQL over TCP with a password."""

import contextlib
import os
import pathlib
import signal
import subprocess

import psycopg2

from processes import Process, as_postgres, free_ports, own, run

USER = "dbuser"
PASSWORD = "eHrkGrZL8mMJOFgToqqL"


def postgres_bin():
    versions = pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = sorted(versions, key=lambda path: float(path.parts[-3]))
    if not found:
        raise AssertionError("no PostgreSQL below /usr/lib/postgresql")
    return found[-1].parent


class Postgres(Process):
    settings = ""

    def __init__(self, room, name):
        super().__init__(room, name)
        [self.port] = free_ports(1)
        folder = room.folder(name)
        own(folder)
        data = folder / "data"
        secret = folder / "password"
        secret.write_text(PASSWORD)
        own(secret)
        run([postgres_bin() / "initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}",
             "-E", "UTF8", "--locale=C.UTF-8", "-N"], cwd=folder, **as_postgres())
        with open(data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(f"""
listen_addresses = '127.0.0.1'
port = {self.port}
unix_socket_directories = ''
fsync = off
shared_buffers = 128MB
{self.settings}""")
        self._data = data
        self.start()

    def launch_only(self):
        """Starts the server, also again with what it had, and does not wait for it."""
        self.launch([postgres_bin() / "postgres", "-D", self._data], **as_postgres())

    def start(self):
        self.launch_only()
        self.ready(self.answers, 30)

    def children(self):
        """Process ids of the postmaster's children."""
        own_id = self.popen.pid
        return [int(word) for word in pathlib.Path(f"/proc/{own_id}/task/{own_id}/children").read_text().split()]

    def kill(self):
        """kill -9 of all its processes: backends that a postmaster leaves behind would keep its next start away."""
        if not self.running:
            return
        self.popen.send_signal(signal.SIGSTOP)  # no child more
        children = self.children()
        super().kill()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def close(self):
        """Immediate shutdown: a killed postmaster would leave its children and its shared memory behind."""
        if self.running:
            self.popen.send_signal(signal.SIGQUIT)
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def answers(self):
        try:
            self.connect("postgres").close()
            return True
        except psycopg2.OperationalError:
            return False

    def connect(self, database):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname=database,
                                      connect_timeout=10)
        connection.autocommit = True
        return connection

    def create_database(self, name):
        """Returns a connection to the new database."""
        admin = self.connect("postgres")
        admin.cursor().execute(f'CREATE DATABASE "{name}"')
        admin.close()
        return self.connect(name)


class SourcePostgres(Postgres):
    settings = "wal_level = logical\nmax_replication_slots = 20\nmax_wal_senders = 20\n"

    def __init__(self, room):
        super().__init__(room, "source")

    def create_database(self, name):
        """A new database, with the heartbeat table of the documentation page; returns a connection to it."""
        connection = super().create_database(name)
        connection.cursor().execute("""
            CREATE SCHEMA admin;
            CREATE TABLE admin.heartbeat (last_heartbeat TIMESTAMPTZ PRIMARY KEY);
            INSERT INTO admin.heartbeat (last_heartbeat) VALUES (NOW());
            SET TIME ZONE 'UTC';""")
        return connection

    def streaming(self, slot):
        """True once the connector reads the slot, that is, after its snapshot."""
        connection = self.connect("postgres")
        try:
            cursor = connection.cursor()
            cursor.execute("SELECT active FROM pg_replication_slots WHERE slot_name = %s", [slot])
            row = cursor.fetchone()
            return bool(row and row[0])
        finally:
            connection.close()


class BackingPostgres(Postgres):
    """A database server of the user's own, for `metadb init --database`."""

    # A merge takes a lock for each leaf table that it names.
    settings = "max_locks_per_transaction = 256\n"

    def __init__(self, room):
        super().__init__(room, "backing")

    def conninfo(self, database):
        return f"host=127.0.0.1 port={self.port} user={USER} password={PASSWORD} dbname={database}"
