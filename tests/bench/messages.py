"""Events as Debezium 1.9 sends them, of tables of eight columns."""

import base64
import json
import random
import uuid

DELIMITER = "|"  # between key and value for kcat; in no JSON text here
FIRST_LSN = 27484048

FIELDS = [
    {"type": "string", "optional": False, "name": "io.debezium.data.Uuid", "version": 1, "field": "id"},
    {"type": "string", "optional": True, "name": "io.debezium.data.Json", "version": 1, "field": "document"},
    {"type": "int64", "optional": True, "name": "io.debezium.time.MicroTimestamp", "version": 1, "field": "due"},
    {"type": "string", "optional": True, "name": "io.debezium.time.ZonedTimestamp", "version": 1, "field": "created"},
    {"type": "bytes", "optional": True, "name": "org.apache.kafka.connect.data.Decimal", "version": 1,
     "parameters": {"scale": "2", "connect.decimal.precision": "12"}, "field": "fee"},
    {"type": "string", "optional": True, "field": "title"},
    {"type": "boolean", "optional": True, "field": "open"},
    {"type": "int32", "optional": True, "field": "renewals"},
]


def _field(kind, field, optional=True, **more):
    return {"type": kind, "optional": optional, **more, "field": field}


def _envelope_schema(topic, fields):
    row = {"type": "struct", "fields": fields, "optional": True, "name": f"{topic}.Value"}
    source = [_field("string", name, False) for name in ("version", "connector", "name")]
    source += [_field("int64", "ts_ms", False),
               _field("string", "snapshot", name="io.debezium.data.Enum", version=1,
                      parameters={"allowed": "true,last,false,incremental"}, default="false"),
               _field("string", "db", False), _field("string", "sequence"), _field("string", "schema", False),
               _field("string", "table", False), _field("int64", "txId"), _field("int64", "lsn"),
               _field("int64", "xmin")]
    transaction = [_field("string", "id", False), _field("int64", "total_order", False),
                   _field("int64", "data_collection_order", False)]
    return {"type": "struct", "optional": False, "name": f"{topic}.Envelope", "fields": [
        {**row, "field": "before"}, {**row, "field": "after"},
        _field("struct", "source", False, fields=source, name="io.debezium.connector.postgresql.Source"),
        _field("string", "op", False), _field("int64", "ts_ms"), _field("struct", "transaction", fields=transaction)]}


def _compact(value):
    return json.dumps(value, separators=(",", ":"))


def new_row(number, chance):
    """The `after` of one event; the same for the same number, seed and position."""
    words = [f"{chance.getrandbits(32):08x}" for _ in range(24)]
    document = {"barcode": number, "status": {"name": "Open", "date": "2024-02-29T23:59:59.000+00:00"},
                "item": words[:8], "patron": {"group": words[8], "names": words[9:13]}, "notes": " ".join(words[13:22])}
    return {
        "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "document": _compact(document),
        "due": 1_700_000_000_000_000 + chance.randrange(10**14),
        "created": f"2024-0{number % 9 + 1}-1{number % 10}T0{number % 10}:30:00.{number % 1_000_000:06}Z",
        "fee": base64.b64encode(chance.randrange(-10**6, 10**6).to_bytes(4, "big", signed=True)).decode(),
        "title": f"Title {words[22]} {words[23]}",
        "open": number % 3 > 0,
        "renewals": number % 100,
    }


class Topic:
    """Writes the records of one table, as kcat's lines of key and value. Its log goes on from event to event."""

    def __init__(self, table, fields=None):
        """The first of the fields is the key."""
        fields = fields or FIELDS
        self.table = table
        self.name = f"bench.public.{table}"
        self._lsn = FIRST_LSN
        self._value_schema = _compact(_envelope_schema(self.name, fields))
        self._key_schema = _compact({"type": "struct", "fields": fields[:1], "optional": False,
                                     "name": f"{self.name}.Key"})

    def line(self, op, row, snapshot="false"):
        self._lsn += 100
        # All rows of a snapshot have one place in the log: another one would be a snapshot that was begun anew.
        lsn = FIRST_LSN if op == "r" else self._lsn
        payload = {
            "before": None, "after": None if op == "d" else row,
            "source": {"version": "1.9.8.Final", "connector": "postgresql", "name": "bench",
                       "ts_ms": 1719000000000 + self._lsn // 1000, "snapshot": snapshot, "db": "library",
                       "sequence": f'[null,"{lsn}"]' if op == "r" else f'["{lsn}","{lsn}"]',
                       "schema": "public", "table": self.table, "txId": 729, "lsn": lsn, "xmin": None},
            "op": op, "ts_ms": 1719000000000 + self._lsn // 1000, "transaction": None}
        key = _compact({"id": row["id"]})
        return (f'{{"schema":{self._key_schema},"payload":{key}}}{DELIMITER}'
                f'{{"schema":{self._value_schema},"payload":{_compact(payload)}}}\n')


def with_other_values(row, number, chance):
    """The next version of the row."""
    return {**new_row(number, chance), "id": row["id"]}


def snapshot(topic, rows):
    """One `r` event for each row."""
    for number, row in enumerate(rows):
        yield topic.line("r", row, "last" if number == len(rows) - 1 else "true")


def mixed(topic, rows, events, chance):
    """20 % inserts, 70 % updates and 10 % deletes of random rows; `rows` is what is left in the end."""
    for number in range(events):
        dice = chance.randrange(10)
        if dice < 2 or not rows:
            rows.append(new_row(number, chance))
            yield topic.line("c", rows[-1])
            continue
        at = chance.randrange(len(rows))
        if dice == 2:
            rows[at], rows[-1] = rows[-1], rows[at]
            yield topic.line("d", rows.pop())
        else:
            rows[at] = with_other_values(rows[at], number, chance)
            yield topic.line("u", rows[at])
