"""Events as Debezium 3 sends them, without a source and a connector, and what they must leave in the tables."""

import collections
import json

DELIMITER = "|"  # between key and value for kcat


def _field(kind, field, optional=True, **more):
    return {"type": kind, "optional": optional, **more, "field": field}


_ROW = [_field("int32", "id", False), _field("string", "v")]
_SNAPSHOT = "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"
_SOURCE = [*(_field("string", name, False) for name in ("version", "connector", "name")),
           _field("int64", "ts_ms", False),
           _field("string", "snapshot", name="io.debezium.data.Enum", version=1, parameters={"allowed": _SNAPSHOT},
                  default="false"),
           _field("string", "db", False), _field("string", "sequence"), _field("string", "schema", False),
           _field("string", "table", False), _field("int64", "txId"), _field("int64", "lsn"), _field("int64", "xmin")]


class Table:
    """One topic. With a key: rows (id, v). Without: the same rows, each for itself."""

    def __init__(self, feed, name, has_key):
        self.feed, self.name, self.has_key = feed, name, has_key
        self.topic = f"{feed.prefix}.public.{name}"
        self.states = collections.defaultdict(list)  # by id: the values that it had, None once it has gone
        self.rows = collections.Counter()  # without key
        self.lines = []
        self.next_id = 1

    def insert(self, count=1, value="new"):
        for _ in range(count):
            self._note("c", self.next_id, value)
            self.next_id += 1

    def update(self, identity, value):
        self._note("u", identity, value)

    def delete(self, identity):
        self._note("d", identity, None)

    def _note(self, op, identity, value):
        self.lines.append(self._line(op, identity, value))
        if self.has_key:
            if not self.states[identity] or self.states[identity][-1] != value:
                self.states[identity].append(value)
        else:
            self.rows[identity, value] += 1

    def _line(self, op, identity, value):
        lsn = self.feed.next_lsn()
        row = {"type": "struct", "fields": _ROW, "optional": True, "name": f"{self.topic}.Value"}
        schema = {"type": "struct", "optional": False, "name": f"{self.topic}.Envelope", "fields": [
            {**row, "field": "before"}, {**row, "field": "after"},
            {"type": "struct", "fields": _SOURCE, "optional": False, "field": "source",
             "name": "io.debezium.connector.postgresql.Source"},
            _field("string", "op", False), _field("int64", "ts_ms")]}
        moment = 1_719_000_000_000 + lsn // 1000
        payload = {
            "before": {"id": identity, "v": None} if op == "d" else None,
            "after": None if op == "d" else {"id": identity, "v": value},
            "source": {"version": "3.7.0.Final", "connector": "postgresql", "name": self.feed.prefix, "ts_ms": moment,
                       "snapshot": "false", "db": "feed", "sequence": f'["{lsn}","{lsn}"]', "schema": "public",
                       "table": self.name, "txId": 729, "lsn": lsn, "xmin": None},
            "op": op, "ts_ms": moment}
        value_text = json.dumps({"schema": schema, "payload": payload})
        if not self.has_key:
            return f"{DELIMITER}{value_text}\n"
        key = {"schema": {"type": "struct", "fields": _ROW[:1], "optional": False, "name": f"{self.topic}.Key"},
               "payload": {"id": identity}}
        return f"{json.dumps(key)}{DELIMITER}{value_text}\n"

    def differences(self, connection):
        """Between what must be and what is in the history table; empty if nothing is lost or doubled."""
        cursor = connection.cursor()
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"public.{self.name}__"])
        if not cursor.fetchone()[0]:
            return [] if not self.states and not self.rows else [f"there is no {self.name}"]
        cursor.execute(f"SELECT id, v, __current FROM public.{self.name}__ ORDER BY id, __start, __id")
        found = cursor.fetchall()
        if not self.has_key:
            there = collections.Counter((identity, value) for identity, value, _ in found)
            return [f"{self.name} lacks {row}" for row in list(self.rows - there)[:3]] + \
                   [f"{self.name} has too many {row}" for row in list(there - self.rows)[:3]]
        versions = collections.defaultdict(list)
        for identity, value, is_current in found:
            versions[identity].append((value, is_current))
        wanted = {}
        for identity, states in self.states.items():
            made = [(value, at == len(states) - 1) for at, value in enumerate(states) if value is not None]
            wanted[identity] = made
        return [f"{self.name} {identity}: {versions.get(identity)} instead of {wanted.get(identity)}"
                for identity in sorted(versions.keys() | wanted.keys())
                if versions.get(identity, []) != wanted.get(identity, [])][:3]


class Feed:
    """The topics of one source server."""

    def __init__(self, kafka, prefix):
        self.kafka, self.prefix = kafka, prefix
        self.tables = {}
        self._lsn = 27_484_048

    def next_lsn(self):
        self._lsn += 100
        return self._lsn

    def table(self, name, has_key=True):
        return self.tables.setdefault(name, Table(self, name, has_key))

    def send(self):
        """Returns when the broker has acknowledged what was noted since the last time."""
        for table in self.tables.values():
            if table.lines:
                self.kafka.kcat("-P", "-t", table.topic, "-p", "0", "-Z", "-K", DELIMITER, "-X", "acks=all",
                                input="".join(table.lines).encode())
                table.lines = []

    def differences(self, connection):
        return [each for table in self.tables.values() for each in table.differences(connection)]
