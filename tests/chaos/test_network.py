"""A network that is cut, stalls or is slow, between metadb and PostgreSQL and between metadb and the broker."""

import subprocess
import time

from parts import PARTS
from processes import wait_until
from relay import TO_SERVER
from rig import FEED, Outage, ask_status


class BeforePostgres(Outage):
    def tearDown(self):
        self.rig.postgres_relay.cut_where(None)
        self.rig.postgres_relay.delay = 0.0
        self.rig.postgres_relay.go_on()
        self.rig.postgres_relay.allow()

    def test_cut_in_the_middle_of_copy(self):
        """Half of the rows have reached PostgreSQL."""
        relay, cuts = self.rig.postgres_relay, self.rig.postgres_relay.cuts
        passed = {"bytes": 0}

        def watch(direction, piece):
            if direction != TO_SERVER:
                return None
            passed["bytes"] += len(piece)
            return len(piece) // 2 if passed["bytes"] > 1_000_000 else None
        self.rig.metadb.psql(f"PAUSE DATA SOURCE {FEED}")
        self.feed.table("a").insert(2000, "wide " * 300)
        self.feed.table("plain").insert(2000, "wide " * 300)
        self.feed.send()
        relay.cut_where(watch)
        self.rig.metadb.psql(f"RESUME DATA SOURCE {FEED}")
        wait_until(lambda: relay.cuts > cuts, 20, "no COPY came")
        self.await_recovery("cut in COPY")

    def test_cut_around_commit(self):
        """COMMIT has not left, or has: what it did is unknown to metadb, and PostgreSQL alone knows."""
        relay = self.rig.postgres_relay
        for reaches in (False, True):
            with self.subTest(reaches=reaches):
                cuts = relay.cuts

                def watch(direction, piece, reaches=reaches):
                    if direction != TO_SERVER or not piece.endswith(b"COMMIT\0"):
                        return None
                    return len(piece) if reaches else 0
                relay.cut_where(watch)
                self.send_some()
                wait_until(lambda cuts=cuts: relay.cuts > cuts, 20, "no COMMIT came")
                self.await_recovery(f"cut {'behind' if reaches else 'before'} COMMIT")

    def test_unreachable(self):
        self.mark_log()
        self.rig.postgres_relay.refuse()
        self.send_some()
        self.await_log("next try in")
        self.rig.postgres_relay.allow()
        self.await_recovery("PostgreSQL reachable")

    def test_stall(self):
        self.rig.postgres_relay.stall()
        self.send_some()
        time.sleep(4)  # how long nothing passes is the subject
        self.rig.postgres_relay.go_on()
        self.await_recovery("PostgreSQL's network goes on")

    def test_stall_that_ends_in_a_cut(self):
        self.rig.postgres_relay.stall()
        self.send_some()
        time.sleep(2)
        self.rig.postgres_relay.cut()
        self.rig.postgres_relay.go_on()
        self.await_recovery("PostgreSQL's network was cut")

    def test_slow(self):
        self.rig.postgres_relay.delay = 0.02
        self.send_some()
        self.await_recovery("slow PostgreSQL")


class Consumer(Outage):
    def setUp(self):
        super().setUp()
        self.ask()

    def ask(self):
        self.session = self.rig.metadb.connect()
        self.addCleanup(self.session.close)

    def tearDown(self):
        relay = self.rig.kafka_relay
        relay.delay, relay.piece = 0.0, 65536
        relay.go_on()
        relay.allow()

    def await_trouble(self, words, seconds=30):
        def told():
            row = ask_status(self.session)
            return row["last_error"] and words in row["last_error"] and row["last_error_time"] and row["since"]
        wait_until(told, seconds, lambda: f"{ask_status(self.session)}\n{self.rig.metadb.tail(12)}")


class BeforeKafka(Consumer):
    def test_unreachable(self):
        self.rig.kafka_relay.refuse()
        self.await_trouble("refused")
        self.send_some()
        self.rig.kafka_relay.allow()
        self.await_recovery("broker reachable")

    def test_cut(self):
        for _ in range(3):
            self.send_some()
            self.rig.kafka_relay.cut()
        self.await_recovery("broker's connections cut")

    def test_stall(self):
        self.rig.kafka_relay.stall()
        self.send_some()
        time.sleep(4)  # how long nothing passes is the subject
        self.rig.kafka_relay.go_on()
        self.await_recovery("broker's network goes on")

    def test_slow(self):
        relay = self.rig.kafka_relay
        relay.delay, relay.piece = 0.05, 4096
        self.send_some()
        self.await_recovery("slow broker", seconds=40)


class Broker(Consumer):
    def come_back(self):
        """Once metadb has noticed that it is gone. Of a broker that hangs up, as the relay does now, its client tells
        nothing; but the group's session ends after ten seconds."""
        def has_noticed():
            row = ask_status(self.session)
            return row["last_error"] or row["source_stream"] != "active"
        try:
            wait_until(has_noticed, 30, lambda: f"{ask_status(self.session)}\n{self.rig.metadb.tail(12)}")
        finally:
            PARTS.kafka.start()

    def test_restart(self):
        self.send_some()
        PARTS.kafka.popen.terminate()
        PARTS.kafka.popen.wait(30)
        self.come_back()
        self.send_some()
        self.await_recovery("broker restarted", seconds=30)

    def test_kill(self):
        self.send_some()
        PARTS.kafka.kill()
        self.come_back()
        self.send_some()
        self.await_recovery("broker killed", seconds=30)

    def test_unreachable_at_start(self):
        self.rig.metadb.stop()
        self.rig.kafka_relay.refuse()
        self.rig.metadb.start()
        self.ask()
        self.await_trouble("refused")
        self.send_some()
        self.rig.kafka_relay.allow()
        self.await_recovery("broker reachable after the start")

    def test_group_that_rebalances(self):
        """Another member, whose name comes first, joins and leaves; what that is given is read once it has left."""
        log = PARTS.room.path / "member.log"
        for number in range(1, 4):
            with open(log, "ab") as told:
                member = subprocess.Popen(
                    ["kcat", "-b", PARTS.kafka.bootstrap, "-X", "partition.assignment.strategy=range",
                     "-X", "client.id=!", "-G", FEED,
                     *(table.topic for table in self.feed.tables.values())], stdout=subprocess.DEVNULL, stderr=told)
            try:
                self.send_some()
                wait_until(lambda count=number: log.read_text().count(f"assigned: {FEED}") >= count, 30,
                           lambda: f"the member is given nothing: {log.read_text()}")
                self.send_some()
            finally:
                member.terminate()
                member.wait(20)
        self.await_recovery("the group at rest", seconds=40)
