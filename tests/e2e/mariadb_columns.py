"""A table of MariaDB with a column of every type, its rows, and what becomes of them here."""

import collections

# The source's type, the type here, the source's value as it is printed here, and a value for each row.
Column = collections.namedtuple("Column", "kind here image values")

PLAIN = "CAST({0} AS CHAR)"
TRUTH = "IF({0} IS NULL, NULL, IF({0}, 'true', 'false'))"
DOUBLE = "CAST({0} AS DOUBLE)"
HEX = "CONCAT('\\\\x', LOWER(HEX({0})))"
# Zeros at the end of a fraction are not printed.
TIMES = "IF({0} LIKE '%.%', TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {0})), CAST({0} AS CHAR))"
INSTANTS = f"CONCAT({TIMES}, '+00')"
# A point with an SRID is the text of what the connector sends.
STRUCT = """IF(ST_SRID({0}) = 0, '(1,2)', CONCAT(
    '{{"x":1.0,"y":2.0,"wkb":"', TO_BASE64(ST_AsBinary({0})), '","srid":', ST_SRID({0}), '}}'))"""
# Of other geometries the SRID is in the bytes.
EXTENDED = """CONCAT('\\\\x', LOWER(IF(ST_SRID({0}) = 0, HEX(ST_AsBinary({0})), CONCAT(
    SUBSTR(HEX(ST_AsBinary({0})), 1, 8), '20', HEX(REVERSE(UNHEX(LPAD(HEX(ST_SRID({0})), 8, '0')))),
    SUBSTR(HEX(ST_AsBinary({0})), 11)))))"""


def plain(kind, here, *values):
    return Column(kind, here, PLAIN, values)


def same(kind, *values):
    return plain(kind, kind, *values)


def texts(kind, *values):
    return plain(kind, "text", *values)


def floats(kind, here, *values):
    return Column(kind, here, DOUBLE, values)


def blobs(kind, *values):
    return Column(kind, "bytea", HEX, values)


def bits(length, *values):
    return Column(f"bit({length})", f"bit({length})", f"LPAD(CONV({{0}} + 0, 10, 2), {length}, '0')", values)


def dates(kind, here, *values):
    return Column(kind, here, TIMES, values)


def moments(kind, *values):
    return dates(kind, "timestamp without time zone", *values)


def instants(kind, *values):
    return Column(kind, "timestamp with time zone", INSTANTS, values)


def shapes(kind, *values):
    return Column(kind, "bytea", EXTENDED, [f"ST_GeomFromText({value})" for value in values])


COLUMNS = {
    "flag": plain("tinyint(1)", "smallint", "1", "0", "127"),
    "tiny": plain("tinyint", "smallint", "-128", "127", "0"),
    "small": same("smallint", "-32768", "32767", "0"),
    "medium": plain("mediumint", "integer", "-8388608", "8388607", "0"),
    "whole": plain("int", "integer", "-2147483648", "2147483647", "0"),
    "large": same("bigint", "-9223372036854775808", "9223372036854775807", "9007199254740993"),
    "tiny_u": plain("tinyint unsigned", "smallint", "255", "0", "128"),
    "small_u": plain("smallint unsigned", "integer", "65535", "0", "32768"),
    "medium_u": plain("mediumint unsigned", "integer", "16777215", "0", "8388608"),
    "whole_u": plain("int unsigned", "bigint", "4294967295", "0", "2147483648"),
    "large_u": plain("bigint unsigned", "numeric", "18446744073709551615", "0", "9223372036854775808"),
    "filled": Column("int(7) zerofill", "bigint", "CAST({0} + 0 AS CHAR)", ["42", "0", "4294967295"]),
    "exact": plain("decimal(12,3)", "numeric", "-123.450", "0", "999999999.999"),
    "exact_u": plain("decimal(12,3) unsigned", "numeric", "123.450", "0", "999999999.999"),
    "huge": plain("decimal(65,30)", "numeric", "-0.000000000000000000000000000001", "0",
                  "99999999999999999999999999999999999.999999999999999999999999999999"),
    "single": floats("float", "real", "-123.456", "3.40282e38", "1.17549e-38"),
    "double_number": floats("double", "double precision", "0.1", "-1.7976931348623157e308", "2.2250738585072014e-308"),
    "words": texts("text", "'quote \\' \" back \\\\ tab \\t'", "''", "'Grüße 日本 🐘'"),
    "short": texts("varchar(20)", "'a  '", "''", "'b'"),
    "padded": texts("char(5)", "'ab'", "''", "'abcde'"),
    "latin": texts("varchar(20) CHARACTER SET latin1", "'Grüße €'", "''", "'ÿ'"),
    "tiny_words": texts("tinytext", "'a'", "''", "REPEAT('x', 255)"),
    "long_words": texts("longtext", "REPEAT('long ', 20000)", "''", "'b'"),
    "feeling": texts("enum('sad','so so','fi\\'ne')", "'sad'", "'so so'", "'fi\\'ne'"),
    "days": texts("set('mo','tu','we')", "'mo,we'", "''", "'tu'"),
    "raw": blobs("binary(4)", "x'00FF0102'", "x'01'", "x''"),
    "some_raw": blobs("varbinary(10)", "x'000102FF'", "x''", "x'5C00'"),
    "tiny_blob": blobs("tinyblob", "x'00'", "x''", "x'FF'"),
    "blobs": blobs("blob", "REPEAT(x'00FF', 10000)", "x''", "'text'"),
    "day": dates("date", "date", "'2016-11-04'", "'1000-01-01'", "'9999-12-31'"),
    "at": dates("time", "time without time zone", "'23:59:59'", "'00:00:00'", "'12:34:56'"),
    "at_us": dates("time(6)", "time without time zone", "'23:59:59.999999'", "'00:00:00.000001'", "'12:34:56.5'"),
    "late": dates("time", "text", "'838:59:59'", "'24:00:00'", "'12:00:00'"),
    "late_us": dates("time(6)", "text", "'838:59:59.999999'", "'24:00:00.5'", "'23:59:59.999999'"),
    "early": dates("time", "text", "'-838:59:59'", "'-00:00:01'", "'00:00:00'"),
    "early_us": dates("time(6)", "text", "'-838:59:59.999999'", "'-00:00:00.000001'", "'-12:34:56.1'"),
    "moment": moments("datetime", "'2016-11-04 13:51:30'", "'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'"),
    "moment_ms": moments("datetime(3)", "'2016-11-04 13:51:30.12'", "'1000-01-01 00:00:00.001'",
                         "'9999-12-31 23:59:59.999'"),
    "moment_us": moments("datetime(6)", "'2016-11-04 13:51:30.123456'", "'1000-01-01 00:00:00.000001'",
                         "'9999-12-31 23:59:59.999999'"),
    # Two instants of an hour that a zone with summer time would have twice.
    "instant": instants("timestamp NULL", "'2016-10-30 00:30:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"),
    "instant_us": instants("timestamp(6) NULL", "'2016-10-30 01:30:00.123456'", "'1970-01-01 00:00:01.000001'",
                           "'2038-01-19 03:14:07.999999'"),
    "made": plain("year", "integer", "1901", "2155", "2000"),
    "one_bit": Column("bit(1)", "boolean", TRUTH, ["1", "0", "1"]),
    "bits": bits(12, "b'000100000101'", "0", "b'111111111111'"),
    "wide_bits": bits(64, "0x8000000000000001", "0", "~0"),
    # MariaDB's JSON is a longtext.
    "document": texts("json", "'{\"b\": 1.0,  \"a\": [1, null]}'", "'null'", "'\"x\"'"),
    "spot": Column("point", "point", "CONCAT('(', ST_X({0}), ',', ST_Y({0}), ')')",
                   ["POINT(1, 1.5)", "POINT(-0.1, 0)", "POINT(123456.75, -0.5)"]),
    "far_spot": Column("point", "text", STRUCT, ["ST_GeomFromText('POINT(1 2)', 4326)", "POINT(1, 2)", "NULL"]),
    "shape": shapes("geometry", "'POINT(1 2)', 4326", "'LINESTRING(0 0, 1 1.5)'",
                    "'POLYGON((0 0,0 1,1 1,1 0,0 0))', 3857"),
    "track": shapes("linestring", "'LINESTRING(0 0, 1 1.5)'", "'LINESTRING(1 2, 3 4, 5 6)', 4326",
                    "'LINESTRING(-1e300 0, 1 1)'"),
    "area": shapes("polygon", "'POLYGON((0 0,0 1,1 1,1 0,0 0))'", "'POLYGON((0 0,0 3,3 3,0 0),(1 1,1 2,2 2,1 1))'",
                   "'POLYGON((0 0,0 1,1 1,0 0))', 4326"),
    "spots": shapes("multipoint", "'MULTIPOINT(0 0, 1 1)'", "'MULTIPOINT(1 2)'", "'MULTIPOINT(1 2, 3 4)', 4326"),
    "group_of": shapes("geometrycollection", "'GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))'",
                       "'GEOMETRYCOLLECTION(POINT(1 2))', 4326", "'GEOMETRYCOLLECTION EMPTY'"),
}
# As binary.handling.mode=hex and time.precision.mode=isostring send them, which knows no time beyond a day, and a
# converter.
OTHER_COLUMNS = {
    **{name: column._replace(here="text", image="LOWER(HEX({0}))")
       for name, column in COLUMNS.items() if column.image == HEX},
    **{name: column._replace(here="time without time zone", image=f"""CASE WHEN {{0}} = '24:00:00' THEN '00:00:00'
           WHEN {{0}} >= '00:00:00' AND {{0}} < '24:00:00' THEN {TIMES} END""")
       for name, column in COLUMNS.items() if column.kind in ("time", "time(6)")},
    "flag": COLUMNS["flag"]._replace(here="boolean", image=TRUTH),
}
# More values for some of them, one a row.
EXTREMES = {
    "double_number": ["123456789012345.67", "5e-324", "-0.0"],
    "exact": ["-0.001", "0.001"],
    "words": ["'\\r\\n'", "'null'"],
    "padded": ["'  a'"],
    "feeling": ["''"],
    "raw": ["x'00000000'", "x'01000000'"],
    "day": ["'0001-01-01'", "'0099-12-31'", "'1582-10-10'"],
    "at": ["'24:00:00'"],
    "moment": ["'0001-01-01 00:00:00'", "'0099-12-31 23:59:59'"],
    "moment_us": ["'0001-01-01 00:00:00.000001'", "'0099-12-31 23:59:59.999999'"],
    "document": ["'[1.00, 1e400, {\"a\": 1, \"a\": 2}]'"],
}


def insert_extremes(table, number):
    """Rows from that number on, until each column has had its values."""
    out = []
    for row in range(max(map(len, EXTREMES.values()))):
        these = {name: mine[row] for name, mine in EXTREMES.items() if row < len(mine)}
        out.append(f"INSERT INTO {table} (id, {', '.join(these)}) VALUES ({number + row}, {', '.join(these.values())})")
    return out


# What the connector makes another value of: type, value, what comes of it by the snapshot and by the stream.
ZERO, ZERO_MOMENT = "'0000-00-00'", "'0000-00-00 00:00:00'"
CHANGED = {
    "zero_day": ("date", ZERO, None, None),
    "zero_moment": ("datetime", ZERO_MOMENT, None, None),
    "zero_instant": ("timestamp NULL", ZERO_MOMENT, None, None),
    "no_month": ("date", "'2016-00-00'", None, None),
    "needed_day": ("date NOT NULL", ZERO, "1970-01-01", "1970-01-01"),
    "needed_moment": ("datetime NOT NULL", ZERO_MOMENT, "1970-01-01 00:00:00", "1970-01-01 00:00:00"),
    "needed_moment_us": ("datetime(6) NOT NULL", ZERO_MOMENT, "1970-01-01 00:00:00", "1970-01-01 00:00:00"),
    "needed_instant": ("timestamp NOT NULL DEFAULT 0", ZERO_MOMENT, "1970-01-01 00:00:00+00", "1970-01-01 00:00:00+00"),
    "no_year": ("year", "0", "2000", "1900"),
    "missing_day": ("datetime", "'1582-10-10'", "1582-10-20 00:00:00", "1582-10-10 00:00:00"),
    "single": ("float", "1.23456789", "1.23457", "1.2345679"),
    "nul": ("varchar(9)", "'a\\0b'", "a\ufffdb", "a\ufffdb"),
}


def create(table):
    columns = ", ".join(f"{name} {column.kind}" for name, column in COLUMNS.items())
    return f"CREATE TABLE {table} (id int PRIMARY KEY, {columns})"


def insert(table, number, row):
    values = ", ".join(column.values[row] for column in COLUMNS.values())
    return f"INSERT INTO {table} VALUES ({number}, {values})"


def images(columns):
    """One expression for each column: the source's value as it is printed here."""
    return ", ".join(column.image.format(name) for name, column in columns.items())


def is_float(column):
    return column.image == DOUBLE


def create_changed(table):
    columns = ", ".join(f"{name} {kind}" for name, (kind, *_) in CHANGED.items())
    return f"CREATE TABLE {table} (id int PRIMARY KEY, {columns})"


def insert_changed(table, number):
    return f"INSERT INTO {table} VALUES ({number}, {', '.join(value for _, value, *_ in CHANGED.values())})"
