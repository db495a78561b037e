"""Random tables, random changes of their definition, random changes of their rows: the current tables are the source's
in the end, and the histories what the log of the changes says.

METADB_E2E_SEED sets the first seed, METADB_E2E_SEEDS how many there are, each with tables and a connector of its own.
"""

import collections
import os
import random
import re
import unittest

from catching_up import await_kafka, await_tables
from compare import Version, describe_counter, key_problems
from connect import KEEP_NULLS, NEW, new_connector, own_slot
from parts import PARTS
from processes import wait_until
from random_kinds import SETUP
from random_table import TABLE_NAMES, RandomTable, quoted

SEEDS, ROUNDS, TRANSACTIONS = 2, 8, 12
TABLES, LATER_TABLES = 5, 2
NAME = "random_schemas"
SETTINGS = [
    {},
    {"time.precision.mode": "microseconds", "decimal.handling.mode": "string"},
]
OURS = {"__id", "__start", "__end", "__current", "__origin"}
# Where the cast to text is not what the type's own output prints.
PRINTED = {"inet": "concat({0})"}


class RandomSchemas(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.metadb = PARTS.new_metadb_on_backing()

    @classmethod
    def tearDownClass(cls):
        cls.metadb.stop()

    def test_tables_and_histories_are_those_of_the_source(self):
        first = int(os.environ.get("METADB_E2E_SEED") or random.randrange(10**6))
        for seed in range(first, first + int(os.environ.get("METADB_E2E_SEEDS") or SEEDS)):
            print(f"METADB_E2E_SEED={seed} ", end="", flush=True)
            with self.subTest(seed=seed):
                try:
                    OneSeed(self, seed).run()
                except Exception as error:  # shown at once: there may be many seeds
                    print(f"\n{shown(str(error))}", flush=True)
                    raise


def shown(text):
    """Without most of the long values."""
    return re.sub(r"(\w{40})\w{100,}", r"\1...", text)[:20000]


class OneSeed:
    def __init__(self, test, seed):
        self.test, self.metadb = test, test.metadb
        self.random = random.Random(seed)
        self.name = f"{NAME}_{seed}"
        self.schema = self.random.choice([f"random_{seed}", f"Random {seed}", f'random"{seed}'])
        self.names = self.random.sample(TABLE_NAMES, TABLES + LATER_TABLES)
        self.tables = []
        self.transactions = 0

    def run(self):
        self.connection = PARTS.source.create_database(self.name)
        self._sql(SETUP)
        self._sql(f"CREATE SCHEMA {quoted(self.schema)}")
        self.add_tables(TABLES)
        for table in self.tables:
            table.is_before_snapshot = True
        self.change_rows()
        for table in self.tables:
            table.model.forget_history()
            table.is_before_snapshot = False
        self.connect()
        try:
            for number in range(ROUNDS):
                self.change_rows()
                self.settle()
                for table in self.random.sample(self.tables, self.random.randint(1, len(self.tables))):
                    table.redefine()
                if number < LATER_TABLES:
                    self.add_tables(1)
            self.change_rows()
            self.check()
        finally:
            self.disconnect()

    def settle(self):
        """Returns when the connector has sent all that is committed."""
        states = PARTS.connect(NEW).states(self.name)
        self.test.assertNotIn("FAILED", states, PARTS.connect(NEW).tail())
        await_kafka(PARTS.source, self.connection, self.name)

    def _sql(self, text):
        self.connection.cursor().execute(text)

    def add_tables(self, count):
        for _ in range(count):
            self.tables.append(RandomTable(self.connection, self.random, self.schema, self.names.pop()))

    def connect(self):
        config = {**own_slot(new_connector(PARTS.source, self.name, self.name), self.name),
                  "column.propagate.source.type": ".*", "interval.handling.mode": "string",
                  **KEEP_NULLS, **self.random.choice(SETTINGS)}
        PARTS.connect(NEW).create(self.name, config)
        wait_until(lambda: PARTS.source.streaming(self.name), 60, "the connector does not stream")
        self.metadb.psql(f"""CREATE DATA SOURCE {self.name} TYPE kafka OPTIONS (brokers '{PARTS.kafka.bootstrap}',
            security 'plaintext', topics '^{self.name}\\.', consumer_group '{self.name}',
            schema_stop_filter 'admin')""")

    def disconnect(self):
        PARTS.connect(NEW).delete(self.name)
        wait_until(lambda: not PARTS.source.streaming(self.name), 30, "the slot stays active")
        self._sql(f"SELECT pg_drop_replication_slot('{self.name}')")
        self.connection.close()
        self.metadb.psql(f"DROP DATA SOURCE {self.name}")

    def change_rows(self):
        for _ in range(TRANSACTIONS):
            is_lost = self.random.random() < 0.1
            self._sql("BEGIN")
            for _ in range(self.random.choice([1, 2, 5, 12])):
                self.random.choice(self.tables).change()
            self._sql("ROLLBACK" if is_lost else "COMMIT")
            for table in self.tables:
                (table.forget if is_lost else table.commit)()
            self.transactions += 1

    def check(self):
        self.settle()
        await_tables(PARTS.kafka, self.metadb, self.name,
                     [topic for topic in PARTS.kafka.topics() if topic.startswith(f"{self.name}.")])
        problems = [f"set aside: {letter}" for letter in self.metadb.query(
            "SELECT topic, sqlstate, error, value FROM metadb.dead_letter WHERE source_name = %s", [self.name])]
        target = self.metadb.connect()
        for table in self.tables:
            for problem in Found(table, target, self.name).problems():
                problems.append(f"{table.qualified}: {problem}")
        target.close()
        logs = [line for table in self.tables for line in table.log
                if any(problem.startswith(table.qualified) for problem in problems)] if problems else []
        if problems:
            self.test.fail("\n" + "\n".join(shown(text)[:1500] for text in problems + logs))
        versions = sum(len(table.model.rows) for table in self.tables)
        print(f"({versions} versions, {self.transactions} transactions) ", end="", flush=True)


class Found:
    """What metadb made of one table."""

    def __init__(self, table, target, source_name):
        self.table, self._target = table, target
        where = self._query("""SELECT schema_name, table_name FROM metadb.source_table
            WHERE source_name = %s AND source_schema = %s AND source_table = %s""",
                            [source_name, table.schema, table.name])
        self._where = where[0] if where else None
        if not where:
            return
        renamed = dict(self._query("SELECT source_column, column_name FROM metadb.column_name "
                                   "WHERE schema_name = %s AND table_name = %s", where[0]))
        self.types = dict(self._query("""SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
            WHERE attrelid = format('%%I.%%I', %s::text, %s::text)::regclass AND attnum > 0""", where[0]))
        self.here = {name: renamed.get(name, name) for name in table.kinds_seen}
        # A column of which no event has told is not there, or is ours.
        self.names = [name for name, here in self.here.items() if here in self.types and here not in OURS]

    def _query(self, sql, parameters=None):
        cursor = self._target.cursor()
        cursor.execute(sql, parameters)
        return cursor.fetchall()

    def _type(self, name):
        return self.types[self.here[name]]

    def _printed(self, name, value):
        """SQL of a value of the column as the column's type prints it."""
        return f"CASE WHEN {value} IS NOT NULL THEN {PRINTED.get(self._type(name), '{0}::text').format(value)} END"

    def _read(self, relation):
        """Bookkeeping and values of all rows."""
        shown = "".join(f", {self._printed(name, quoted(self.here[name]))}" for name in self.names)
        return self._query(f"SELECT __id, __start::text, __end::text, __current{shown} "
                           f"FROM {quoted(self._where[0])}.{quoted(relation)} ORDER BY __start, __id")

    def _wanted(self, rows):
        """The texts of the model as the types here print them."""
        out = [dict() for _ in rows]
        for name in self.names:
            texts = [row.get(name) for row in rows]
            if self._type(name) == "text" or len(self.table.kinds_seen[name]) == 1:
                printed = texts
            else:
                value = f"v::{self._type(name)}"
                printed = [text for text, in self._query(
                    f"SELECT {self._printed(name, value)} FROM unnest(%s::text[]) WITH ORDINALITY AS t(v, n) "
                    "ORDER BY n", [texts])]
            for row, text in zip(out, printed):
                row[name] = text
        return out

    def problems(self):
        model = self.table.model
        if self._where is None:
            return ["is missing"] if model.rows else []
        versions = [Version(*row[:4], dict(zip(self.names, row[4:]))) for row in self._read(self._where[1] + "__")]
        out = self.type_problems()
        out += self.differences("history", [{"is current": row.current, **values} for row, values in zip(
            model.rows, self._wanted([row.values for row in model.rows]))],
            [{"is current": version.current, **version.state} for version in versions])
        if model.key and not model.is_rekeyed:
            out += self.order_problems(versions)
        return out + self.current_problems()

    def type_problems(self):
        return [f"{name} is {self._type(name)}, not {kinds[0].here}" for name, kinds in self.table.kinds_seen.items()
                if name in self.names and len(kinds) == 1 and self._type(name) != kinds[0].here]

    def order_problems(self, versions):
        by_key = collections.defaultdict(list)
        for version in versions:
            by_key[tuple(version.state[name] for name in self.table.model.key)].append(version)
        out = []
        for states in self.table.model.states.values():
            complete = iter(self._wanted([state for state in states if state is not None]))
            wanted = [None if state is None else next(complete) for state in states]
            key = next(tuple(state[name] for name in self.table.model.key) for state in wanted if state is not None)
            out += [f"{key}: {problem}" for problem in key_problems(by_key.pop(key, []), wanted, self.names)]
        return out + [f"{key}: is not in the source" for key in by_key]

    def _comparable(self, name, text):
        """The connector does not tell that old values have more zeros now."""
        is_scaled = self._type(name) == "numeric" and text is not None and "." in text
        return text.rstrip("0").rstrip(".") if is_scaled else text

    def current_problems(self):
        """What the source has now, but for what the connector did not tell."""
        names = [column.name for column in self.table.columns if column.name in self.names
                 and column.name not in self.table.untold]
        there = self._wanted(self.table.rows())
        here = [dict(zip(self.names, row[4:])) for row in self._read(self._where[1])]
        counted = [[{name: self._comparable(name, row[name]) for name in names} for row in rows]
                   for rows in (there, here)]
        return self.differences("current table", *counted)

    @staticmethod
    def differences(what, wanted, found):
        wanted, found = (collections.Counter(tuple(row.items()) for row in rows) for rows in (wanted, found))
        return describe_counter(f"{what} lacks", wanted - found) + describe_counter(f"{what} has", found - wanted)
