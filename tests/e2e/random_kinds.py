"""Types of columns with random values: NULLs, ordinary and extreme ones."""

import collections
import json
import uuid

# sql: the type in the source; here: that of docs/types.md; draw(random): an SQL literal of a value that is not NULL.
# image: SQL of the source's value as text, as metadb's own text of it must be.
# nth: the literal of the nth of many different values, which can be a key; None: no key.
# is_long: values may be so long that an update that leaves them alone does not send them.
Kind = collections.namedtuple("Kind", "sql here draw image nth is_long")
AS_TEXT, AS_PRINTED = "{0}::text", "concat({0})"

WORDS = ["", " ", "plain", "Grüße 日本 🐘", "quote ' double \" back \\ slash", "line\nbreak\ttab", "NULL", "\\N", "null",
         "{}", "{\"a\": 1}", "__debezium", "true", "0", "x" * 300]


def literal(text):
    return "'" + text.replace("'", "''") + "'" if "\\" not in text else "E'" + text.replace("\\", "\\\\").replace(
        "'", "''") + "'"


def _one_of(*values):
    return lambda random: random.choice(values)


def _quoted(*values):
    return lambda random: literal(random.choice(values))


def _integer(bits):
    edge = 2**(bits - 1)
    return lambda random: f"'{random.choice([0, 1, -1, edge - 1, -edge, random.randrange(-edge, edge)])}'"


def _number(digits, scale):
    return lambda random: f"{random.choice([0, 1, -1, 10**digits - 1, 1 - 10**digits, random.randrange(10**digits)])}" \
                          f"e-{scale}"


def _word(random):
    return literal(random.choice([random.choice(WORDS), f"w{random.randrange(5)}"]))


def _long_word(random):
    """Sometimes a long one that does not compress."""
    if random.random() < 0.4:
        return literal("".join(random.choice("0123456789abcdefgh'\\\"é") for _ in range(random.choice([2500, 9000]))))
    return _word(random)


def _bytes(random):
    size = random.choice([0, 1, 3, 20, 3000])
    return f"'\\x{random.getrandbits(8 * size).to_bytes(size, 'big').hex()}'"


def _document(random):
    return literal(json.dumps(random.choice([
        None, 1, "x", [], {}, {"b": 1.50, "a": [1, None, "é"]}, 12345678901234567890,
        {"long": "".join(random.choice("0123456789abcdef") for _ in range(4000))}])))


def _array(element):
    def draw(random):
        members = [random.choice(["NULL", element(random)]) for _ in range(random.randrange(4))]
        return "ARRAY[" + ", ".join(members) + "]"
    return draw


def _kind(sql, draw, here=None, image=AS_TEXT, nth=None, is_long=False):
    return Kind(sql, here or sql, draw, image, nth, is_long)


SMALLINT = _kind("smallint", _integer(16), nth="({0})::smallint")
INTEGER = _kind("integer", _integer(32), nth="({0} - 20)")
BIGINT = _kind("bigint", _integer(64), nth="(9223372036854775807 - {0})")
WHOLE = _kind("numeric(22,0)", _number(22, 0), "numeric", nth="({0})::numeric")
SCALED = _kind("numeric(8,2)", _number(8, 2), "numeric", nth="({0} / 100.0)")
MORE_SCALED = _kind("numeric(14,4)", _number(14, 4), "numeric")
REAL = _kind("real", _one_of("0.1", "'NaN'", "'-Infinity'", "3.4028235e38", "1e-45", "-1.5", "0"))
DOUBLE = _kind("double precision", _one_of("0.1", "'NaN'", "'Infinity'", "5e-324", "-1.7976931348623157e308", "0"))
DATE = _kind("date", _quoted("2016-11-04", "0001-01-01", "9999-12-31", "infinity", "0044-03-15 BC", "12345-06-07"),
             nth="(date '1999-12-20' + {0})")
TIMESTAMP = _kind("timestamp without time zone", _quoted(
    "2016-11-04 13:51:30.123456", "1969-12-31 23:59:59.999999", "-infinity", "0044-03-15 01:02:03 BC",
    "12345-06-07 08:09:10"), nth="(timestamp '1970-01-01' - {0} * interval '0.000001 second')")
VARCHAR = _kind("character varying(400)", _word, "text", nth="('v ' || {0})")
TEXT = _kind("text", _long_word, nth="('key ''' || {0} || '\" é\\')", is_long=True)
CIDR = _kind("cidr", _quoted("10.0.0.0/8", "::/0", "192.168.0.1/32"))
INET = _kind("inet", _quoted("10.0.0.1", "10.1.2.3/8", "fe80::1/64"), image=AS_PRINTED)
BOOLEAN = _kind("boolean", _one_of("true", "false"))
UUID = _kind("uuid", lambda random: f"'{uuid.UUID(int=random.getrandbits(128))}'", nth="md5({0}::text)::uuid")

KINDS = [
    SMALLINT, INTEGER, BIGINT, WHOLE, SCALED, REAL, DOUBLE, DATE, TIMESTAMP, VARCHAR, TEXT, TEXT, CIDR, INET, BOOLEAN,
    UUID,
    # The connector drops trailing zeros of these.
    _kind("numeric", _one_of("12345678901234567890.123456789", "-0.001", "1.5", "0", "1e40", "1e-40"),
          image="trim_scale({0})::text", nth="({0} * 1e20 + 0.5)"),
    _kind("money", _quoted("1234.56", "-0.01", "92233720368547758.07"), "numeric", image="{0}::numeric::text"),
    _kind("oid", _one_of("0", "4294967295"), "bigint"),
    _kind("character(6)", _quoted("", "a", "abcdef", "é"), "text", image=AS_PRINTED,
          nth="('c' || {0})"),
    _kind("bytea", _bytes, nth="decode(lpad(to_hex({0}), 4, '0'), 'hex')", is_long=True),
    _kind("bit(1)", _one_of("B'0'", "B'1'"), "boolean", image="({0} = B'1')::text"),
    _kind("bit(12)", _one_of("B'000000000000'", "B'111111111111'", "B'000000000101'")),
    _kind("time without time zone", _quoted("24:00:00", "00:00:00", "23:59:59.999999")),
    _kind("timestamp with time zone", _quoted("2016-11-04 13:51:30.123456+02", "1969-12-31 23:59:59.999999+00",
                                              "infinity", "-infinity"),
          nth="(timestamptz '2000-01-01 00:00:00+00' + {0} * interval '1 microsecond')"),
    _kind("time with time zone", _quoted("13:51:30.123456+00", "00:00:00+00", "23:59:59.999999-05:30"),
          image="({0} AT TIME ZONE 'UTC')::text"),
    _kind("interval", _quoted("1 year 2 months 3 days 4:05:06.78", "-1 year -2 days -0:00:01", "0", "1 month -1 day")),
    _kind("json", _document, is_long=True),
    _kind("jsonb", _document, is_long=True),
    _kind("macaddr", _quoted("08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff")),
    _kind("int4range", _quoted("[1,6)", "empty", "(,)")),
    _kind("tstzrange", _quoted("[2019-03-31 15:30:00+02,infinity)", "empty")),
    _kind("point", _quoted("(1,1.5)", "(-0.1,1e300)")),
    _kind("integer[]", lambda random: _array(_integer(32))(random) + "::integer[]"),
    _kind("text[]", lambda random: _array(_word)(random) + "::text[]"),
    _kind("boolean[]", lambda random: _array(_one_of("true", "false"))(random) + "::boolean[]"),
    _kind("timestamp with time zone[]", lambda random: _array(_quoted("2016-11-04 13:51:30.123456+02"))(random)
          + "::timestamptz[]"),
    _kind("random_mood", _quoted("sad", "so so"), "text", nth=None),
]
KEYS = [kind for kind in KINDS if kind.nth]
# What ALTER COLUMN ... TYPE makes of a type. The text of a value stays, or becomes that of the wider type.
CHANGES = {
    SMALLINT: [INTEGER, BIGINT, WHOLE], INTEGER: [BIGINT, WHOLE, VARCHAR], BIGINT: [WHOLE, TEXT], WHOLE: [TEXT],
    SCALED: [MORE_SCALED], VARCHAR: [TEXT], UUID: [TEXT], DATE: [TIMESTAMP], CIDR: [INET], REAL: [DOUBLE],
}
# The old versions get the text that PostgreSQL's cast makes of it, there and here.
RECAST = [(DATE, TIMESTAMP), (CIDR, INET), (REAL, DOUBLE)]
SETUP = "CREATE TYPE random_mood AS ENUM ('sad', 'so so')"
