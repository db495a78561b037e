"""A table with random columns and a random key, random changes of its rows and of its definition, and the model of what
they leave behind."""

import collections
import datetime

from random_kinds import CHANGES, KEYS, KINDS, RECAST, literal
from rows_model import RowsModel

TABLE_NAMES = ["things", "Things", "select", "with space", "with_space", 'quo"ted', "größe", "t" * 63,
               "p" * 50 + "ö" * 5, "dot.ted", "per%cent", "it's", "t__", "zzz"]
COLUMN_NAMES = ["plain", "Mixed", "select", "with space", "with_space", 'quo"ted', "ünï", "c" * 63, "c" * 62, "dot.ted",
                "comma,", "it's", "per%cent", "op", "before", "after", "payload", "schema", "ts_us", "__id", "__start",
                "__current", "__origin", "__end", "__id_2", "__deleted", "back\\slash", "$1", "{}", "1"]
KEY_COLUMNS_MAX = 3
ROWS_MAX = 40
NUMBERS = 60  # of which keys are made: few, so that keys die and are born again

Column = collections.namedtuple("Column", "name kind")


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def image(kind, expression):
    return f"CASE WHEN {expression} IS NOT NULL THEN {kind.image.format(expression)} END"


class RandomTable:
    def __init__(self, connection, random, schema, name):
        self._connection, self._random = connection, random
        self.schema, self.name = schema, name
        names = random.sample(COLUMN_NAMES, random.randint(4, 12))
        self.keyable = [Column(one, random.choice(KEYS)) for one in names[:KEY_COLUMNS_MAX]]
        self.columns = self.keyable + [Column(one, random.choice(KINDS)) for one in names[KEY_COLUMNS_MAX:]]
        random.shuffle(self.columns)
        self.kinds_seen = {column.name: [column.kind] for column in self.columns}  # of a name, one after the other
        self.untold = set()  # names of columns whose old rows the connector has not told of
        self._pending = []   # changes of the model, until the transaction commits
        self.is_before_snapshot = False
        self.log = []        # of the definition, for who looks for a fault
        definition = ", ".join(f"{quoted(c.name)} {c.kind.sql}{' NOT NULL' if c in self.keyable else ''}"
                               for c in self.columns)
        self._define(f"CREATE TABLE {self.qualified} ({definition})")
        self.model = RowsModel([])
        self.is_full = self.is_deferrable = False
        self._set_key()
        self.model = RowsModel(self.model.key)

    # What the table is.

    @property
    def qualified(self):
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    def images(self):
        return ", ".join(image(column.kind, quoted(column.name)) for column in self.columns)

    def _run(self, sql):
        cursor = self._connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []

    def _values(self, texts):
        return dict(zip([column.name for column in self.columns], texts))

    def _key(self):
        return [column for column in self.keyable if column.name in self.model.key]

    def rows(self):
        return [self._values(row) for row in self._run(f"SELECT {self.images()} FROM {self.qualified}")]

    def _drawn(self, column):
        value = "NULL" if self._random.random() < 0.2 else f"({column.kind.draw(self._random)})::{column.kind.sql}"
        # In a snapshot Debezium 3.7 leaves the BC of a date out.
        return "NULL" if self.is_before_snapshot and column.kind.sql == "date" and "BC" in value else value

    def _some(self, most):
        """A condition that few rows meet."""
        found = self._run(f"SELECT ctid FROM {self.qualified} ORDER BY ctid")
        chosen = self._random.sample(found, min(len(found), self._random.randint(1, most)))
        return f"ctid = ANY ('{{{','.join(chr(34) + tid + chr(34) for tid, in chosen)}}}'::tid[])"

    def _free_number(self):
        """Of which no key column has a value yet."""
        for number in self._random.sample(range(NUMBERS), NUMBERS):
            taken = " OR ".join(f"{quoted(c.name)} = {self._nth(c, number)}" for c in self.keyable)
            if not self._run(f"SELECT 1 FROM {self.qualified} WHERE {taken} LIMIT 1"):
                return number
        return None

    @staticmethod
    def _nth(column, number):
        return f"({column.kind.nth.format(number)})::{column.kind.sql}"

    # Changes of rows.

    def commit(self):
        for change in self._pending:
            change()
        self._pending = []

    def forget(self):
        self._pending = []

    def _update(self, sets, where):
        old = ", ".join(f"{image(c.kind, quoted(c.name))} AS \"~{i}\"" for i, c in enumerate(self.columns))
        found = self._run(f"""UPDATE {self.qualified} AS "~t" SET {sets}
            FROM (SELECT ctid AS "~", {old} FROM {self.qualified} WHERE {where}) AS "~o" WHERE "~t".ctid = "~o"."~"
            RETURNING {', '.join(f'"~{i}"' for i in range(len(self.columns)))}, {self.images()}""")
        pairs = [(self._values(row[:len(self.columns)]), self._values(row[len(self.columns):])) for row in found]
        if not self.model.key:
            self._pending += [lambda b=before, a=after: self.model.replace(b, a) for before, after in pairs]
            return
        moved = [(before, after) for before, after in pairs
                 if any(before[name] != after[name] for name in self.model.key)]
        self._pending += [lambda b=before: self.model.remove(b) for before, _ in moved]
        self._pending += [lambda a=after: self.model.upsert(a) for _, after in pairs]

    def insert(self):
        for _ in range(self._random.choice([1, 1, 1, 2, 5])):
            number = self._free_number()
            if number is None or len(self.model.current()) > ROWS_MAX:
                return
            values = [self._nth(c, number) if c in self.keyable else self._drawn(c) for c in self.columns]
            found = self._run(f"INSERT INTO {self.qualified} VALUES ({', '.join(values)}) RETURNING {self.images()}")
            self._pending.append(lambda values=self._values(found[0]): self.model.upsert(values))

    def update(self):
        free = [column for column in self.columns if column not in self.keyable]
        if free and self.may_update:
            chosen = self._random.sample(free, self._random.randint(1, len(free)))
            self._update(", ".join(f"{quoted(c.name)} = {self._drawn(c)}" for c in chosen), self._some(4))

    def update_nothing(self):
        if self.may_update:
            column = quoted(self._random.choice(self.columns).name)
            self._update(f"{column} = {column}", self._some(4))

    def delete(self):
        if self.may_update:
            found = self._run(f"DELETE FROM {self.qualified} WHERE {self._some(3)} RETURNING {self.images()}")
            self._pending += [lambda values=self._values(row): self.model.remove(values) for row in found]

    def truncate(self):
        # PostgreSQL refuses it in the transaction of changes that a deferred key is still to be checked for.
        if self._random.random() < 0.2 and not self.is_deferrable:
            self._run(f"TRUNCATE {self.qualified}")
            self._pending.append(self.model.truncate)

    def move(self):
        """Another value of a column that is, or may be, of the key; sometimes back again."""
        number = self._free_number()
        if number is None or not self.may_update:
            return
        column = self._random.choice(self.keyable)
        old = self._two_values(column)
        if not old:
            return
        name, there = quoted(column.name), self._nth(column, number)
        self._update(f"{name} = {there}" + self._more_sets(), f"{name} = {old[0]}")
        if self._random.random() < 0.3:
            self._update(f"{name} = {old[0]}" + self._more_sets(), f"{name} = {there}")

    def _more_sets(self):
        free = [column for column in self.columns if column not in self.keyable]
        if not free or self._random.random() < 0.5:
            return ""
        column = self._random.choice(free)
        return f", {quoted(column.name)} = {self._drawn(column)}"

    def _two_values(self, column):
        """SQL of the values that up to two rows have."""
        found = self._run(f"SELECT {column.kind.image.format(quoted(column.name))} FROM {self.qualified} ORDER BY ctid")
        chosen = self._random.sample(found, min(len(found), 2))
        return [f"{literal(text)}::{column.kind.sql}" for text, in chosen]

    def swap(self):
        """Two rows change places, by way of a third value, or in one statement where the key allows that."""
        column = self._random.choice(self._key() or self.keyable)
        values, number = self._two_values(column), self._free_number()
        if not self.may_update or len(values) < 2 or number is None:
            return
        name, (one, other), third = quoted(column.name), values, self._nth(column, number)
        if self.is_deferrable or not self.model.key:
            self._update(f"{name} = CASE WHEN {name} = {one} THEN {other} ELSE {one} END",
                         f"{name} IN ({one}, {other})")
            return
        for there, here in ((third, one), (one, other), (other, third)):
            self._update(f"{name} = {there}", f"{name} = {here}")

    CHANGES = [insert, insert, insert, insert, update, update, update, update_nothing, delete, truncate, move, move,
               swap]

    def change(self):
        self._random.choice(self.CHANGES)(self)

    # Changes of the definition. Nothing must be under way to the connector, which asks for what is now.

    @property
    def may_update(self):
        """PostgreSQL refuses what it could not publish."""
        return self.is_full or (bool(self.model.key) and not self.is_deferrable)

    def _define(self, sql):
        self._run(sql)
        self.log.append(f"{datetime.datetime.now(datetime.timezone.utc):%H:%M:%S.%f} {sql}")

    def _alter(self, what):
        self._define(f"ALTER TABLE {self.qualified} {what}")

    def _set_key(self):
        fewest = 1 if self.untold else 0  # without a key no row would be found by what the source has of it
        key = self._random.sample(self.keyable, max(fewest, self._random.choice([0, 1, 1, 2, KEY_COLUMNS_MAX])))
        self.is_full = self._random.random() < (0.7 if not key else 0.3)
        # Without a primary key Debezium takes an index, but not one of a column with " in its name.
        is_index = bool(key) and self._random.random() < 0.2 and not any('"' in column.name for column in key)
        self.is_deferrable = bool(key) and self.is_full and not is_index and self._random.random() < 0.4
        columns = ", ".join(quoted(column.name) for column in key)
        identity = "FULL" if self.is_full else "DEFAULT"
        if is_index:
            self._define(f"CREATE UNIQUE INDEX ON {self.qualified} ({columns})")
            if not self.is_full:
                identity = f"USING INDEX {quoted(self._unique_index())}"
        elif key:
            self._alter(f"ADD PRIMARY KEY ({columns}){' DEFERRABLE INITIALLY DEFERRED' if self.is_deferrable else ''}")
        self._alter(f"REPLICA IDENTITY {identity}")
        self.model.change_key([column.name for column in key])

    def _unique_index(self):
        [[name]] = self._run("SELECT relname FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indisunique "
                             f"AND indrelid = {literal(self.qualified)}::regclass")
        return name

    def change_key(self):
        if self.model.key:
            name = quoted(self._unique_index())
            is_primary = self._run("SELECT 1 FROM pg_constraint WHERE contype = 'p' AND conrelid = "
                                   f"{literal(self.qualified)}::regclass")
            if is_primary:
                self._alter(f"DROP CONSTRAINT {name}")
            else:
                self._define(f"DROP INDEX {quoted(self.schema)}.{name}")
        self._set_key()

    def _new_name(self):
        """Without a key a row is found by all that the source has of it, so no name may come back there."""
        present = {column.name for column in self.columns}
        free = [name for name in COLUMN_NAMES if name not in present and
                len(self.kinds_seen.get(name, [])) < 2 and (self.model.key or name not in self.kinds_seen)]
        return self._random.choice(free) if free else None

    def _have(self, column):
        """The old rows have a value in it here that the source has not, or the reverse."""
        self.kinds_seen.setdefault(column.name, []).append(column.kind)
        self.untold.add(column.name)
        if column.kind.is_long or self._random.random() < 0.5:
            self.send_again()

    def send_again(self):
        """All rows, with all values: what is not written anew would be left out if it is long."""
        def again(column):
            name = quoted(column.name)
            if not column.kind.is_long:
                return f"{name} = {name}"
            if column.kind.sql == "text":
                return f"{name} = {name} || ''"
            return f"{name} = {name}::text::{column.kind.sql}"
        self.log.append("sent again")
        self._run("BEGIN")
        self._update(", ".join(again(column) for column in self.columns), "true")
        self._run("COMMIT")
        self.commit()
        self.untold = set()

    def add_column(self):
        name = self._new_name()
        if name is None:
            return
        column = Column(name, self._random.choice(KINDS))
        is_new = name not in self.kinds_seen
        has_default = bool(self.model.key) and self.may_update and self._random.random() < 0.4
        if not is_new and not self.may_update:
            return
        default = f" DEFAULT ({column.kind.draw(self._random)})::{column.kind.sql}" if has_default else ""
        if len(default) > 500:  # more than fits in a row
            default, has_default = "", False
        self._alter(f"ADD COLUMN {quoted(name)} {column.kind.sql}{default}")
        self.columns.append(column)
        if has_default or not is_new:
            self._have(column)
        else:
            self.kinds_seen[name] = [column.kind]

    def _free_column(self):
        free = [column for column in self.columns if column not in self.keyable]
        return self._random.choice(free) if free else None

    def drop_column(self):
        column = self._free_column()
        if column is not None:
            self._alter(f"DROP COLUMN {quoted(column.name)}")
            self.columns.remove(column)
            self.untold.discard(column.name)

    def rename_column(self):
        column, name = self._free_column(), self._new_name()
        if column is None or name is None or not self.model.key or not self.may_update:
            return
        self._alter(f"RENAME COLUMN {quoted(column.name)} TO {quoted(name)}")
        renamed = Column(name, column.kind)
        self.columns[self.columns.index(column)] = renamed
        self.untold.discard(column.name)
        self._have(renamed)

    def change_type(self):
        able = [column for column in self.columns if column.kind in CHANGES and len(self.kinds_seen[column.name]) < 3]
        if not able:
            return
        column = self._random.choice(able)
        wider = Column(column.name, self._random.choice(CHANGES[column.kind]))
        if wider.kind.nth is None and column in self.keyable:
            return
        is_scaled = wider.kind.sql.startswith("numeric") and column.kind.sql.startswith("numeric")
        if is_scaled and not (self.model.key and self.may_update):
            return
        self._alter(f"ALTER COLUMN {quoted(column.name)} TYPE {wider.kind.sql}")
        for columns in (self.columns, self.keyable):
            if column in columns:
                columns[columns.index(column)] = wider
        self.kinds_seen[column.name].append(wider.kind)
        if is_scaled:  # 1.50 is 1.5000 there
            self.untold.add(column.name)
        if (column.kind, wider.kind) in RECAST:
            self._recast(column, wider)

    def _recast(self, column, wider):
        def cast(text):
            value = f"{literal(text)}::{column.kind.sql}::{wider.kind.sql}"
            return self._run(f"SELECT {wider.kind.image.format(value)}")[0][0]
        texts = {row.values.get(column.name) for row in self.model.rows} - {None}
        self.model.recast(column.name, {text: cast(text) for text in texts})

    DEFINITIONS = [change_key, change_key, add_column, add_column, drop_column, rename_column,
                   change_type, change_type]

    def redefine(self):
        self._random.choice(self.DEFINITIONS)(self)
