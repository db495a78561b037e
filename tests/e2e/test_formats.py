"""JSON without schemas and flattened events, as real converters and transforms of Debezium write them."""

import unittest

from catching_up import await_kafka, await_tables
from connect import KEEP_NULLS, NEW, new_connector, own_slot
from parts import PARTS
from processes import wait_until

SCHEMA = """
CREATE TABLE parts (id integer PRIMARY KEY, label text, price numeric(12,3), weight double precision, sold boolean,
                    token uuid, made date, seen timestamptz, raw bytea, note text);
ALTER TABLE parts ALTER COLUMN note SET STORAGE EXTERNAL;
"""
ROWS = [
    "(1, 'a \"b\" \\ c', 123.450, 0.1, true, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2016-11-04', "
    "'2016-11-04 13:51:30.123456+02', '\\x000102', repeat('long ', 2000))",
    "(2, '', -0.001, 'NaN', false, NULL, '0001-01-01', '1969-12-31 23:59:59.999999+00', '\\x', '')",
    "(3, 'Grüße 日本 🐘', 999999999.999, -1.5e-10, NULL, NULL, NULL, NULL, NULL, NULL)",
    "(9007, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
]
SCHEMALESS = {"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false",
              "key.converter": "org.apache.kafka.connect.json.JsonConverter",
              "value.converter": "org.apache.kafka.connect.json.JsonConverter",
              "value.converter.decimal.format": "NUMERIC", "time.precision.mode": "isostring"}
UNWRAP = {"transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
          "transforms.unwrap.add.fields": "op,source.ts_us,lsn"}
# Without schemas the connector's own spelling of what is no number.
BARE_IMAGES = {"made": "made::text || 'Z'", "raw": "encode(raw, 'base64')",
               "seen": """to_char(seen AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
               "weight": "weight::numeric::text"}
TYPED = {"id": "integer", "label": "text", "price": "numeric", "weight": "double precision", "sold": "boolean",
         "token": "uuid", "made": "date", "seen": "timestamp with time zone", "raw": "bytea", "note": "text"}
BARE = {"id": "numeric", "label": "text", "price": "numeric", "weight": "numeric", "sold": "boolean", "token": "text",
        "made": "text", "seen": "text", "raw": "text", "note": "text"}


class Formats:
    maxDiff = None
    """A subclass is one way to write the events."""

    prefix, settings, options = None, {}, ""
    types, images = TYPED, {}

    def setUp(self):
        self.database = f"formats_{self.prefix}"
        self.connection = PARTS.source.create_database(self.database)
        self.cursor = self.connection.cursor()
        self.cursor.execute(SCHEMA)

    def tearDown(self):
        PARTS.connect(NEW).delete(self.prefix)
        wait_until(lambda: not PARTS.source.streaming(self.prefix), 30, "the slot stays active")
        self.cursor.execute("SELECT pg_drop_replication_slot(%s)", [self.prefix])

    def test_reaches_metadb(self):
        self.cursor.execute(f"INSERT INTO parts VALUES {', '.join(ROWS)}")
        config = own_slot(new_connector(PARTS.source, self.database, self.prefix), self.prefix)
        PARTS.connect(NEW).create(self.prefix, {**config, **KEEP_NULLS, **self.settings})
        self.metadb = PARTS.new_metadb_on_backing()
        self.metadb.psql(f"""CREATE DATA SOURCE {self.prefix} TYPE kafka OPTIONS (brokers '{PARTS.kafka.bootstrap}',
            security 'plaintext', topics '^{self.prefix}\\.', consumer_group '{self.prefix}',
            schema_stop_filter 'admin' {self.options})""")
        wait_until(lambda: PARTS.source.streaming(self.prefix), 60, "the connector does not stream")
        self.agree()
        # The long note does not change: it is not sent.
        self.cursor.execute("UPDATE parts SET label = 'changed', price = 12345678.9 WHERE id = 1")
        self.cursor.execute("DELETE FROM parts WHERE id = 2")
        self.cursor.execute("INSERT INTO parts (id, label, price) VALUES (2, 'again', 1), (5, 'new', 0)")
        self.cursor.execute("UPDATE parts SET id = 6 WHERE id = 9007")
        self.cursor.execute("DELETE FROM parts WHERE id = 5")
        self.agree()
        self.assertEqual(self.types_here(), self.types)
        versions = self.metadb.query("SELECT id::text, label FROM public.parts__ WHERE NOT __current "
                                     "ORDER BY id, __start")
        self.assertEqual(versions, [("1", 'a "b" \\ c'), ("2", ""), ("5", "new"), ("9007", None)])
        self.metadb.stop()

    def agree(self):
        await_kafka(PARTS.source, self.connection, self.prefix)
        await_tables(PARTS.kafka, self.metadb, self.prefix, [f"{self.prefix}.public.parts"])
        self.assertEqual(self.metadb.query("SELECT topic, error FROM metadb.dead_letter"), [])
        for name in self.types:
            self.cursor.execute(f"SELECT id::text, {self.images.get(name, name + '::text')} FROM parts ORDER BY id")
            found = self.metadb.query(f"SELECT id::text, {name}::text FROM public.parts ORDER BY id")
            self.assertEqual(found, self.cursor.fetchall(), name)

    def types_here(self):
        return dict(self.metadb.query(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'public.parts'::regclass "
            "AND attnum > 0 AND attname NOT LIKE '\\_\\_%%'"))


class Schemaless(Formats, unittest.TestCase):
    prefix, settings, types, images = "formats_schemaless", SCHEMALESS, BARE, BARE_IMAGES


class Flattened(Formats, unittest.TestCase):
    """The defaults of the transform: a delete is a tombstone."""
    prefix, settings, options = "formats_flattened", UNWRAP, ", events 'flattened'"


class FlattenedRewritten(Formats, unittest.TestCase):
    """Deletes as rows with __deleted, followed by a tombstone."""
    prefix, options = "formats_rewritten", ", events 'flattened'"
    settings = {**UNWRAP, "transforms.unwrap.delete.tombstone.handling.mode": "rewrite-with-tombstone"}


class FlattenedSchemaless(Formats, unittest.TestCase):
    prefix, options = "formats_bare_rows", ", events 'flattened'"
    settings, types, images = {**UNWRAP, **SCHEMALESS}, BARE, BARE_IMAGES
