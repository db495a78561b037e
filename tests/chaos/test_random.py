"""kill -9 of metadb, its PostgreSQL, the broker and Connect, again and again, under a random workload on 20 tables."""

import collections
import json
import os
import random
import time
import unittest

import psycopg2

from catching_up import await_kafka, await_tables
from compare import current_differences, history_differences
from connect import NEW, new_connector, own_slot
from journal import merged
from killers import Habits, Part
from parts import PARTS
from processes import wait_until
from twenty_tables import KEYLESS, TABLES, Writer, schema

NAME = "chaos"
WRITERS = 3
IDLE_SECONDS_MAX = 15
Life = collections.namedtuple("Life", "pid reached since")  # of metadb: how far it was when it first answered, and when
HABITS = {
    "metadb": Habits(rest=(0, 1), life=(0, 2), weight=4),
    "PostgreSQL": Habits(rest=(0, 2), life=(1, 8), weight=3),
    "broker": Habits(rest=(0, 3), life=(3, 15), weight=3),
    "Connect": Habits(rest=(0, 3), life=(3, 15), weight=3),
}


class RandomKills(unittest.TestCase):
    def setUp(self):
        self.seed, self.seconds = os.environ["CHAOS_SEED"], int(os.environ["CHAOS_SECONDS"])
        self.random = random.Random(self.seed)
        self.connection = PARTS.source.create_database(NAME)
        self.connection.cursor().execute(schema())
        config = own_slot(new_connector(PARTS.source, NAME, NAME), NAME)
        # A connector that is started again finds its slot still held by its predecessor's session for a moment.
        config.update({"slot.retry.delay.ms": "500", "slot.max.retries": "100"})
        self.connect = PARTS.connect(NEW)
        self.connect.create(NAME, config)
        wait_until(lambda: PARTS.source.streaming(NAME), 60, "the connector does not stream")
        # One that is killed before it has recorded a place reads another snapshot, and tells nobody what changed before.
        await_kafka(PARTS.source, self.connection, NAME)
        self.metadb = PARTS.new_metadb_on_backing()
        self.metadb.psql(f"""CREATE DATA SOURCE {NAME} TYPE kafka OPTIONS (
            brokers '{PARTS.kafka.bootstrap}', security 'plaintext', topics '^{NAME}\\.', consumer_group '{NAME}',
            schema_stop_filter 'admin')""")
        self.in_mid_stream = 0
        self.connector_restarts = 0
        self.reached = 0
        self.life = None
        ready = {"metadb": (self.metadb, self.metadb_works), "PostgreSQL": (PARTS.backing, PARTS.backing.answers),
                 "broker": (PARTS.kafka, PARTS.kafka.answers), "Connect": (self.connect, self.connector_runs)}
        self.parts = [Part(name, *ready[name], habits, self.random) for name, habits in HABITS.items()]

    def connector_runs(self):
        states = self.connect.states(NAME)
        if "FAILED" in states:
            self.connector_restarts += 1
            self.connect.restart_failed(NAME)
        return len(states) == 2 and set(states) == {"RUNNING"}

    def metadb_works(self):
        """It has applied something in this life, or others have kept it from that for long."""
        if not self.metadb.answers():
            return False
        reached = self.applied()
        if self.life is None or self.life.pid != self.metadb.popen.pid:
            self.life = Life(self.metadb.popen.pid, reached, time.monotonic())
        has_applied = None not in (reached, self.life.reached) and reached > self.life.reached
        return has_applied or time.monotonic() - self.life.since > IDLE_SECONDS_MAX

    def applied(self):
        """How far the tables of the workload have come, past metadb; None while PostgreSQL does not answer."""
        try:
            connection = psycopg2.connect(PARTS.backing.conninfo(self.metadb.database), connect_timeout=2)
        except psycopg2.OperationalError:
            return None
        try:
            cursor = connection.cursor()
            cursor.execute("SELECT sum(greatest(next_offset, 0)) FROM metadb.ingest_position WHERE topic LIKE %s",
                           [f"{NAME}.wk.%"])
            return int(cursor.fetchone()[0] or 0)
        except psycopg2.OperationalError:
            return None
        finally:
            connection.close()

    def test_nothing_is_lost_doubled_or_overlapping(self):
        writers = [Writer(PARTS.source, NAME, number, WRITERS, self.seed) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        self.kill_at_random()
        for part in sorted(self.parts, key=lambda part: part.name == "metadb"):  # whose start needs PostgreSQL
            part.recover(120)
        for writer in writers:
            writer.finish()
        await_kafka(PARTS.source, self.connection, NAME, seconds=180)
        topics = [topic for topic in PARTS.kafka.topics() if topic.startswith(f"{NAME}.wk.")]
        await_tables(PARTS.kafka, self.metadb, NAME, topics, seconds=180)
        journal = merged([writer.journal for writer in writers])
        self.report(journal)
        self.compare(journal)
        self.metadb.stop()

    def kill_at_random(self):
        owed = list(self.parts)  # each of them at least once
        deadline, next_kill = time.monotonic() + self.seconds, 0.0
        while time.monotonic() < deadline or owed:
            for part in self.parts:
                part.look()
            candidates = [part for part in self.parts if part.may_be_killed()]
            first = [part for part in candidates if part in owed]
            candidates = first or candidates
            if candidates and time.monotonic() >= next_kill:
                [victim] = self.random.choices(candidates, [part.habits.weight for part in candidates])
                self.note_progress()
                victim.kill()
                owed = [part for part in owed if part is not victim]
                next_kill = time.monotonic() + self.random.uniform(0.2, 3)
            time.sleep(0.05)
            self.assertLess(time.monotonic(), deadline + 120, f"never to be killed: {[part.name for part in owed]}")

    def note_progress(self):
        """A kill is in mid-stream if something was applied since the kill before."""
        reached = self.applied()
        if reached is not None and reached > self.reached:
            self.in_mid_stream += 1
            self.reached = reached

    def report(self, journal):
        kills = ", ".join(f"{part.name} {part.kills}" for part in self.parts)
        states = sum(len(states) for name in TABLES for states in journal.states[name].values())
        states += len(journal.keyless[KEYLESS])
        print(f"\nkills in {self.seconds} s with seed {self.seed}: {kills}; {self.in_mid_stream} of them in mid-stream;"
              f" {self.connector_restarts} restarts of a failed connector; {states} changes", flush=True)
        self.assertGreater(states, 10 * self.seconds, "the workload made too little")
        self.assertGreater(self.in_mid_stream, 0)

    def told_again(self):
        """How many changes of rows without key came once more right behind themselves, from a connector that began
        again at its last one. Nothing proves that, so they are applied twice (docs/ingest.md)."""
        again, before = 0, None
        for record in PARTS.kafka.records(f"{NAME}.wk.{KEYLESS}"):
            if record["payload"] is None:
                continue
            change = json.loads(record["payload"])["payload"]
            source = change["source"]
            now = (source["sequence"], source["ts_us"], change["op"], change["before"], change["after"])
            again += now == before
            before = now
        return again

    def compare(self, journal):
        target = self.metadb.connect()
        again = self.told_again()
        problems = []
        for name in TABLES:
            table = journal.tables[name]
            found = current_differences(table, self.connection, target, "wk")
            found += history_differences(journal, table, target, "wk")
            if name == KEYLESS and again:
                print(f"{again} changes of rows without key were told again at once: {found}", flush=True)
                found = found[2 * again:]  # each is seen in the table and in its history
            problems += found
        target.close()
        self.assertEqual(problems, [])
        letters = self.metadb.query("SELECT topic, \"offset\", error FROM metadb.dead_letter ORDER BY topic = %s",
                                    [f"{NAME}.wk.{KEYLESS}"])
        allowed = [letter for letter in letters if letter[0] == f"{NAME}.wk.{KEYLESS}"][:again]
        self.assertEqual(letters[:len(letters) - len(allowed)], [])
        status = self.metadb.status()[NAME]
        self.assertEqual((status["source_stream"], status["last_error"]), ("active", None), status)
