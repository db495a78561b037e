"""Two databases with a table of the same name and the same keys are never mixed."""

import unittest

from catching_up import await_kafka, await_tables
from connect import NEW, new_connector, own_slot
from parts import PARTS
from processes import wait_until

DATABASES = ["shop_north", "shop_south"]
ROWS = 50


def value(database, number):
    return f"{database} {number}"


class TwoDatabases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for database in DATABASES:
            connection = PARTS.source.create_database(database)
            connection.cursor().execute("CREATE TABLE t (id integer PRIMARY KEY, v text)")
            connection.cursor().execute(f"INSERT INTO t SELECT i, '{database} ' || i FROM generate_series(1, {ROWS}) i")
            PARTS.connect(NEW).create(database, own_slot(new_connector(PARTS.source, database, f"two_{database}"),
                                                         database))
            cls.addClassCleanup(PARTS.connect(NEW).delete, database)
            wait_until(lambda slot=database: PARTS.source.streaming(slot), 60, "the connector does not stream")
            await_kafka(PARTS.source, connection, database)

    def setUp(self):
        self.metadb = PARTS.new_metadb()

    def tearDown(self):
        self.metadb.close()

    def create(self, name, topics, more=""):
        self.metadb.psql(f"""CREATE DATA SOURCE {name} TYPE kafka OPTIONS (
            brokers '{PARTS.kafka.bootstrap}', security 'plaintext', topics '{topics}', consumer_group '{name}',
            schema_stop_filter 'admin'{more})""")

    def rows(self, table):
        schema, name = table.split(".")
        if not self.metadb.has_table(schema, name):
            return None
        return self.metadb.query(f"SELECT id, v FROM {table} ORDER BY id")

    def wanted(self, database):
        return [(number, value(database, number)) for number in range(1, ROWS + 1)]

    def await_refusal(self, source, databases):
        """`list status` shows the source retrying, both databases (or both sources) and the hint."""
        def refused():
            row = self.metadb.status()[source]
            error = row["last_error"] or ""
            named = all(name in error for name in databases)
            return row["state"] == "retrying" and named and "add_schema_prefix" in error
        wait_until(refused, 30, lambda: f"not refused: {self.metadb.status()}\n{self.metadb.tail()}", pause=0.2)

    def test_a_second_source_with_the_same_table_pauses(self):
        north, south = DATABASES
        self.create("north", f"^two_{north}\\.")
        await_tables(PARTS.kafka, self.metadb, "north", [f"two_{north}.public.t"])
        self.create("south", f"^two_{south}\\.")
        self.await_refusal("south", DATABASES)
        self.assertEqual(self.rows("public.t"), self.wanted(north))
        self.assertEqual(self.metadb.scalar("SELECT count(*) FROM public.t__"), ROWS)
        self.assertEqual(self.metadb.status()["north"]["last_error"] or "", "")

        # What the hint says helps.
        self.create("south_prefixed", f"^two_{south}\\.", ", add_schema_prefix 'south_'")
        await_tables(PARTS.kafka, self.metadb, "south_prefixed", [f"two_{south}.public.t"])
        self.assertEqual(self.rows("south_public.t"), self.wanted(south))
        self.assertEqual(self.rows("public.t"), self.wanted(north))

    def test_one_source_over_two_databases_pauses(self):
        self.create("both", "^two_shop_(north|south)\\.")
        self.await_refusal("both", DATABASES)
        # Which of them came first is not ours to say; all of it arrives, and nothing of the other.
        wait_until(lambda: len(self.rows("public.t") or []) >= ROWS, 30,
                   lambda: f"the first stops, too: {self.metadb.status()}\n{self.metadb.tail()}", pause=0.2)
        self.assertIn(self.rows("public.t"), [self.wanted(database) for database in DATABASES])
        self.assertEqual(self.metadb.scalar("SELECT count(*) FROM public.t__"), ROWS)
