"""Changes made in the source, and the list of states of every row that they left behind.

A state is a dictionary column -> text as PostgreSQL prints the value, or None where the row does not exist.
"""

import collections
import contextlib

# How a value is made comparable where the way to the target may not keep its notation: unconstrained numerics lose
# trailing zeros in Debezium, and timetz arrives in UTC. Everything else must arrive as it is printed.
COMPARABLE = {
    "numeric": "trim_scale({0}::numeric)",
    "time with time zone": "({0}::timetz AT TIME ZONE 'UTC')",
}


class Table:
    """A source table as the source's catalog describes it now."""

    def __init__(self, connection, schema, name):
        self.schema, self.name = schema, name
        self.key, self.types = [], {}
        self.refresh(connection)

    def refresh(self, connection):
        cursor = connection.cursor()
        cursor.execute("""SELECT column_name, data_type FROM information_schema.columns
                          WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position""",
                       [self.schema, self.name])
        self.types = dict(cursor.fetchall())
        cursor.execute("""SELECT a.attname FROM pg_index i JOIN pg_attribute a
                          ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                          WHERE i.indisprimary AND i.indrelid = %s::regclass ORDER BY a.attnum""", [self.qualified])
        self.key = [row[0] for row in cursor.fetchall()]

    @property
    def qualified(self):
        return f'"{self.schema}"."{self.name}"'

    def images(self):
        """One SQL expression per column: its value as comparable text."""
        made = []
        for column, data_type in self.types.items():
            value = COMPARABLE.get(data_type, "{0}").format(f'"{column}"')
            made.append(f'CASE WHEN "{column}" IS NOT NULL THEN concat({value}) END')
        return ", ".join(made)

    def state(self, values):
        return dict(zip(self.types, values))

    def key_of(self, state):
        return tuple(state[column] for column in self.key)


class Journal:
    """What one writer did. States are noted at commit only, in the order of the statements."""

    def __init__(self, connection, tables):
        self.connection = connection
        self.tables = {table.name: table for table in tables}
        self.states = {table.name: collections.defaultdict(list) for table in tables}
        self.keyless = {table.name: [] for table in tables}
        self._open = None

    @contextlib.contextmanager
    def transaction(self, rolled_back=False):
        cursor = self.connection.cursor()
        self._open = []
        cursor.execute("BEGIN")
        yield self
        cursor.execute("ROLLBACK" if rolled_back else "COMMIT")
        if not rolled_back:
            for name, key, state in self._open:
                self._note(name, key, state)
        self._open = None

    def _note(self, name, key, state):
        if key is None:
            self.keyless[name].append(state)
        else:
            self.states[name][key].append(state)

    def _run(self, sql, parameters=None):
        if self._open is None:
            raise AssertionError("a change outside of a transaction")
        cursor = self.connection.cursor()
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []

    def upsert(self, name, sql, parameters=None):
        """An INSERT or UPDATE that keeps the keys."""
        table = self.tables[name]
        for row in self._run(f"{sql} RETURNING {table.images()}", parameters):
            state = table.state(row)
            self._open.append((name, table.key_of(state) if table.key else None, state))

    def delete(self, name, sql, parameters=None):
        """Without a key there is no state to note: no version begins."""
        table = self.tables[name]
        if not table.key:
            self._run(sql, parameters)
            return
        for row in self._run(f"{sql} RETURNING {table.images()}", parameters):
            self._open.append((name, table.key_of(table.state(row)), None))

    def rekey(self, name, sets, where, parameters=None):
        """An UPDATE of key columns of one row: the old key ends, the new one begins."""
        table = self.tables[name]
        old = self._run(f"SELECT {table.images()} FROM {table.qualified} WHERE {where}", parameters)
        new = self._run(f"UPDATE {table.qualified} SET {sets} WHERE {where} RETURNING {table.images()}", parameters)
        if len(old) > 1:
            raise AssertionError("rekey takes one row")
        for before, after in zip(old, new):
            self._open.append((name, table.key_of(table.state(before)), None))
            self._open.append((name, table.key_of(table.state(after)), table.state(after)))

    def truncate(self, name):
        self._run(f"TRUNCATE {self.tables[name].qualified}")
        live = {key: states[-1] for key, states in self.states[name].items()}
        for other, key, state in self._open:
            if other == name:
                live[key] = state
        for key, state in live.items():
            if state is not None:
                self._open.append((name, key, None))

    def ddl(self, name, sql):
        """Changes a table's definition, and what later states have as columns."""
        self.connection.cursor().execute(sql)
        self.tables[name].refresh(self.connection)

    def take_over(self, name):
        """Rows that are there before the journal begins count as its first states."""
        table = self.tables[name]
        cursor = self.connection.cursor()
        cursor.execute(f"SELECT {table.images()} FROM {table.qualified}")
        for row in cursor.fetchall():
            state = table.state(row)
            self._note(name, table.key_of(state) if table.key else None, state)


def merged(journals):
    """The states of several writers, who never touch the same key."""
    first = journals[0]
    whole = Journal(first.connection, first.tables.values())
    for journal in journals:
        for name, by_key in journal.states.items():
            for key, states in by_key.items():
                if key in whole.states[name]:
                    raise AssertionError(f"two writers changed {name} {key}")
                whole.states[name][key] = states
            whole.keyless[name] += journal.keyless[name]
    return whole
