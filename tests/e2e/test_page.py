"""The documentation page, step by step, with both Debezium generations."""

import unittest

from catching_up import await_kafka, await_tables
from compare import current_differences, fingerprint, history_differences
from connect import NEW, OLD, new_connector, page_connector
from journal import Journal, Table
from parts import PARTS
from processes import wait_until

SCHEMA = """
CREATE TYPE mood AS ENUM ('sad', 'so so', 'fine');
CREATE TABLE types (
    id integer PRIMARY KEY, truth boolean, small smallint, large bigint, single real, double double precision,
    exact numeric(12,3), free numeric, words text, short varchar(30), padded char(5), raw bytea,
    day date, at time, at_ms time(3), at_zone timetz, moment timestamp, moment_ms timestamp(3), instant timestamptz,
    token uuid, document json, binary_document jsonb, feeling mood, address inet, span int4range);
CREATE TABLE pairs (a integer, b text, v text, PRIMARY KEY (a, b));
CREATE TABLE tokens (id uuid PRIMARY KEY, v text, long text);
ALTER TABLE tokens ALTER long SET STORAGE EXTERNAL;
CREATE TABLE counters (id integer PRIMARY KEY, n bigint NOT NULL);
CREATE TABLE events (happened timestamptz, v text);
"""
KEYED = ["types", "pairs", "tokens", "counters"]

ROWS = {
    1: """true, 7, 7000000000, 1.5, 2.25, 123.450, 1.50, 'plain', 'short', 'pad', '\\x000102ff', '2026-03-14',
          '12:34:56.789012', '12:34:56.789', '12:34:56.789012+02', '2026-03-14 01:02:03.456789',
          '2026-03-14 01:02:03.456', '2026-03-14 01:02:03.456789+05:30', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
          '{"b": 1.0,  "a": [1, null]}', '{"b": 1.0, "a": {"c": "d"}}', 'fine', '10.1.2.3/8', '[1,5)'""",
    2: """false, -32768, -9223372036854775808, 'NaN', '-Infinity', -123.450, -0.001,
          E'quote '' double " back \\\\ tab \\t line \\n', 'Grüße 日本 🐘', '', '', '1969-12-31', '00:00:00', '00:00:00',
          '00:00:00-12', '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.999', '1969-12-31 23:59:59.999999+00',
          '00000000-0000-0000-0000-000000000000', 'null', '"text"', 'so so', '::1', 'empty'""",
    3: """true, 32767, 9223372036854775807, 3.4028235e38, 1.7976931348623157e308, 999999999.999,
          12345678901234567890.123456789, repeat('ä', 300), '''', 'abcde', '\\x', '9999-12-31', '23:59:59.999999',
          '23:59:59.999', '23:59:59.999999+14', '2262-04-12 00:00:00', '2026-12-31 23:59:59.999',
          '2026-07-01 00:00:00+00', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '12345678901234567890.5', '[]', 'sad',
          '255.255.255.255/32', '[-2147483648,2147483647)'""",
    4: ", ".join(["NULL"] * 24),
    5: """true, 0, 9007199254740993, 0.1, 0.1, -0.001, 0, '__debezium', 'NULL', '   x', '\\x00', '0001-01-01',
          '24:00:00', '00:00:00.001', '12:00:00+00', '0001-01-01 00:00:00', '2000-01-01 00:00:00',
          '2000-01-01 00:00:00.000001+00', '11111111-1111-1111-1111-111111111111', '{}', '{"n": 1e400}', 'fine',
          '2001:db8::/32', '(,)'""",
}
# What a source type becomes; every other type of the table above becomes text.
KEPT_TYPES = {"boolean", "smallint", "integer", "bigint", "real", "double precision", "numeric", "text", "bytea",
              "date", "time without time zone", "timestamp without time zone", "timestamp with time zone", "uuid"}


class Page:
    """The steps; a subclass says which Debezium and which listener."""

    generation = prefix = database = name = None

    def setUp(self):
        self.source = PARTS.source
        self.slot = "debezium"
        self.connection = self.source.create_database(self.database)  # with the page's heartbeat table
        self.connection.cursor().execute(SCHEMA)
        self.journal = Journal(self.connection, [Table(self.connection, "public", name)
                                                 for name in [*KEYED, "events"]])

    def test_follows_the_page(self):
        self.fill_before_the_snapshot()
        PARTS.connect(self.generation).create(self.name, self.connector())
        self.metadb = PARTS.new_metadb({"SSL_CERT_FILE": str(PARTS.kafka.ca)})
        told = self.metadb.psql(self.command())
        self.assertEqual(told.strip(), "CREATE DATA SOURCE")
        wait_until(lambda: self.source.streaming(self.slot), 60, "the connector does not stream")
        with self.subTest("snapshot"):
            self.agree()
        with self.subTest("column types"):
            self.types_are_kept()
        with self.subTest("initial synchronization"):
            self.end_the_synchronization()
        with self.subTest("changes"):
            self.change()
            self.agree()
        with self.subTest("restart"):
            self.restart_changes_nothing()
        with self.subTest("added column"):
            self.add_a_column()
            self.agree()
        with self.subTest("changes while metadb is down"):
            self.metadb.stop()
            self.change_again()
            self.metadb.start()
            self.agree()
        with self.subTest("filter"):
            self.assertFalse(self.metadb.has_table("sensor_admin", "heartbeat"))
        with self.subTest("deleting the connection"):
            self.delete_the_connection()

    def fill_before_the_snapshot(self):
        with self.journal.transaction() as journal:
            for number in (1, 2, 3):
                journal.upsert("types", f"INSERT INTO types VALUES ({number}, {ROWS[number]})")
            journal.upsert("pairs", "INSERT INTO pairs VALUES (1, 'x', 'one'), (1, 'y', 'two'), (2, 'x', NULL)")
            journal.upsert("counters", "INSERT INTO counters SELECT i, i FROM generate_series(1, 500) i")
            journal.upsert("events", "INSERT INTO events VALUES ('2026-01-01 00:00+00', 'a'), (NULL, 'b')")

    def end_the_synchronization(self):
        """The message, stop, endsync, start."""
        wait_until(lambda: self.metadb.query(
            "SELECT message FROM mdblog() WHERE message LIKE 'source \"sensor\" snapshot complete (%%)%%'"), 60,
            lambda: f"{self.metadb.status()}\n{self.metadb.tail()}")
        self.assertEqual(self.metadb.status()["sensor"]["source_sync"], "initial")
        self.metadb.stop()
        self.assertIn("has ended", self.metadb.answered("y", "endsync", "--source", "sensor"))
        self.metadb.start()
        self.assertEqual(self.metadb.status()["sensor"]["source_sync"], "none")

    def command(self):
        return f"""CREATE DATA SOURCE sensor TYPE kafka OPTIONS (
            brokers '{self.brokers()}',
            topics '^{self.prefix}\\.',
            consumer_group '{self.prefix}_1',
            add_schema_prefix 'sensor_',
            schema_stop_filter 'admin'{self.more_options}
        );"""

    def settle(self):
        await_kafka(self.source, self.connection, self.slot)
        await_tables(PARTS.kafka, self.metadb, "sensor",
                     [topic for topic in PARTS.kafka.topics() if topic.startswith(f"{self.prefix}.public.")])

    def agree(self):
        """The tables equal the source, and the history the journal."""
        self.settle()
        target = self.metadb.connect()
        problems = []
        for table in self.journal.tables.values():
            if not self.metadb.has_table("sensor_public", table.name):
                is_filled = self.journal.states[table.name] or self.journal.keyless[table.name]
                problems += [f"no table {table.name}"] if is_filled else []
                continue
            problems += current_differences(table, self.connection, target, "sensor_public")
            problems += history_differences(self.journal, table, target, "sensor_public")
        target.close()
        self.assertEqual(problems, [])
        self.assertEqual(self.metadb.query("SELECT topic, error FROM metadb.dead_letter"), [])

    def types_are_kept(self):
        found = dict(self.metadb.query("""SELECT column_name, data_type FROM information_schema.columns
                                          WHERE table_schema = 'sensor_public' AND table_name = 'types'"""))
        for column, data_type in self.journal.tables["types"].types.items():
            if data_type in ("json", "jsonb"):
                self.assertIn(found[column], ("json", "jsonb"), column)
            elif data_type == "time with time zone":
                self.assertIn(found[column], (data_type, "text"), column)
            else:
                self.assertEqual(found[column], data_type if data_type in KEPT_TYPES else "text", column)

    def change(self):
        journal = self.journal
        with journal.transaction():
            for number in (4, 5):
                journal.upsert("types", f"INSERT INTO types VALUES ({number}, {ROWS[number]})")
            journal.upsert("types", "UPDATE types SET words = 'changed', exact = -exact WHERE id IN (1, 2)")
            journal.delete("types", "DELETE FROM types WHERE id = 3")
        with journal.transaction():  # one key several times in one transaction
            for value in ("A", "B", "A"):
                journal.upsert("pairs", "UPDATE pairs SET v = %s WHERE a = 1 AND b = 'x'", [value])
            journal.delete("pairs", "DELETE FROM pairs WHERE a = 1 AND b = 'y'")
            journal.upsert("pairs", "INSERT INTO pairs VALUES (1, 'y', 'two')")
        with journal.transaction():  # an update that changes nothing makes no version
            journal.upsert("pairs", "UPDATE pairs SET v = v")
        with journal.transaction():
            journal.rekey("pairs", "a = 9", "a = 2 AND b = 'x'")
        with journal.transaction():  # values that later updates do not send
            journal.upsert("tokens", "INSERT INTO tokens SELECT ('00000000-0000-0000-0000-00000000000' || i)::uuid, "
                                     "'token', repeat('long ', 600) FROM generate_series(1, 3) i")
        with journal.transaction():
            journal.upsert("tokens", "UPDATE tokens SET v = 'changed'")
            journal.upsert("tokens", "UPDATE tokens SET v = 'again' WHERE id = '00000000-0000-0000-0000-000000000002'")
        with journal.transaction():
            journal.rekey("tokens", "id = '00000000-0000-0000-0000-000000000009'",
                          "id = '00000000-0000-0000-0000-000000000001'")
        with journal.transaction():  # many rows in one transaction
            journal.upsert("counters", "INSERT INTO counters SELECT i, -i FROM generate_series(501, 5500) i")
            journal.upsert("counters", "UPDATE counters SET n = n + 1 WHERE id % 3 = 0")
        with journal.transaction():
            journal.upsert("events", "INSERT INTO events VALUES ('2026-01-02 00:00+00', 'c'), (NULL, 'b')")
        with journal.transaction():
            journal.truncate("pairs")
            journal.upsert("pairs", "INSERT INTO pairs VALUES (1, 'x', 'after the truncate')")
        with journal.transaction(rolled_back=True):
            journal.delete("counters", "DELETE FROM counters")

    def restart_changes_nothing(self):
        def prints():
            target = self.metadb.connect()
            try:
                return {name: fingerprint(target, "sensor_public", name) for name in self.journal.tables}
            finally:
                target.close()
        before = prints()
        self.metadb.stop()
        self.metadb.start()
        # What would be applied once more is applied by then.
        wait_until(lambda: self.metadb.status()["sensor"]["state"] == "streaming", 60,
                   lambda: f"{self.metadb.status()}\n{self.metadb.tail()}")
        self.settle()
        self.assertEqual(prints(), before)

    def add_a_column(self):
        # Debezium learns of the column with the next row: everything before must have passed it.
        await_kafka(self.source, self.connection, self.slot)
        self.journal.ddl("pairs", "ALTER TABLE pairs ADD COLUMN added numeric(10,2)")
        with self.journal.transaction() as journal:
            journal.upsert("pairs", "INSERT INTO pairs VALUES (3, 'z', 'with the column', -7.25)")
            journal.upsert("pairs", "UPDATE pairs SET added = 1.5 WHERE a = 1")

    def change_again(self):
        with self.journal.transaction() as journal:
            journal.upsert("counters", "UPDATE counters SET n = 0 WHERE id <= 1000")
            journal.delete("counters", "DELETE FROM counters WHERE id > 5000")
            journal.upsert("types", "UPDATE types SET truth = NOT truth, day = day + 1")
        with self.journal.transaction() as journal:
            journal.truncate("tokens")
        with self.journal.transaction() as journal:
            journal.upsert("events", "INSERT INTO events VALUES (NULL, NULL)")

    def delete_the_connection(self):
        PARTS.connect(self.generation).delete(self.name)
        wait_until(lambda: not self.source.streaming(self.slot), 30, "the slot stays active")
        self.connection.cursor().execute("SELECT pg_drop_replication_slot('debezium')")
        self.connection.cursor().execute("DROP PUBLICATION dbz_publication")
        self.assertEqual(self.metadb.psql("DROP DATA SOURCE sensor;").strip(), "DROP DATA SOURCE")
        self.assertTrue(self.metadb.has_table("sensor_public", "types"))
        self.metadb.stop()


class Debezium19OverSsl(Page, unittest.TestCase):
    """The page's command unchanged: SSL is the default, the CA is found through SSL_CERT_FILE."""

    generation, prefix, database, name = OLD, "metadb_sensor_1", "sourcedb", "sensor-1-connector"
    more_options = ""

    def brokers(self):
        return PARTS.kafka.ssl_bootstrap

    def connector(self):
        return page_connector(self.source, self.database, self.prefix)

    @classmethod
    def tearDownClass(cls):
        PARTS.retire(OLD)


class Debezium3OverPlaintext(Page, unittest.TestCase):
    generation, prefix, database, name = NEW, "metadb_sensor_2", "sourcedb3", "sensor-2-connector"
    more_options = ",\n            security 'plaintext'"

    def brokers(self):
        return PARTS.kafka.bootstrap

    def connector(self):
        return new_connector(self.source, self.database, self.prefix)
