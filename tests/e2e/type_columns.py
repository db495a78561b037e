"""A table with a column of every type, and its rows."""

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
    "plain_documents": ("json[]", ["'{\"{\\\"b\\\": 1.0,  \\\"a\\\": 1}\",NULL}'", "'{}'", "'{null}'"]),
    "times": ("time[]", ["'{24:00:00,13:51:30.123456,NULL}'", "'{}'", "'{00:00:00}'"]),
    "times_zone": ("timetz[]", ["'{13:51:30.123456+00,NULL}'", "'{}'", "'{00:00:00+00}'"]),
    "networks": ("cidr[]", ["'{10.0.0.0/8,::/0,NULL}'", "'{}'", "'{192.168.0.1/32}'"]),
    "macs": ("macaddr[]", ["'{08:00:2b:01:02:03,NULL}'", "'{}'", "'{ff:ff:ff:ff:ff:ff}'"]),
    "mac8s": ("macaddr8[]", ["'{08:00:2b:01:02:03:04:05,NULL}'", "'{}'", "'{00:00:00:00:00:00:00:00}'"]),
    "ranges4": ("int4range[]", ["'{\"[1,6)\",empty,NULL}'", "'{}'", "'{\"(,)\"}'"]),
    "ranges8": ("int8range[]", ["'{\"[-9223372036854775808,5)\",NULL}'", "'{}'", "'{empty}'"]),
    "ranges_n": ("numrange[]", ["'{\"[1.50,2]\",NULL}'", "'{}'", "'{empty}'"]),
    "ranges_d": ("daterange[]", ["'{\"[2019-01-01,infinity)\",NULL}'", "'{}'", "'{empty}'"]),
    "ranges_t": ("tsrange[]", ["ARRAY['[2019-03-31 15:30:00.000001,infinity]', NULL]::tsrange[]", "'{}'", "'{empty}'"]),
    "ranges_z": ("tstzrange[]", ["ARRAY['[2019-03-31 15:30:00+02,)', NULL]::tstzrange[]", "'{}'", "'{empty}'"]),
    "feelings": ("mood[]", ["'{sad,\"so so\"}'", "'{}'", "'{fine}'"]),
    "places": ("geography[]", ["ARRAY['POINT(-110 30)', NULL]::geography[]", "'{}'", "'{NULL}'"]),
    "called": ("name", ["'a'", "'Größe'", "''"]),
    "letter": ('"char"', ["'a'", "'\"'", "''"]),
    "few_bits": ("varbit(8)", ["B'00101'", "B'0'", "B'11111111'"]),
    "own_amount": ("amount", ["12.50", "-0.01", "0"]),
}
# More values for some of them, one a row.
EXTREMES = {
    "day": ["'infinity'", "'-infinity'", "'12345-06-07'", "'5874897-12-31'"],
    "moment": ["'infinity'", "'-infinity'", "'12345-06-07 08:09:10.123456'", "'294246-12-31 23:59:59.999999'"],
    "moment_ms": ["'infinity'", "'-infinity'", "'12345-06-07 08:09:10.123'"],
    "instant": ["'-infinity'", "'infinity'", "'12345-06-07 08:09:10.123456+00'", "'294276-12-31 23:59:59.999999+00'"],
    "at_zone": ["'23:59:59.999999-05:30'", "'12:00:00+14'"],
    "free": ["'NaN'", "'Infinity'", "'-Infinity'", "9.9e200", "1e-200"],
    "exact": ["'NaN'"],
    "own_amount": ["'NaN'"],
    "exacts": ["'{NaN,1.00}'"],
    "range_n": ["'[NaN,NaN]'", "'[-Infinity,Infinity)'"],
    "days": ["'{infinity,-infinity,12345-06-07}'"],
    "moments": ["'{infinity,-infinity,\"12345-06-07 08:09:10.123456\"}'"],
    "instants": ["'{infinity,-infinity,\"12345-06-07 08:09:10.123456+00\"}'"],
}
# In the snapshot Debezium 3.7 leaves the BC of a date out.
STREAMED = {
    "day": ["'0044-03-15 BC'", "'4714-11-24 BC'"],
    "moment": ["'0044-03-15 01:02:03.000001 BC'", "'4714-11-24 00:00:00 BC'"],
    "moment_ms": ["'0044-03-15 01:02:03.001 BC'", "'4714-11-24 00:00:00 BC'"],
    "instant": ["'0044-03-15 01:02:03.000001+00 BC'", "'4714-11-24 00:00:00+00 BC'"],
    "range_d": ["'[\"0044-03-15 BC\",2019-01-01)'"],
}
EXTENSIONS = ["citext", "hstore", "isn", "ltree", "postgis"]
EXTEND = " ".join(f"CREATE EXTENSION {name};" for name in EXTENSIONS)
SCHEMA = f"""
{EXTEND}
CREATE TYPE mood AS ENUM ('sad', 'so so', 'fine');
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE DOMAIN amount AS numeric(8,2);
CREATE TABLE everything (id integer PRIMARY KEY, {', '.join(f'{name} {kind}' for name, (kind, _) in COLUMNS.items())});
"""


def insert(number, row):
    values = ", ".join(values[row] for _, values in COLUMNS.values())
    return f"INSERT INTO everything VALUES ({number}, {values})"


def insert_each(number, values):
    """Rows from that number on, until each column has had its values."""
    out = []
    for row in range(max(map(len, values.values()))):
        these = {name: mine[row] for name, mine in values.items() if row < len(mine)}
        out.append(f"INSERT INTO everything (id, {', '.join(these)}) "
                   f"VALUES ({number + row}, {', '.join(these.values())})")
    return out
