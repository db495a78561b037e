"""Hundreds of sessions before a real PostgreSQL, with libpq as the client."""

import concurrent.futures
import unittest

import psycopg2

from front_end import FrontEnd, allow_descriptors, room
from source_postgres import PASSWORD, USER, Postgres

DATABASE = "postgres"
IDLE, BUSY = 500, 50
# As before the fake.
FIRST = 100
IDLE_KB_MOST = 8.0
BUSY_KB_MOST = 256.0
# Sessions of PostgreSQL's own fill PostgreSQL's memory, not ours: rows enough for several of our buffers.
QUERIES_EACH, ROWS = 20, 20_000


class CrowdedPostgres(Postgres):
    settings = f"max_connections = {IDLE + BUSY + 20}\n"

    def __init__(self):
        super().__init__(room(), "crowded")


class BeforePostgres(unittest.TestCase):
    def setUp(self):
        allow_descriptors(IDLE + BUSY)
        postgres = CrowdedPostgres()
        self.addCleanup(postgres.close)
        self.front_end = FrontEnd(self.id().rpartition(".")[2], postgres.port, DATABASE, IDLE + BUSY)
        self.addCleanup(self.front_end.stop)

    def connect(self, _=None):
        connection = psycopg2.connect(host="127.0.0.1", port=self.front_end.port, user=USER, password=PASSWORD,
                                      dbname=DATABASE)
        connection.autocommit = True
        return connection

    def test_five_hundred_idle_and_fifty_busy(self):
        with concurrent.futures.ThreadPoolExecutor(BUSY) as threads:
            self._crowd(threads)

    def _crowd(self, threads):
        idle = list(threads.map(self.connect, range(FIRST)))
        first_kb = self.front_end.resident_kb()
        idle += threads.map(self.connect, range(IDLE - FIRST))
        idle_kb = self.front_end.resident_kb()
        busy = list(threads.map(self.connect, range(BUSY)))
        most_kb = max(threads.map(self._work, busy, range(BUSY)))
        each_idle, each_busy = (idle_kb - first_kb) / (IDLE - FIRST), (most_kb - idle_kb) / BUSY
        print(f"\n  {IDLE} idle sessions: {each_idle:.2f} kB each (at most {IDLE_KB_MOST}); {BUSY} busy ones: "
              f"{each_busy:.1f} kB each at most (at most {BUSY_KB_MOST}); {2 * BUSY * QUERIES_EACH} results whole",
              flush=True)
        # Each still has a backend of its own.
        pids = {self._value(connection, "SELECT pg_backend_pid()") for connection in idle + busy}
        self.assertEqual(len(pids), IDLE + BUSY)
        for connection in idle + busy:
            connection.close()
        self.assertLessEqual(each_idle, IDLE_KB_MOST)
        self.assertLessEqual(each_busy, BUSY_KB_MOST)

    def _work(self, connection, number):
        """Gives the most memory that was seen meanwhile."""
        most_kb = 0
        for turn in range(QUERIES_EACH):
            self.assertEqual(self._value(connection, f"SELECT {number} * 1000 + {turn}"), number * 1000 + turn)
            cursor = connection.cursor()
            cursor.execute("SELECT generate_series(1, %s)", [ROWS])
            self.assertEqual(sum(row[0] for row in cursor), ROWS * (ROWS + 1) // 2)
            most_kb = max(most_kb, self.front_end.resident_kb())
        return most_kb

    @staticmethod
    def _value(connection, sql):
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchone()[0]
