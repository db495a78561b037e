"""Synchronization: the end of a snapshot is found, endsync and resync as the documentation has them and online, with
kill -9 in between. After a resync the tables equal the source, and the history holds each difference once."""

import subprocess
import time
import unittest

from catching_up import await_kafka
from connect import NEW, OLD, new_connector, own_slot, page_connector
from metadb import binary
from parts import PARTS
from processes import plain_environment, run, wait_until

SCHEMA = """
CREATE TABLE books (id integer PRIMARY KEY, v text);
CREATE TABLE notes (id integer, v text);
ALTER TABLE notes REPLICA IDENTITY FULL;
CREATE TABLE quiet (id integer PRIMARY KEY, v text);
CREATE TABLE empty (id integer PRIMARY KEY, v text);
CREATE TABLE tokens (id integer PRIMARY KEY, v text);
INSERT INTO quiet VALUES (1, 'only one');
INSERT INTO notes SELECT i % 40, 'twice and more' FROM generate_series(1, 100) i;
INSERT INTO tokens SELECT i, gen_random_uuid() FROM generate_series(1, 10) i;
"""
TABLES = ["books", "notes", "quiet", "tokens"]


class Sync:
    """A subclass says which Debezium, and how its source is resynchronized."""

    generation = name = None

    def setUp(self):
        self.connection = PARTS.source.create_database(self.name)
        self.execute(SCHEMA)
        self.books = {}  # by id: the values that it had, None at the end once it has gone
        self.put(range(1, 201), "first")
        self.number = 0
        self.metadb = PARTS.new_metadb()

    def execute(self, sql, parameters=None):
        self.connection.cursor().execute(sql, parameters)

    def put(self, ids, value):
        for book in ids:
            values = self.books.setdefault(book, [])
            if not values or values[-1] != value:
                values.append(value)
        self.execute("INSERT INTO books SELECT i, %s FROM unnest(%s) i ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v",
                     [value, list(ids)])

    def drop(self, ids):
        for book in ids:
            self.books[book].append(None)
        self.execute("DELETE FROM books WHERE id = ANY (%s)", [list(ids)])

    @property
    def prefix(self):
        return f"{self.name}_{self.number}"

    def connector(self):
        make = page_connector if self.generation == OLD else new_connector
        return own_slot(make(PARTS.source, self.name, self.prefix), self.prefix)

    def connect(self):
        PARTS.connect(self.generation).create(self.prefix, self.connector())
        wait_until(lambda: PARTS.source.streaming(self.prefix), 60, "the connector does not stream")

    def disconnect(self):
        PARTS.connect(self.generation).delete(self.prefix)
        wait_until(lambda: not PARTS.source.streaming(self.prefix), 30, "the slot stays active")
        self.execute("SELECT pg_drop_replication_slot(%s)", [self.prefix])
        self.execute(f"DROP PUBLICATION {self.prefix}")

    def status(self):
        return self.metadb.status()["sensor"]

    def await_snapshot(self):
        wait_until(lambda: self.status()["state"] == "snapshot complete", 90,
                   lambda: f"{self.metadb.status()}\n{self.metadb.tail()}")
        self.assertIn("snapshot complete (", self.metadb.query(
            "SELECT message FROM metadb.log WHERE message LIKE 'source \"sensor\" snapshot complete%%' "
            "ORDER BY log_time DESC LIMIT 1")[0][0])

    def cli(self, *words):
        """metadb COMMAND -D DIR ..."""
        return run([binary(), words[0], "-D", self.metadb.directory, *words[1:]], env=plain_environment())

    def rows(self, connection, schema, table):
        cursor = connection.cursor()
        cursor.execute(f"SELECT id, v::text FROM {schema}.{table}")
        return sorted(cursor.fetchall())

    def agree(self):
        """The tables equal the source, the history what was done to it."""
        await_kafka(PARTS.source, self.connection, self.prefix)
        target = self.metadb.connect()

        def differing():
            return [table for table in TABLES
                    if self.rows(self.connection, "public", table) != self.rows(target, "public", table)]
        wait_until(lambda: not differing(), 30, lambda: f"{differing()} differ\n{self.metadb.tail()}")
        cursor = target.cursor()
        cursor.execute("SELECT id, array_agg(v ORDER BY __id), bool_or(__current) FROM public.books__ GROUP BY id")
        versions = {book: values + [None] * (not is_current) for book, values, is_current in cursor.fetchall()}
        self.assertEqual(versions, self.books)
        cursor.execute("SELECT count(*) FROM public.quiet__")
        self.assertEqual(cursor.fetchone()[0], 1, "an identical row has made a version")
        cursor.execute("verify consistency")  # fails if anything is wrong
        target.close()
        self.assertEqual(self.metadb.query("SELECT topic, error FROM metadb.dead_letter"), [])

    def begin(self, more=""):
        """The initial synchronization up to its end."""
        self.number = 1
        self.connect()
        self.metadb.psql(f"""CREATE DATA SOURCE sensor TYPE kafka OPTIONS (
            brokers '{PARTS.kafka.bootstrap}', security 'plaintext', topics '^{self.prefix}\\.',
            consumer_group '{self.prefix}', schema_stop_filter 'admin'{more})""")
        self.assertIn(self.status()["source_sync"], ["initial", "none"])

    def break_off(self):
        """The slot is lost, and the source goes on meanwhile."""
        self.disconnect()
        last = self.number + 1
        self.put(range(10 * last, 10 * last + 10), f"changed behind {last}")
        self.drop(range(100 + 10 * last, 100 + 10 * last + 5))
        self.put(range(1000 * last, 1000 * last + 5), f"new behind {last}")
        self.execute("DELETE FROM notes WHERE id = 7")
        self.execute("INSERT INTO notes VALUES (3, 'twice and more'), (900, 'new')")
        self.number = last

    def alter(self):
        self.metadb.psql(f"ALTER DATA SOURCE sensor OPTIONS (SET topics '^{self.prefix}\\.', "
                         f"SET consumer_group '{self.prefix}')")
        self.assertEqual(self.status()["state"], "waiting")

    def go_on(self):
        """The source streams on the new slot."""
        self.put([1, 2, 10 * self.number], f"streamed {self.number}")
        self.execute("INSERT INTO notes VALUES (901, 'streamed')")


class AsWritten(Sync, unittest.TestCase):
    """The pages of the documentation, with Debezium 1.9: everything with the server stopped."""

    generation, name = OLD, "sync_old"

    def test_endsync_and_resync_with_the_server_stopped(self):
        self.begin()
        self.put([1], "changed")
        self.await_snapshot()
        self.metadb.stop()
        self.assertIn("has ended", self.cli("endsync", "--source", "sensor", "--force"))
        self.metadb.start()
        self.assertEqual(self.status()["source_sync"], "none")
        self.agree()
        [column_type] = self.metadb.query("SELECT data_type FROM information_schema.columns "
                                          "WHERE table_name = 'tokens' AND column_name = 'v'")
        self.assertEqual(column_type, ("uuid",))

        for connect_when in ["before alter", "before stop", "before sync", "before start", "after start"]:
            with self.subTest(connect_when):
                self.break_off()
                for step, do in [("alter", self.alter), ("stop", self.metadb.stop),
                                 ("sync", lambda: self.cli("sync", "--source", "sensor", "--force")),
                                 ("start", self.metadb.start), ("", lambda: None)]:
                    if connect_when == (f"before {step}" if step else "after start"):
                        self.connect()
                    do()
                self.go_on()
                self.await_snapshot()
                self.metadb.stop()
                self.end_with_kills()
                self.metadb.start()
                self.agree()
        self.disconnect()
        self.metadb.stop()

    def end_with_kills(self):
        """endsync, killed at several moments before it may finish."""
        for milliseconds in (200, 600, 1200):
            with subprocess.Popen([binary(), "endsync", "-D", self.metadb.directory, "--source", "sensor", "--force"],
                                  env=plain_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
                try:
                    process.wait(milliseconds / 1000)
                    if process.returncode == 0:
                        return
                except subprocess.TimeoutExpired:
                    process.kill()
        with subprocess.Popen([binary(), "endsync", "-D", self.metadb.directory, "--source", "sensor", "--force"],
                              env=plain_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            told = process.communicate(timeout=60)[0].decode()
        # The one before may have been killed when all was done.
        self.assertTrue("has ended" in told or "is not synchronizing" in told, told)

    @classmethod
    def tearDownClass(cls):
        PARTS.retire(OLD)


class Online(Sync, unittest.TestCase):
    """With Debezium 3, whose snapshot reads tables side by side and tells of them; by SQL and by itself, the server
    killed in each phase."""

    generation, name = NEW, "sync_new"

    def connector(self):
        return {**super().connector(), "snapshot.max.threads": "2", "notification.enabled.channels": "sink",
                "notification.sink.topic.name": f"{self.prefix}.notifications"}

    def kill_and_start(self):
        self.metadb.kill()
        self.metadb.start()

    def test_resync_with_the_server_running(self):
        self.begin()
        self.await_snapshot()
        self.assertEqual(self.metadb.query("""SELECT source_table, row_count, expected FROM metadb.snapshot_table
                                              WHERE NOT is_scanned OR row_count <> expected"""), [])
        self.kill_and_start()
        self.await_snapshot()
        self.metadb.psql("ENDSYNC DATA SOURCE sensor")
        self.agree()

        with self.subTest("by SQL, the connector before SYNC, kills in between"):
            self.break_off()
            self.alter()
            self.connect()
            self.metadb.psql("SYNC DATA SOURCE sensor")
            self.assertEqual(self.status()["source_sync"], "resync")
            wait_until(lambda: self.status()["snapshot_rows"] or self.status()["state"] == "snapshot complete", 60,
                       lambda: self.metadb.tail())
            self.kill_and_start()
            self.go_on()
            self.await_snapshot()
            self.assertEqual(len(self.rows(self.metadb.connect(), "public", "books")), 205, "it serves meanwhile")
            with subprocess.Popen([binary(), "endsync", "-D", self.metadb.directory, "--source", "sensor", "--force"],
                                  env=plain_environment(), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as process:
                time.sleep(0.3)  # at any moment
                self.metadb.kill()
                process.kill()
            self.metadb.start()
            if self.status()["source_sync"] != "none":
                self.metadb.psql("ENDSYNC DATA SOURCE sensor")
            self.agree()

        with self.subTest("by itself, the connector after SYNC"):
            self.metadb.psql("ALTER DATA SOURCE sensor OPTIONS (ADD endsync 'auto')")
            self.break_off()
            self.alter()
            self.metadb.psql("SYNC DATA SOURCE sensor")
            self.connect()
            self.go_on()
            wait_until(lambda: self.status()["source_sync"] == "none", 90,
                       lambda: f"{self.metadb.status()}\n{self.metadb.tail()}")
            self.agree()
            self.assertIn("source     sensor: streaming", self.cli("status"))
        self.disconnect()
        self.metadb.stop()
