"""psycopg 3: what a program sees through it. Runs with 3.1 of Debian and with the newest, whose libpq is newer, too."""

import asyncio
import datetime
import decimal
import hashlib
import sys
import threading

import psycopg
from psycopg import pq
from psycopg.rows import namedtuple_row
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.json import Jsonb

from psycopg_session import connect, described, fields, is_running, refused, report, shows_either, wait_until
from sections import run_steps, show, skip, step


@step
def connection():
    with connect(application_name="one", options="-c search_path=library -c work_mem=5MB") as one:
        info = one.info
        show("versions", (info.server_version, info.encoding, info.timezone, info.dbname, info.user, info.host))
        for name in ("server_version", "server_encoding", "client_encoding", "application_name", "is_superuser",
                     "session_authorization", "DateStyle", "IntervalStyle", "TimeZone", "integer_datetimes",
                     "standard_conforming_strings", "in_hot_standby", "default_transaction_read_only", "search_path"):
            show(name, info.parameter_status(name))
        show("process", info.backend_pid == one.execute("select pg_backend_pid()").fetchone()[0])
        show("needs and used password", (one.pgconn.needs_password, one.pgconn.used_password))
        show("settings", one.execute("select current_setting('search_path'), current_setting('work_mem')").fetchone())
        one.execute("set timezone = 'Asia/Tokyo'; set client_encoding = 'LATIN1'; set application_name = 'two'")
        show("live", [info.parameter_status(name) for name in ("TimeZone", "client_encoding", "application_name")])
        show("latin1", one.execute("select 'ü' || %s", ["ß"]).fetchone())
    show("closed", (one.closed, one.broken))
    refused("a wrong password", lambda: connect(password="wrong"))
    refused("a wrong database", lambda: connect(dbname="nowhere"))


@step
def protocol_versions():
    """A client that asks for more than the server speaks is told what there is."""
    if pq.version() < 180000:
        return skip(f"libpq {pq.version()} knows protocol 3.0 only")
    for options in ({"max_protocol_version": "3.0"}, {"max_protocol_version": "latest"}):
        with connect(**options) as one:
            show(options, (one.pgconn.full_protocol_version, one.execute("select 1").fetchone()))
    return refused("a newer one", lambda: connect(min_protocol_version="3.2", max_protocol_version="latest"))


@step
def types_as_text_and_binary():
    with connect() as one:
        one.execute("set search_path = library")
        register_enum(EnumInfo.fetch(one, "library.mood"), one)
        register_composite(CompositeInfo.fetch(one, "library.address"), one)
        for binary in (False, True):
            cursor = one.cursor(binary=binary)
            # Up to 3.1 psycopg asks for text only in simple queries, which have no parameters.
            rows = cursor.execute("select * from kinds where %s", [True]).fetchall()
            show("description", described(cursor))
            for row in rows:
                for column, value in zip(cursor.description, row):
                    show(f"  {column.name}", value)
            values = (1, 2**40, 2**70, decimal.Decimal("1.50"), 1.5, "tä\nxt", b"\x00\xff", True, None,
                      datetime.date(2026, 2, 28), datetime.timedelta(days=1, seconds=5), [1, None, 3], Jsonb({"a": [1]}))
            show("round trip", cursor.execute("select " + ", ".join(["%s"] * len(values)), values).fetchone())


@step
def prepared_statements():
    with connect(prepare_threshold=2) as one:
        names = "select name, statement, parameter_types::text[], from_sql from pg_prepared_statements order by name"
        for number in range(4):
            one.execute("select title from library.items where id = %s", [number])
        show("after four", one.execute(names, prepare=False).fetchall())
        show("at once", one.execute("select %s::int + 1", [1], prepare=True).fetchone())
        show("two", one.execute(names, prepare=False).fetchall())
        one.prepared_max = 1
        one.execute("select 3 where %s", [True], prepare=True)
        show("one left", [name for name, *_ in one.execute(names, prepare=False).fetchall()])
        one.execute("create temporary table changes (a int)")
        one.execute("select * from changes where %s", [True], prepare=True)
        one.execute("alter table changes add column b int")
        # Newer versions notice that the plan is of no use and try again without it.
        shows_either("a changed result", lambda: one.execute("select * from changes where %s", [True], prepare=True))
        one.execute("deallocate all")
        show("none", one.execute(names, prepare=False).fetchall())
        refused("a prepared syntax error", lambda: one.execute("select %s from from", [1], prepare=True))
        refused("a wrong parameter", lambda: one.execute("select %s::int", ["x"], prepare=True))


@step
def describe_before_execution():
    with connect() as one:
        raw = one.pgconn
        raw.prepare(b"named", b"select id, name, feels, $1::numeric(5,2) from library.patrons where id = $2")
        found = raw.describe_prepared(b"named")
        show("parameters", [found.param_type(at) for at in range(found.nparams)])
        show("columns", [(found.fname(at), found.ftype(at), found.fmod(at), found.ftablecol(at), found.fformat(at))
                         for at in range(found.nfields)])
        for result_format in (0, 1):
            found = raw.exec_prepared(b"named", [b"1.5", b"3"], None, result_format)
            show("row", [found.get_value(0, at) for at in range(found.nfields)])
        show("no such statement", raw.exec_prepared(b"gone", []).error_message)
        show("no such portal", raw.describe_portal(b"gone").error_message)


@step
def batches():
    with connect() as one, one.cursor() as cursor:
        cursor.execute("create temporary table rows (id int primary key, name text)")
        cursor.executemany("insert into rows values (%s, %s)", [(n, f"n{n}") for n in range(1000)])
        show("inserted", (cursor.rowcount, cursor.statusmessage))
        cursor.executemany("update rows set name = upper(name) where id < %s returning id", [(2,), (1,), (0,)],
                           returning=True)
        found = [cursor.fetchall()]
        while cursor.nextset():
            found.append(cursor.fetchall())
        show("returned", found)
        refused("a row twice", lambda: cursor.executemany("insert into rows values (%s, 'x')", [(2000,), (2,), (2001,)]))
        show("all", cursor.execute("select count(*), max(id) from rows").fetchone())
        cursor.execute("select 1 as a; select 'x' as b; insert into rows values (5000)")
        results = [(described(cursor), cursor.fetchall())]
        while cursor.nextset():
            results.append((described(cursor), cursor.statusmessage))
        show("several statements", results)


@step
def pipeline():
    with connect() as one:
        with one.pipeline() as pipe:
            cursors = [one.execute("select %s::int, pg_typeof(%s::text)::text", [n, "x"]) for n in range(50)]
            one.execute("create temporary table t (a int unique)")
            inserted = one.execute("insert into t select generate_series(1, 10)")
            pipe.sync()
            show("sums", sum(cursor.fetchone()[0] for cursor in cursors))
            show("inserted", inserted.rowcount)
            show("in the middle", one.execute("select count(*) from t").fetchone())

        def fails():
            with one.pipeline() as pipe:
                one.execute("insert into t values (11)")
                one.execute("insert into t values (1)")
                one.execute("insert into t values (12)")
                pipe.sync()
        refused("a repeated value", fails)
        show("rolled back to the sync", one.execute("select max(a) from t").fetchone())
        with one.pipeline() as pipe:
            try:
                one.execute("select 1 / 0").fetchone()
            except psycopg.errors.DivisionByZero as error:
                show("error", report(error))
            try:
                one.execute("select 1").fetchone()
            except psycopg.errors.PipelineAborted as error:
                show("aborted", str(error))
            pipe.sync()
            show("goes on", one.execute("select 2").fetchone())
            with one.transaction():
                one.execute("insert into t values (100)")
            big = [one.execute("select repeat('x', 100000)") for _ in range(50)]
            show("big rows", sum(len(cursor.fetchone()[0]) for cursor in big))
        show("committed", one.execute("select max(a) from t").fetchone())


@step
def pipeline_messages():
    """The same below the surface: order of results, aborted ones, syncs."""
    with connect() as one:
        raw = one.pgconn
        raw.enter_pipeline_mode()
        raw.send_query_params(b"select $1::int as a", [b"1"])
        raw.send_prepare(b"p", b"select $1::text || 'x'")
        raw.send_describe_prepared(b"p")
        raw.send_query_prepared(b"p", [b"y"])
        raw.pipeline_sync()
        raw.send_query_params(b"select 1 / $1::int", [b"0"])
        raw.send_query_params(b"select 'never'", None)
        raw.pipeline_sync()
        raw.pipeline_sync()
        raw.send_query_params(b"select 'last'", None)
        raw.send_flush_request()
        raw.pipeline_sync()
        raw.nonblocking = 0
        syncs = nothing = 0
        while syncs < 4 and nothing < 20:
            result = raw.get_result()
            if result is None:
                nothing += 1
                show("end of results")
                continue
            syncs += result.status == pq.ExecStatus.PIPELINE_SYNC
            show(pq.ExecStatus(result.status).name,
                 (result.command_status, result.error_message,
                  [result.get_value(row, 0) for row in range(result.ntuples)]))
        raw.exit_pipeline_mode()
        show("status", one.info.transaction_status.name)


@step
def cursors():
    with connect(autocommit=False) as one:
        for binary in (False, True):
            with one.cursor("portal", scrollable=True, row_factory=namedtuple_row) as cursor:
                cursor.execute("select id, title from library.items order by id", binary=binary)
                show("first", cursor.fetchmany(2))
                cursor.scroll(5)
                show("at", (cursor.rownumber, cursor.fetchone()))
                cursor.scroll(0, mode="absolute")
                cursor.itersize = 3
                show("all", [row.id for row in cursor])
                show("description", described(cursor))
        cursor = one.cursor("kept", withhold=True)
        cursor.execute("select generate_series(1, %s)", [5])
        one.commit()
        show("held", cursor.fetchmany(3))
        cursor.close()
        cursor = one.cursor("forward", scrollable=False)
        cursor.execute("select 1")
        refused("backward", lambda: cursor.scroll(-1))
        one.rollback()
        refused("a closed cursor", lambda: one.execute("fetch from gone"))
        one.rollback()
        plain = one.cursor()
        show("row by row", sum(row[0] for row in plain.stream("select generate_series(1, %s)", [10000])))
        refused("row by row", lambda: list(plain.stream("select 10 / (5 - n) from generate_series(1, 9) n")))


@step
def copy_in_and_out():
    with connect() as one, one.cursor() as cursor:
        cursor.execute("create temporary table rows (id int, name text, at date, raw bytea)")
        with cursor.copy("copy rows from stdin") as copy:
            for number in range(5000):
                copy.write_row((number, f"näme\t{number}\n" if number % 3 else None, datetime.date(2026, 1, 1), b"\x00"))
        show("in", (cursor.rowcount, cursor.statusmessage))
        with cursor.copy("copy rows from stdin (format binary)") as copy:
            copy.set_types(["int4", "text", "date", "bytea"])
            for number in range(5000, 10000):
                copy.write_row((number, str(number), None, bytes([number % 256]) * 10))
        show("in binary", cursor.rowcount)
        for text in ("copy (select * from rows order by id) to stdout",
                     "copy (select * from rows order by id) to stdout (format csv, header)",
                     "copy (select * from rows order by id) to stdout (format binary)"):
            digest, size = hashlib.md5(), 0
            with cursor.copy(text) as copy:
                for data in copy:
                    digest.update(data)
                    size += len(data)
            show("out", (size, digest.hexdigest(), cursor.rowcount))
        with cursor.copy("copy (select id, name, at, raw from rows where id in (1, 3, 7000) order by id) to stdout "
                         "(format binary)") as copy:
            copy.set_types(["int4", "text", "date", "bytea"])
            show("rows", [(*row[:3], bytes(row[3])) for row in copy.rows()])
        with cursor.copy("copy rows (id, name) from stdin (format csv)") as copy:
            copy.write("1,one\n")
            copy.write('2,"two\nlines"\n')

        def breaks_off():
            with cursor.copy("copy rows (id) from stdin") as copy:
                copy.write("1\n")
                raise psycopg.Error("broken off by the program")
        refused("a copy broken off", breaks_off)

        def is_wrong():
            with cursor.copy("copy rows (id) from stdin") as copy:
                for _ in range(10000):
                    copy.write("1\nx\n2\n" * 100)
        refused("a wrong row", is_wrong)

        def ends_early():
            with cursor.copy("copy (select repeat('x', 1000) from generate_series(1, 100000)) to stdout") as copy:
                copy.read()
                raise psycopg.Error("enough")
        refused("a copy not read to its end", ends_early)
        refused("no such table", lambda: cursor.copy("copy nothing to stdout").__enter__())
        show("status", (one.info.transaction_status.name, cursor.execute("select count(*) from rows").fetchone()))


@step
def transactions():
    with connect(autocommit=False) as one:
        statuses = [one.info.transaction_status.name]
        one.execute("create temporary table t (a int unique)")
        statuses.append(one.info.transaction_status.name)
        one.commit()
        try:
            one.execute("select 1 / 0")
        except psycopg.Error:
            statuses.append(one.info.transaction_status.name)
        refused("after an error", lambda: one.execute("select 1"))
        one.rollback()
        statuses.append(one.info.transaction_status.name)
        show("statuses", statuses)
        with one.transaction():
            one.execute("insert into t values (1)")
            with one.transaction() as inner:
                one.execute("insert into t values (2)")
                raise psycopg.Rollback(inner)
            try:
                with one.transaction("saved"):
                    one.execute("insert into t values (1)")
            except psycopg.errors.UniqueViolation:
                show("inner status", one.info.transaction_status.name)
            one.execute("insert into t values (3)")
        show("rows", one.execute("select a from t order by a").fetchall())
        one.rollback()
        one.isolation_level, one.read_only, one.deferrable = psycopg.IsolationLevel.SERIALIZABLE, True, True
        show("level", one.execute("select current_setting('transaction_isolation'), "
                                  "current_setting('transaction_read_only')").fetchone())
        refused("a write", lambda: one.execute("create table library.never (a int)"))
        one.rollback()
    two_phases = connect(autocommit=False)
    two_phases.tpc_begin(two_phases.xid(1, "global", "branch"))
    two_phases.execute("create temporary table t (a int)")
    refused("two phases", two_phases.tpc_prepare)
    two_phases.close()


@step
def cancel():
    with connect() as one, connect() as watcher:
        def interrupt(text, way):
            wait_until(lambda: is_running(watcher, text))
            way()
        ways = {"cancel": one.cancel}
        if hasattr(one, "cancel_safe"):
            ways["cancel_safe"] = one.cancel_safe
        for name in ("cancel", "cancel_safe"):
            way = ways.get(name, one.cancel)
            for status in ("IDLE", "INTRANS"):
                if status == "INTRANS":
                    one.execute("begin")
                thread = threading.Thread(target=interrupt, args=("pg_sleep(60)", way))
                thread.start()
                refused(f"{name} in {status}", lambda: one.execute("select pg_sleep(60)"))
                thread.join()
                show("status", one.info.transaction_status.name)
                one.execute("rollback")
            way()
            show("a cancel at rest does no harm", one.execute("select 1").fetchone())
        cursor = one.cursor()
        thread = threading.Thread(target=interrupt, args=("pg_sleep(50)", one.cancel))
        thread.start()
        refused("in a copy", lambda: cursor.copy("copy (select pg_sleep(50)) to stdout").__enter__().read())
        thread.join()
    with connect() as one:
        one.execute("set statement_timeout = '50ms'")
        refused("a time-out", lambda: one.execute("select pg_sleep(60)"))


@step
def large_objects():
    with connect(autocommit=False) as one:
        data = bytes(range(256)) * 4000
        [loid] = one.execute("select lo_from_bytea(0, %s)", [data]).fetchone()
        [handle] = one.execute("select lo_open(%s, %s)", [loid, 0x60000]).fetchone()
        show("part", one.execute("select lo_lseek64(%s, 1000, 0), loread(%s, 10)", [handle, handle]).fetchone())
        show("written", one.execute("select lowrite(%s, %s), lo_tell64(%s)", [handle, b"abc", handle]).fetchone())
        one.execute("select lo_close(%s)", [handle])
        [read] = one.cursor(binary=True).execute("select lo_get(%s)", [loid]).fetchone()
        show("read", (len(read), hashlib.md5(read).hexdigest()))
        show("unlinked", one.execute("select lo_unlink(%s)", [loid]).fetchone())
        one.commit()
        refused("no such object", lambda: one.execute("select lo_get(1)"))


@step
def errors():
    statements = (
        "select nothing", "select * form t", "select 'é', nothing", "select 1 / 0", "select library.fail()",
        "insert into library.items values (1, 'again', '1', 1, null, null)",
        "insert into library.items values (100, null, '1', 1, null, null)",
        "insert into library.items values (100, 'x', 'x', 1, null, null)",
        "insert into library.loans values (1, 1000, now())", "select 'x'::library.mood",
        "do $$ begin execute 'select * from nothing'; end $$", "set no_such_setting = 1", "",)
    with connect() as one:
        for text in statements[:-1]:
            refused(text, lambda text=text: one.execute(text))
            refused("the same, extended", lambda text=text: one.cursor(binary=True).execute(text))
        cursor = one.execute("")
        show("empty", (cursor.statusmessage, cursor.pgresult.status))
        refused("too many parameters", lambda: one.execute("select " + ",".join(["%s"] * 1700), [1] * 1700))


@step
def notices():
    with connect() as one:
        one.add_notice_handler(lambda diagnostic: show("notice", fields(diagnostic)))
        show("result", one.execute("select library.tell(%s)", ["this"]).fetchone())
        one.execute("set client_min_messages = error")
        show("quiet", one.execute("select library.tell('that')").fetchone())
        one.execute("set client_min_messages = notice")
        one.execute("do $$ begin for n in 1..3 loop raise notice 'number %', n; end loop; end $$")


@step
def listen_and_notify():
    with connect() as one, connect() as other:
        one.add_notify_handler(lambda note: show("handler", (note.channel, note.payload, note.pid == one_pid)))
        one_pid = one.info.backend_pid
        one.execute("listen news")
        one.execute("select pg_notify('news', 'to myself')")
        other.execute("notify news, 'from elsewhere'")
        # It comes while this session is at rest.
        for note in one.notifies():
            show("generator", (note.channel, note.payload, note.pid == other.info.backend_pid))
            if note.payload == "from elsewhere":
                break
        with other.transaction():
            for number in range(3):
                other.execute(f"notify news, '{number}'")
        got = []
        for note in one.notifies():
            got.append(note.payload)
            if len(got) == 3:
                break
        show("got", got)


@step
def big_values():
    with connect() as one:
        data = bytes(range(256)) * 80000
        for binary in (False, True):
            cursor = one.cursor(binary=binary)
            [back, digest] = cursor.execute("select %s::bytea, md5(%s::bytea)", [data, data]).fetchone()
            show("20 MB", (back == data, digest == hashlib.md5(data).hexdigest()))
            show("rows", sum(row[0] for row in cursor.execute("select generate_series(1, 200000)")))
        show("wide", len(one.execute("select " + ",".join(f"{n} as c{n}" for n in range(1600))).fetchone()))
        text = "/* " + "long " * 50000 + "*/ select 'after a long comment' -- list config;"
        show("long text", one.execute(text).fetchone())


@step
def asynchronous():
    async def session(number):
        one = await psycopg.AsyncConnection.connect(autocommit=True)
        async with one:
            async with one.cursor() as cursor:
                await cursor.execute("select %s::int, pg_sleep(0.01)", [number])
                return (await cursor.fetchone())[0]

    async def many():
        show("sessions", sorted(await asyncio.gather(*(session(number) for number in range(20)))))
    return many()


if __name__ == "__main__":
    # Its steps come last.
    import psycopg_commands  # noqa: F401
    sys.exit(run_steps(report))
