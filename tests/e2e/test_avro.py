"""Avro by a real converter, whose schemas a real registry has: every type, and three ways to name a schema."""

import collections
import unittest

from catching_up import await_kafka, await_tables
from compare import current_differences, history_differences
from connect import NEW, new_connector, own_slot
from journal import Journal, Table
from parts import PARTS
from processes import free_ports, wait_until
from relay import Relay
from test_types import PRECISE, PROPAGATED, UNSENT, Types, create_source, drop_connector

# Without headers the number of the schema is in the bytes.
IN_BYTES = {"headers.enabled": "false"}
AS_CONFLUENT = {**IN_BYTES, "as-confluent": "true", "use-id": "contentId"}
# The place of an interface in the registry.
CONFLUENT, VERSION3 = "/apis/ccompat/v7", "/apis/registry/v3"


def start_together():
    """The registry takes its time, as does Kafka Connect."""
    registry = PARTS.registry
    PARTS.connect(NEW)
    registry.wait_ready()


class EveryType(Types, unittest.TestCase):
    """A schema describes a record once, with the type of the first column that has it. Of the next ones it tells none,
    which makes lseg, path and polygon text."""
    prefix, images = "avro_types", PRECISE
    types = {"stretch": "text", "track": "text", "area": "text"}
    left_out = UNSENT

    @property
    def settings(self):
        return {**PROPAGATED, **PARTS.registry.converter(AS_CONFLUENT)}

    @property
    def options(self):
        return f", schema_registry '{PARTS.registry.url}{CONFLUENT}'"

    def setUp(self):
        start_together()
        super().setUp()


# One of the connectors that feed a server side by side; in `options` URL is the registry's.
Way = collections.namedtuple("Way", "prefix settings options")
WAYS = [
    Way("avro_headers", {"use-id": "contentId"}, "schema_registry 'URL', schema_registry_type 'apicurio'"),
    Way("avro_bytes", IN_BYTES,
        f"schema_registry 'URL{VERSION3}', schema_registry_type 'apicurio', schema_registry_id 'global'"),
    Way("avro_confluent", AS_CONFLUENT, f"schema_registry 'URL{CONFLUENT}'"),
]
DATABASE = "avro"
SCHEMA = """
CREATE TABLE parts (
    id bigint PRIMARY KEY, small smallint NOT NULL DEFAULT 7, whole integer, price numeric(12,3), free numeric,
    label text, seen timestamptz, document jsonb, raw bytea, sold boolean, token uuid, wholes integer[], words text[],
    note text);
ALTER TABLE parts ALTER COLUMN note SET STORAGE EXTERNAL;
CREATE TABLE others (id integer PRIMARY KEY, v text);
CREATE TABLE defaults (id integer PRIMARY KEY, n integer DEFAULT 7);
"""
TABLES = ["parts", "others"]
ROWS = {
    1: """-32768, 2147483647, 123.450, 12345678901234567890.5, E'a "b" \\\\ c', '2016-11-04 13:51:30.123456+02',
          '{"b": 1.00, "a": [1, null]}', '\\x000102', true, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{1,NULL,-2}',
          '{a,NULL,"b c",""}', repeat('long ', 2000)""",
    2: """0, -2147483648, -0.001, -1e-10, '', '1969-12-31 23:59:59.999999+00', '[]', '\\x', false,
          '00000000-0000-0000-0000-000000000000', '{}', '{}', ''""",
    3: """1, 0, 999999999.999, 0, 'Grüße 日本 🐘', 'infinity', 'null', '\\xff', NULL, NULL, '{NULL}', NULL, NULL""",
    9007199254740993: "32767" + ", NULL" * 12,
}


class Ways(unittest.TestCase):
    """Apicurio's numbers in headers and in the bytes, and Confluent's: of the same tables, into one server."""
    maxDiff = None

    def setUp(self):
        start_together()
        self.connection = PARTS.source.create_database(DATABASE)
        self.connection.cursor().execute(SCHEMA)
        self.journal = Journal(self.connection, [Table(self.connection, "public", name) for name in TABLES])
        # Between metadb and the registry alone: the converters need it when metadb has none.
        [port] = free_ports(1)
        self.relay = Relay(port, PARTS.registry.port)
        self.addCleanup(self.relay.refuse)

    def tearDown(self):
        for way in WAYS:
            drop_connector(self.connection, NEW, way.prefix)

    def test_reach_metadb_exactly(self):
        self.fill()
        for way in WAYS:
            config = own_slot(new_connector(PARTS.source, DATABASE, way.prefix), way.prefix)
            PARTS.connect(NEW).create(way.prefix, {
                **config, "column.propagate.source.type": ".*", **PARTS.registry.converter(way.settings)})
        for way in WAYS:
            wait_until(lambda prefix=way.prefix: PARTS.source.streaming(prefix), 60, "the connector does not stream")
        self.metadb = PARTS.new_metadb_on_backing()
        for way in WAYS:
            options = way.options.replace("URL", f"http://127.0.0.1:{self.relay.port}")
            create_source(self.metadb, way.prefix, f", add_schema_prefix '{way.prefix}_', format 'avro', {options}")
        self.agree("snapshot")
        self.types_are_kept()
        self.the_default_comes_in_place_of_null()
        self.change()
        self.agree("changes")
        self.add_a_column()
        self.agree("added column")
        self.add_a_column_without_registry()
        self.agree("registry back")
        for way in WAYS:
            wait_until(lambda p=way.prefix: not self.error(p), 30, lambda p=way.prefix: self.error(p))
        self.types_are_kept()
        self.metadb.stop()

    def fill(self):
        with self.journal.transaction() as journal:
            for number, row in ROWS.items():
                journal.upsert("parts", f"INSERT INTO parts VALUES ({number}, {row})")
            journal.upsert("others", "INSERT INTO others VALUES (1, 'one')")
        self.connection.cursor().execute("INSERT INTO defaults VALUES (1, NULL)")

    def change(self):
        """The long note of row 1 does not change: it is not sent."""
        with self.journal.transaction() as journal:
            journal.upsert("parts", "UPDATE parts SET label = 'changed', price = -price, words[1] = 'd' WHERE id = 1")
            journal.upsert("parts", "UPDATE parts SET sold = NULL, label = NULL, small = 3 WHERE id = 2")
            journal.upsert("parts", f"INSERT INTO parts VALUES (4, {ROWS[1]})")
            journal.delete("parts", "DELETE FROM parts WHERE id = 3")
        with self.journal.transaction() as journal:
            journal.upsert("parts", f"INSERT INTO parts VALUES (3, {ROWS[2]})")
            journal.delete("parts", "DELETE FROM parts WHERE id = 4")
            journal.rekey("parts", "id = -1", "id = 9007199254740993")
            journal.upsert("parts", "UPDATE parts SET label = label")

    def the_default_comes_in_place_of_null(self):
        for way in WAYS:
            self.assertEqual(self.metadb.query(f"SELECT id, n FROM {way.prefix}_public.defaults"), [(1, 7)])
        self.assertIn("avro.public.defaults: NULL in n arrives as the column's default", self.metadb.log.read_text())

    def add_a_column(self):
        # Debezium learns of the column with the next row: everything before must have passed it.
        self.journal.ddl("parts", "ALTER TABLE parts ADD COLUMN added date")
        with self.journal.transaction() as journal:
            journal.upsert("parts", f"INSERT INTO parts VALUES (5, {ROWS[2]}, '2016-11-04')")
            journal.upsert("parts", "UPDATE parts SET added = '0001-01-01' WHERE id = 1")

    def add_a_column_without_registry(self):
        """The topic whose new schema can't be had stands, the other goes on."""
        self.relay.refuse()
        self.journal.ddl("parts", "ALTER TABLE parts ADD COLUMN more double precision")
        with self.journal.transaction() as journal:
            journal.upsert("parts", f"INSERT INTO parts VALUES (6, {ROWS[3]}, NULL, 0.1)")
            journal.upsert("parts", "UPDATE parts SET more = 'NaN' WHERE id = 1")
            journal.upsert("others", "INSERT INTO others VALUES (2, 'two')")
            journal.delete("others", "DELETE FROM others WHERE id = 1")
        self.settle("others")
        for way in WAYS:
            wait_until(lambda p=way.prefix: f"topic {p}.public.parts: schema registry http" in self.error(p), 30,
                       lambda p=way.prefix: self.error(p))
            self.assertEqual(self.metadb.query(f"SELECT * FROM {way.prefix}_public.parts WHERE id = 6"), [])
        self.relay.allow()

    def error(self, name):
        return self.metadb.status()[name]["last_error"] or ""

    def settle(self, *tables):
        await_kafka(PARTS.source, self.connection, *[way.prefix for way in WAYS])
        for way in WAYS:
            await_tables(PARTS.kafka, self.metadb, way.prefix, [f"{way.prefix}.public.{name}" for name in tables])

    def agree(self, what):
        """The tables equal the source, and the history the journal."""
        self.settle(*TABLES, "defaults")
        self.assertEqual(self.metadb.query("SELECT topic, error FROM metadb.dead_letter"), [])
        target = self.metadb.connect()
        for way in WAYS:
            with self.subTest(what, way=way.prefix):
                problems = []
                for table in self.journal.tables.values():
                    schema = f"{way.prefix}_public"
                    problems += current_differences(table, self.connection, target, schema)
                    problems += history_differences(self.journal, table, target, schema)
                self.assertEqual(problems, [])
        target.close()

    def types_are_kept(self):
        for way in WAYS:
            for table in self.journal.tables.values():
                found = dict(self.metadb.query(
                    "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass "
                    "AND attnum > 0 AND attname NOT LIKE '\\_\\_%%'", [f"{way.prefix}_public.{table.name}"]))
                cursor = self.connection.cursor()
                cursor.execute("SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
                               "WHERE attrelid = %s::regclass AND attnum > 0", [table.qualified])
                with self.subTest("types", way=way.prefix, table=table.name):
                    self.assertEqual(found, dict(cursor.fetchall()))
