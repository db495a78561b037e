"""The two ways to one database: PostgreSQL itself, and metadb in front of it.

The database is metadb's configured one whichever way is taken, and metadb runs on it: so its schema and its own
connections are there in both runs, and only the way differs. Every run has a new cluster, so that none of its rows,
roles and OIDs comes from the run before.
"""

import collections
import itertools
import signal
import subprocess

import psycopg2

from metadb import Database, Metadb
from source_postgres import PASSWORD, USER, Postgres

DIRECT, THROUGH = "direct", "metadb"

Address = collections.namedtuple("Address", "host port")
_numbers = itertools.count(1)


class SuitesPostgres(Postgres):
    # What pg_regress sets in a cluster of its own, as far as results depend on it.
    settings = "max_prepared_transactions = 2\n"

    def __init__(self, room, name, certificate):
        if certificate:
            self.settings += certificate.postgres_settings()
        super().__init__(room, name)

    def create_database_of_suite(self, name):
        """As pg_regress does, which cannot do it here: metadb has to be in the database before it."""
        connection = self.create_database(name)
        cursor = connection.cursor()
        for setting in ["lc_messages TO 'C'", "lc_monetary TO 'C'", "lc_numeric TO 'C'", "lc_time TO 'C'",
                        "bytea_output TO 'hex'", "timezone_abbreviations TO 'Default'"]:
            cursor.execute(f'ALTER DATABASE "{name}" SET {setting}')
        connection.close()

    def kill(self):
        """At once, but so that the server gives back its shared memory."""
        if self.running:
            self.popen.send_signal(signal.SIGQUIT)
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                pass
        super().kill()


class Servers:
    """A new PostgreSQL with a new metadb on a new database of it. With a certificate every connection is TLS: the
    clients' to either, and metadb's."""

    def __init__(self, room, database, certificate=None):
        number = next(_numbers)
        self._database = database
        self._sslmode = "require" if certificate else "disable"
        self._home = str(room.path)
        self.postgres = SuitesPostgres(room, f"postgres-{number}", certificate)
        self.postgres.create_database_of_suite(database)
        conninfo = (f"host=127.0.0.1 port={self.postgres.port} user={USER} password={PASSWORD} dbname={database} "
                    f"sslmode={self._sslmode}")
        self.metadb = Metadb(room, f"metadb-{number}", certificate.metadb_environment() if certificate else {},
                             Database(conninfo, USER, PASSWORD, database))
        self._assert_ways()

    def address(self, way):
        return Address("127.0.0.1", self.postgres.port if way == DIRECT else self.metadb.port)

    def environment(self, way):
        """What a program of the suites needs to log in. Its home has no certificates, and may be looked into."""
        host, port = self.address(way)
        return {"PGHOST": host, "PGPORT": str(port), "PGUSER": USER, "PGPASSWORD": PASSWORD,
                "PGDATABASE": self._database, "PGSSLMODE": self._sslmode, "HOME": self._home}

    def _assert_ways(self):
        """Were both ways the same one, all results would be equal, and that would mean nothing."""
        if self._knows_commands(DIRECT) or not self._knows_commands(THROUGH):
            raise AssertionError(f"`list config` works directly, or does not through metadb:\n{self.metadb.tail()}")

    def _knows_commands(self, way):
        host, port = self.address(way)
        connection = psycopg2.connect(host=host, port=port, user=USER, password=PASSWORD, dbname=self._database,
                                      sslmode=self._sslmode)
        connection.autocommit = True
        try:
            connection.cursor().execute("list config")
            return True
        except psycopg2.errors.SyntaxError:
            return False
        finally:
            connection.close()

    def stop(self):
        """Fails if metadb has not lived through it all."""
        self.metadb.stop()

    def close(self):
        self.metadb.close()
        self.postgres.close()
