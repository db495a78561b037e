"""A random workload in the source, with a journal of what it did."""

from writing import Writing

SCHEMA = """
CREATE SCHEMA wk;
CREATE TABLE wk.things (id integer PRIMARY KEY, name text, amount numeric(10,2), long text, changed timestamptz);
ALTER TABLE wk.things ALTER long SET STORAGE EXTERNAL;
CREATE TABLE wk.pairs (a integer, b text, v text, PRIMARY KEY (a, b));
CREATE TABLE wk.tokens (id uuid PRIMARY KEY, v jsonb);
CREATE TABLE wk.bin (id integer PRIMARY KEY, v text);
"""
TABLES = ["things", "pairs", "tokens", "bin"]


class Writer(Writing):
    """Two of them make transactions that overlap, whose changes Debezium sends in the order of the commits."""

    tables, pause_max, bulk_share = TABLES, 0.02, 0.01

    def actions(self):
        return [self._insert, self._insert, self._update, self._update, self._update, self._twice, self._unchanged,
                self._delete, self._rekey, self._bin]

    def _id(self, table, spread=400):
        """Small, so that keys die and are born again."""
        return self._random.randrange(spread) * self._writers + self._number

    def _word(self):
        return self._random.choice(["alpha", "beta", "gamma", "", "delta 'quoted'", "é", "x" * 40])

    def _insert(self):
        number = self._id("things")
        self.journal.upsert("things", """INSERT INTO wk.things VALUES (%s, %s, %s, %s, clock_timestamp())
            ON CONFLICT DO NOTHING""", [number, self._word(), self._random.randint(-99999, 99999) / 100,
                                        self._word() * self._random.choice([1, 200])])
        self.journal.upsert("pairs", "INSERT INTO wk.pairs VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                            [self._id("pairs"), self._random.choice("xyz"), self._word()])
        self.journal.upsert("tokens", """INSERT INTO wk.tokens VALUES (md5(%s)::uuid, jsonb_build_object('w', %s))
            ON CONFLICT DO NOTHING""", [f"{self._number}/{number}", self._word()])

    def _update(self):
        self.journal.upsert("things", "UPDATE wk.things SET name = %s, changed = clock_timestamp() WHERE id = %s",
                            [self._word(), self._id("things")])
        self.journal.upsert("pairs", "UPDATE wk.pairs SET v = %s WHERE a = %s", [self._word(), self._id("pairs")])

    def _twice(self):
        number = self._id("things")
        for amount in (1, 2, 1):
            self.journal.upsert("things", "UPDATE wk.things SET amount = %s WHERE id = %s", [amount, number])

    def _unchanged(self):
        self.journal.upsert("pairs", "UPDATE wk.pairs SET v = v WHERE a = %s", [self._id("pairs")])

    def _delete(self):
        self.journal.delete("things", "DELETE FROM wk.things WHERE id = %s", [self._id("things")])
        self.journal.delete("pairs", "DELETE FROM wk.pairs WHERE a = %s AND b = 'x'", [self._id("pairs")])

    def _rekey(self):
        old, new = self._id("things"), self._id("things")
        cursor = self._connection.cursor()
        cursor.execute("SELECT 1 FROM wk.things WHERE id = %s", [new])
        if not cursor.fetchone():
            self.journal.rekey("things", f"id = {new}", f"id = {old}")

    def _bin(self):
        """Only the first writer uses this table: a truncate ends everybody's rows."""
        if self._number != 0:
            return
        if self._random.random() < 0.05:
            self.journal.truncate("bin")
        self.journal.upsert("bin", "INSERT INTO wk.bin VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET v = excluded.v",
                            [self._random.randrange(50), self._word()])

    def _bulk(self):
        first = 1_000_000 + self.transactions * 1000 * self._writers + self._number
        self.journal.upsert("things", """INSERT INTO wk.things (id, name)
            SELECT i, 'bulk' FROM generate_series(%s, %s, %s) i""",
                            [first, first + 299 * self._writers, self._writers])
