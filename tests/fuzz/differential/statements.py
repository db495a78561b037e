"""SQL for random sequences: text, and how often it reads COPY data. Every name in it is the session's own."""

import dataclasses

from frontend import text_of

# What a session may find at its start.
SETUP = "create temp table kv (k int primary key, v text); insert into kv select i, 'v' || i from generate_series(1, 5) i"


@dataclasses.dataclass(frozen=True)
class Sql:
    text: str
    copies: int = 0  # COPY FROM STDIN in it


INT4, TEXT, BYTEA = 23, 25, 17

# Text for Parse, and what its parameters are.
PREPARED = [
    ("select $1::int4 + 1 as next", [INT4]),
    ("select $1::text || $2::text as both", [TEXT, TEXT]),
    ("select i, $2::text from generate_series(1, $1::int4) i", [INT4, TEXT]),
    ("insert into kv values ($1::int4, $2::text)", [INT4, TEXT]),
    ("insert into kv values ($1::int4, $2::text) on conflict (k) do update set v = excluded.v returning k, v", [INT4, TEXT]),
    ("select k, v from kv where k > $1::int4 order by k", [INT4]),
    ("delete from kv where k = $1::int4", [INT4]),
    ("select length($1::bytea), $1::bytea", [BYTEA]),
    ("select 10 / $1::int4", [INT4]),
    ("select 10 / (i - $1::int4) as quotient from generate_series(1, 8) i", [INT4]),
    ("select $1 as whatever", [TEXT]),
]

CONTROL = ["begin", "BEGIN", "start transaction", "begin isolation level repeatable read", "commit", "end", "rollback",
           "abort", "commit and chain", "rollback and chain", "savepoint a", "rollback to a", "release a",
           "set transaction read only", "prepare transaction 'x'"]

# What is joined to one of these is no longer what it was alone.
UNTERMINATED = ["select '", "select \"", "select $$", "/* never closed"]

FAILURES = ["select 1/0", "select * from no_such_table", "selec 1", "select 'a'::int", "insert into kv values (1, 'twice')",
            "select 1 / (3 - i) from generate_series(1, 5) i", *UNTERMINATED,
            "do $$ begin raise exception 'no' using errcode = 'ZZ042', hint = 'why', detail = 'what'; end $$",
            "drop table no_such_table", "select no_such_function()", "fetch all from no_such_cursor", "execute no_such",
            "select repeat('x', -1) from no_such_table", "discard all; select 1"]

SETTINGS = ["set client_encoding = 'LATIN1'", "set client_encoding = 'UTF8'", "set client_encoding = 'SQL_ASCII'",
            "set names 'WIN1252'", "set client_encoding = 'no such'", "set datestyle = 'German'", "set time zone 'Asia/Kolkata'",
            "set application_name = 'fuzz'", "set standard_conforming_strings = on", "set intervalstyle = 'iso_8601'",
            "set local application_name = 'briefly'", "reset all", "set default_transaction_read_only = on",
            "set default_transaction_read_only = off", "set bytea_output = 'escape'", "set client_min_messages = debug1",
            "set client_min_messages = error", "set session characteristics as transaction read write",
            "select set_config('application_name', 'told', true)", "set role none", "set extra_float_digits = 0"]

NAMED = ["prepare a as select 1", "prepare b (int) as select $1 + 1", "execute a", "execute b (2)", "deallocate a",
         "deallocate b", "deallocate all", "deallocate s1", "discard all", "discard plans", "discard temp",
         "declare c cursor for select i from generate_series(1, 20) i", "declare c scroll cursor with hold for select 1",
         "fetch 3 from c", "fetch all from c", "fetch backward 1 from c", "move 2 in c", "close c", "close all",
         "fetch 2 from p1", "close p1"]
# By its name in SQL; the name may stand for a COPY.
EXECUTE = Sql("execute s1", copies=1)

NOTIFICATIONS = ["listen a", "listen \"A b\"", "unlisten a", "unlisten *", "notify a", "notify a, 'payload'", "notify nobody",
                 "select pg_notify('a', repeat('y', 3000))", "notify a, 'one'; notify a, 'two'; notify a, 'one'"]

# Words of metadb's commands where PostgreSQL alone has something to say.
DECOYS = ["select 'list config'", "select '; list config'", "select $$; list status;$$", "select $a$ $$; list status $$ $a$",
          "select 1 /* ; list config */", "select 1 -- ; list config", "/* list config */ select 1", "-- list config\nselect 2",
          "select 1 as list", "select \"list\" from (values (1)) v (\"list\")", "select \"; list status\" from kv",
          "select E'\\'; list config --'", "select U&'\\0041; list config'", "select 'it''s; list config'",
          "select '\n; list config'\n'; list status'", "/* a /* b */ ; list config */ select 3", "select (1); select ('; list')",
          "alter table kv add column c int", "alter table no_such add column c int", "alter table kv alter column v type varchar",
          "alter table if exists no_such_ alter column c type text", "create user dbuser", "create schema pg_no",
          "create user no_such in role no_such_role", "drop user no_such", "alter system set bgwriter_delay = '200'",
          "alter system set no_such_parameter = '1'", "alter system reset bgwriter_delay", "grant select on kv to public",
          "revoke all on kv from public", "grant no_such_role to public", "create schema authorization no_such_role",
          "create temp table data (source int)", "drop table if exists data",
          "create or replace function pg_temp.f() returns int language sql begin atomic select 1; select 2; end; select 4",
          "create function pg_temp.g() returns int language sql begin atomic; select case when true then 1 end; end",
          "create temp table external (sql int)", "refresh materialized view no_such", "lock table kv",
          "do $$ begin perform 1; /* list config; */ end $$", "select '$$'; select $$'$$; select '; list config'",
          "explain (costs off) select * from kv", "grant select on no_such to no_such", "select ';' as \";list config\""]

EMPTY = ["", ";", " ;; ", "-- nothing", "/* nothing */", "\n", "/* a */;-- b\n;"]

CHARACTERS = ["\xe9", text_of("é"), text_of("€"), text_of("漢字"), "\xff", "\x80", "\xa4", text_of("😀")]


class Statements:
    def __init__(self, rng):
        self._rng = rng

    def one(self):
        """A single statement, or something that is none."""
        kinds = [(5, self._plain), (3, lambda: Sql(self._rng.choice(CONTROL))), (2, lambda: Sql(self._rng.choice(FAILURES))),
                 (2, self._change), (1.5, lambda: Sql(self._rng.choice(SETTINGS))), (2, lambda: Sql(self._rng.choice(NAMED))), (0.2, lambda: EXECUTE),
                 (1.5, lambda: Sql(self._rng.choice(NOTIFICATIONS))), (2, lambda: Sql(self._rng.choice(DECOYS))),
                 (0.7, lambda: Sql(self._rng.choice(EMPTY))), (1, self.copy_in), (1, self._copy_out), (0.7, self._large),
                 (1, self._characters)]
        return self._rng.choices([make for _, make in kinds], [weight for weight, _ in kinds])[0]()

    def several(self):
        parts = [self.one() for _ in range(self._rng.randint(2, 5))]
        joint = self._rng.choice([";", "; ", ";\n", " ;;", "; -- and\n", ";/* ; */"])
        parts = [part for part in parts if part.text not in UNTERMINATED]
        return Sql(joint.join(part.text for part in parts) + self._rng.choice(["", ";"]), sum(part.copies for part in parts))

    def any(self):
        return self.several() if self._rng.random() < 0.25 else self.one()

    def _plain(self):
        rng = self._rng
        return Sql(rng.choice([
            f"select {rng.randrange(1000)}", f"select i, i * 2 as double from generate_series(1, {rng.randrange(40)}) i",
            "select k, v from kv order by k", "select count(*) from kv", "select null, ''", "show client_encoding",
            "select current_setting('transaction_isolation')", "values (1, 'a'), (2, null)", "select from kv",
            "select 'pid ' || pg_backend_pid()", "do $$ begin raise notice 'told'; raise warning 'warned'; end $$",
            "select pg_sleep(0.002)", "select k, kv from kv limit 2", "table kv", "select '1'::bytea, 1.5::numeric, now() is null",
            "select current_setting('application_name')", "show datestyle"]))

    def _change(self):
        rng = self._rng
        key = rng.randrange(12)
        return Sql(rng.choice([f"insert into kv values ({key}, 'new')", f"update kv set v = 'changed' where k = {key}",
                               f"delete from kv where k < {key} returning k, v", "truncate kv",
                               f"insert into kv values ({key}, 'a') on conflict do nothing",
                               "create temp table if not exists other (a int)", "drop table if exists other",
                               "create temp table kv2 as select * from kv", "select k into temp kv3 from kv",
                               SETUP.replace("temp table", "temp table if not exists").replace("5) i", "5) i on conflict do nothing")]))

    def copy_in(self):
        rng = self._rng
        return Sql(rng.choice(["copy kv from stdin", "COPY kv (k, v) FROM STDIN", "copy kv from stdin (format csv)",
                               "copy kv from stdin (format binary)", "copy no_such from stdin", "copy kv (k) from stdin;"]), 1)

    def _copy_out(self):
        rng = self._rng
        return Sql(rng.choice(["copy kv to stdout", "copy (select i from generate_series(1, 300) i) to stdout",
                               "copy (select 1 / (2 - i) from generate_series(1, 3) i) to stdout", "copy no_such to stdout",
                               "copy kv to stdout (format binary)", "copy (select repeat('z', 70000)) to stdout (format csv, header)"]))

    def _large(self):
        rng = self._rng
        size = rng.choice([1000, 8100, 65520, 65531, 65536, 70000, 200000])
        return Sql(rng.choice([
            f"select repeat('x', {size})", f"select i from generate_series(1, {rng.choice([300, 3000])}) i",
            f"select repeat('y', 7000) from generate_series(1, {rng.choice([10, 40])})",
            f"select length('{'q' * size}')", f"select 1 /* {'c' * size} */", f"selec {'e' * size}",
            f"do $$ begin raise notice '%', repeat('n', {size}); end $$", f"select 1 {' ' * size};"]))

    def _characters(self):
        rng = self._rng
        text = "".join(rng.choice(CHARACTERS) for _ in range(rng.randint(1, 3)))
        return Sql(rng.choice([f"select '{text}'", f"select 1 as \"{text}\"", f"select '{text}' -- {text}", "select chr(233)",
                               f"insert into kv values (77, '{text}')", f"notify a, '{text}'", "select chr(8364) as euro"]))
