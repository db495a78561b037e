"""kill -9 of metadb at any moment, then start: nothing is lost, doubled or overlapping."""

import os
import random
import time
import unittest

from catching_up import await_kafka, await_tables
from compare import current_differences, history_differences
from connect import NEW, new_connector, own_slot
from journal import merged
from parts import PARTS
from processes import wait_until
from workload import SCHEMA, TABLES, Writer

STARTING, ANY, STREAMING = "starting", "any", "streaming"
KINDS = [STREAMING] * 12 + [ANY] * 4 + [STARTING] * 4


class Kill:
    """A subclass says where the tables are."""

    name = None

    def setUp(self):
        self.seed = os.environ.get("METADB_E2E_SEED") or str(random.randrange(10**9))
        print(f"METADB_E2E_SEED={self.seed} ", end="", flush=True)
        self.random = random.Random(self.seed)
        self.connection = PARTS.source.create_database(self.name)
        self.connection.cursor().execute(SCHEMA)
        config = own_slot(new_connector(PARTS.source, self.name, self.name), self.name)
        PARTS.connect(NEW).create(self.name, config)
        self.addCleanup(PARTS.connect(NEW).delete, self.name)
        wait_until(lambda: PARTS.source.streaming(self.name), 60, "the connector does not stream")
        self.metadb = self.new_metadb()
        self.metadb.psql(f"""CREATE DATA SOURCE kill TYPE kafka OPTIONS (
            brokers '{PARTS.kafka.bootstrap}', security 'plaintext', topics '^{self.name}\\.',
            consumer_group '{self.name}', schema_stop_filter 'admin')""")

    def test_no_version_is_lost_doubled_or_overlapping(self):
        writers = [Writer(PARTS.source, self.name, number, 2, self.seed) for number in range(2)]
        for writer in writers:
            writer.start()
        for kind in self.kinds():
            self.one_life(kind)
        for writer in writers:
            writer.finish()
        self.metadb.start()
        await_kafka(PARTS.source, self.connection, self.name)
        await_tables(PARTS.kafka, self.metadb, "kill",
                     [topic for topic in PARTS.kafka.topics() if topic.startswith(f"{self.name}.wk.")])
        versions = self.compare(merged([writer.journal for writer in writers]))
        print(f"{len(KINDS)} kills, {KINDS.count(STREAMING)} in mid-stream, {versions} changes ", end="", flush=True)
        self.metadb.stop()

    def applied(self):
        """How far the tables of the workload have come; the heartbeat does not count."""
        return sum(offset for topic, offset in self.metadb.positions("kill").items() if topic.startswith(f"{self.name}.wk."))

    def kinds(self):
        """All of KINDS in random order. The server that setUp() has started comes first: it streams."""
        kinds = list(KINDS)
        self.random.shuffle(kinds)
        kinds.remove(STREAMING)
        return [STREAMING, *kinds]

    def one_life(self, kind):
        """Starts the server, unless it runs, and kills it: while it starts, at some moment after, or in mid-stream,
        which is after something was applied in this life."""
        if kind == STARTING:
            self.metadb.launch_only()
        elif not self.metadb.running:
            self.metadb.start()
        if kind == STREAMING:
            before = self.applied()
            wait_until(lambda: self.applied() > before, 30,
                       lambda: f"no progress; status {self.metadb.status()}\n{self.metadb.tail()}")
        # The moment is the subject: nothing is waited for.
        time.sleep(self.random.uniform(0, 1.0))
        self.metadb.kill()

    def compare(self, journal):
        target = self.metadb.connect()
        problems = []
        for name in TABLES:
            table = journal.tables[name]
            # Each writer's connection is closed by now; the source is read through the test's own.
            problems += current_differences(table, self.connection, target, "wk")
            problems += history_differences(journal, table, target, "wk")
        versions = sum(len(states) for name in TABLES for states in journal.states[name].values())
        target.close()
        self.assertEqual(problems, [])
        self.assertEqual(self.metadb.query("SELECT topic, error FROM metadb.dead_letter"), [])
        self.assertGreater(versions, 1000, "the workload made too little")
        return versions


class KillWithPrivatePostgres(Kill, unittest.TestCase):
    """The next start ends the killed server's PostgreSQL, and with it what its sessions are at."""

    name = "kill_private"

    def new_metadb(self):
        return PARTS.new_metadb()


class KillWithOwnDatabase(Kill, unittest.TestCase):
    """The killed server's sessions may outlive it, and commit while the next server already reads."""

    name = "kill_own"

    def new_metadb(self):
        return PARTS.new_metadb_on_backing()
