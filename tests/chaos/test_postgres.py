"""What may befall the PostgreSQL that keeps the tables: each outage heals without a restart of metadb."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

import psycopg2

from parts import PARTS
from processes import own, wait_until
from rig import FEED, Outage, ask_status
from source_postgres import USER

SMALL_MB = 24


class Server(Outage):
    def test_restart(self):
        self.mark_log()
        self.send_some()
        PARTS.backing.popen.send_signal(signal.SIGINT)  # fast shutdown
        PARTS.backing.popen.wait(20)
        self.await_log("next try in")
        self.send_some()
        PARTS.backing.start()
        self.await_recovery("PostgreSQL restarted")

    def test_kill(self):
        self.mark_log()
        self.send_some()
        PARTS.backing.kill()
        self.await_log("next try in")
        self.send_some()
        PARTS.backing.start()
        self.await_recovery("PostgreSQL killed")

    def test_crash_of_a_backend(self):
        """The postmaster ends all sessions, and recovers from its log."""
        session = self.rig.direct()
        cursor = session.cursor()
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = 'rig' AND application_name LIKE 'metadb%'")
        os.kill(cursor.fetchone()[0], signal.SIGKILL)
        self.send_some()
        self.await_recovery("a backend crashed")


class Session(Outage):
    """With one session of PostgreSQL and one of metadb that were there before: what is to come must not reach them."""

    def setUp(self):
        super().setUp()
        self.admin = self.rig.direct()
        self.addCleanup(self.admin.close)
        self.session = self.rig.metadb.connect()
        self.addCleanup(self.session.close)

    def execute(self, sql):
        self.admin.cursor().execute(sql)

    def end_sessions(self):
        """Of metadb's own; those that come next find what is set now."""
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'rig' "
                     "AND application_name LIKE 'metadb%'")


class Settings(Session):
    @contextlib.contextmanager
    def altered(self, what, settings):
        """While ALTER ROLE or ALTER DATABASE has set these."""
        for name, value in settings.items():
            self.execute(f"ALTER {what} SET {name} = '{value}'")
        try:
            yield
        finally:
            for name in settings:
                self.execute(f"ALTER {what} RESET {name}")

    def test_read_only(self):
        self.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        self.execute("SELECT pg_reload_conf()")
        try:
            self.send_some()
            row = self.await_state(self.session, "25006")
            self.assertIn("read-only", row["last_error"])
        finally:
            self.execute("ALTER SYSTEM RESET default_transaction_read_only")
            self.execute("SELECT pg_reload_conf()")
        self.await_recovery("no longer read-only")

    def test_too_many_connections(self):
        """Nobody can ask for the status: whether he may is looked up on another connection. The log tells."""
        held = []

        def take_all():
            while True:
                try:
                    held.append(psycopg2.connect(PARTS.backing.conninfo("postgres"), connect_timeout=5))
                except psycopg2.OperationalError as error:
                    self.assertRegex(str(error), "too many clients|remaining connection slots")
                    return
        self.mark_log()
        try:
            take_all()
            self.end_sessions()
            self.send_some()

            def is_refused():
                take_all()
                return re.search("(too many clients|connection slots).*next try in", self.news())
            wait_until(is_refused, 20, lambda: f"not refused: {self.news()}")
        finally:
            for connection in held:
                connection.close()
        self.await_recovery("connections free again")

    def test_time_outs_of_role_and_database_do_not_hurt(self):
        settings = {"statement_timeout": "20ms", "lock_timeout": "1ms", "idle_in_transaction_session_timeout": "20ms",
                    "idle_session_timeout": "200ms"}
        for what in (f"ROLE {USER}", "DATABASE rig"):
            with self.subTest(what), self.altered(what, settings):
                self.mark_log()
                self.end_sessions()
                self.send_some()
                wait_until(lambda: not self.differences(), 20, lambda: f"{self.differences()}\n{self.news()}")
                self.send_some()
                wait_until(lambda: not self.differences(), 20, lambda: f"{self.differences()}\n{self.news()}")
                self.assertNotIn("57014", self.news())
                self.assertNotIn("55P03", self.news())
        self.await_recovery("time-outs reset")

    def test_isolation_of_the_database_does_not_hurt(self):
        """Commands on tables rest on what others have committed meanwhile."""
        with self.altered("DATABASE rig", {"default_transaction_isolation": "serializable",
                                           "default_transaction_deferrable": "on"}):
            self.end_sessions()
            self.send_some()
            wait_until(lambda: not self.differences(), 20, lambda: f"{self.differences()}\n{self.rig.metadb.tail(12)}")
            levels = self.levels_of_batches()
        self.assertEqual(levels, {"read committed"})
        self.await_recovery("isolation reset")

    def levels_of_batches(self):
        """The isolation of what writes table a, told by a trigger."""
        self.execute("""CREATE TABLE public.seen_level AS SELECT ''::text AS level WITH NO DATA;
            CREATE FUNCTION public.see_level() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO public.seen_level VALUES (current_setting('transaction_isolation')); RETURN NEW; END $$;
            CREATE TRIGGER see BEFORE INSERT ON public.a FOR EACH ROW EXECUTE FUNCTION public.see_level()""")
        try:
            self.send_some()
            wait_until(lambda: not self.differences(), 20, lambda: f"{self.differences()}\n{self.rig.metadb.tail(12)}")
            cursor = self.admin.cursor()
            cursor.execute("SELECT DISTINCT level FROM public.seen_level")
            return {row[0] for row in cursor.fetchall()}
        finally:
            self.execute("DROP FUNCTION public.see_level() CASCADE; DROP TABLE public.seen_level")

    def test_serialization_failure(self):
        """As a trigger of a user raises it, since ours are read committed."""
        self.execute("""CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RAISE 'could not serialize access' USING ERRCODE = '40001'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON public.a FOR EACH ROW EXECUTE FUNCTION public.refuse()""")
        try:
            self.send_some()
            self.await_state(self.session, "40001")
        finally:
            self.execute("DROP FUNCTION public.refuse() CASCADE")
        self.await_recovery("serialization failures over")


class Locks(Session):
    def hold(self, sql):
        """A user's transaction that stays open; closed when the test ends."""
        user = self.rig.direct()
        self.addCleanup(user.close)
        user.cursor().execute(f"BEGIN; {sql}")
        return user

    def await_waiter(self, count=1):
        """Until so many sessions of the database wait for a lock."""
        def waits():
            cursor = self.admin.cursor()
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = 'rig' AND wait_event_type = 'Lock'")
            return cursor.fetchone()[0] >= count
        wait_until(waits, 20, lambda: f"nobody waits for a lock\n{self.rig.metadb.tail(12)}", pause=0.01)

    def test_deadlock(self):
        """A batch has its position first, then the rows; the user wants both the other way round."""
        table = self.feed.table("a")
        user = self.hold("SET LOCAL deadlock_timeout = '60s'; SELECT * FROM public.a WHERE id = 1 FOR UPDATE")
        table.update(1, f"at {time.time()}")
        self.feed.send()
        self.await_waiter()
        self.mark_log()
        # Metadb, whose deadlock_timeout is the default, finds the circle and gives way.
        user.cursor().execute("SELECT * FROM metadb.ingest_position WHERE topic = %s FOR UPDATE", [table.topic])
        user.cursor().execute("COMMIT")
        self.await_log("40P01")
        self.await_recovery("deadlock over")

    def test_lock_on_a_table_that_a_user_holds(self):
        user = self.hold("LOCK TABLE public.a IN ACCESS EXCLUSIVE MODE")
        self.send_some()
        row = self.await_state(self.session, "55P03")
        self.assertIn(f"topic {self.feed.table('a').topic}", row["last_error"])
        waits = []
        for _ in range(5):
            began = time.monotonic()
            self.feed.table("b").insert()
            self.feed.table("plain").insert()
            self.feed.send()
            wait_until(lambda: not [each for name in ("b", "plain")
                                    for each in self.feed.table(name).differences(self.admin)], 15,
                       lambda: f"the others stand still, too: {ask_status(self.session)}\n{self.rig.metadb.tail(12)}")
            waits.append(time.monotonic() - began)
        print(f"others went on within {max(waits):.1f} s ... ", end="", flush=True)
        user.cursor().execute("COMMIT")
        self.await_recovery("lock released")

    def test_lock_that_lasts(self):
        """However long: the topic goes on within seconds after."""
        user = self.hold("LOCK TABLE public.a IN ACCESS EXCLUSIVE MODE")
        self.send_some()
        self.await_state(self.session, "55P03")
        time.sleep(12)  # how long it lasts is the subject
        user.cursor().execute("COMMIT")
        self.await_recovery("lock of 15 s released", seconds=6)


class Disk(Session):
    def test_disk_full(self):
        folder = PARTS.room.folder("small")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_MB}m", "tmpfs", folder],
                                 capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"no small file system here: {mounted.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=True)
        own(folder)
        self.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        self.addCleanup(self.leave_small)
        self.rig.metadb.psql(f"PAUSE DATA SOURCE {FEED}")
        self.execute("ALTER TABLE public.a SET TABLESPACE small")
        junk = pathlib.Path(folder) / "junk"
        with open(junk, "wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 65536)
        self.rig.metadb.psql(f"RESUME DATA SOURCE {FEED}")
        # More than vacuum may have freed, and nothing that compresses.
        self.feed.table("a").insert(300, os.urandom(1500).hex())
        self.send_some()
        self.await_state(self.session, "53100")
        junk.unlink()
        self.await_recovery("space again")

    def leave_small(self):
        self.rig.metadb.psql(f"PAUSE DATA SOURCE {FEED}")
        self.execute("ALTER TABLE public.a SET TABLESPACE pg_default")
        self.execute("DROP TABLESPACE small")
        self.rig.metadb.psql(f"RESUME DATA SOURCE {FEED}")
