"""PostgreSQL and, on a database of it, metadb."""

import pathlib
import re
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))

import psycopg2  # noqa: E402

from metadb import Database, Metadb  # noqa: E402
from processes import Room, wait_until  # noqa: E402
from source_postgres import PASSWORD, USER, BackingPostgres  # noqa: E402

import commands  # noqa: E402
import lists  # noqa: E402
from conversation import Endpoint  # noqa: E402

DATABASE = "metadb_fuzz"


class Servers:
    def __init__(self):
        self._room = Room()
        self._metadb = None
        self._crashes = 0

    def start(self):
        self._backing = backing = BackingPostgres(self._room)
        admin = backing.create_database(DATABASE)
        self._metadb = Metadb(self._room, database=Database(backing.conninfo(DATABASE), USER, PASSWORD, DATABASE))
        admin.cursor().execute(commands.MODEL_SCHEMA + lists.FILLING)
        self._admin = admin
        self.direct = Endpoint("postgres", backing.port, USER, PASSWORD, DATABASE)
        self.through = Endpoint("metadb", self._metadb.port, USER, PASSWORD, DATABASE)

    def twins_of_lists(self):
        """By the name to list: SQL that answers the same."""
        return {name: lists.model_of(*self._listed(name)) for name in lists.NAMES}

    def _listed(self, name):
        connection = self._metadb.connect()
        try:
            cursor = connection.cursor()
            cursor.execute(f"list {name}")
            columns = [(column.name, column.type_code) for column in cursor.description]
            return columns, cursor.fetchall()
        finally:
            connection.close()

    def has_postgres_crashed(self):
        """Since the last time it was asked. A crash is PostgreSQL's own; returns when it serves again."""
        crashes = self._backing.log.read_text(errors="replace").count("was terminated by signal")
        if crashes == self._crashes:
            return False
        self._crashes = crashes
        wait_until(self._reconnected, 60, "PostgreSQL does not recover")
        return True

    def _reconnected(self):
        try:
            self._admin = self._backing.connect(DATABASE)
            self._metadb.query("list data_origins")
            return True
        except psycopg2.Error:
            return False

    def _sessions(self):
        """The last statements of client backends, without metadb's own and this one."""
        cursor = self._admin.cursor()
        cursor.execute("SELECT state, query FROM pg_stat_activity WHERE backend_type = 'client backend' "
                       "AND application_name <> 'metadb' AND pid <> pg_backend_pid()")
        return cursor.fetchall()

    def check_and_stop(self):
        """What must hold after any sequence: no session is left, nothing was an internal error, stop works."""
        wait_until(lambda: not self._sessions(), 20, lambda: f"sessions are left: {self._sessions()}")
        self._metadb.stop()
        internal = re.findall(r".*internal error.*", self._metadb.log.read_text(errors="replace"))
        if internal:
            raise AssertionError("\n".join(["metadb's log:", *internal[:5]]))

    @property
    def is_alive(self):
        return self._metadb.running

    def tail(self):
        return self._metadb.tail()

    def close(self, keep):
        self._room.close(keep)
