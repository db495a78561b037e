"""A real MariaDB: every type, and changes of rows and of tables, by way of Debezium's connector for MySQL."""

import collections
import unittest

from catching_up import await_tables
from compare import history_differences
from connect import KEEP_NULLS, MYSQL, mysql_connector
from mariadb_columns import (CHANGED, COLUMNS, OTHER_COLUMNS, create, create_changed, images, insert, insert_changed,
                             insert_extremes, is_float)
from parts import PARTS
from processes import wait_until
from source_mariadb import SourceMariaDB

SHOPS = ["shop_north", "shop_south"]
SETTINGS = {"column.propagate.source.type": ".*", "bigint.unsigned.handling.mode": "precise",
            "enable.time.adjuster": "false", **KEEP_NULLS}
OTHER_SETTINGS = {
    "decimal.handling.mode": "string", "binary.handling.mode": "hex", "time.precision.mode": "isostring",
    "converters": "flags", "flags.type": "io.debezium.connector.mysql.converters.TinyIntOneToBooleanConverter",
    "flags.selector": ".*flag", "database.server.id": "5402"}


class Items:
    """A table whose definition changes; as compare.py asks for it."""

    name, key = "items", ["id"]

    def __init__(self):
        self.types = dict.fromkeys(["id", "label", "amount", "price"])

    def images(self):
        return ", ".join(f"{name}::text" for name in self.types)

    def state(self, values):
        return dict(zip(self.types, values))

    def key_of(self, state):
        return (state["id"],)


class Journal:
    """What the rows of a shop's items were after each statement that changed them."""

    def __init__(self, source, shop):
        self.table, self.name = Items(), f"{shop}.items"
        self.states = {"items": collections.defaultdict(list)}
        self.cursor = source.connect().cursor()
        self.cursor.execute(f"CREATE TABLE {self.name} (id int PRIMARY KEY, label varchar(10), amount smallint, "
                            "price decimal(8,2))")

    def rows(self):
        columns = ", ".join(f"CAST(t.{name} AS CHAR)" for name in self.table.types)
        self.cursor.execute(f"SELECT {columns} FROM {self.name} t ORDER BY t.id")
        return list(self.cursor.fetchall())

    def by_key(self):
        states = map(self.table.state, self.rows())
        return {self.table.key_of(state): state for state in states}

    def change(self, *statements):
        """In one transaction, where ITEMS is the table."""
        self.cursor.execute("BEGIN")
        for statement in statements:
            before = self.by_key()
            self.cursor.execute(statement.replace("ITEMS", self.name))
            after = self.by_key()
            for key in before.keys() | after.keys():
                if before.get(key) != after.get(key):
                    self.states["items"][key].append(after.get(key))
        self.cursor.execute("COMMIT")

    def alter(self, statement, *columns):
        """Rows that are there are not sent again."""
        self.cursor.execute(statement.replace("ITEMS", self.name))
        self.table.types.update(dict.fromkeys(columns))


class MariaDB(unittest.TestCase):
    maxDiff = None
    metadb, connectors = None, 0

    @classmethod
    def setUpClass(cls):
        cls.source = SourceMariaDB(PARTS.room)
        cls.cursor = cls.source.connect().cursor()
        for database in ["admin", "types", *SHOPS]:
            cls.cursor.execute(f"CREATE DATABASE {database}")
        for statement in ["CREATE TABLE admin.heartbeat (id int PRIMARY KEY, n int NOT NULL)",
                          "INSERT INTO admin.heartbeat VALUES (1, 0)",
                          create("types.everything"), create_changed("types.changed"),
                          *(insert("types.everything", number, number - 1) for number in (1, 2, 3)),
                          "INSERT INTO types.everything (id) VALUES (4)",
                          *insert_extremes("types.everything", 100), insert_changed("types.changed", 1)]:
            cls.cursor.execute(statement)
        cls.journals = {shop: Journal(cls.source, shop) for shop in SHOPS}
        for shop, journal in cls.journals.items():
            journal.change(f"INSERT INTO ITEMS VALUES (1, '{shop}', 1, 1.50), (2, 'b', NULL, -0.01), "
                           "(3, 'c', -3, NULL)")
        cls.create("maria", ["admin", "types", *SHOPS], {})

    @classmethod
    def create(cls, prefix, databases, settings, options=""):
        """A connector and a data source of that name."""
        connect = PARTS.connect(MYSQL)
        connect.create(prefix, {**mysql_connector(cls.source, PARTS.kafka, ",".join(databases), prefix), **SETTINGS,
                                **settings})
        cls.connectors += 1
        wait_until(lambda: connect.runs(prefix) and cls.source.streams() == cls.connectors, 60,
                   "the connector does not stream")
        cls.await_kafka(prefix)
        cls.metadb = cls.metadb or PARTS.new_metadb()
        cls.metadb.psql(f"""CREATE DATA SOURCE {prefix} TYPE kafka OPTIONS (brokers '{PARTS.kafka.bootstrap}',
            security 'plaintext', topics '^{prefix}\\.', consumer_group '{prefix}', schema_stop_filter 'admin'
            {options})""")

    @classmethod
    def tearDownClass(cls):
        PARTS.retire(MYSQL)
        cls.source.close()
        cls.metadb.stop()

    @classmethod
    def await_kafka(cls, prefix):
        """Returns when Kafka has all that is committed now."""
        cls.cursor.execute("SHOW MASTER STATUS")
        end = cls.cursor.fetchone()[:2]

        def confirmed():
            # The connector notes how far it is with an event only.
            cls.cursor.execute("UPDATE admin.heartbeat SET n = n + 1")
            return PARTS.connect(MYSQL).runs(prefix) and PARTS.connect(MYSQL).place(prefix) >= end

        wait_until(confirmed, 60, lambda: f"the connector does not come to {end}", pause=0.2)

    def settle(self, prefix="maria"):
        """Returns when all that is committed now is in the tables, and nothing went wrong."""
        self.await_kafka(prefix)
        await_tables(PARTS.kafka, self.metadb, prefix, [
            topic for topic in PARTS.kafka.topics() if topic.startswith(f"{prefix}.") and ".admin." not in topic])
        self.assertEqual(self.metadb.query("SELECT topic, error FROM metadb.dead_letter"), [])

        def sound():
            status = self.metadb.status()[prefix]
            return status["state"] == "snapshot complete" and not status["last_error"]

        wait_until(sound, 30, lambda: f"not sound: {self.metadb.status()[prefix]}\n{self.metadb.tail()}")

    def types_of(self, table):
        return dict(self.metadb.query(
            "SELECT attname, format_type(atttypid, CASE WHEN atttypid = 'bit'::regtype THEN atttypmod END) "
            "FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attname NOT LIKE '\\_\\_%%' "
            "AND attname <> 'id'", [table]))

    def every_value_agrees(self, table="types.everything", columns=None):
        """Of floats, the numbers that are printed."""
        columns = columns or COLUMNS
        self.cursor.execute(f"SELECT id, {images(columns)} FROM types.everything ORDER BY id")
        wanted = self.cursor.fetchall()
        there = ", ".join(f"{name}::{'double precision' if is_float(column) else 'text'}"
                          for name, column in columns.items())
        found = self.metadb.query(f"SELECT id, {there} FROM {table} ORDER BY id")
        self.assertEqual([row[0] for row in found], [row[0] for row in wanted])
        differences = [(name, source[0], source[at], here[at]) for source, here in zip(wanted, found)
                       for at, name in enumerate(columns, 1) if source[at] != here[at]]
        self.assertEqual(differences, [], "column, id, source, here")

    def types_agree(self, table, columns):
        self.assertEqual(self.types_of(table), {name: column.here for name, column in columns.items()})

    def test_every_type(self):
        self.settle()
        with self.subTest("snapshot"):
            self.every_value_agrees()
        with self.subTest("types"):
            self.types_agree("types.everything", COLUMNS)
        row = ", ".join(f"{name} = {column.values[1]}" for name, column in COLUMNS.items())
        for statement in [*(insert("types.everything", number, number - 5) for number in (5, 6, 7)),
                          "INSERT INTO types.everything (id) VALUES (8)", *insert_extremes("types.everything", 200),
                          f"UPDATE types.everything SET {row} WHERE id IN (1, 4, 7)",
                          "UPDATE types.everything SET words = 'changed' WHERE id = 3",
                          "DELETE FROM types.everything WHERE id = 2", insert_changed("types.changed", 2)]:
            self.cursor.execute(statement)
        self.settle()
        with self.subTest("changes"):
            self.every_value_agrees()
        with self.subTest("other values"):
            columns = "::text, ".join(CHANGED)
            self.assertEqual(self.metadb.query(f"SELECT {columns}::text FROM types.changed ORDER BY id"),
                             [tuple(kind[at] for kind in CHANGED.values()) for at in (2, 3)])

    def test_every_type_in_other_ways(self):
        """Decimals, bytes, times and truths in other ways, by a connector of its own."""
        for number in (11, 12, 13):
            self.cursor.execute(insert("types.everything", number, number - 11))
        self.create("other", ["admin", "types"], OTHER_SETTINGS, ", add_schema_prefix 'other_'")
        for number in (14, 15, 16):
            self.cursor.execute(insert("types.everything", number, number - 14))
        self.settle("other")
        columns = {**COLUMNS, **OTHER_COLUMNS}
        self.every_value_agrees("other_types.everything", columns)
        self.types_agree("other_types.everything", columns)

    def test_history(self):
        """Of two tables with one name, in two databases."""
        self.settle()
        north, south = self.journals.values()
        for journal in (north, south):
            journal.change("INSERT INTO ITEMS VALUES (4, 'd', 4, 4)", "UPDATE ITEMS SET amount = 5 WHERE id IN (1, 4)")
            journal.change("UPDATE ITEMS SET id = 20 WHERE id = 2", "DELETE FROM ITEMS WHERE id = 3")
            journal.change("INSERT INTO ITEMS VALUES (3, 'again', 3, 3)", "UPDATE ITEMS SET amount = NULL")
            journal.change("REPLACE INTO ITEMS VALUES (4, 'replaced', 4, 4)",
                           "INSERT INTO ITEMS VALUES (3, 'x', 3, 3) ON DUPLICATE KEY UPDATE amount = 6, label = 'y'")
        self.settle()
        self.agree("rows")
        south.change("TRUNCATE TABLE ITEMS")
        south.change("INSERT INTO ITEMS VALUES (1, 'new', 1, 1), (5, 'e', 5, 5)")
        self.settle()
        self.agree("truncate")
        north.alter("ALTER TABLE ITEMS ADD COLUMN note varchar(20) DEFAULT 'none'", "note")
        north.change("UPDATE ITEMS SET amount = 7 WHERE id = 1")
        north.alter("ALTER TABLE ITEMS MODIFY amount bigint, MODIFY label longtext, MODIFY price decimal(20,2)")
        north.change("UPDATE ITEMS SET amount = 9223372036854775807, label = REPEAT('wide ', 100), "
                     "price = 123456789012345678.99 WHERE id = 20")
        north.change("UPDATE ITEMS SET id = 1000 WHERE id = 3", "INSERT INTO ITEMS VALUES (6, 'f', -40000, 0, NULL)")
        self.settle()
        self.agree("alter", whole=False)
        self.assertEqual(self.types_of("shop_north.items"),
                         {"label": "text", "amount": "bigint", "price": "numeric", "note": "text"})
        # What the source has given to rows that were there is sent when they change.
        north.change("UPDATE ITEMS SET note = CONCAT(COALESCE(note, ''), '!')")
        self.settle()
        self.agree("default")

    def agree(self, what, whole=True):
        """Not the whole row where a column was added that the source has given a value."""
        target = self.metadb.connect()
        for shop, journal in self.journals.items():
            with self.subTest(what, shop=shop):
                self.assertEqual(history_differences(journal, journal.table, target, shop), [])
                if whole:
                    columns = journal.table.images()
                    self.assertEqual(self.metadb.query(f"SELECT {columns} FROM {shop}.items t ORDER BY t.id"),
                                     journal.rows())
        target.close()

    def test_tables_made_while_streaming(self):
        for statement in ["CREATE TABLE types.late (id int PRIMARY KEY, n int unsigned, document json, at time)",
                          "INSERT INTO types.late VALUES (1, 4294967295, '{\"a\":  1.0}', '-01:00:00')",
                          "ALTER TABLE types.late ADD COLUMN more json",
                          "INSERT INTO types.late VALUES (2, NULL, NULL, NULL, '[1.0]')",
                          "CREATE TABLE types.keyless (n int, v varchar(10))",
                          "INSERT INTO types.keyless VALUES (1, 'a'), (1, 'a'), (2, 'b')",
                          "UPDATE types.keyless SET v = 'c' WHERE n = 1 LIMIT 1",
                          "DELETE FROM types.keyless WHERE n = 2"]:
            self.cursor.execute(statement)
        self.settle()
        self.assertEqual(self.types_of("types.late"), {"n": "bigint", "document": "json", "at": "text", "more": "json"})
        self.assertEqual(self.metadb.query("SELECT id, n, document::text, at, more::text FROM types.late ORDER BY id"),
                         [(1, 4294967295, '{"a":  1.0}', "-01:00:00", None), (2, None, None, None, "[1.0]")])
        self.assertEqual(self.metadb.query("SELECT n, v, __current FROM types.keyless__ ORDER BY n, v, __current"),
                         [(1, "a", False), (1, "a", True), (1, "c", True), (2, "b", False)])
