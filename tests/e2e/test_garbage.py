"""Records that are no rows stop nothing: all good rows arrive, the rest is counted or set aside."""

import json
import os
import unittest

from catching_up import await_kafka, await_tables
from connect import NEW, new_connector, own_slot
from parts import PARTS
from processes import wait_until

TOPIC, HEARTBEATS = "garbage.public.t", "__debezium-heartbeat.garbage"
# A tombstone, and JSON that some other producer may send.
COUNTED = [None, b'{"a": 1}', b'{"schema": 1, "payload": 2}']


class Garbage(unittest.TestCase):
    def setUp(self):
        self.connection = PARTS.source.create_database("garbage")
        self.execute("CREATE TABLE t (id integer PRIMARY KEY, v text)")
        self.execute("CREATE TABLE keyless (v text)")
        self.execute("INSERT INTO t VALUES (1, 'one'), (2, 'two')")
        self.execute("INSERT INTO keyless VALUES ('a'), ('a')")
        config = own_slot(new_connector(PARTS.source, "garbage", "garbage"), "garbage")
        config.update({"provide.transaction.metadata": "true", "heartbeat.interval.ms": "500"})
        PARTS.connect(NEW).create("garbage", config)
        self.addCleanup(PARTS.connect(NEW).delete, "garbage")
        wait_until(lambda: PARTS.source.streaming("garbage"), 60, "the connector does not stream")
        self.metadb = PARTS.new_metadb()
        self.metadb.psql(f"""CREATE DATA SOURCE garbage TYPE kafka OPTIONS (
            brokers '{PARTS.kafka.bootstrap}', security 'plaintext', consumer_group 'garbage',
            topics '^garbage\\.,^__debezium-heartbeat\\.garbage$', schema_stop_filter 'admin')""")

    def execute(self, sql):
        self.connection.cursor().execute(sql)

    def settle(self):
        await_kafka(PARTS.source, self.connection, "garbage")

    def produce_garbage(self):
        """Returns the values that must be set aside; what is JSON of an unknown kind, or null, is counted."""
        kafka = PARTS.kafka
        envelope = json.loads(kafka.records(TOPIC)[0]["payload"])
        truncated = json.dumps(envelope)[:-40].encode()
        envelope["payload"]["after"] = {"id": "no number", "v": 5}
        wrong_types = json.dumps(envelope).encode()
        # What begins with 0 or 1 would be Avro by a schema of a registry, and wait for one.
        set_aside = [b"\x80" + os.urandom(299), b"\x00\x01\x02", b"{", b"[1,2,3]", b"5", b"\xff\xfe plain text", truncated,
                     wrong_types]
        for record in [*set_aside, *COUNTED]:
            kafka.produce(TOPIC, record, key="garbage")
        kafka.produce(TOPIC, None)
        return set_aside

    def test_good_rows_arrive_in_spite_of_garbage(self):
        self.settle()
        garbage = self.produce_garbage()
        self.execute("INSERT INTO t VALUES (3, 'three')")
        self.execute("INSERT INTO keyless VALUES ('b')")
        self.execute("DELETE FROM t WHERE id = 2")
        self.settle()
        garbage += self.produce_garbage()
        self.execute("INSERT INTO t VALUES (4, 'four')")
        self.execute("UPDATE t SET v = 'uno' WHERE id = 1")
        self.settle()

        topics = [name for name in PARTS.kafka.topics() if name.startswith("garbage.") or name == HEARTBEATS]
        for topic in (TOPIC, "garbage.public.keyless", "garbage.transaction", HEARTBEATS):
            self.assertIn(topic, topics)
        await_tables(PARTS.kafka, self.metadb, "garbage", topics)
        self.assertEqual(self.metadb.query("SELECT id, v FROM public.t ORDER BY id"),
                         [(1, "uno"), (3, "three"), (4, "four")])
        self.assertEqual(self.metadb.query("SELECT id, v, __current FROM public.t__ ORDER BY __id"),
                         [(1, "one", False), (2, "two", False), (3, "three", True), (4, "four", True),
                          (1, "uno", True)])
        self.assertEqual(self.metadb.query("SELECT v FROM public.keyless ORDER BY v"), [("a",), ("a",), ("b",)])
        self.assert_dead_letters(garbage)
        self.assertIn("holds messages that are no change events", self.metadb.log.read_text())
        row = self.metadb.status()["garbage"]
        self.assertEqual((row["state"], row["source_stream"]), ("snapshot complete", "active"), row)
        self.metadb.stop()

    def assert_dead_letters(self, set_aside):
        """Every record was applied (the rows are there), counted, or set aside whole, with its place and a reason."""
        found = self.metadb.query("""SELECT topic, part, "offset", value, error
                                     FROM metadb.dead_letter ORDER BY "offset" """)
        self.assertEqual([bytes(value) for _, _, _, value, _ in found], set_aside)
        self.assertEqual({(topic, part) for topic, part, *_ in found}, {(TOPIC, 0)})
        self.assertTrue(all(error for *_, error in found))
