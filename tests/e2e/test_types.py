"""Every type of PostgreSQL through a real connector, in the settings that change how it is sent.

The source and metadb are compared by SQL, value by value; the type that each column gets is that of docs/types.md.
"""

import collections
import itertools
import unittest

from catching_up import await_kafka, await_tables
from connect import KEEP_NULLS, MIDDLE, NEW, OLD, new_connector, own_slot, page_connector
from parts import PARTS
from processes import wait_until
from type_columns import COLUMNS, EXTENSIONS, EXTREMES, SCHEMA, STREAMED, insert, insert_each

DATABASE = "alltypes"

# As format_type() prints them: what the source's type becomes where it is not the same.
KEPT_AS = {
    "oid": "bigint", "money": "numeric", "mood": "text", "positive": "integer", "amount": "numeric", "name": "text",
    '"char"': "text", "bit(1)": "boolean", "character varying": "text", "character": "text",
    "character varying[]": "text[]", "mood[]": "text[]",
}
# Told from text, or from geometries, by the name of the source's type alone.
NAMED = ["inet", "cidr", "macaddr", "macaddr8", "int4range", "int8range", "numrange", "daterange", "tsrange",
         "tstzrange", "citext", "isbn", "box", "lseg", "path", "polygon"]
NAMED_ARRAYS = ["cidr[]", "macaddr[]", "macaddr8[]", "int4range[]", "int8range[]", "numrange[]", "daterange[]",
                "tsrange[]", "tstzrange[]"]
# Not sent without this setting.
UNKNOWN = {"query", "multi", "lsn", "jpath"}
# A name comes with the snapshot, and without that setting not from the stream.
UNSENT = UNKNOWN | {"called"}
KNOW_ALL = {"include.unknown.datatypes": "true"}

# Where the backing database lacks the extensions.
WITHOUT_TYPES = {"loose": "text", "looses": "text[]", "path": "text", "paths": "text[]", "book": "text",
                 "pairs": "jsonb", "more_pairs": "jsonb[]", "shape": "bytea", "place": "bytea", "shapes": "bytea[]",
                 "places": "bytea[]"}
WITHOUT_IMAGES = {
    "pairs": "pairs::jsonb::text", "more_pairs": "more_pairs::jsonb[]::text", "shape": "ST_AsEWKB(shape)::text",
    "place": "ST_AsEWKB(place::geometry)::text",
    "shapes": "CASE WHEN shapes IS NOT NULL THEN ARRAY(SELECT ST_AsEWKB(s) FROM unnest(shapes) s)::text END",
    "places": "CASE WHEN places IS NOT NULL THEN ARRAY(SELECT ST_AsEWKB(p::geometry) FROM unnest(places) p)::text END"}


def printed(name):
    """As the type's own output is, where the cast to text differs."""
    return f"CASE WHEN {name} IS NOT NULL THEN concat({name}) END"


def each(name, element):
    """An array of that of its elements e."""
    return (f"CASE WHEN {name} IS NOT NULL THEN ARRAY(SELECT {element} FROM unnest({name}) WITH ORDINALITY u(e, n) "
            "ORDER BY n)::text END")


def without_nan(image):
    """The connector sends NULL for a numeric[] with a NaN in it."""
    return f"CASE WHEN 'NaN' = ANY (exacts) THEN NULL ELSE {image} END"


# What the source's value is here: money has a sign of its currency there.
IMAGES = {"padded": printed("padded"),
          "cash": "cash::numeric::text", "number": "number::text", "one_bit": "(one_bit = B'1')::boolean::text",
          "at_zone": "(at_zone AT TIME ZONE 'UTC')::text", "few_bits": "ltrim(few_bits::text, '0')",
          "times": each("times", "date_trunc('milliseconds', e)::time"), "exacts": without_nan("exacts::text")}


def unlike(connection, metadb, table, columns, images):
    """By column, the pairs of rows in which it differs."""
    out = {}
    for name in columns:
        wanted = connection.cursor()
        wanted.execute(f"SELECT id, {images.get(name, IMAGES.get(name, f'{name}::text'))} FROM everything ORDER BY id")
        found = metadb.query(f"SELECT id, {name}::text FROM {table} ORDER BY id")
        for expected, actual in itertools.zip_longest(wanted.fetchall(), found):
            if expected != actual:
                out.setdefault(name, []).append((expected, actual))
    return out


def described(differences):
    return "source and metadb differ: " + "".join(f"\n{name}: {pairs}" for name, pairs in sorted(differences.items()))


def types_here(metadb, table, left_out):
    return {name: kind for name, kind in metadb.query(
        f"SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '{table}'::regclass "
        "AND attnum > 0 AND attname NOT LIKE '\\_\\_%%' AND attname <> 'id'") if name not in left_out}


def expected_types(connection, types, left_out):
    cursor = connection.cursor()
    cursor.execute("SELECT attname, format_type(atttypid, CASE WHEN atttypid = 'bit'::regtype THEN atttypmod END) "
                   "FROM pg_attribute WHERE attrelid = 'everything'::regclass AND attnum > 1")
    return {name: types.get(name, KEPT_AS.get(kind, kind)) for name, kind in cursor.fetchall() if name not in left_out}


def fill(connection, extremes):
    """What the snapshot has."""
    cursor = connection.cursor()
    for number in (1, 2, 3):
        cursor.execute(insert(number, number - 1))
    cursor.execute("INSERT INTO everything (id) VALUES (4)")
    for statement in insert_each(100, extremes):
        cursor.execute(statement)


def change(connection, extremes):
    """What is streamed."""
    cursor = connection.cursor()
    for number in (5, 6, 7):
        cursor.execute(insert(number, number - 5))
    cursor.execute("INSERT INTO everything (id) VALUES (8)")
    for statement in insert_each(200, extremes) + insert_each(300, STREAMED):
        cursor.execute(statement)
    row = ", ".join(f"{name} = {values[0]}" for name, (_, values) in COLUMNS.items())
    cursor.execute(f"UPDATE everything SET {row} WHERE id IN (2, 4)")
    cursor.execute("UPDATE everything SET words = 'changed' WHERE id = 3")
    cursor.execute("DELETE FROM everything WHERE id = 1")


def create_source(metadb, prefix, options=""):
    metadb.psql(f"""CREATE DATA SOURCE {prefix} TYPE kafka OPTIONS (brokers '{PARTS.kafka.bootstrap}',
        security 'plaintext', topics '^{prefix}\\.', consumer_group '{prefix}', schema_stop_filter 'admin'
        {options})""")


def drop_connector(connection, generation, prefix):
    PARTS.connect(generation).delete(prefix)
    wait_until(lambda: not PARTS.source.streaming(prefix), 30, "the slot stays active")
    connection.cursor().execute("SELECT pg_drop_replication_slot(%s)", [prefix])


class Types:
    maxDiff = None
    """A subclass is one connector: its generation, its settings, and what they change."""

    generation, prefix, settings = NEW, None, {}
    options = ""    # of the data source
    types = {}      # column: type here, where the settings make another one
    images = {}     # column: what the source's value is here
    left_out = UNSENT  # columns that the connector does not send, or not as they are
    extensions = EXTENSIONS  # of the backing database
    extremes = EXTREMES

    def setUp(self):
        self.connection = PARTS.source.create_database(f"{DATABASE}_{self.prefix}")
        self.connection.cursor().execute(SCHEMA)

    def tearDown(self):
        drop_connector(self.connection, self.generation, self.prefix)

    def connector(self):
        make = page_connector if self.generation == OLD else new_connector
        config = make(PARTS.source, f"{DATABASE}_{self.prefix}", self.prefix)
        return {**own_slot(config, self.prefix), **KEEP_NULLS, **self.settings}

    def test_reaches_metadb_exactly(self):
        fill(self.connection, self.extremes)
        PARTS.connect(self.generation).create(self.prefix, self.connector())
        self.metadb = PARTS.new_metadb_on_backing(self.extensions)
        create_source(self.metadb, self.prefix, self.options)
        wait_until(lambda: PARTS.source.streaming(self.prefix), 60, "the connector does not stream")
        with self.subTest("snapshot"):
            self.agree()
        with self.subTest("types"):
            self.assertEqual(types_here(self.metadb, "public.everything", self.left_out),
                             expected_types(self.connection, self.types, self.left_out))
        with self.subTest("changes"):
            change(self.connection, self.extremes)
            self.agree()
        self.metadb.stop()

    def agree(self):
        await_kafka(PARTS.source, self.connection, self.prefix)
        await_tables(PARTS.kafka, self.metadb, self.prefix, [f"{self.prefix}.public.everything"])
        self.assertEqual(self.metadb.query("SELECT topic, error FROM metadb.dead_letter"), [])
        there = types_here(self.metadb, "public.everything", self.left_out)
        differences = unlike(self.connection, self.metadb, "public.everything", COLUMNS.keys() & there.keys(),
                             self.images)
        self.assertEqual(differences, {}, described(differences))


PROPAGATED = {"column.propagate.source.type": ".*", "interval.handling.mode": "string"}
# What the connector makes of 24:00.
AS_MIDNIGHT = {name: f"replace({name}::text, '24:00:00', '00:00:00')" for name in ("at", "at_ms")}
AS_NULL = {name: f"nullif({name}::text, '24:00:00')" for name in ("at", "at_ms")}
# Without the source's type.
UNNAMED_TYPES = {"binary_document": "json", "documents": "json[]", "addresses": "text[]", "looses": "text[]",
                 "few_bits": "bit(8)",
                 **{name: "text[]" for name, (kind, _) in COLUMNS.items() if kind in NAMED_ARRAYS},
                 **{name: "text" for name, (kind, _) in COLUMNS.items() if kind in NAMED}}
UNNAMED_IMAGES = {"address": printed("address"), "few_bits": "lpad(few_bits::text, 8, '0')"}
# interval.handling.mode=numeric: a month has 30.4375 days.
MICROSECONDS = """(
    ((extract(year FROM span) * 12 + extract(month FROM span)) * 30.4375 + extract(day FROM span)) * 86400
    + extract(hour FROM span) * 3600 + extract(minute FROM span) * 60 + extract(second FROM span)) * interval '1 s'"""
SPAN_IN_MICROSECONDS = {"span": f"({MICROSECONDS})::text"}


def finite(name, wrong="NULL"):
    """decimal.handling.mode=precise has no NaN and no infinities."""
    return f"CASE WHEN {name} IN ('NaN', 'Infinity', '-Infinity') THEN {wrong} ELSE {name}::text END"


# Before Debezium 3.
IN_SECONDS = {"times_zone": each("times_zone", "date_trunc('second', e::time)::time::timetz")}
# decimal.handling.mode=string: of a domain the propagated type is the domain.
DOMAIN_AS_TEXT = {"own_amount": "text"}
DOMAIN_IMAGE = {"own_amount": "CASE WHEN own_amount = 'NaN' THEN 'NAN' ELSE own_amount::text END"}
PRECISE = {name: finite(name) for name in ("free", "exact", "own_amount")}


class Propagated(Types, unittest.TestCase):
    prefix, settings, images = "types_propagated", PROPAGATED, PRECISE


class Unnamed(Types, unittest.TestCase):
    """Interval as microseconds, as the connector does it by default."""
    prefix, settings = "types_unnamed", {"hstore.handling.mode": "map"}
    types, images = UNNAMED_TYPES, {**UNNAMED_IMAGES, **SPAN_IN_MICROSECONDS, **PRECISE}


class Strings(Types, unittest.TestCase):
    """Into a database without extensions, as the next."""
    prefix, extensions = "types_strings", []
    settings = {**PROPAGATED, "decimal.handling.mode": "string", "time.precision.mode": "isostring"}
    types = {**WITHOUT_TYPES, **DOMAIN_AS_TEXT}
    images = {**AS_MIDNIGHT, **WITHOUT_IMAGES, **DOMAIN_IMAGE}


class Microseconds(Types, unittest.TestCase):
    prefix, extensions = "types_microseconds", []
    settings = {**PROPAGATED, "time.precision.mode": "microseconds", "hstore.handling.mode": "map"}
    types, images = WITHOUT_TYPES, {**WITHOUT_IMAGES, **PRECISE}


class Structured(Types, unittest.TestCase):
    prefix = "types_structured"
    settings = {**PROPAGATED, **KNOW_ALL, "time.precision.mode": "structured"}
    images, left_out = {**AS_NULL, **PRECISE, "at_zone": "at_zone::text"}, set()


class Debezium27(Types, unittest.TestCase):
    generation, prefix, settings = MIDDLE, "types_middle", {**PROPAGATED, **KNOW_ALL}
    images = {**PRECISE, **IN_SECONDS}
    left_out = {"raws", "path"}

    @classmethod
    def tearDownClass(cls):
        PARTS.retire(MIDDLE)


class Debezium19(Types, unittest.TestCase):
    generation, prefix, settings = OLD, "types_old", {**PROPAGATED, **KNOW_ALL}
    images = {**PRECISE, **IN_SECONDS}
    extremes = {name: values for name, values in EXTREMES.items() if name != "free"}  # infinities stop it
    left_out = {"raws", "path"}  # not sent; NULL from the stream

    @classmethod
    def tearDownClass(cls):
        PARTS.retire(OLD)


# One of the connectors that feed a server side by side.
Mode = collections.namedtuple("Mode", "prefix settings options types images")
IN_DOUBLES = {name: f"{name}::numeric::double precision::text"
              for name in ("exact", "rounded", "free", "own_amount", "cash")}
IN_DOUBLES["exacts"] = without_nan("exacts::double precision[]::text")
IN_MILLISECONDS = {
    **{name: f"date_trunc('milliseconds', {name})::text" for name in ("moment", "moment_ms")},
    **{name: f"CASE {name} WHEN '24:00:00' THEN {name} ELSE date_trunc('milliseconds', {name})::time END::text"
       for name in ("at", "at_ms")},
    "moments": each("moments", "date_trunc('milliseconds', e)"),
}
# What 64 bits of nanoseconds hold.
NANOSECONDS = ("CASE WHEN {0} BETWEEN '1677-09-21 00:12:43.2' AND '2262-04-11 23:47:16.8' OR NOT isfinite({0}) "
               "THEN {0} END")
IN_NANOSECONDS = {**{name: f"({NANOSECONDS.format(name)})::text" for name in ("moment", "moment_ms")},
                  "moments": each("moments", NANOSECONDS.format("e"))}
MODES = [
    Mode("modes_rounded",
         {"column.propagate.source.type": ".*", "decimal.handling.mode": "double", "time.precision.mode": "connect",
          "binary.handling.mode": "base64"},
         ", binary_handling_mode 'base64'",
         {**{name: "double precision" for name in IN_DOUBLES}, "exacts": "double precision[]"},
         {**IN_DOUBLES, **IN_MILLISECONDS, **SPAN_IN_MICROSECONDS}),
    Mode("modes_exact",
         {**PROPAGATED, "decimal.handling.mode": "string", "time.precision.mode": "adaptive_time_microseconds",
          "binary.handling.mode": "base64-url-safe"},
         ", binary_handling_mode 'base64-url-safe'", DOMAIN_AS_TEXT, DOMAIN_IMAGE),
    Mode("modes_fine",
         {**PROPAGATED, "time.precision.mode": "nanoseconds", "binary.handling.mode": "hex",
          "value.converter": "org.apache.kafka.connect.json.JsonConverter",
          "value.converter.decimal.format": "NUMERIC"},
         ", binary_handling_mode 'hex'", {}, {**IN_NANOSECONDS, **PRECISE}),
]


class Modes(unittest.TestCase):
    """The other settings, three at a time: of one table, into one server."""
    maxDiff = None

    def setUp(self):
        self.database = f"{DATABASE}_modes"
        self.connection = PARTS.source.create_database(self.database)
        self.connection.cursor().execute(SCHEMA)

    def tearDown(self):
        for mode in MODES:
            drop_connector(self.connection, NEW, mode.prefix)

    def test_reach_metadb_exactly(self):
        fill(self.connection, EXTREMES)
        self.metadb = PARTS.new_metadb_on_backing(EXTENSIONS)
        for mode in MODES:
            config = own_slot(new_connector(PARTS.source, self.database, mode.prefix), mode.prefix)
            PARTS.connect(NEW).create(mode.prefix, {
                **config, "value.converter.replace.null.with.default": "false", **mode.settings})
            create_source(self.metadb, mode.prefix, f", add_schema_prefix '{mode.prefix}_' {mode.options}")
        for mode in MODES:
            wait_until(lambda prefix=mode.prefix: PARTS.source.streaming(prefix), 60, "the connector does not stream")
        self.agree("snapshot")
        for mode in MODES:
            with self.subTest("types", mode=mode.prefix):
                self.assertEqual(types_here(self.metadb, f"{mode.prefix}_public.everything", UNSENT),
                                 expected_types(self.connection, mode.types, UNSENT))
        change(self.connection, EXTREMES)
        self.agree("changes")
        self.metadb.stop()

    def agree(self, what):
        for mode in MODES:
            await_kafka(PARTS.source, self.connection, mode.prefix)
            await_tables(PARTS.kafka, self.metadb, mode.prefix, [f"{mode.prefix}.public.everything"])
        self.assertEqual(self.metadb.query("SELECT topic, error FROM metadb.dead_letter"), [])
        for mode in MODES:
            with self.subTest(what, mode=mode.prefix):
                table = f"{mode.prefix}_public.everything"
                there = types_here(self.metadb, table, UNSENT)
                differences = unlike(self.connection, self.metadb, table, COLUMNS.keys() & there.keys(), mode.images)
                self.assertEqual(differences, {}, described(differences))
