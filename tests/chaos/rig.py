"""metadb with a relay before its PostgreSQL and one before the broker, fed with events; shared by the outage tests."""

import functools
import time
import unittest

import psycopg2

from feed import Feed
from metadb import Database, Metadb
from parts import PARTS
from processes import free_ports, wait_until
from relay import Relay
from source_postgres import PASSWORD, USER

# Generous for a busy machine; what was measured is printed.
RECOVERED_SECONDS = 20
FEED = "feed"


class Rig:
    def __init__(self):
        self.kafka_relay = Relay(PARTS.kafka.relay_port, PARTS.kafka.relay_target)
        [port] = free_ports(1)
        self.postgres_relay = Relay(port, PARTS.backing.port)
        PARTS.backing.create_database("rig").close()
        conninfo = f"host=127.0.0.1 port={port} user={USER} password={PASSWORD} dbname=rig"
        self.metadb = Metadb(PARTS.room, "metadb-rig", database=Database(conninfo, USER, PASSWORD, "rig"))
        self.feed = Feed(PARTS.kafka, FEED)
        self.feed.table("a").insert()
        self.feed.table("b").insert()
        self.feed.table("plain", has_key=False).insert()
        self.feed.send()
        self.create_source(FEED)

    @property
    def brokers(self):
        return f"127.0.0.1:{self.kafka_relay.port}"

    def create_source(self, name):
        self.metadb.psql(f"""CREATE DATA SOURCE {name} TYPE kafka OPTIONS (brokers '{self.brokers}',
            security 'plaintext', topics '^{name}\\.', consumer_group '{name}')""")

    def direct(self):
        """A session of PostgreSQL itself, with time-outs of its own."""
        connection = psycopg2.connect(
            PARTS.backing.conninfo("rig"), connect_timeout=10,
            options="-c statement_timeout=60s -c lock_timeout=0 -c default_transaction_read_only=off "
                    "-c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0")
        connection.autocommit = True
        return connection


@functools.cache
def rig():
    return Rig()


def ask_status(session, name=FEED):
    """`list status` of a session that is there already."""
    cursor = session.cursor()
    cursor.execute("list status")
    names = [column.name for column in cursor.description]
    return next(row for row in (dict(zip(names, values)) for values in cursor.fetchall()) if row["name"] == name)


class Outage(unittest.TestCase):
    """A test causes an outage, sends events, ends it, and awaits recovery."""

    def setUp(self):
        self.rig = rig()
        self.feed = self.rig.feed
        self.await_recovery("before the test")

    def send_some(self):
        """Inserts, updates and a delete, of tables with and without key."""
        for name in ("a", "b"):
            table = self.feed.table(name)
            table.insert(20)
            table.update(table.next_id - 2, "newer")
            table.update(table.next_id - 3, "newer")
            table.update(table.next_id - 3, "newest")
            table.delete(table.next_id - 4)
        self.feed.table("plain").insert(20)
        self.feed.send()

    def differences(self):
        try:
            connection = self.rig.direct()
        except psycopg2.OperationalError as error:
            return [str(error)]
        try:
            return self.feed.differences(connection)
        finally:
            connection.close()

    def await_state(self, session, words, states=("retrying",), seconds=15):
        """`list status` says the state, since when, why, and when it is tried again."""
        def told():
            row = ask_status(session)
            return row["state"] in states and words in (row["last_error"] or "") and row["next_retry"] and row
        row = wait_until(told, seconds, lambda: f"{ask_status(session)}\n{self.rig.metadb.tail(12)}")
        self.assertIsNotNone(row["since"])
        self.assertIsNotNone(row["last_error_time"])
        return row

    def await_log(self, words, seconds=15):
        """While nobody can ask for the status, since a session is one of PostgreSQL, the log tells."""
        wait_until(lambda: words in self.news(), seconds, lambda: f"no {words} in the log:\n{self.rig.metadb.tail(12)}")

    def mark_log(self):
        self._mark = self.rig.metadb.log.stat().st_size

    def news(self):
        return self.rig.metadb.log.read_bytes()[self._mark:].decode(errors="replace")

    def await_recovery(self, what, seconds=RECOVERED_SECONDS):
        """Everything that was sent is there once, and the status says so."""
        began = time.monotonic()
        wait_until(lambda: not self.differences(), seconds,
                   lambda: f"{what}: {self.differences()}; {self.rig.metadb.status()}\n{self.rig.metadb.tail(12)}")
        took = time.monotonic() - began

        def is_well():
            row = self.rig.metadb.status()[FEED]
            # What is told of a broker goes away after a minute and a half of silence only (docs/ingest.md).
            error = row["last_error"] or ""
            return row["source_stream"] == "active" and (not error or self.rig.brokers in error)
        wait_until(is_well, seconds, lambda: f"{what}: {self.rig.metadb.status()}\n{self.rig.metadb.tail(12)}")
        if what != "before the test":
            print(f"{what}: recovered after {took:.1f} s ... ", end="", flush=True)
        self.assertEqual(self.rig.metadb.scalar("SELECT count(*) FROM metadb.dead_letter"), 0)
