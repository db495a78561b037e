"""Every type of PostgreSQL through a real connector, in the settings that change how it is sent.

The source and metadb are compared by SQL, value by value; the type that each column gets is that of docs/types.md.
"""

import itertools
import unittest

from catching_up import await_kafka, await_tables
from connect import KEEP_NULLS, MIDDLE, NEW, OLD, new_connector, own_slot, page_connector
from parts import PARTS
from processes import wait_until

DATABASE = "alltypes"

# Column, type in the source, a value in each row. What is not here is in test_page.
COLUMNS = {
    "truth": ("boolean", ["true", "false", "true"]),
    "small": ("smallint", ["-32768", "32767", "0"]),
    "whole": ("integer", ["-2147483648", "2147483647", "0"]),
    "large": ("bigint", ["-9223372036854775808", "9223372036854775807", "9007199254740993"]),
    "number": ("oid", ["4000000000", "0", "1"]),
    "single": ("real", ["'NaN'", "'-Infinity'", "3.4028235e38"]),
    "double": ("double precision", ["'Infinity'", "5e-324", "0.1"]),
    "exact": ("numeric(12,3)", ["-123.450", "0", "999999999.999"]),
    "rounded": ("numeric(5,-2)", ["12300", "-100", "0"]),
    "free": ("numeric", ["12345678901234567890.123456789", "-0.001", "1.5"]),
    "cash": ("money", ["'$1,234.56'", "'-$0.01'", "'$0'"]),
    "words": ("text", ["E'quote \\' \" back \\\\ tab \\t'", "''", "'Grüße 日本 🐘'"]),
    "short": ("varchar(20)", ["'a'", "'b'", "''"]),
    "padded": ("char(5)", ["'ab'", "''", "'abcde'"]),
    "loose": ("citext", ["'Abc'", "'aBC'", "''"]),
    "feeling": ("mood", ["'sad'", "'so so'", "'fine'"]),
    "own": ("positive", ["1", "2", "3"]),
    "raw": ("bytea", ["'\\x000102ff'", "'\\x'", "'\\x5c'"]),
    "one_bit": ("bit(1)", ["B'1'", "B'0'", "B'1'"]),
    "bits": ("bit(20)", ["B'00000000000000000000'", "B'11111111111111111111'", "B'00000000000000000101'"]),
    "some_bits": ("varbit", ["B'101'", "B'1'", "B'10000000000'"]),
    "day": ("date", ["'2016-11-04'", "'0001-01-01'", "'9999-12-31'"]),
    "at": ("time", ["'24:00:00'", "'00:00:00'", "'23:59:59.999999'"]),
    "at_ms": ("time(3)", ["'24:00:00'", "'00:00:00.001'", "'12:34:56.789'"]),
    "moment": ("timestamp", ["'2016-11-04 13:51:30.123456'", "'1969-12-31 23:59:59.999999'", "'2200-01-01 00:00:00'"]),
    "moment_ms": ("timestamp(3)", ["'2016-11-04 13:51:30.123'", "'1969-12-31 23:59:59.999'", "'2200-01-01 00:00:00'"]),
    "instant": ("timestamptz", ["'2016-11-04 13:51:30.123456+02'", "'1969-12-31 23:59:59.999999+00'", "'infinity'"]),
    "at_zone": ("timetz", ["'13:51:30.123456+00'", "'00:00:00+00'", "'23:59:59.999999+00'"]),
    "span": ("interval", ["'1 year 2 months 3 days 4:05:06.78'", "'-1 year -2 days -0:00:01'", "'0'"]),
    "token": ("uuid", ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "'00000000-0000-0000-0000-000000000000'",
                       "'ffffffff-ffff-ffff-ffff-ffffffffffff'"]),
    "document": ("json", ["'{\"b\": 1.0,  \"a\": [1, null]}'", "'null'", "'\"x\"'"]),
    "binary_document": ("jsonb", ["'{\"b\": 1.00, \"a\": 1}'", "'[]'", "'12345678901234567890.5'"]),
    "pairs": ("hstore", ["'k=>v, n=>NULL'", "''", "'\"a b\"=>\"c\\\"d\\\\\", \"\"=>\"Grüße\", n=>\"NULL\"'"]),
    "more_pairs": ("hstore[]", ["ARRAY['k=>v, n=>NULL', NULL, '']::hstore[]", "'{}'", "'{NULL}'"]),
    "markup": ("xml", ["'<a b=\"c\">d</a>'", "'<x/>'", "'text'"]),
    "path": ("ltree", ["'Top.Science'", "''", "'a'"]),
    "paths": ("ltree[]", ["'{Top.Science,b}'", "'{}'", "'{a}'"]),
    "book": ("isbn", ["'0-393-04002-X'", "'978-0-393-04002-9'", "'0393040028!'"]),
    "lexemes": ("tsvector", ["$$'a':1A 'b c':2,3B$$", "''", "$$'it''s'$$"]),
    "query": ("tsquery", ["'a & !b:A*'", "''", "$$'b c' <-> d$$"]),
    "multi": ("int4multirange", ["'{[1,3),[5,7)}'", "'{}'", "'{(,)}'"]),
    "lsn": ("pg_lsn", ["'0/0'", "'FFFFFFFF/FFFFFFFF'", "'16/B374D848'"]),
    "jpath": ("jsonpath", ["'$.a[*] ? (@ > 1.0)'", "'$'", "'strict $.\"b c\"'"]),
    "address": ("inet", ["'10.0.0.1'", "'10.1.2.3/8'", "'fe80::1/64'"]),
    "network": ("cidr", ["'10.0.0.0/8'", "'::/0'", "'192.168.0.1/32'"]),
    "mac": ("macaddr", ["'08:00:2b:01:02:03'", "'ff:ff:ff:ff:ff:ff'", "'00:00:00:00:00:00'"]),
    "mac8": ("macaddr8", ["'08:00:2b:01:02:03:04:05'", "'ff:ff:ff:ff:ff:ff:ff:ff'", "'00:00:00:00:00:00:00:00'"]),
    "range4": ("int4range", ["'[1000,6000)'", "'empty'", "'(,)'"]),
    "range8": ("int8range", ["'[-9223372036854775808,9223372036854775807)'", "'empty'", "'(,5)'"]),
    "range_n": ("numrange", ["'[1.50,2]'", "'(,0.1)'", "'empty'"]),
    "range_d": ("daterange", ["'[2019-01-01,infinity)'", "'[2019-01-01,2020-01-01)'", "'empty'"]),
    "range_t": ("tsrange", ["'[2019-03-31 15:30:00,infinity]'", "'(,2019-03-31 15:30:00.000001)'", "'empty'"]),
    "range_z": ("tstzrange", ["'[2019-03-31 15:30:00+02,infinity)'", "'empty'", "'(,)'"]),
    "spot": ("point", ["'(1,1.5)'", "'(-0.1,1e300)'", "'(0,0)'"]),
    "straight": ("line", ["'{1,-1,0.1}'", "'{0,1e300,0}'", "'{-1,0,0}'"]),
    "round": ("circle", ["'<(1,2),0.1>'", "'<(0,0),0>'", "'<(-1e300,1),5>'"]),
    "square": ("box", ["'(3,4),(1,2)'", "'(0,0),(0,0)'", "'(-1,0.1),(1e300,-1e-300)'"]),
    "stretch": ("lseg", ["'[(1,2),(3,4)]'", "'[(3,4),(1,2)]'", "'[(0,0),(-1e300,0.1)]'"]),
    "track": ("path", ["'[(1,2),(3,4),(5,0.1)]'", "'((1,2),(3,4),(5,6))'", "'[(1,2),(3,4),(1,2)]'"]),
    "area": ("polygon", ["'((0,0),(0,1),(1,1),(1,0))'", "'((1,2))'", "'((0,0),(0,1),(1e300,1))'"]),
    "shape": ("geometry", ["'SRID=4326;POINT(1 2)'", "'POLYGON((0 0,0 1,1 1,0 0),(0.1 0.2,0.1 0.3,0.2 0.3,0.1 0.2))'",
                           "'SRID=3857;GEOMETRYCOLLECTION Z (POINT Z (1 2 3))'"]),
    "place": ("geography", ["'POINT(-110 30)'", "'SRID=4267;LINESTRING(0 0,1 1)'", "'POINT EMPTY'"]),
    "shapes": ("geometry[]", ["ARRAY['SRID=4326;POINT(1 2)', NULL]::geometry[]", "'{}'", "'{NULL}'"]),
    "smalls": ("smallint[]", ["'{1,-32768,NULL}'", "'{}'", "'{0}'"]),
    "wholes": ("integer[]", ["'{1,2,NULL}'", "'{}'", "'{2147483647}'"]),
    "larges": ("bigint[]", ["'{9007199254740993}'", "'{NULL}'", "'{-9223372036854775808}'"]),
    "truths": ("boolean[]", ["'{t,f,NULL}'", "'{}'", "'{t}'"]),
    "singles": ("real[]", ["'{3.3,NaN}'", "'{}'", "'{0}'"]),
    "doubles": ("double precision[]", ["'{0.1,-Infinity}'", "'{}'", "'{0}'"]),
    "exacts": ("numeric(10,2)[]", ["'{123.45,NULL}'", "'{}'", "'{-1.00}'"]),
    "texts": ("text[]", ["E'{a,\"b c\",\"NULL\",NULL,\"\\\\\"\\\\\\\\{},\"}'", "'{}'", "'{\"\"}'"]),
    "looses": ("citext[]", ["'{aB,NULL}'", "'{}'", "'{\"\"}'"]),
    "shorts": ("varchar(5)[]", ["'{a,b}'", "'{}'", "'{NULL}'"]),
    "raws": ("bytea[]", ["'{\"\\\\x0001\",NULL}'", "'{}'", "'{\"\\\\x\"}'"]),
    "days": ("date[]", ["'{2016-11-04,NULL}'", "'{}'", "'{0001-01-01}'"]),
    "moments": ("timestamp[]", ["'{\"2016-11-04 13:51:30.123456\"}'", "'{}'", "'{NULL}'"]),
    "instants": ("timestamptz[]", ["'{\"2016-11-04 13:51:30.123456+02\"}'", "'{}'", "'{NULL}'"]),
    "tokens": ("uuid[]", ["'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'", "'{}'", "'{NULL}'"]),
    "addresses": ("inet[]", ["'{10.0.0.1,::1/64}'", "'{}'", "'{NULL}'"]),
    "documents": ("jsonb[]", ["'{\"{\\\"a\\\": 1.00}\"}'", "'{}'", "'{NULL}'"]),
}
EXTENSIONS = ["citext", "hstore", "isn", "ltree", "postgis"]
EXTEND = " ".join(f"CREATE EXTENSION {name};" for name in EXTENSIONS)
SCHEMA = f"""
{EXTEND}
CREATE TYPE mood AS ENUM ('sad', 'so so', 'fine');
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE TABLE everything (id integer PRIMARY KEY, {', '.join(f'{name} {kind}' for name, (kind, _) in COLUMNS.items())});
"""

# As format_type() prints them: what the source's type becomes where it is not the same.
KEPT_AS = {
    "oid": "bigint", "money": "numeric", "mood": "text", "positive": "integer",
    "bit": "boolean", "bit varying": "bit varying", "character varying": "text", "character": "text",
    "character varying[]": "text[]",
}
# Told from text, or from geometries, by the name of the source's type alone.
NAMED = ["inet", "cidr", "macaddr", "macaddr8", "int4range", "int8range", "numrange", "daterange", "tsrange",
         "tstzrange", "citext", "isbn", "box", "lseg", "path", "polygon"]
# Not sent without this setting.
UNKNOWN = {"query", "multi", "lsn", "jpath"}
KNOW_ALL = {"include.unknown.datatypes": "true"}

# Where the backing database lacks the extensions.
WITHOUT_TYPES = {"loose": "text", "looses": "text[]", "path": "text", "paths": "text[]", "book": "text", "pairs": "jsonb",
                 "more_pairs": "jsonb[]", "shape": "bytea", "place": "bytea", "shapes": "bytea[]"}
WITHOUT_IMAGES = {
    "pairs": "pairs::jsonb::text", "more_pairs": "more_pairs::jsonb[]::text", "shape": "ST_AsEWKB(shape)::text",
    "place": "ST_AsEWKB(place::geometry)::text",
    "shapes": "CASE WHEN shapes IS NOT NULL THEN ARRAY(SELECT ST_AsEWKB(s) FROM unnest(shapes) s)::text END"}


def printed(name):
    """As the type's own output is, where the cast to text differs."""
    return f"CASE WHEN {name} IS NOT NULL THEN concat({name}) END"


# What the source's value is here: money has a sign of its currency there.
IMAGES = {"padded": printed("padded"),
          "cash": "cash::numeric::text", "number": "number::text", "one_bit": "(one_bit = B'1')::boolean::text",
          "bits": "bits::varbit::text"}


def insert(number, row):
    values = ", ".join(values[row] for _, values in COLUMNS.values())
    return f"INSERT INTO everything VALUES ({number}, {values})"


class Types:
    maxDiff = None
    """A subclass is one connector: its generation, its settings, and what they change."""

    generation, prefix, settings = NEW, None, {}
    types = {}      # column: type here, where the settings make another one
    images = {}     # column: what the source's value is here
    left_out = UNKNOWN  # columns that the connector does not send, or not as they are
    extensions = EXTENSIONS  # of the backing database

    def setUp(self):
        self.connection = PARTS.source.create_database(f"{DATABASE}_{self.prefix}")
        self.connection.cursor().execute(SCHEMA)

    def tearDown(self):
        PARTS.connect(self.generation).delete(self.prefix)
        wait_until(lambda: not PARTS.source.streaming(self.prefix), 30, "the slot stays active")
        self.connection.cursor().execute("SELECT pg_drop_replication_slot(%s)", [self.prefix])

    def connector(self):
        make = page_connector if self.generation == OLD else new_connector
        config = make(PARTS.source, f"{DATABASE}_{self.prefix}", self.prefix)
        return {**own_slot(config, self.prefix), **KEEP_NULLS, **self.settings}

    def test_reaches_metadb_exactly(self):
        cursor = self.connection.cursor()
        for number in (1, 2, 3):
            cursor.execute(insert(number, number - 1))
        cursor.execute("INSERT INTO everything (id) VALUES (4)")
        PARTS.connect(self.generation).create(self.prefix, self.connector())
        self.metadb = PARTS.new_metadb_on_backing(self.extensions)
        self.metadb.psql(f"""CREATE DATA SOURCE {self.prefix} TYPE kafka OPTIONS (brokers '{PARTS.kafka.bootstrap}',
            security 'plaintext', topics '^{self.prefix}\\.', consumer_group '{self.prefix}',
            schema_stop_filter 'admin')""")
        wait_until(lambda: PARTS.source.streaming(self.prefix), 60, "the connector does not stream")
        with self.subTest("snapshot"):
            self.agree()
        with self.subTest("types"):
            self.assertEqual(self.types_here(), self.expected_types())
        with self.subTest("changes"):
            for number in (5, 6, 7):
                cursor.execute(insert(number, number - 5))
            cursor.execute("INSERT INTO everything (id) VALUES (8)")
            row = ", ".join(f"{name} = {values[0]}" for name, (_, values) in COLUMNS.items())
            cursor.execute(f"UPDATE everything SET {row} WHERE id IN (2, 4)")
            cursor.execute("UPDATE everything SET words = 'changed' WHERE id = 3")
            cursor.execute("DELETE FROM everything WHERE id = 1")
            self.agree()
        self.metadb.stop()

    def agree(self):
        await_kafka(PARTS.source, self.connection, self.prefix)
        topic = f"{self.prefix}.public.everything"
        await_tables(PARTS.kafka, self.metadb, self.prefix, [topic])
        self.assertEqual(self.metadb.query("SELECT topic, error FROM metadb.dead_letter"), [])
        differences = {}
        there = self.types_here()
        for name in COLUMNS.keys() & there.keys():
            image = self.images.get(name, IMAGES.get(name, f"{name}::text"))
            wanted = self.connection.cursor()
            wanted.execute(f"SELECT id, {image} FROM everything ORDER BY id")
            found = self.metadb.query(f"SELECT id, {name}::text FROM public.everything ORDER BY id")
            for expected, actual in itertools.zip_longest(wanted.fetchall(), found):
                if expected != actual:
                    differences.setdefault(name, []).append((expected, actual))
        self.assertEqual(differences, {}, "source and metadb differ: " + "".join(
            f"\n{name}: {pairs}" for name, pairs in sorted(differences.items())))

    def types_here(self):
        return {name: kind for name, kind in self.metadb.query(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'public.everything'::regclass "
            "AND attnum > 0 AND attname NOT LIKE '\\_\\_%%' AND attname <> 'id'") if name not in self.left_out}

    def expected_types(self):
        cursor = self.connection.cursor()
        cursor.execute("SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
                       "WHERE attrelid = 'everything'::regclass AND attnum > 1")
        sources = dict(cursor.fetchall())
        out = {name: KEPT_AS.get(kind, kind) for name, kind in sources.items()}
        out["bits"] = "bit varying"
        return {name: self.types.get(name, kind) for name, kind in out.items() if name not in self.left_out}


PROPAGATED = {"column.propagate.source.type": ".*", "interval.handling.mode": "string"}
# What the connector makes of 24:00.
AS_MIDNIGHT = {name: f"replace({name}::text, '24:00:00', '00:00:00')" for name in ("at", "at_ms")}
AS_NULL = {name: f"nullif({name}::text, '24:00:00')" for name in ("at", "at_ms")}
# Without the source's type.
UNNAMED_TYPES = {"binary_document": "json", "documents": "json[]", "addresses": "text[]", "looses": "text[]",
                 **{name: "text" for name, (kind, _) in COLUMNS.items() if kind in NAMED}}
UNNAMED_IMAGES = {"address": printed("address")}


class Propagated(Types, unittest.TestCase):
    prefix, settings = "types_propagated", PROPAGATED


class Unnamed(Types, unittest.TestCase):
    """Interval as microseconds, as the connector does it by default."""
    prefix, settings = "types_unnamed", {"hstore.handling.mode": "map"}
    types, images = UNNAMED_TYPES, UNNAMED_IMAGES
    left_out = {"span", *UNKNOWN}


class Strings(Types, unittest.TestCase):
    """Into a database without extensions, as the next."""
    prefix, extensions = "types_strings", []
    settings = {**PROPAGATED, "decimal.handling.mode": "string", "time.precision.mode": "isostring"}
    types, images = WITHOUT_TYPES, {**AS_MIDNIGHT, **WITHOUT_IMAGES}


class Microseconds(Types, unittest.TestCase):
    prefix, extensions = "types_microseconds", []
    settings = {**PROPAGATED, "time.precision.mode": "microseconds", "hstore.handling.mode": "map"}
    types, images = WITHOUT_TYPES, WITHOUT_IMAGES


class Structured(Types, unittest.TestCase):
    prefix = "types_structured"
    settings = {**PROPAGATED, **KNOW_ALL, "time.precision.mode": "structured"}
    images, left_out = AS_NULL, set()


class Debezium27(Types, unittest.TestCase):
    generation, prefix, settings = MIDDLE, "types_middle", {**PROPAGATED, **KNOW_ALL}
    left_out = {"raws", "path"}

    @classmethod
    def tearDownClass(cls):
        PARTS.retire(MIDDLE)


class Debezium19(Types, unittest.TestCase):
    generation, prefix, settings = OLD, "types_old", {**PROPAGATED, **KNOW_ALL}
    left_out = {"raws", "path"}  # not sent; NULL from the stream

    @classmethod
    def tearDownClass(cls):
        PARTS.retire(OLD)
