"""Random legal sequences of frontend messages for PostgreSQL alone.

Legal means: nothing but COPY messages, Flush and Sync is sent while PostgreSQL may be reading COPY data. Everything
else may come at any time, whether it succeeds or not. A sequence is made of units that can be left out one by one.
"""

import random
import struct

from case import Case, Schedule
from conversation import GSSENC_REQUEST, SSL_REQUEST
from statements import BYTEA, INT4, PREPARED, SETUP, TEXT, Statements

STATEMENT_NAMES = ["", "", "s1", "s2", "s3"]
PORTAL_NAMES = ["", "", "p1", "p2"]
INT4PL, INT4DIV, TEXTLEN, NO_SUCH_FUNCTION = 177, 154, 1257, 99999999
VERSION_3_0, VERSION_3_1, VERSION_GREASE = 0x30000, 0x30001, 0x3270F

# What a start-up message may say beside the names of user and database.
PARAMETERS = [{}, {"application_name": "fuzz"}, {"client_encoding": "LATIN1"}, {"client_encoding": "SQL_ASCII"},
              {"options": "-c geqo=off -c application_name=o\\ p"}, {"DateStyle": "SQL", "TimeZone": "UTC"},
              {"database": "postgres"}, {"_pq_.no_such_option": "x"}, {"replication": "off"}, {"replication": "Fals"},
              {"extra_float_digits": "2"}, {"options": "-c standard_conforming_strings=off"}]
REFUSED = [{"no_such_parameter": "1"}, {"database": "no_such_database"}, {"user": "no_such_user"}, {"options": "-c no_such=1"},
           {"extra_float_digits": "9"}, {"client_encoding": "no such"}]


def name_of(message):
    return message[0] if isinstance(message, list) else message["metadb"][0]


def portal_of(message):
    """The portal that a message names, if any."""
    fields = message if isinstance(message, list) else message["metadb"]
    if fields[0] in ("Bind", "Execute"):
        return fields[1]
    return fields[2] if fields[0] in ("Describe", "Close") and fields[1] == "P" else None


def without_left_portals(messages):
    """A simple query that fails in a transaction block leaves its unnamed portal behind; to execute it crashes
    PostgreSQL 15, which then reads freed memory. After a simple query the unnamed portal is used only in the pipeline
    that binds it."""
    kept, is_left, is_bound = [], False, False
    for message in messages:
        name = name_of(message)
        is_left = is_left or name in ("Query", "Wait")
        if name in ("Query", "Sync", "FunctionCall", "Wait"):
            is_bound = False
        elif portal_of(message) == "":
            is_bound = is_bound or name == "Bind"
            if is_left and not is_bound:
                continue
        kept.append(message)
    return kept


class Plain:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.seed = seed
        self.statements = Statements(self.rng)
        # Names that may stand for a COPY FROM STDIN, whatever failed in between: Execute of one is followed by data.
        self._copying_statements = set()
        self._copying_portals = set()
        self._types = {}  # of the parameters of a statement, as its last Parse would have them

    def case(self):
        units = [[["Query", SETUP]]] if self.rng.random() < 0.8 else []
        for _ in range(self.rng.choice([1, 3, 6, 12, 20])):
            units.append(self._unit())
        ending, end = self._ending()
        messages = without_left_portals([message for unit in [*units, ending] for message in unit])
        return Case(about=f"plain sequence {self.seed}", startup=self._startup(), messages=messages,
                    schedules=[Schedule.drawn(self.rng) for _ in range(2)], end=end)

    # ---- The beginning and the end.

    def _startup(self):
        rng = self.rng
        startup = {"version": VERSION_3_0, "parameters": {}}
        if rng.random() < 0.7:
            return startup
        startup["requests"] = rng.choice([[], [SSL_REQUEST], [GSSENC_REQUEST], [GSSENC_REQUEST, SSL_REQUEST]])
        startup["version"] = rng.choice([VERSION_3_0, VERSION_3_0, VERSION_3_1, VERSION_GREASE])
        if rng.random() < 0.2:
            startup["parameters"] = rng.choice(REFUSED)
        elif rng.random() < 0.1:
            startup["password"] = "wrong"
        else:
            startup["parameters"] = rng.choice(PARAMETERS)
            # So many messages are sent together with the last one of the login; after a refusal nobody may send.
            startup["early"] = rng.choice([0, 0, 1, 2])
        return startup

    def _ending(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.4:
            return [["Terminate"]], "server closes"
        if kind < 0.7:
            return [["Sync"], ["Terminate"]], "server closes"
        if kind < 0.85:
            return [["Sync"]] if rng.random() < 0.5 else [], "half close"
        if kind < 0.92:
            return [["Sync"], ["Query", "select pg_terminate_backend(pg_backend_pid())"]], "half close"
        data = [["CopyData", "50\tleft\n"]] if rng.random() < 0.5 else []
        return [["Sync"], ["Query", "copy kv from stdin"], *data], "half close"

    # ---- Units.

    def _unit(self):
        rng = self.rng
        kinds = [(6, self._query), (7, self._burst), (2, self._pipeline), (0.5, self._syncs), (0.7, self._function_call),
                 (0.4, self._copy_block), (0.7, self._copy_in_extended), (1, lambda: [["Wait"]])]
        return rng.choices([make for _, make in kinds], [weight for weight, _ in kinds])[0]()

    def _query(self):
        return self._simple(self.statements.any())

    def _simple(self, sql):
        unit = [["Query", sql.text]]
        for _ in range(sql.copies):
            unit += self._copy_block()
        return unit

    def _syncs(self):
        return [["Sync"] for _ in range(self.rng.randint(1, 6))]

    def _burst(self):
        rng = self.rng
        unit = []
        for _ in range(rng.randint(1, 14)):
            unit += self._extended()
            if rng.random() < 0.15:
                unit.append(["Flush"])
            if rng.random() < 0.2:
                unit.append(["Sync"])
            if rng.random() < 0.05:
                unit += self._query()
            if rng.random() < 0.02:
                unit += self._function_call()
        if rng.random() < 0.7:
            unit.append(["Sync"])
        return unit

    def _pipeline(self):
        """What a driver sends: the same statement again and again, each with its Sync or all with one."""
        rng = self.rng
        name = rng.choice(STATEMENT_NAMES)
        unit = self._parse(name)
        for _ in range(rng.choice([2, 5, 30])):
            portal = rng.choice(["", "", "p1"])
            unit += self._bind(portal, name)
            if rng.random() < 0.5:
                unit.append(["Describe", "P", portal])
            unit += self._execute(portal)
            if rng.random() < 0.6:
                unit.append(["Sync"])
        unit.append(["Sync"])
        return unit

    def _extended(self):
        rng = self.rng
        kind = rng.choices("PBDEC", [4, 4, 2, 4, 1])[0]
        if kind == "P":
            return self._parse(rng.choice(STATEMENT_NAMES))
        if kind == "B":
            return self._bind(rng.choice(PORTAL_NAMES), rng.choice(STATEMENT_NAMES))
        if kind == "E":
            return self._execute(rng.choice(PORTAL_NAMES))
        target = rng.choice("SP")
        name = rng.choice(STATEMENT_NAMES if target == "S" else PORTAL_NAMES)
        return [["Describe" if kind == "D" else "Close", target, name]]

    def _parse(self, name):
        rng = self.rng
        if rng.random() < 0.5:
            text, types = rng.choice(PREPARED)
            self._types[name] = types
            told = rng.choice([[], types, types[:1], [0] * len(types)])
            return [["Parse", name, text, told]]
        sql = self.statements.one() if rng.random() < 0.95 else self.statements.several()
        self._types[name] = []
        return self._parse_sql(name, sql)

    def _parse_sql(self, name, sql):
        if sql.copies:
            self._copying_statements.add(name)
        return [["Parse", name, sql.text, []]]

    def _bind(self, portal, name):
        rng = self.rng
        if name in self._copying_statements:
            self._copying_portals.add(portal)
        types = self._types.get(name, [])
        if rng.random() < 0.07:
            types = rng.choice([[], [INT4], [INT4, TEXT]])
        formats = [rng.choice([0, 0, 1]) for _ in types]
        values = [self._value(kind, form) for kind, form in zip(types, formats)]
        if rng.random() < 0.03:
            formats = [0, 0, 0, 0]
        elif not any(formats):
            formats = rng.choice([[], formats, [0]])
        return [["Bind", portal, name, formats, values, rng.choice([[], [], [0], [1], [0, 1], [1, 0], [0, 0, 0]])]]

    def _value(self, kind, form):
        rng = self.rng
        if rng.random() < 0.05:
            return None
        if kind == INT4 and form == 1:
            return struct.pack("!i", rng.choice([0, 1, 3, 7, 40])).decode("latin-1") if rng.random() < 0.95 else "bad"
        if kind == INT4:
            return rng.choice(["0", "1", "3", "7", "40", "2500", "-1", "1" if rng.random() < 0.8 else "x"])
        if kind == BYTEA and form == 0:
            return rng.choice(["\\x00ff", "plain", "\\"])
        return rng.choice(["", "abc", "\xe9", "list config", "v" * rng.choice([100, 9000, 65500, 70000])])

    def _execute(self, portal):
        unit = [["Execute", portal, self.rng.choice([0, 0, 0, 1, 2, 5, 100])]]
        if portal in self._copying_portals:
            unit += self._copy_block()
        return unit

    def _function_call(self):
        rng = self.rng
        function = rng.choice([INT4PL, INT4PL, INT4DIV, TEXTLEN, NO_SUCH_FUNCTION])
        form = rng.choice([0, 1])
        kinds = [TEXT] if function == TEXTLEN else [INT4, INT4]
        if rng.random() < 0.1:
            kinds = kinds[1:]
        return [["FunctionCall", function, rng.choice([[form], [form] * len(kinds)]),
                 [self._value(kind, form) for kind in kinds], rng.choice([0, 1])]]

    # ---- COPY.

    def _copy_in_extended(self):
        rng = self.rng
        name, portal = rng.choice(STATEMENT_NAMES), rng.choice(PORTAL_NAMES)
        unit = self._parse_sql(name, self.statements.copy_in()) + self._bind(portal, name) + self._execute(portal)
        if rng.random() < 0.3:
            unit += self._parse("") + self._bind("", "") + self._execute("")
        return [*unit, ["Sync"]]

    def _copy_block(self):
        """Ends in CopyDone or CopyFail, with Sync and Flush at any place before."""
        rng = self.rng
        block = []
        key = rng.randrange(100, 10000)
        for i in range(rng.choice([0, 1, 2, 6, 40])):
            block.append(["CopyData", self._copy_data(key + i)])
            if rng.random() < 0.06:
                block.append([rng.choice(["Sync", "Flush"])])
        block.append(["CopyDone"] if rng.random() < 0.8 else ["CopyFail", rng.choice(["", "enough", "\xe9"])])
        return block

    def _copy_data(self, key):
        rng = self.rng
        if rng.random() < 0.06:
            return rng.choice(["", "\\.\n", "bad\n", "1\tthere already\n", "x\ty\tz\n", "half a ", "PGCOPY\n\xff\r\n\0", "\xe9",
                               "w" * 66000 + "\n", "\n"])
        if rng.random() < 0.05:
            return "".join(f"{key * 1000 + i}\tmany\n" for i in range(rng.choice([20, 200])))
        return f"{key}\t{'d' * rng.choice([0, 1, 20, 300])}\n"
