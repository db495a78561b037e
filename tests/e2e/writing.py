"""One session that changes rows of its own until it is told to finish, with a journal of what it did."""

import random
import threading

from journal import Journal, Table


class Writing:
    """Its rows are those whose ids have the remainder `number` by `writers`. A subclass says which tables there are,
    how long at most it waits between two transactions, how often one of them is a `_bulk()`, and its `actions()`."""

    tables = []
    pause_max = bulk_share = None

    def __init__(self, source, database, number, writers, seed):
        self._random = random.Random(f"{seed}/{number}")
        self._connection = source.connect(database)
        self._connection.cursor().execute("SET TIME ZONE 'UTC'")
        self._number, self._writers = number, writers
        self.journal = Journal(self._connection, [Table(self._connection, "wk", name) for name in self.tables])
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.failure = None
        self.transactions = 0
        self._actions = self.actions()

    def start(self):
        self._thread.start()

    def _run(self):
        try:
            while not self._ending.wait(self._random.uniform(0, self.pause_max)):
                self._transaction()
        except Exception as error:  # shown by finish()
            self.failure = error

    def finish(self):
        self._ending.set()
        self._thread.join()
        self._connection.close()
        if self.failure:
            raise self.failure

    def _transaction(self):
        with self.journal.transaction(rolled_back=self._random.random() < 0.1):
            for _ in range(self._random.randint(1, 5)):
                self._random.choice(self._actions)()
            if self._random.random() < self.bulk_share:
                self._bulk()
        self.transactions += 1
