"""What the rows of one table must be after a series of changes, whose shape changes on the way: change by change, in
memory, in the plainest way that docs/ingest.md allows.

Values are texts, or None for NULL, by the source's names of the columns; a column that a row lacks is NULL.
"""

import collections


class Row:
    def __init__(self, values):
        self.values, self.current = values, True


def _equal(one, other):
    return all(one.get(column) == other.get(column) for column in one.keys() | other.keys())


class RowsModel:
    def __init__(self, key):
        self.key = key
        self.rows = []  # in the order in which they were made
        self.states = collections.defaultdict(list)  # key: every state, None where the row is gone
        self.is_rekeyed = False  # then the states are of no use

    def current(self):
        return [row for row in self.rows if row.current]

    def _key_of(self, values):
        return tuple(values.get(column) for column in self.key)

    def _current_of(self, key):
        return next((row for row in self.rows if row.current and self._key_of(row.values) == key), None)

    def upsert(self, values):
        if not self.key:
            self.rows.append(Row(values))
            return
        self.states[self._key_of(values)].append(values)
        before = self._current_of(self._key_of(values))
        if before is not None and _equal(before.values, values):
            return
        if before is not None:
            before.current = False
        self.rows.append(Row(values))

    def remove(self, values):
        if not self.key:
            self.replace(values, None)
            return
        key = self._key_of(values)
        self.states[key].append(None)
        before = self._current_of(key)
        if before is not None:
            before.current = False

    def replace(self, before, after):
        """Without a key: the oldest current row that equals `before`, in the columns that the source still has. None in
        place of `after`: a delete."""
        if after == before:
            return
        found = next(row for row in self.rows
                     if row.current and all(row.values.get(column) == value for column, value in before.items()))
        found.current = False
        if after is not None:
            self.rows.append(Row(after))

    def truncate(self):
        for row in self.current():
            row.current = False
            self.states[self._key_of(row.values)].append(None)

    def forget_history(self):
        """A snapshot begins with the rows of now."""
        self.rows = self.current()
        self.states.clear()
        for row in self.rows:
            self.states[self._key_of(row.values)].append(row.values)
        self.is_rekeyed = False

    def change_key(self, key):
        """REQUIRES: in the current rows it is unique and has no NULL."""
        self.key, self.is_rekeyed = key, True

    def recast(self, column, cast):
        """The type here is wider now, for all versions; cast maps texts to texts."""
        self.is_rekeyed = self.is_rekeyed or column in self.key
        everything = [row.values for row in self.rows]
        everything += [state for states in self.states.values() for state in states if state is not None]
        for values in {id(values): values for values in everything}.values():
            if values.get(column) is not None:
                values[column] = cast[values[column]]
