"""Commands while changes stream from a real source: ingest is right before, during and after each of them."""

import os
import random
import unittest

import psycopg2

from catching_up import await_kafka, await_tables
from compare import current_differences, history_differences
from connect import NEW, new_connector, own_slot
from journal import merged
from parts import PARTS
from processes import wait_until
from workload import SCHEMA, TABLES, Writer

NAME = "commands"


class Commands(unittest.TestCase):
    def setUp(self):
        self.seed = os.environ.get("METADB_E2E_SEED") or str(random.randrange(10**9))
        print(f"METADB_E2E_SEED={self.seed} ", end="", flush=True)
        self.connection = PARTS.source.create_database(NAME)
        self.connection.cursor().execute(SCHEMA)
        config = own_slot(new_connector(PARTS.source, NAME, NAME), NAME)
        PARTS.connect(NEW).create(NAME, config)
        self.addCleanup(PARTS.connect(NEW).delete, NAME)
        wait_until(lambda: PARTS.source.streaming(NAME), 60, "the connector does not stream")
        self.metadb = PARTS.new_metadb()
        # Access is given before there is a table.
        self.metadb.psql("CREATE USER reader WITH PASSWORD 'reader'")
        self.metadb.psql("GRANT ACCESS ON ALL TO reader")
        self.metadb.psql(f"""CREATE DATA SOURCE live TYPE kafka OPTIONS (
            brokers '{PARTS.kafka.bootstrap}', security 'plaintext', topics '^{NAME}\\.',
            consumer_group '{NAME}', schema_stop_filter 'admin')""")

    def test_change_nothing_that_was_not_asked_for(self):
        writers = [Writer(PARTS.source, NAME, number, 2, self.seed) for number in range(2)]
        for writer in writers:
            writer.start()
        # Topics are first seen in any order.
        wait_until(lambda: all(self.metadb.has_table("wk", name) for name in TABLES), 30,
                   lambda: f"{self.metadb.status()}\n{self.metadb.tail()}")
        self.assertEqual(self.reader_sees("things"), "")
        for command in self.commands():
            with self.subTest(command):
                self.metadb.psql(command)
                if not command.startswith("PAUSE"):
                    self.await_progress()
        with self.subTest("a pause"):
            self.pause_holds()
        for writer in writers:
            writer.finish()
        self.settle()
        self.journal = merged([writer.journal for writer in writers])
        with self.subTest("tables and history"):
            self.agree()
        with self.subTest("a table that was purged is made again of its topic"):
            self.purge_and_read_again()
        self.metadb.psql("VERIFY CONSISTENCY")
        self.metadb.stop()

    def commands(self):
        return [
            "ALTER TABLE wk.things__ ADD COLUMN noticed date",
            "ALTER TABLE wk.things__ ALTER COLUMN amount TYPE text",
            "PAUSE DATA SOURCE live",
            "RESUME DATA SOURCE live",
            "ALTER TABLE wk.pairs__ ALTER COLUMN a TYPE bigint",
            "ALTER DATA SOURCE live OPTIONS (SET schema_stop_filter 'admin,nothing')",
            "VERIFY CONSISTENCY",
            "REFRESH INFERRED COLUMN TYPES",
            "ALTER DATA SOURCE live OPTIONS (ADD table_stop_filter '^nothing$')",
            "CREATE DATA ORIGIN east",
            "ALTER SYSTEM SET max_poll_interval = '600000'",
            "LIST topics",
            "RETRY DEAD LETTERS",
        ]

    def applied(self):
        """How far the tables of the workload have come; the heartbeat does not count."""
        return sum(offset for topic, offset in self.metadb.positions("live").items()
                   if topic.startswith(f"{NAME}.wk."))

    def await_progress(self):
        before = self.applied()
        wait_until(lambda: self.applied() > before, 30,
                   lambda: f"no progress; status {self.metadb.status()}\n{self.metadb.tail()}")

    def pause_holds(self):
        """What is committed while a source is paused waits in Kafka."""
        self.metadb.psql("PAUSE DATA SOURCE live")
        self.assertEqual(self.metadb.status()["live"]["state"], "paused")
        wait_until(lambda: self.is_at_rest(), 10, "something is applied while the source is paused")
        held = self.applied()
        end = PARTS.kafka.end_offset(f"{NAME}.wk.things")
        wait_until(lambda: PARTS.kafka.end_offset(f"{NAME}.wk.things") > end + 10, 30, "the workload has stopped")
        self.assertEqual(self.applied(), held)
        self.metadb.psql("RESUME DATA SOURCE live")
        self.await_progress()

    def is_at_rest(self):
        """The batch that was in hand is over: PostgreSQL has no session that writes."""
        return not self.metadb.scalar("""SELECT count(*) FROM pg_stat_activity WHERE application_name = 'metadb'
                                         AND state = 'idle in transaction' OR query LIKE 'COPY pg_temp%%'""")

    def reader_sees(self, table):
        """What PostgreSQL refuses."""
        try:
            connection = psycopg2.connect(host="127.0.0.1", port=self.metadb.port, user="reader", password="reader",
                                          dbname=self.metadb.database)
            cursor = connection.cursor()
            for name in (table, table + "__"):
                cursor.execute(f"SELECT count(*) FROM wk.{name}")
            connection.close()
            return ""
        except psycopg2.Error as error:
            return str(error)

    def topics(self):
        return [topic for topic in PARTS.kafka.topics() if topic.startswith(f"{NAME}.wk.")]

    def settle(self):
        await_kafka(PARTS.source, self.connection, NAME)
        await_tables(PARTS.kafka, self.metadb, "live", self.topics())

    def agree(self):
        target = self.metadb.connect()
        problems = []
        for name in TABLES:
            table = self.journal.tables[name]
            problems += current_differences(table, self.connection, target, "wk")
            problems += history_differences(self.journal, table, target, "wk")
        target.close()
        self.assertEqual(problems, [])
        self.assertEqual(self.metadb.query("SELECT topic, error FROM metadb.dead_letter"), [])

    def purge_and_read_again(self):
        self.metadb.psql("PAUSE DATA SOURCE live")
        self.metadb.psql("PURGE DATA DROP TABLE wk.pairs__, wk.bin__")
        self.assertFalse(self.metadb.has_table("wk", "pairs"))
        self.metadb.psql("RESUME DATA SOURCE live")
        wait_until(lambda: self.metadb.has_table("wk", "pairs") and self.metadb.has_table("wk", "bin"), 30,
                   lambda: f"{self.metadb.status()}\n{self.metadb.tail()}")
        self.settle()
        self.agree()
        self.assertEqual(self.reader_sees("pairs"), "")
