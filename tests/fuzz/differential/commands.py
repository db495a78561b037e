"""Random legal sequences with Metadb commands among PostgreSQL's statements, and their model.

Each message with a command has a twin for PostgreSQL, which must do to the session what the command does:

    list NAME                   SELECT of the same columns and rows
    list of what is not there   DO that raises the same SQLSTATE
    alter system set OURS       ALTER SYSTEM SET of PostgreSQL's: it too runs in no transaction block and no pipeline
    what concerns nothing       ALTER SYSTEM SET of no parameter: 42704 where it may run
    what does not parse         what does not parse
    commands with statements    DO that raises 0A000
    several commands            the twins; CALL of a procedure for what may run only outside of a transaction block
"""

from avoidances import END_OF_ALL, without_known_differences
from case import Case, Schedule
from frontend import text_of
from plain import VERSION_3_0, Plain, name_of
from statements import SETUP, Sql, Statements

OUR_STATEMENTS, OUR_PORTALS = ["m1", "m2"], ["q1", "q2"]
MAX_HELD = 65536  # bytes of the largest message that metadb looks into

# fuzz.change() refuses to run in an explicit block, whose statements have other times than its BEGIN.
MODEL_SCHEMA = """
    CREATE SCHEMA fuzz;
    CREATE PROCEDURE fuzz.change() LANGUAGE plpgsql AS $$
        BEGIN
            IF now() <> statement_timestamp() THEN
                RAISE SQLSTATE '25001';
            END IF;
        END $$;
"""


def raising(sqlstate):
    return f"DO $$ BEGIN RAISE SQLSTATE '{sqlstate}'; END $$"


CHANGES = [
    ("alter system set checkpoint_segment_size = '3000'", "ALTER SYSTEM SET bgwriter_delay = '200'"),
    ("ALTER SYSTEM SET \"tables_per_transaction\" = '50'", "ALTER SYSTEM SET bgwriter_delay = '200'"),
    ("alter system set checkpoint_segment_size = '0'", "ALTER SYSTEM SET bgwriter_delay = '0'"),
    ("drop data source no_such", "ALTER SYSTEM SET no_such_parameter = '1'"),
    ("pause data source no_such", "ALTER SYSTEM SET no_such_parameter = '1'"),
    ("register user no_such", "ALTER SYSTEM SET no_such_parameter = '1'"),
    ("sync data source no_such", "ALTER SYSTEM SET no_such_parameter = '1'"),
]
FAILING_LISTS = [("list everything", raising("42704")), ("list nothing", raising("42704"))]
BROKEN = ["create data source x type y", "list", "list config now", "alter data", "register", "purge data", "create data 'x'",
          "list 'config", "list config /* ", "list \"\"", "alter data source s options (", "verify consistency please"]
BROKEN_TWIN = "list no such thing"
DECORATIONS = ["{}", "{}", "{};", " {} ;", "/* list */ {}", "-- x\n{}", "{} -- list config", "\n\t{};;", ";{}", "{} /* é */;"]


# What else a session may begin with.
STARTS = [{}, {}, {}, {"client_encoding": "LATIN1"}, {"options": "-c geqo=off"}]


class CommandStatements(Statements):
    """What PostgreSQL gets among our commands: settings that change how values look are left out."""

    _LEFT_OUT = ("set ", "reset ")
    _KEPT = ["set client_encoding = 'LATIN1'", "set client_encoding = 'UTF8'", "deallocate all", "discard all", "close all",
             "set application_name = 'fuzz'"]

    def one(self):
        if self._rng.random() < 0.04:
            return Sql(self._rng.choice(self._KEPT))
        while True:
            sql = super().one()
            if not sql.text.startswith(self._LEFT_OUT):
                return sql


class Commands(Plain):
    def __init__(self, seed, lists):
        super().__init__(seed)
        self._lists = lists  # name to its twin
        self.statements = CommandStatements(self.rng)
        self._messages = []

    def case(self):
        self._messages = [["Query", SETUP]]
        if self.rng.random() < 0.2:
            self._messages.append(["Query", "set client_encoding = 'LATIN1'"])
        for _ in range(self.rng.choice([1, 3, 6, 12, 20])):
            self._messages += self._unit()
        messages = [*without_known_differences(self._messages), ["Sync"], ["Terminate"]]
        schedules = [Schedule.drawn(self.rng) for _ in range(2)]
        parameters = {"TimeZone": "UTC", "DateStyle": "ISO", **self.rng.choice(STARTS)}
        return Case(about=f"sequence with commands {self.seed}", messages=messages,
                    startup={"version": VERSION_3_0, "parameters": parameters}, schedules=schedules)

    def _unit(self):
        kind = self.rng.random()
        if kind < 0.4:
            return self._command_query()
        return END_OF_ALL if kind < 0.45 else super()._unit()

    def _is_synced(self):
        """Nothing of the extended protocol was sent since the last Sync or simple query; False if it may have been."""
        is_in_block = False
        for message in reversed(self._messages):
            kind = name_of(message)
            if kind.startswith("Copy"):
                is_in_block = True
            elif kind not in ("Flush", "Sync") or kind == "Sync" and not is_in_block:
                return kind in ("Sync", "Query", "FunctionCall", "Wait")
        return True

    # ---- Commands and their twins: pairs of texts.

    def _pair(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.55:
            return self._list()
        if kind < 0.75:
            return rng.choice(CHANGES)
        if kind < 0.85:
            return rng.choice(FAILING_LISTS)
        return rng.choice(BROKEN), BROKEN_TWIN

    def _list(self):
        name = self.rng.choice(list(self._lists))
        return f"list {name}", self._lists[name]

    def _decorated(self, pair):
        command, twin = pair
        if self.rng.random() < 0.3:
            command = command.upper() if "'" not in command and '"' not in command else command
        form = text_of(self.rng.choice(DECORATIONS))
        return form.format(command), form.format(twin)

    def _both(self, head, pair, *rest):
        return {"metadb": [*head, pair[0], *rest], "postgres": [*head, pair[1], *rest]}

    # ---- Simple protocol.

    def _command_query(self):
        kind = self.rng.random()
        if kind < 0.6:
            pair = self._decorated(self._pair())
        elif kind < 0.75:
            pair = self._batch()
        elif kind < 0.9:
            pair = self._mixture()
        else:
            return [self._oversized()]
        return [self._both(["Query"], pair)]

    def _batch(self):
        pairs = [self._list() if self.rng.random() < 0.7 else self.rng.choice(FAILING_LISTS) for _ in range(self.rng.randint(2, 4))]
        if self._is_synced():
            pairs += [(CHANGES[0][0], "CALL fuzz.change()") for _ in range(self.rng.randrange(3))]
            self.rng.shuffle(pairs)
        return "; ".join(pair[0] for pair in pairs), "; ".join(pair[1] for pair in pairs)

    def _mixture(self):
        rng = self.rng
        command = rng.choice([self._list()[0], CHANGES[0][0], "list topics"])
        other = rng.choice(["select 1", "begin", "commit", "selec", "insert into kv values (1000, 'x')"])
        parts = [command, other]
        rng.shuffle(parts)
        if rng.random() < 0.2:
            return "; ".join([*parts, "create data source x type y"]), BROKEN_TWIN
        return "; ".join(parts), raising("0A000")

    def _oversized(self):
        """At the length up to which metadb looks: as one of ours, or one byte longer and PostgreSQL's to refuse."""
        command, twin = self._list()
        size = MAX_HELD - len(command) - 6
        if self.rng.random() < 0.5:
            return self._both(["Query"], (command + " " * size, twin))
        return ["Query", command + " " * (size + 1)]

    # ---- Extended protocol: our names stand for commands alone, the unnamed ones for anything.

    def _extended(self):
        rng = self.rng
        if rng.random() < 0.5:
            return super()._extended()
        kind = rng.choices("PBDEC", [4, 4, 2, 4, 1])[0]
        if kind == "P":
            return self._parse_command(rng.choice(["", *OUR_STATEMENTS]))
        if kind == "B":
            name = rng.choice(OUR_STATEMENTS)
            return self._bind_command(rng.choice(["", *OUR_PORTALS]), name)
        if kind == "E":
            return self._execute(rng.choice(OUR_PORTALS))
        target = rng.choice("SP")
        name = rng.choice(OUR_STATEMENTS if target == "S" else OUR_PORTALS)
        return [["Describe" if kind == "D" else "Close", target, name]]

    def _pipeline(self):
        if self.rng.random() < 0.5:
            return super()._pipeline()
        rng = self.rng
        name, portal = rng.choice(["", *OUR_STATEMENTS]), rng.choice(["", *OUR_PORTALS])
        unit = self._parse_command(name)
        for _ in range(rng.choice([1, 2, 10])):
            unit += self._bind_command(portal, name)
            if rng.random() < 0.5:
                unit.append(["Describe", "P", portal])
            unit += self._execute(portal)
            if rng.random() < 0.6:
                unit.append(["Sync"])
            else:
                unit.append(["Close", "P", portal])
        return [*unit, ["Sync"]]

    def _parse_command(self, name):
        pair = self._pair()
        if self.rng.random() < 0.05:
            pair = (f"{pair[0]}; list config", f"{pair[1]}; select 1")
        return [self._both(["Parse", name], self._decorated(pair), [])]

    def _bind_command(self, portal, name):
        rng = self.rng
        formats, values = [], []
        if rng.random() < 0.04:
            values = rng.choice([["1"], ["1", None], ["p" * 70000]])
        return [["Bind", portal, name, formats, values, rng.choice([[], [], [0], [1]])]]
