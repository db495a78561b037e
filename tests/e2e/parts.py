"""The real parts, started when a test first asks for them and shared by all tests of a run."""

import functools
import itertools

from connect import Connect
from kafka import Kafka
from metadb import Database, Metadb
from processes import Room
from registry import Registry
from source_postgres import PASSWORD, USER, BackingPostgres, SourcePostgres


class Parts:
    def __init__(self):
        self.room = Room()
        self._numbers = itertools.count(1)
        self._connects = {}

    @functools.cached_property
    def source(self):
        return SourcePostgres(self.room)

    @functools.cached_property
    def backing(self):
        return BackingPostgres(self.room)

    @functools.cached_property
    def kafka(self):
        return Kafka(self.room)

    @functools.cached_property
    def registry(self):
        """Starts it only: the others can be started meanwhile."""
        return Registry(self.room)

    def connect(self, generation):
        """One worker for each Debezium generation: both would claim the same connector class."""
        if generation not in self._connects:
            self._connects[generation] = Connect(self.room, self.kafka, generation)
        return self._connects[generation]

    def retire(self, generation):
        """Ends a worker that no later test of the run needs."""
        if generation in self._connects:
            self._connects.pop(generation).close()

    def new_metadb(self, environment=None):
        """A server with a private PostgreSQL."""
        return Metadb(self.room, f"metadb-{next(self._numbers)}", environment)

    def new_metadb_on_backing(self, extensions=()):
        """A server with a database of its own on the backing PostgreSQL."""
        name = f"metadb-{next(self._numbers)}"
        database = self.backing.create_database(name)
        for extension in extensions:
            database.cursor().execute(f"CREATE EXTENSION {extension}")
        database.close()
        return Metadb(self.room, name, database=Database(self.backing.conninfo(name), USER, PASSWORD, name))

    def close(self, keep):
        self.room.close(keep)


PARTS = Parts()
