"""A random workload on twenty tables of all kinds, with a journal of what it did."""

from writing import Writing

THINGS = [f"things{number}" for number in range(6)]
PAIRS = [f"pairs{number}" for number in range(3)]
TOKENS = [f"tokens{number}" for number in range(3)]
LONG = [f"long{number}" for number in range(3)]  # values out of line, which updates of others do not send
MOVING = [f"moving{number}" for number in range(2)]  # the same, and their keys change
BIN, KEYLESS, WHOLE = "bin", "keyless", "whole"
TABLES = [*THINGS, *PAIRS, *TOKENS, *LONG, *MOVING, BIN, KEYLESS, WHOLE]

_COLUMNS = {
    **dict.fromkeys(THINGS, "id integer PRIMARY KEY, name text, amount numeric(10,2), changed timestamptz"),
    **dict.fromkeys(PAIRS, "a integer, b text, v text, PRIMARY KEY (a, b)"),
    **dict.fromkeys(TOKENS, "id uuid PRIMARY KEY, v jsonb"),
    **dict.fromkeys(LONG + MOVING, "id bigint PRIMARY KEY, note text, long text"),
    BIN: "id integer PRIMARY KEY, v text",
    KEYLESS: "writer integer, number bigint, v text",
    WHOLE: "id integer PRIMARY KEY, v text, changed timestamptz",
}


def schema():
    text = "CREATE SCHEMA wk;\n"
    for name, columns in _COLUMNS.items():
        text += f"CREATE TABLE wk.{name} ({columns});\n"
    for name in LONG + MOVING:
        text += f"ALTER TABLE wk.{name} ALTER long SET STORAGE EXTERNAL;\n"
    for name in (KEYLESS, WHOLE):
        text += f"ALTER TABLE wk.{name} REPLICA IDENTITY FULL;\n"
    return text


class Writer(Writing):
    tables, pause_max, bulk_share = TABLES, 0.1, 0.005

    def actions(self):
        actions = [self._insert, self._insert, self._update, self._update, self._update, self._twice, self._unchanged,
                   self._delete, self._long, self._long, self._move, self._move, self._keyless, self._whole]
        if self._number == 0:
            actions.append(self._bin)  # a truncate ends everybody's rows: one writer only
        return actions

    def _id(self, spread=100):
        """Small, so that keys die and are born again."""
        return self._random.randrange(spread) * self._writers + self._number

    def _word(self):
        return self._random.choice(["alpha", "beta", "gamma", "", "delta 'quoted'", "é", "x" * 40])

    def _text(self):
        """Too long to be stored in line, and no two alike."""
        return f"{self._random.getrandbits(64):016x}" * self._random.choice([1, 300, 500])

    def _upsert(self, name, sql, *parameters):
        self.journal.upsert(name, sql.format(f"wk.{name}"), list(parameters))

    def _insert(self):
        one = self._random
        self._upsert(one.choice(THINGS), "INSERT INTO {} VALUES (%s, %s, %s, clock_timestamp()) ON CONFLICT DO NOTHING",
                     self._id(), self._word(), one.randint(-99999, 99999) / 100)
        self._upsert(one.choice(PAIRS), "INSERT INTO {} VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                     self._id(), one.choice("xyz"), self._word())
        self._upsert(one.choice(TOKENS), "INSERT INTO {} VALUES (md5(%s)::uuid, jsonb_build_object('w', %s)) "
                     "ON CONFLICT (id) DO UPDATE SET v = excluded.v", f"{self._id()}", self._word())

    def _update(self):
        self._upsert(self._random.choice(THINGS), "UPDATE {} SET name = %s, changed = clock_timestamp() WHERE id = %s",
                     self._word(), self._id())
        self._upsert(self._random.choice(PAIRS), "UPDATE {} SET v = %s WHERE a = %s", self._word(), self._id())

    def _twice(self):
        name, number = self._random.choice(THINGS), self._id()
        for amount in (1, 2, 1):
            self._upsert(name, "UPDATE {} SET amount = %s WHERE id = %s", amount, number)

    def _unchanged(self):
        self._upsert(self._random.choice(PAIRS), "UPDATE {} SET v = v WHERE a = %s", self._id())

    def _delete(self):
        name = self._random.choice([*THINGS, *LONG, *MOVING, WHOLE])
        self.journal.delete(name, f"DELETE FROM wk.{name} WHERE id = %s", [self._id()])
        name = self._random.choice(PAIRS)
        self.journal.delete(name, f"DELETE FROM wk.{name} WHERE a = %s AND b = 'x'", [self._id()])

    def _long(self):
        name, number = self._random.choice(LONG), self._id()
        self._upsert(name, "INSERT INTO {} VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE SET note = excluded.note",
                     number, self._word(), self._text())
        if self._random.random() < 0.2:
            self._upsert(name, "UPDATE {} SET long = %s WHERE id = %s", self._text(), number)

    def _move(self):
        name, old, new = self._random.choice(MOVING), self._id(), self._id()
        self._upsert(name, "INSERT INTO {} VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", old, self._word(), self._text())
        cursor = self._connection.cursor()
        cursor.execute(f"SELECT 1 FROM wk.{name} WHERE id = %s", [new])
        if not cursor.fetchone():
            self.journal.rekey(name, f"id = {new}", f"id = {old}")
            self._upsert(name, "UPDATE {} SET note = %s WHERE id = %s", self._word(), new)

    def _bin(self):
        if self._random.random() < 0.1:
            self.journal.truncate(BIN)
        self._upsert(BIN, "INSERT INTO {} VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET v = excluded.v",
                     self._random.randrange(50), self._word())

    def _keyless(self):
        """Equal rows are wanted; each change is about one row."""
        dice = self._random.random()
        one = f"""ctid = (SELECT ctid FROM wk.{KEYLESS}
            WHERE writer = {self._number} AND number = {self._id(10)} LIMIT 1)"""
        if dice < 0.6:
            self._upsert(KEYLESS, "INSERT INTO {} VALUES (%s, %s, %s)", self._number, self._id(10), self._word())
        elif dice < 0.8:
            self._upsert(KEYLESS, "UPDATE {} SET v = v || 'u' WHERE " + one)
        else:
            self.journal.delete(KEYLESS, f"DELETE FROM wk.{KEYLESS} WHERE {one}")

    def _whole(self):
        self._upsert(WHOLE, "INSERT INTO {} VALUES (%s, %s, clock_timestamp()) ON CONFLICT (id) DO UPDATE "
                     "SET v = excluded.v, changed = excluded.changed", self._id(), self._word())

    def _bulk(self):
        first = 1_000_000 + self.transactions * 1000 * self._writers + self._number
        self._upsert(self._random.choice(THINGS),
                     "INSERT INTO {} (id, name) SELECT i, 'bulk' FROM generate_series(%s, %s, %s) i",
                     first, first + 299 * self._writers, self._writers)
