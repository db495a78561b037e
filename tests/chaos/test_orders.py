"""Several sources at once: one that is broken touches no other, and orders are followed at once."""

import time

from feed import Feed
from parts import PARTS
from processes import free_ports, wait_until
from rig import Outage

# A second is meant; the machine may be busy. What was measured is printed.
SOON_SECONDS = 5
OTHER = "other"


class Sources(Outage):
    def setUp(self):
        super().setUp()
        self.other = Feed(PARTS.kafka, OTHER)
        self.direct = self.rig.direct()
        self.addCleanup(self.direct.close)

    def command(self, text):
        """Runs it; the moment at which it was answered."""
        self.rig.metadb.psql(text)
        return time.monotonic()

    def arrives(self, feed, name, seconds=SOON_SECONDS):
        """Sends a row and gives the seconds until it is there."""
        feed.table(name).insert()
        feed.send()
        began = time.monotonic()
        wait_until(lambda: not feed.table(name).differences(self.direct), seconds,
                   lambda: f"{feed.table(name).differences(self.direct)}: {self.rig.metadb.status()}\n"
                           f"{self.rig.metadb.tail(12)}")
        return time.monotonic() - began

    def state(self, name):
        return self.rig.metadb.status().get(name, {}).get("state")

    def test_one_that_is_broken_touches_no_other(self):
        """One whose broker is not there, and one whose tables belong to another."""
        [nobody] = free_ports(1)
        self.rig.metadb.psql(f"""CREATE DATA SOURCE broken TYPE kafka OPTIONS (brokers '127.0.0.1:{nobody}',
            security 'plaintext', topics '^broken', consumer_group 'broken')""")
        clashing = Feed(PARTS.kafka, "clashing")
        clashing.table("a").insert()
        clashing.send()
        self.rig.create_source("clashing")

        def are_broken():
            rows = self.rig.metadb.status()
            return rows["broken"]["last_error"] and "add_schema_prefix" in (rows["clashing"]["last_error"] or "")
        try:
            wait_until(are_broken, 30, lambda: f"{self.rig.metadb.status()}")
            waits = [self.arrives(self.feed, name) for name in ("a", "b", "plain") * 3]
            self.assertEqual(self.rig.metadb.status()[self.feed.prefix]["source_stream"], "active")
        finally:
            for name in ("broken", "clashing"):
                self.command(f"DROP DATA SOURCE {name}")
        print(f"rows of the other after {sorted(waits)[4]:.2f} s, at most {max(waits):.2f} s ... ", end="", flush=True)

    def test_orders_are_followed_at_once(self):
        took = {}
        self.other.table("c").insert()
        self.other.send()
        began = time.monotonic()
        self.rig.create_source(OTHER)
        wait_until(lambda: self.state(OTHER), SOON_SECONDS, "not listed")
        took["create"] = time.monotonic() - began
        self.arrives(self.other, "c", seconds=15)

        began = self.command(f"PAUSE DATA SOURCE {OTHER}")
        wait_until(lambda: self.state(OTHER) == "paused", SOON_SECONDS, "not paused")
        took["pause"] = time.monotonic() - began
        self.rests(lambda: self.other.table("c").insert())

        began = self.command(f"RESUME DATA SOURCE {OTHER}")
        self.arrives(self.other, "c", seconds=SOON_SECONDS + 5)  # a consumer joins its group anew
        took["resume"] = time.monotonic() - began

        began = self.command(f"ALTER DATA SOURCE {OTHER} OPTIONS (ADD table_stop_filter 'unwanted')")
        self.other.table("wanted").insert()
        self.other.send()
        self.send_unwanted()
        wait_until(lambda: not self.other.table("wanted").differences(self.direct), 20,
                   lambda: f"{self.rig.metadb.status()}")
        self.assertIsNone(self.count("public.unwanted"))
        took["alter"] = time.monotonic() - began

        began = self.command(f"DROP DATA SOURCE {OTHER}")
        wait_until(lambda: self.state(OTHER) is None, SOON_SECONDS, "still listed")
        took["drop"] = time.monotonic() - began
        self.rests(lambda: self.other.table("c").insert())
        told = ", ".join(f"{order} {seconds:.2f} s" for order, seconds in took.items())
        print(f"{told} ... ", end="", flush=True)

    def rests(self, change):
        """What is sent now is not applied, while a later event of another source is."""
        before = self.count("public.c")
        change()
        self.other.send()
        self.arrives(self.feed, "a")
        self.assertEqual(self.count("public.c"), before)

    def count(self, table):
        """None if it is not there."""
        cursor = self.direct.cursor()
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        if not cursor.fetchone()[0]:
            return None
        cursor.execute(f"SELECT count(*) FROM {table}")
        return cursor.fetchone()[0]

    def send_unwanted(self):
        """Of a table that is filtered: nothing of it is expected."""
        unwanted = Feed(PARTS.kafka, OTHER)
        unwanted.table("unwanted").insert()
        unwanted.send()
