"""Tables and changes behind the sample events of the decoder's unit tests: every basic type, every kind of event."""

from connect import NEW

PAUSE = None  # stands in a list of changes where all earlier ones must be in Kafka first

TYPES = """
    bool_c boolean, int2_c smallint, int4_c integer, int8_c bigint, oid_c oid,
    float4_c real, float8_c double precision, numeric_c numeric(12,3),
    numeric_zero_c numeric(30,0), numeric_any_c numeric,
    money_c money, text_c text, varchar_c varchar(40), char_c char(6), name_c name, citext_c citext, bytea_c bytea,
    date_c date, time_c time, time3_c time(3), timetz_c timetz,
    timestamp_c timestamp, timestamp3_c timestamp(3), timestamptz_c timestamptz, timestamptz3_c timestamptz(3),
    interval_c interval, uuid_c uuid, json_c json, jsonb_c jsonb, xml_c xml, enum_c mood, domain_c positive,
    inet_c inet, cidr_c cidr, macaddr_c macaddr, bit1_c bit(1), bit10_c bit(10), varbit_c varbit(20),
    int4range_c int4range, numrange_c numrange, tsrange_c tsrange, tstzrange_c tstzrange, daterange_c daterange,
    point_c point, hstore_c hstore, ltree_c ltree,
    int4s_c integer[], texts_c text[], numerics_c numeric(8,2)[], uuids_c uuid[], timestamps_c timestamp[]"""

ORDINARY = """
    true, 7, 70000, 7000000000, 4000000000, 1.5, 2.25, 123.450, 123456789012345678901234567890, 1.50,
    12.34, 'plain', 'variable', 'fixed', 'a_name', 'CaseLess', '\\x000102ff',
    '2026-03-14', '12:34:56.789012', '12:34:56.789', '12:34:56.789012+02',
    '2026-03-14 01:02:03.456789', '2026-03-14 01:02:03.456', '2026-03-14 01:02:03.456789+05:30', '2026-03-14 01:02:03.5+00',
    '1 year 2 months 3 days 04:05:06.78', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"b": 1.0,  "a": [1, null]}',
    '{"b": 1.0, "a": {"c": "\\u00fc"}}', '<a b="c">d</a>', 'fine', 42,
    '10.1.2.3/8', '10.1.0.0/16', '08:00:2b:01:02:03', B'1', B'1000000001', B'00101',
    '[1,5)', '(1.5,2.5]', '[2026-01-01,2026-02-01)', '[2026-01-01 00:00+00,)', '[2026-01-01,2026-02-01)',
    '(1.5,-2)', 'k=>v, n=>NULL', 'Top.Science',
    '{1,NULL,-3}', '{a,"b c",NULL,"q\\"uote"}', '{1.50,-2.25}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}',
    '{"2026-03-14 01:02:03.456789"}'"""

NEGATIVE = """
    false, -32768, -2147483648, -9223372036854775808, 0, 'NaN', '-Infinity', -123.450, -1, -0.001,
    -12.34, E'quote '' double " back \\\\ tab \\t line \\n', 'Grüße 日本 🐘', '', '', '', '',
    '0044-03-15 BC', '24:00:00', '00:00:00', '00:00:00-12',
    '1582-10-04 23:59:59.999999', '1969-12-31 23:59:59.999', '0001-01-01 00:00:00+00', '9999-12-31 23:59:59.999+00',
    '-1 year -2 months -3 days -04:05:06.78', '00000000-0000-0000-0000-000000000000', 'null',
    '"text"', '<e/>', 'so so', 1,
    '::1', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', B'0', B'0000000000', B'',
    'empty', '(,)', '(,2026-02-01)', 'empty', '(,)', '(0,0)', '', '',
    '{}', '{}', '{}', '{}', '{}'"""

LARGE = """
    true, 32767, 2147483647, 9223372036854775807, 4294967295, 3.4028235e38, 1.7976931348623157e308, 999999999.999,
    -123456789012345678901234567890, 12345678901234567890.123456789, 92233720368547758.07, repeat('x', 300), 'v', 'ends  ', 'n',
    'C', '\\x', '5874897-12-31', '23:59:59.999999', '23:59:59.999', '23:59:59.999999+14',
    '2262-04-12 00:00:00', '2026-12-31 23:59:59.999', '2026-07-01 00:00:00.1+00', '2026-07-01 00:00:00+00',
    '00:00:00.000001', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '12345678901234567890.5', '[]', NULL, 'sad', 2147483647,
    '255.255.255.255', '0.0.0.0/0', '00:00:00:00:00:00', B'1', B'1111111111', B'11111111111111111111',
    '[-2147483648,2147483647)', '[0,0]', '(,)', '(,)', '[2026-01-01,)', '(1e300,-1e-300)', '"a b"=>"c\\"d"', 'a.b.c.d',
    '{2147483647}', '{"",NULL,"NULL"}', '{0.00}', '{NULL}', NULL"""



def infinite(first):
    """Two rows with infinities; snapshot and stream encode some of them differently."""
    return ("INSERT INTO types (id, date_c, timestamp_c, timestamptz_c) VALUES "
            f"({first}, 'infinity', 'infinity', 'infinity'), ({first + 1}, '-infinity', '-infinity', '-infinity')")


def sample_schema(generation):
    extra = ", tsvector_c tsvector" if generation == NEW else ""
    return f"""
CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree;
CREATE TYPE mood AS ENUM ('sad', 'so so', 'fine');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE types (id integer PRIMARY KEY, {TYPES}{extra});
INSERT INTO types VALUES (1, {ORDINARY}), (2, {NEGATIVE}), (3, {LARGE});
INSERT INTO types (id) VALUES (4);
{infinite(11)};
CREATE TABLE pairs (a integer, b uuid, v text, PRIMARY KEY (a, b));
INSERT INTO pairs VALUES (1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'first');
CREATE TABLE documents (id integer PRIMARY KEY, title text, body text, data jsonb, raw bytea);
ALTER TABLE documents ALTER body SET STORAGE EXTERNAL;
ALTER TABLE documents ALTER raw SET STORAGE EXTERNAL;
CREATE TABLE whole (id integer PRIMARY KEY, v text);
ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE nokey (v text);
INSERT INTO nokey VALUES ('read'), ('read');
CREATE TABLE empty (id integer PRIMARY KEY);
"""


def sample_changes(generation):
    changes = [
        f"INSERT INTO types VALUES (5, {ORDINARY}), (6, {NEGATIVE}), (7, {LARGE})",
        "INSERT INTO types (id) VALUES (8)",
        infinite(9),
        "UPDATE types SET int4_c = int4_c + 1 WHERE id = 1",
        "UPDATE types SET text_c = text_c WHERE id = 2",
        "DELETE FROM types WHERE id = 3",
        # Several states of one key in one transaction.
        "BEGIN; INSERT INTO pairs VALUES (2, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'A'); "
        "UPDATE pairs SET v = 'B' WHERE a = 2; UPDATE pairs SET v = 'A' WHERE a = 2; COMMIT",
        # A change of the key, and two keys that change places.
        "UPDATE pairs SET a = 3 WHERE a = 1",
        "BEGIN; UPDATE pairs SET a = -1 WHERE a = 2; UPDATE pairs SET a = 2 WHERE a = 3; "
        "UPDATE pairs SET a = 3 WHERE a = -1; COMMIT",
        # Values that an update does not send (TOAST).
        "INSERT INTO documents VALUES (1, 'one', repeat('body ', 500), '{\"k\": 1}', decode(repeat('00ff', 1200), 'hex'))",
        "UPDATE documents SET title = 'uno' WHERE id = 1",
        "UPDATE documents SET id = 2 WHERE id = 1",
        "UPDATE documents SET body = 'short', raw = NULL WHERE id = 2",
        # Replica identity full: before is complete.
        "INSERT INTO whole VALUES (1, 'old')",
        "UPDATE whole SET v = 'new' WHERE id = 1",
        "DELETE FROM whole WHERE id = 1",
        # The schema changes between two rows. Debezium reads it late, with the next row: without a pause the
        # earlier rows would lose the values of a dropped column.
        "INSERT INTO whole VALUES (2, 'before the change')",
        PAUSE,
        "ALTER TABLE whole ADD COLUMN n integer",
        "INSERT INTO whole VALUES (3, 'with n', 5)",
        PAUSE,
        "ALTER TABLE whole ALTER COLUMN n TYPE bigint",
        "INSERT INTO whole VALUES (4, 'n is bigint', 5000000000)",
        PAUSE,
        "ALTER TABLE whole DROP COLUMN v",
        "INSERT INTO whole VALUES (5, 6)",
        PAUSE,
        "BEGIN; TRUNCATE whole, pairs; INSERT INTO pairs VALUES (9, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a19', 'after'); COMMIT",
        "INSERT INTO nokey VALUES ('created')",
    ]
    if generation == NEW:
        changes.append("INSERT INTO types (id, tsvector_c) VALUES (13, 'a:1 b:2')")
        changes.append("SELECT pg_logical_emit_message(true, 'note', 'a logical message')")
    changes.append("INSERT INTO nokey VALUES ('the last record')")
    return changes
