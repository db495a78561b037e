"""asyncpg: always the extended protocol, binary formats, named statements and portals, a pool that resets."""

import asyncio
import datetime
import decimal
import hashlib
import io
import ipaddress
import sys

import asyncpg

from sections import run_steps, show, step

FIELDS = ("severity", "severity_en", "sqlstate", "message", "detail", "hint", "position", "internal_position",
          "internal_query", "context", "schema_name", "table_name", "column_name", "data_type_name",
          "constraint_name", "server_source_filename", "server_source_line", "server_source_function")
SECONDS = 30


def report(error):
    found = {name: value for name in FIELDS if (value := getattr(error, name, None)) is not None}
    return found or str(error)


async def refused(what, awaitable):
    """Shows the error that this raises; not to raise one is a failure."""
    try:
        await awaitable
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncio.TimeoutError, TypeError) as error:
        show(f"{what} is {type(error).__name__}", report(error))
    else:
        raise AssertionError(f"{what} is not refused")


class connected:
    """A connection for the length of a block."""

    def __init__(self, **options):
        self._options = options

    async def __aenter__(self):
        self._connection = await asyncpg.connect(**self._options)
        return self._connection

    async def __aexit__(self, *_):
        await self._connection.close()


async def running(watcher, text):
    """Returns when some session sleeps in this text."""
    query = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and query like $1"
    async with asyncio.timeout(SECONDS):
        while await watcher.fetchval(query, f"%{text}%") != 1:
            await asyncio.sleep(0)


@step
async def connection():
    settings = {"search_path": "library", "application_name": "one", "work_mem": "5MB"}
    async with connected(server_settings=settings) as one:
        show("version", one.get_server_version())
        found = one.get_settings()
        for name in sorted(("server_version", "server_encoding", "client_encoding", "application_name", "TimeZone",
                            "is_superuser", "session_authorization", "DateStyle", "IntervalStyle",
                            "integer_datetimes", "standard_conforming_strings", "in_hot_standby",
                            "default_transaction_read_only")):
            show(name, getattr(found, name))
        show("process", one.get_server_pid() == await one.fetchval("select pg_backend_pid()"))
        show("work_mem", await one.fetchval("show work_mem"))
        await one.execute("set timezone to 'Asia/Tokyo'")
        show("live", one.get_settings().TimeZone)
    await refused("a wrong password", asyncpg.connect(password="wrong"))
    await refused("a wrong database", asyncpg.connect(database="nowhere"))
    await refused("a wrong setting", asyncpg.connect(server_settings={"no_such_setting": "1"}))


@step
async def types():
    async with connected(server_settings={"search_path": "library"}) as one:
        for row in await one.fetch("select * from kinds"):
            for name, value in row.items():
                show(f"  {name}", value)
        values = [(-2, "int2"), (2**31 - 1, "int4"), (2**62, "int8"), (1.5, "float4"), (1e300, "float8"),
                  (decimal.Decimal("-0.000123"), "numeric"), ("tä\nxt", "text"), (b"\x00\xff", "bytea"), (True, "bool"),
                  (datetime.date(4000, 1, 1), "date"), (datetime.time(1, 2, 3, 4), "time"),
                  (datetime.datetime(2026, 1, 2, 3, 4, 5, 6), "timestamp"),
                  (datetime.timedelta(days=400, seconds=1), "interval"), (ipaddress.ip_address("::1"), "inet"),
                  ("happy", "mood"), (("Weg", 3), "address"), ([1, None, 3], "int[]"), (["sad", "ok"], "mood[]"),
                  ([("a", 1), None], "address[]"), (asyncpg.Range(1, 5), "int4range"), ('{"a": 1}', "jsonb"),
                  ("978-1", "isbn"), ([[1, 2], [3, 4]], "int[]"), (asyncpg.BitString("0101"), "bit(4)"),
                  (asyncpg.Point(1, 2), "point")]
        for value, name in values:
            show(name, await one.fetchval(f"select $1::{name}", value))
        await one.set_type_codec("jsonb", encoder=repr, decoder=lambda text: ("decoded", text), schema="pg_catalog")
        show("codec", await one.fetchval("select a_jsonb from kinds where a_boolean"))
        await one.reset_type_codec("jsonb", schema="pg_catalog")
        show("infinity", await one.fetchval("select array['infinity'::timestamptz, '-infinity']"))
        show("record", await one.fetchrow("select row(1, 'x', null), array[row(1, 2)]"))


@step
async def prepared_statements():
    async with connected() as one:
        statement = await one.prepare("select id, name, feels, lives from library.patrons where id = $1 or name = $2")
        show("name", statement.get_statusmsg())
        show("parameters", [(kind.name, kind.oid < 16384) for kind in statement.get_parameters()])
        show("columns", [(column.name, column.type.name, column.type.schema, column.type.kind)
                         for column in statement.get_attributes()])
        for parameters in ((1, "x"), (3, "Bo"), (None, None)):
            show("rows", [tuple(row) for row in await statement.fetch(*parameters)])
        show("plan", (await statement.explain(1, "x"))[0]["Plan"]["Node Type"])
        show("status", statement.get_statusmsg())
        show("names", [name.startswith("__asyncpg_stmt_") for [name] in
                       await one.fetch("select name from pg_prepared_statements where not from_sql")])
        await refused("a wrong type", statement.fetch("x", "y"))
        await refused("a syntax error", one.prepare("select $1 from from"))
        await refused("an unknown type", one.prepare("select 'a'::nothing"))
        await one.execute("create temporary table changes (a int)")
        await one.fetch("select * from changes")
        await one.execute("alter table changes alter column a type text")
        show("after a change", await one.fetch("select * from changes"))
        await refused("no such statement", one.fetch("execute gone"))
        text = await one.prepare("select $1::int8")
        show("cached", (await text.fetchval(1), await one.fetchval("select $1::int8", 2)))


@step
async def batches():
    async with connected() as one:
        await one.execute("create temporary table rows (id int primary key, name text)")
        await one.executemany("insert into rows values ($1, $2)", [(n, f"n{n}") for n in range(3000)])
        show("rows", tuple(await one.fetchrow("select count(*), max(name) from rows")))
        await refused("a row twice", one.executemany("insert into rows values ($1, 'x')",
                                                     [(n,) for n in range(5000, 2000, -1)]))
        show("all or nothing", await one.fetchval("select count(*) from rows"))
        show("status", await one.execute("update rows set name = 'y' where id < 10"))
        show("script", await one.execute("select 1; delete from rows where id < 5; create temporary table t ()"))
        await refused("a script", one.execute("insert into rows values (-1); select 1 / 0"))
        show("rolled back", await one.fetchval("select count(*) from rows where id < 0"))
        await refused("several prepared", one.fetch("select 1; select 2"))
        if hasattr(one, "fetchmany"):
            show("many", [tuple(row) for row in await one.fetchmany(
                "insert into rows values ($1, 'z') returning id", [(10001,), (10002,)])])


@step
async def cursors():
    async with connected() as one:
        await refused("outside of a transaction", one.cursor("select 1").__aiter__().__anext__())
        async with one.transaction():
            total, count = 0, 0
            async for row in one.cursor("select generate_series(1, $1::int)", 1000, prefetch=7):
                total, count = total + row[0], count + 1
            show("iterated", (total, count))
            cursor = await one.cursor("select id from library.items order by id")
            show("fetched", [row[0] for row in await cursor.fetch(3)])
            show("skipped", await cursor.forward(5))
            show("next", tuple(await cursor.fetchrow()))
            other = await one.cursor("select title from library.items order by id desc")
            show("two at once", ((await other.fetchrow())[0], (await cursor.fetchrow())[0]))
            show("rest", [row[0] for row in await cursor.fetch(100)])
            show("exhausted", await cursor.fetchrow())
            show("portals", await one.fetchval("select count(*) from pg_cursors where name like '\\_\\_asyncpg%'"))
        async with one.transaction():
            failing = await one.cursor("select 10 / (5 - n) from generate_series(1, 9) n")
            await failing.fetch(4)
            await refused("a row that fails", failing.fetch(1))
            await refused("after it", one.fetch("select 1"))
            raise_rollback = one.transaction()
            await refused("a savepoint then", raise_rollback.start())
            await one.execute("rollback; begin")


@step
async def copy():
    async with connected() as one:
        await one.execute("create temporary table rows (id int, name text, at timestamptz, tags text[])")
        moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
        records = [(n, f"n{n}" if n % 3 else None, moment, ["a", str(n)]) for n in range(20000)]
        show("records", await one.copy_records_to_table("rows", records=records))
        for options in ({}, {"format": "csv", "header": True}, {"format": "binary"}):
            out = io.BytesIO()
            status = await one.copy_from_query("select * from rows order by id", output=out, **options)
            show("out", (status, len(out.getvalue()), hashlib.md5(out.getvalue()).hexdigest()))
        out = io.BytesIO()
        show("part", await one.copy_from_table("rows", columns=["id", "name"], output=out, delimiter="|", null="-"))
        out.seek(0)
        show("in", await one.copy_to_table("rows", columns=["id", "name"], source=out, delimiter="|", null="-"))
        out = io.BytesIO()
        await one.copy_from_query("select id, name from rows where id = $1", 1, output=out)
        show("parameter", out.getvalue())
        await refused("a wrong row", one.copy_to_table("rows", columns=["id"], source=io.BytesIO(b"1\nx\n" * 10000)))
        await refused("a wrong record", one.copy_records_to_table("rows", records=[(1,), ("x",)], columns=["id"]))

        async def breaks_off():
            yield b"1\n"
            raise asyncpg.InterfaceError("broken off")
        await refused("a source that fails", one.copy_to_table("rows", columns=["id"], source=breaks_off()))
        await refused("no such table", one.copy_from_table("nothing", output=out))
        slow = one.copy_from_query("select pg_sleep(60)", output=out, timeout=0.1)
        await refused("a time-out", slow)
        show("rows", await one.fetchval("select count(*) from rows"))


@step
async def transactions():
    async with connected() as one:
        await one.execute("create temporary table t (a int unique)")
        for isolation in ("serializable", "repeatable_read", "read_committed"):
            async with one.transaction(isolation=isolation, readonly=isolation != "read_committed"):
                show(isolation, (await one.fetchval("show transaction_isolation"), one.is_in_transaction()))
        async with one.transaction():
            await one.execute("insert into t values (1)")
            inner = one.transaction()
            await inner.start()
            await refused("a row twice", one.execute("insert into t values (1)"))
            await refused("a failed block", one.fetchval("select 1"))
            await inner.rollback()
            show("status", one.is_in_transaction())
            await one.execute("insert into t values (2)")
        show("rows", [row[0] for row in await one.fetch("select a from t order by a")])
        await refused("a write", one.execute("begin read only; create table library.never ()"))
        show("status", one.is_in_transaction())
        await one.execute("rollback")
        show("status", one.is_in_transaction())


@step
async def cancel():
    async with connected() as one, connected() as watcher:
        for number in range(3):
            await refused("a time-out", one.fetch("select pg_sleep(60)", timeout=0.1))
            show("goes on", await one.fetchval("select $1::int", number))
        task = asyncio.ensure_future(one.fetch("select pg_sleep(61)"))
        await running(watcher, "pg_sleep(61)")
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            show("cancelled")
        show("goes on", await one.fetchval("select 4"))
        async with one.transaction():
            await refused("in a block", one.execute("select pg_sleep(60)", timeout=0.1))
            await refused("then", one.fetch("select 1"))
            await one.execute("rollback; begin")
        task = asyncio.ensure_future(one.executemany("select pg_sleep($1::float8)", [(62.0,)]))
        await running(watcher, "pg_sleep($1::float8)")
        show("ended by another", await watcher.fetchval("select pg_cancel_backend($1)", one.get_server_pid()))
        await refused("a batch", task)
        task = asyncio.ensure_future(one.fetch("select pg_sleep(63)"))
        await running(watcher, "pg_sleep(63)")
        await watcher.fetchval("select pg_terminate_backend($1)", one.get_server_pid())
        await refused("terminated", task)
        show("closed", one.is_closed())


@step
async def large_objects():
    async with connected() as one:
        data = bytes(range(256)) * 3000
        async with one.transaction():
            loid = await one.fetchval("select lo_from_bytea(0, $1)", data)
            handle = await one.fetchval("select lo_open($1, $2)", loid, 0x60000)
            show("part", tuple(await one.fetchrow("select lo_lseek64($1, 700, 0), loread($1, 9)", handle)))
            show("written", await one.fetchval("select lowrite($1, $2)", handle, b"abc"))
        back = await one.fetchval("select lo_get($1)", loid)
        show("read", (len(back), hashlib.md5(back).hexdigest()))
        show("unlinked", await one.fetchval("select lo_unlink($1)", loid))
        await refused("gone", one.fetchval("select lo_get(1)"))


@step
async def errors():
    async with connected() as one:
        for text in ("select nothing", "select * form t", "select 'é', nothing", "select 1 / 0",
                     "select library.fail()", "insert into library.items values (1, 'again', '1', 1, null, null)",
                     "insert into library.items values (100, null, '1', 1, null, null)",
                     "insert into library.items values (100, 'x', 'x', 1, null, null)",
                     "insert into library.loans values (1, 1000, now())", "set no_such_setting = 1",
                     "do $$ begin execute 'select * from nothing'; end $$"):
            await refused(text, one.fetch(text))
            await refused("the same, simple", one.execute(text))


@step
async def notices():
    async with connected() as one:
        one.add_log_listener(lambda _, message: show("notice", message.as_dict()))
        show("result", await one.fetchval("select library.tell($1)", "this"))
        await one.execute("set client_min_messages = error")
        show("quiet", await one.fetchval("select library.tell('that')"))


@step
async def listen_and_notify():
    async with connected() as one, connected() as other:
        heard = asyncio.Queue()
        await one.add_listener("news", lambda _, pid, channel, payload: heard.put_nowait(
            (pid == other.get_server_pid(), channel, payload)))
        await other.execute("notify news, 'at rest'")
        show("heard", await asyncio.wait_for(heard.get(), SECONDS))
        await other.execute("select pg_notify('news', n::text) from generate_series(1, 3) n")
        show("heard", [await asyncio.wait_for(heard.get(), SECONDS) for _ in range(3)])
        await one.reset()
        show("after a reset", (heard.empty(), await one.fetch("select pg_listening_channels()")))


@step
async def pool():
    async with asyncpg.create_pool(min_size=2, max_size=4, max_queries=50) as many:
        async with many.acquire() as one:
            await one.execute("set search_path = library; select pg_advisory_lock(1); listen news")
            await one.execute("create temporary table stays (a int)")
            first = one.get_server_pid()
        async with many.acquire() as one:
            show("reset", (one.get_server_pid() == first, await one.fetchval("show search_path"),
                           await one.fetchval("select count(*) from pg_locks where locktype = 'advisory'"),
                           await one.fetchval("select count(*) from stays")))
        show("shared", sorted(await asyncio.gather(*(many.fetchval("select $1::int", n) for n in range(40)))))
        await many.expire_connections()
        show("new", await many.fetchval("select 'again'"))
        await many.execute("select 1")


@step
async def big_values():
    async with connected() as one:
        data = bytes(range(256)) * 80000
        show("20 MB", (await one.fetchval("select $1::bytea", data)) == data)
        show("rows", sum(row[0] for row in await one.fetch("select generate_series(1, 200000)")))
        show("parameters", await one.fetchval("select " + " + ".join(f"${n}::int" for n in range(1, 1001)),
                                              *range(1000)))


@step
async def metadb_commands():
    async with connected() as one:
        statement = await one.prepare("list config")
        show("parameters", statement.get_parameters())
        show("columns", [(column.name, column.type.name) for column in statement.get_attributes()])
        show("rows", [tuple(row)[:3] for row in await statement.fetch()])
        show("status", statement.get_statusmsg())
        statement = await one.prepare("list status")
        show("columns", [(column.name, column.type.name) for column in statement.get_attributes()])
        show("rows", await statement.fetch())
        show("columns", [column.name for column in (await one.prepare("list data_sources")).get_attributes()])
        show("set", await one.execute("alter system set checkpoint_segment_size = '2999'"))
        show("value", await one.fetchval("list config", column=1))
        show("prepared", await one.fetch("alter system set checkpoint_segment_size = '3000'"))
        show("value", tuple(await one.fetchrow("list config"))[:2])
        async with one.transaction():
            show("a portal", [row[0] async for row in one.cursor("list config", prefetch=2)])
            cursor = await one.cursor("list config")
            show("fetched", [row[0] for row in await cursor.fetch(2)])
            show("a query between", await one.fetchval("select 1"))
            show("rest", [row[0] for row in await cursor.fetch(10)])


@step
async def metadb_notices_and_binary():
    async with connected() as one:
        one.add_log_listener(lambda _, message: show("notice", message.as_dict()))
        show("created", await one.execute("create data source nowhere type kafka options (brokers '127.0.0.1:1', "
                                          "security 'plaintext', topics '^none', consumer_group 'none')"))
        [status] = await one.fetch("list status")
        show("decoded", {name: type(value).__name__ for name, value in status.items()
                         if name not in ("next_retry", "last_error_time", "last_error")})
        show("rows", [tuple(row) for row in await one.fetch("list data_sources")])
        show("dropped", await one.execute("drop data source nowhere"))


@step
async def metadb_errors():
    async with connected() as one:
        async with one.transaction():
            show("in a block", len(await one.fetch("list config")))
            inner = one.transaction()
            await inner.start()
            await refused("a change in a block", one.execute("drop data source nowhere"))
            await refused("in a failed block", one.fetch("list config"))
            await inner.rollback()
            await refused("prepared in a block", one.fetch("drop data source nowhere"))
            await one.execute("rollback; begin")
        for text in ("create data source x type kafka optons (a 'b')", "list nothing", "drop data source nowhere",
                     "alter system set checkpoint_segment_size = 'x'"):
            await refused(text, one.fetch(text))
            await refused("the same, simple", one.execute(text))
        await refused("parameters", one.fetch("list config where $1", 1))
        show("goes on", await one.fetchval("select 1"))


@step
async def metadb_cancel():
    async with connected() as one, connected() as other, other.transaction():
        await other.execute("lock table metadb.config")
        await refused("a time-out", one.execute("alter system set checkpoint_segment_size = '2997'", timeout=0.2))
        await refused("prepared", one.fetch("alter system set checkpoint_segment_size = '2997'", timeout=0.2))
        show("goes on", tuple(await one.fetchrow("list config"))[:2])


if __name__ == "__main__":
    sys.exit(run_steps(report))
