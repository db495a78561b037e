"""Topics of several partitions: truncates, which land in any of them, key changes, which lie in two, and rows without
key, which lie in all, leave what the source holds; read from behind, and while they are written."""

import os
import random
import unittest

from catching_up import await_kafka
from connect import NEW, new_connector, own_slot
from parts import PARTS
from processes import wait_until

PARTITIONS = 3
TRANSACTIONS = 150
SCHEMA = """
CREATE TABLE books (id integer PRIMARY KEY, v text, long text);
ALTER TABLE books ALTER long SET STORAGE EXTERNAL;
CREATE TABLE notes (id integer, v text);
ALTER TABLE notes REPLICA IDENTITY FULL;
"""
COLUMNS = {"books": "id, v, long", "notes": "id, v"}


class Partitions(unittest.TestCase):
    def setUp(self):
        self.connection = PARTS.source.create_database("partitions")
        self.execute(SCHEMA)
        seed = os.environ.get("METADB_E2E_SEED") or str(random.randrange(10**6))
        print(f"seed {seed} ", end="", flush=True)
        self.random = random.Random(seed)
        self.number = 0
        self.books = {}  # id: what the current row has had for v
        self.lives = []  # of books that have ended: id and the same
        self.notes = []
        # What is read as it is written may come late: then only truncates of tables with a key come out right.
        self.is_live = False
        config = own_slot(new_connector(PARTS.source, "partitions", "partitions"), "partitions")
        config |= {"topic.creation.default.partitions": str(PARTITIONS),
                   "topic.creation.default.replication.factor": "1"}
        PARTS.connect(NEW).create("partitions", config)
        self.addCleanup(PARTS.connect(NEW).delete, "partitions")
        wait_until(lambda: PARTS.source.streaming("partitions"), 60, "the connector does not stream")
        self.metadb = PARTS.new_metadb()

    def execute(self, sql, parameters=None):
        self.connection.cursor().execute(sql, parameters)

    def put(self, book):
        self.number += 1
        value = f"v{self.number}"
        is_new = book not in self.books
        self.execute("INSERT INTO books VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v",
                     [book, value, "long " * 1000 + value])
        self.books[book] = [value] if is_new else self.books[book] + [value]

    def end(self, book):
        self.lives.append((book, self.books.pop(book)))

    def truncate(self):
        self.execute("TRUNCATE books, notes")
        for book in list(self.books):
            self.end(book)
        self.notes = []

    def add_note(self):
        note = (self.random.randrange(5), f"n{self.number}")
        self.execute("INSERT INTO notes VALUES (%s, %s)", note)
        self.notes.append(note)

    def change(self):
        dice = self.random.randrange(10)
        book = self.random.randrange(20)
        if dice < 5 or not self.books:
            self.put(book)
        elif dice < 7 and book in self.books:
            self.execute("DELETE FROM books WHERE id = %s", [book])
            self.end(book)
        elif dice < 8 and book in self.books and not self.is_live:
            # The long value is not sent: it did not change.
            self.number += 1
            moved = 1000 + self.number
            self.execute("UPDATE books SET id = %s, v = %s WHERE id = %s", [moved, f"v{self.number}", book])
            self.end(book)
            self.books[moved] = [f"v{self.number}"]
        elif self.notes and dice < 9 and not self.is_live:
            note = self.notes.pop(self.random.randrange(len(self.notes)))
            self.execute("DELETE FROM notes WHERE ctid = (SELECT min(ctid) FROM notes WHERE id = %s AND v = %s)", note)
        else:
            self.add_note()

    def transaction(self):
        self.execute("BEGIN")
        dice = self.random.randrange(10)
        if dice == 0:
            if not self.is_live:
                self.put(self.random.randrange(20))
            self.truncate()
            for book in range(10):
                self.put(book)
                self.add_note()
        elif dice == 1:
            self.truncate()
        else:
            for _ in range(self.random.randrange(1, 6)):
                self.change()
        self.execute("COMMIT")

    def rows(self, connection, table):
        cursor = connection.cursor()
        cursor.execute(f"SELECT {COLUMNS[table]} FROM public.{table}")
        return sorted(cursor.fetchall())

    def agree(self):
        await_kafka(PARTS.source, self.connection, "partitions")
        target = self.metadb.connect()

        wait_until(lambda: all(self.rows(self.connection, table) == self.rows(target, table) for table in COLUMNS), 60,
                   lambda: f"tables differ from the source: {self.metadb.status()}\n{self.metadb.tail()}")
        cursor = target.cursor()
        if not self.is_live:
            cursor.execute("SELECT id, v FROM public.books__")
            wanted = sorted((book, value) for book, values in [*self.lives, *self.books.items()] for value in values)
            self.assertEqual(sorted(cursor.fetchall()), wanted)
        cursor.execute("verify consistency")
        target.close()
        self.assertEqual(self.metadb.query("SELECT topic, error FROM metadb.dead_letter"), [])

    def test_tables_equal_the_source(self):
        for _ in range(TRANSACTIONS):
            self.transaction()
        await_kafka(PARTS.source, self.connection, "partitions")
        topics = PARTS.kafka.topics()
        self.assertEqual((topics["partitions.public.books"], topics["partitions.public.notes"]),
                         (PARTITIONS, PARTITIONS))
        self.metadb.psql(f"""CREATE DATA SOURCE partitions TYPE kafka OPTIONS (
            brokers '{PARTS.kafka.bootstrap}', security 'plaintext', topics '^partitions\\.',
            consumer_group 'partitions', schema_stop_filter 'admin')""")
        wait_until(lambda: self.metadb.has_table("public", "books"), 60, lambda: self.metadb.tail())
        self.agree()
        self.is_live = True
        for _ in range(TRANSACTIONS):
            self.transaction()
        self.agree()
        self.metadb.stop()
