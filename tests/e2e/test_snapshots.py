"""Every kind of snapshot with a real connector: of next to nothing, begun anew in its midst, incremental, blocking. Its
end is found, and the tables equal the source afterwards."""

import json
import threading
import unittest

from catching_up import await_kafka
from connect import NEW, OLD, new_connector, own_slot, page_connector
from parts import PARTS
from processes import wait_until

SCHEMA = """
CREATE TABLE admin.signals (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048));
CREATE TABLE books (id integer PRIMARY KEY, v text);
CREATE TABLE notes (v text);
ALTER TABLE notes REPLICA IDENTITY FULL;
CREATE TABLE zebras (id integer PRIMARY KEY, v text);
"""


class Snapshots:
    """A subclass says which Debezium."""

    generation = None

    def begin(self, name, sql, connector=None, options=""):
        """A source with what `sql` makes, and metadb; the connector is not there yet."""
        self.name = f"snap_{self.generation}_{name}"
        self.source = PARTS.source.create_database(self.name)
        self.execute(SCHEMA + sql)
        make = page_connector if self.generation == OLD else new_connector
        self.config = {**own_slot(make(PARTS.source, self.name, self.name), self.name),
                       "signal.data.collection": "admin.signals", "heartbeat.interval.ms": "1000", **(connector or {})}
        self.addCleanup(self.clean_up)
        self.metadb = PARTS.new_metadb()
        self.options = options

    def clean_up(self):
        PARTS.connect(self.generation).delete(self.name)
        self.metadb.close()

    def connect(self):
        PARTS.connect(self.generation).create(self.name, self.config)

    def create_data_source(self):
        self.metadb.psql(f"""CREATE DATA SOURCE sensor TYPE kafka OPTIONS (
            brokers '{PARTS.kafka.bootstrap}', security 'plaintext', topics '^{self.name}\\.',
            consumer_group '{self.name}', schema_stop_filter 'admin'{self.options})""")

    def execute(self, sql, parameters=None):
        self.source.cursor().execute(sql, parameters)

    def status(self):
        return self.metadb.status()["sensor"]

    def await_snapshot(self):
        """Returns the signal."""
        wait_until(lambda: self.status()["state"] == "snapshot complete", 90,
                   lambda: f"{self.metadb.status()}\n{self.metadb.tail()}")
        return self.status()["snapshot_note"]

    def agree(self, *tables):
        """The tables equal the source."""
        await_kafka(PARTS.source, self.source, self.name)
        target = self.metadb.connect()

        def rows(connection, table):
            cursor = connection.cursor()
            cursor.execute(f"SELECT t::text FROM (SELECT {'id, ' * (table != 'notes')} v FROM public.{table}) t")
            return sorted(cursor.fetchall())

        def differing():
            return [table for table in tables if rows(self.source, table) != rows(target, table)]
        wait_until(lambda: not differing(), 30, lambda: f"{differing()} differ\n{self.metadb.tail()}")
        target.cursor().execute("verify consistency")
        target.close()
        self.assertEqual(self.metadb.query("SELECT topic, error FROM metadb.dead_letter"), [])

    def versions(self, table):
        return self.metadb.scalar(f"SELECT count(*) FROM public.{table}__")

    def signal(self, kind, *tables):
        """Asks the connector for a snapshot of these tables."""
        data = {"data-collections": [f"public.{table}" for table in tables], "type": kind}
        self.execute("INSERT INTO admin.signals VALUES (%s, 'execute-snapshot', %s)",
                     [f"{kind}-{self.name}"[:42], json.dumps(data)])

    def test_of_one_row(self):
        self.begin("one", "INSERT INTO zebras VALUES (1, 'only one')")
        self.create_data_source()
        self.connect()
        self.assertIn(self.await_snapshot(), self.of_one_row)
        self.metadb.psql("ENDSYNC DATA SOURCE sensor")
        self.agree("zebras")

    def test_of_nothing(self):
        self.begin("none", "")
        self.create_data_source()
        self.connect()
        self.assertIn(self.await_snapshot(), self.of_nothing)
        self.metadb.psql("ENDSYNC DATA SOURCE sensor")
        self.execute("INSERT INTO zebras VALUES (1, 'late')")
        self.execute("INSERT INTO notes VALUES ('late')")
        await_kafka(PARTS.source, self.source, self.name)
        wait_until(lambda: self.metadb.has_table("public", "zebras") and self.metadb.has_table("public", "notes"), 30,
                   lambda: self.metadb.tail())
        self.agree("zebras", "notes")

    def test_begun_anew(self):
        """The connector is stopped while it reads: what it has sent comes again."""
        self.begin("anew", """
            INSERT INTO books SELECT i, 'book ' || i FROM generate_series(1, 3000) i;
            INSERT INTO notes SELECT 'note ' || i % 700 FROM generate_series(1, 2000) i;
            INSERT INTO zebras SELECT i, 'zebra ' || i FROM generate_series(1, 10) i;""")
        self.create_data_source()
        self.break_snapshot()
        self.execute("DELETE FROM books WHERE id <= 5; UPDATE books SET v = 'other' WHERE id BETWEEN 6 AND 10")
        self.execute("DELETE FROM notes WHERE v IN ('note 7', 'note 8'); INSERT INTO notes VALUES ('note 9'), ('new')")
        self.connect()
        self.await_snapshot()
        self.metadb.psql("ENDSYNC DATA SOURCE sensor")
        self.agree("books", "notes", "zebras")
        self.assertEqual(self.versions("books"), 3000 + 5, "a version for each change")

    def break_snapshot(self):
        """Creates the connector and stops it when all but the rows of zebras have come: it waits for a lock there."""
        blocker = PARTS.source.connect(self.name)
        blocker.autocommit = False
        thread = threading.Thread(target=self.lock_when_there_is_a_slot, args=[blocker])
        thread.start()
        self.connect()
        thread.join()
        count = "SELECT (SELECT count(*) FROM public.books) + (SELECT count(*) FROM public.notes)"
        wait_until(lambda: self.metadb.has_table("public", "books") and self.metadb.has_table("public", "notes")
                   and self.metadb.scalar(count) >= 4999, 60, lambda: f"{self.metadb.status()}\n{self.metadb.tail()}")
        PARTS.connect(self.generation).delete(self.name)
        blocker.rollback()
        blocker.close()
        wait_until(lambda: not PARTS.source.streaming(self.name), 30, "the slot stays active")
        self.assertEqual(self.status()["state"], "snapshot")

    def lock_when_there_is_a_slot(self, connection):
        admin = PARTS.source.connect("postgres")

        def is_there():
            cursor = admin.cursor()
            cursor.execute("SELECT confirmed_flush_lsn IS NOT NULL FROM pg_replication_slots WHERE slot_name = %s",
                           [self.name])
            row = cursor.fetchone()
            return bool(row and row[0])
        wait_until(is_there, 60, "no slot", pause=0.01)
        connection.cursor().execute("LOCK TABLE zebras")
        admin.close()

    def resync_by(self, kind, options=""):
        """The tables are damaged; a resynchronization with a snapshot of this kind mends them, while the source
        goes on."""
        self.begin(kind, """
            INSERT INTO books SELECT i, 'book ' || i FROM generate_series(1, 3000) i;
            INSERT INTO zebras SELECT i, 'zebra ' || i FROM generate_series(1, 2000) i;""",
                   self.notifications, options)
        # All rows are there before a deadline can pass.
        self.connect()
        wait_until(lambda: PARTS.source.streaming(self.name), 60, "the connector does not stream")
        self.create_data_source()
        self.await_snapshot()
        self.metadb.psql("ENDSYNC DATA SOURCE sensor")
        self.agree("books", "zebras")
        versions = self.versions("books")
        self.metadb.psql("DELETE FROM public.books WHERE id BETWEEN 11 AND 20")
        self.metadb.psql("UPDATE public.books SET v = 'damaged' WHERE id BETWEEN 21 AND 30")
        self.metadb.psql("INSERT INTO public.books__ (__start, __end, __current, __origin, id, v) SELECT "
                         "date_trunc('year', now()), '9999-12-31 00:00:00+00', true, '', i, 'never was' "
                         "FROM generate_series(9001, 9005) i")
        self.metadb.psql("SYNC DATA SOURCE sensor")
        changes = Changes(self.name)
        changes.start()
        self.signal(kind, "books", "zebras")
        signal = self.await_snapshot()
        changes.finish()
        self.metadb.psql("ENDSYNC DATA SOURCE sensor")
        self.agree("books", "zebras")
        # Ten that were lost, ten that were damaged, five that never were.
        self.assertGreaterEqual(self.versions("books"), versions - 10 + 10 + 10 + 5 + changes.made)
        if kind == "incremental":
            self.assertEqual(self.versions("books"), versions - 10 + 10 + 10 + 5 + changes.made)
        return signal

    notifications = None


class Changes(threading.Thread):
    """Changes rows all the time, the first and the last of the table among them."""

    def __init__(self, database):
        super().__init__()
        self.connection = PARTS.source.connect(database)
        self.is_over = threading.Event()
        self.made = 0  # versions
        self.error = None

    def run(self):
        try:
            cursor = self.connection.cursor()
            while not self.is_over.is_set():
                self.made += 1
                cursor.execute("UPDATE books SET v = %s WHERE id = %s",
                               [f"changed {self.made}", [1, 2, 1500, 2999, 3000][self.made % 5]])
                self.is_over.wait(0.005)
        except Exception as error:  # told by finish()
            self.error = error

    def finish(self):
        self.is_over.set()
        self.join()
        self.connection.close()
        if self.error:
            raise self.error


class Debezium19(Snapshots, unittest.TestCase):
    generation = OLD
    of_one_row = ["last record of the snapshot", "first streaming event"]
    of_nothing = of_one_row  # the heartbeat has a table

    def test_incremental(self):
        # This one tells nobody that it has finished.
        signal = self.resync_by("incremental", ", snapshot_deadline '6s'")
        self.assertEqual(signal, "deadline exceeded")

    @classmethod
    def tearDownClass(cls):
        PARTS.retire(OLD)


class Debezium3(Snapshots, unittest.TestCase):
    generation = NEW
    notifications = {"notification.enabled.channels": "sink"}
    of_one_row = ["last record of the snapshot", "first streaming event"]
    of_nothing = of_one_row  # the heartbeat has a table

    def begin(self, name, sql, connector=None, options=""):
        super().begin(name, sql, connector, options)
        if connector:
            self.config["notification.sink.topic.name"] = f"{self.name}.notifications"

    def test_incremental(self):
        self.assertEqual(self.resync_by("incremental"), "notification")

    def test_blocking(self):
        # Changes that were not sent when it read come behind its rows, which have them already: more versions.
        self.assertIn(self.resync_by("blocking"), ["notification", "last record of the snapshot",
                                                   "first streaming event"])
