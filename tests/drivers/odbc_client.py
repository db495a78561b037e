"""psqlODBC through unixODBC and pyodbc, in the ways that BI tools set it up."""

import datetime
import decimal
import hashlib
import os
import sys
import threading
import time

import pyodbc

from sections import run_steps, show, step

SECONDS = 30
# pyodbc would keep connections for later ones.
pyodbc.pooling = False


def report(error):
    return [str(part) for part in error.args]


def refused(what, action):
    """Shows the error that this raises; not to raise one is a failure."""
    try:
        action()
    except pyodbc.Error as error:
        show(f"{what} is {type(error).__name__}", report(error))
    else:
        raise AssertionError(f"{what} is not refused")


def connect(autocommit=True, **options):
    words = {"DRIVER": "{PostgreSQL Unicode}", "Server": os.environ["PGHOST"], "Port": os.environ["PGPORT"],
             "Database": os.environ["PGDATABASE"], "UID": os.environ["PGUSER"], "PWD": os.environ["PGPASSWORD"],
             "SSLmode": os.environ["PGSSLMODE"], **options}
    return pyodbc.connect(";".join(f"{name}={value}" for name, value in words.items()), autocommit=autocommit)


# Tableau and others fetch through cursors; Protocol=7.4-2 makes a savepoint for each statement.
MODES = {"plain": {}, "cursors": {"UseDeclareFetch": 1, "Fetch": 3}, "client prepared": {"UseServerSidePrepare": 0},
         "savepoints": {"Protocol": "7.4-2"}, "whole transaction": {"Protocol": "7.4-1"}}


def rows(cursor):
    return [tuple(row) for row in cursor.fetchall()]


def described(cursor):
    return [(name, kind.__name__, size, digits, nullable)
            for name, kind, _, size, _, digits, nullable in cursor.description or []]


def when_running(text, action):
    """A thread that acts when some session sleeps in this text."""
    def wait():
        watcher = connect().cursor()
        query = ("select count(*) from pg_stat_activity where wait_event = 'PgSleep' and pid <> pg_backend_pid() "
                 f"and query like '%{text}%'")
        deadline = time.monotonic() + SECONDS
        while watcher.execute(query).fetchval() != 1:
            if time.monotonic() > deadline:
                return
        action()
    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@step
def connection():
    for name, options in MODES.items():
        one = connect(**options)
        info = [one.getinfo(what) for what in (pyodbc.SQL_DBMS_NAME, pyodbc.SQL_DBMS_VER, pyodbc.SQL_DATABASE_NAME,
                                               pyodbc.SQL_USER_NAME, pyodbc.SQL_MAX_IDENTIFIER_LEN)]
        settings = one.execute("select current_setting('DateStyle'), current_setting('extra_float_digits'), "
                               "current_setting('client_encoding'), current_setting('application_name')").fetchone()
        show(name, (info, tuple(settings)))
        one.close()
    # What tools put into "connect settings", run at each connect.
    one = connect(ConnSettings="set search_path to library%3Bset timezone to 'Asia/Tokyo'%3B")
    show("connect settings", rows(one.execute("select current_setting('search_path'), current_setting('timezone')")))
    refused("a wrong password", lambda: connect(PWD="wrong"))
    refused("a wrong database", lambda: connect(Database="nowhere"))


@step
def metadata():
    cursor = connect().cursor()
    for name, ask in (
            ("tables", lambda: cursor.tables(schema="library")),
            ("views", lambda: cursor.tables(schema="library", tableType="VIEW")),
            ("schemas", lambda: cursor.tables(catalog="", schema="%", table="")),
            ("tables of metadb", lambda: cursor.tables(schema="metadb", table="base%")),
            ("columns", lambda: cursor.columns(schema="library", table="%s")),
            ("primary keys", lambda: cursor.primaryKeys(schema="library", table="loans")),
            ("foreign keys", lambda: cursor.foreignKeys(foreignSchema="library", foreignTable="loans")),
            ("referenced by", lambda: cursor.foreignKeys(schema="library", table="items")),
            ("indexes", lambda: cursor.statistics(schema="library", table="items")),
            ("row identity", lambda: cursor.rowIdColumns(schema="library", table="patrons")),
            ("row version", lambda: cursor.rowVerColumns(schema="library", table="patrons")),
            ("procedures", lambda: cursor.procedures(schema="library")),
            ("parameters", lambda: cursor.procedureColumns(schema="library"))):
        show(name)
        for row in rows(ask()):
            show("  row", row)
    show("types", len(rows(cursor.getTypeInfo())))


@step
def types():
    for name, options in MODES.items():
        cursor = connect(**options, ByteaAsLongVarBinary=1).cursor()
        cursor.execute("select * from library.kinds")
        show(name, described(cursor))
        for row in rows(cursor):
            show("  row", row)
        values = (1, 2**40, decimal.Decimal("1.50"), 1.5, "tä\nxt", b"\x00\xff", True, None,
                  datetime.date(2026, 2, 28), datetime.datetime(2026, 2, 28, 1, 2, 3))
        cursor.execute("select ?::int, ?::bigint, ?::numeric, ?::float8, ?::text, ?::bytea, ?::bool, ?::text, ?::date, "
                       "?::timestamp", values)
        show("  round trip", rows(cursor))


@step
def prepared_statements():
    for name, options in MODES.items():
        cursor = connect(**options).cursor()
        text = "select id, name from library.patrons where id = ?"
        found = []
        for number in (1, 3, 4):
            found += rows(cursor.execute(text, number))
        show(name, found)
        show("  on the server", cursor.connection.cursor().execute(
            "select count(*) from pg_prepared_statements where not from_sql").fetchval())
        # What Tableau asks of a table before it reads it: describe without rows.
        cursor.execute("select * from library.items where 1 = 0")
        show("  no rows", described(cursor))
        refused("  a wrong value", lambda: cursor.execute("select ?::int + 1", "x"))
        refused("  a syntax error", lambda: cursor.execute("select ? from from", 1))
        show("  goes on", rows(cursor.execute("select 1")))


@step
def batches():
    for fast in (False, True):
        one = connect(autocommit=False)
        cursor = one.cursor()
        cursor.execute("create temporary table rows (id int primary key, name varchar(20), n int)")
        cursor.fast_executemany = fast
        cursor.executemany("insert into rows values (?, ?, ?)", [(n, f"n{n}", n) for n in range(500)])
        one.commit()
        show("rows", rows(cursor.execute("select count(*), sum(n) from rows")))
        refused("a row twice", lambda: cursor.executemany("insert into rows values (?, 'x', 1)", [(600,), (5,), (601,)]))
        one.rollback()
        show("rows", rows(cursor.execute("select count(*) from rows")))
        cursor.execute("select 1 as a; select 'x' as b; update rows set n = 0 where id < 3; select 3 as c")
        found = []
        while True:
            found.append(rows(cursor) if cursor.description else cursor.rowcount)
            if not cursor.nextset():
                break
        show("several", found)
        one.rollback()


@step
def cursors():
    for fetch in (1, 7, 1000):
        for autocommit in (True, False):
            one = connect(UseDeclareFetch=1, Fetch=fetch, autocommit=autocommit)
            cursor = one.cursor()
            cursor.execute("select generate_series(1, 500) as n, 'x' as t")
            show("first", tuple(cursor.fetchone()))
            other = one.cursor()
            show("between", rows(other.execute("select count(*) from pg_cursors")))
            show("rest", sum(row.n for row in cursor))
            cursor.execute("select id, title from library.items order by id limit 10")
            cursor.fetchmany(3)
            cursor.close()
            cursor = one.cursor()
            refused("a row that fails", lambda: rows(cursor.execute("select 10 / (5 - n) from generate_series(1, 9) n")))
            if not autocommit:
                one.rollback()
            show("goes on", rows(one.cursor().execute("select 1")))
            one.close()


@step
def transactions():
    for name, options in MODES.items():
        one = connect(autocommit=False, **options)
        cursor = one.cursor()
        cursor.execute("create temporary table t (a int unique)")
        cursor.execute("insert into t values (1)")
        one.commit()
        cursor.execute("insert into t values (2)")
        refused(f"{name}: a row twice", lambda: cursor.execute("insert into t values (1)"))
        try:
            cursor.execute("insert into t values (3)")
            show("then", "it works")
        except pyodbc.Error as error:
            show("then", report(error))
        one.commit()
        show("rows", rows(cursor.execute("select a from t order by a")))
        one.commit()
        one.set_attr(108, 8)  # SQL_ATTR_TXN_ISOLATION, SQL_TXN_SERIALIZABLE
        show("isolation", rows(cursor.execute("show transaction_isolation")))
        one.close()


@step
def cancel():
    for name, options in MODES.items():
        cursor = connect(**options).cursor()
        thread = when_running("pg_sleep(60)", cursor.cancel)
        refused(f"{name}: a cancelled query", lambda: rows(cursor.execute("select pg_sleep(60), 1")))
        thread.join()
        show("goes on", rows(cursor.connection.cursor().execute("select 1")))
    one = connect(ConnSettings="set statement_timeout to 50")
    refused("a time-out", lambda: one.cursor().execute("select pg_sleep(60)"))


@step
def large_objects():
    """A column of type lo is a large object, which the driver writes by function calls."""
    connect().execute("create domain public.lo as oid")
    try:
        one = connect(autocommit=False)
        cursor = one.cursor()
        cursor.execute("create temporary table objects (id int, o lo)")
        data = bytes(range(256)) * 2000
        cursor.setinputsizes([(pyodbc.SQL_LONGVARBINARY, 0, 0)])
        cursor.execute("insert into objects values (1, ?)", data)
        one.commit()
        [[back]] = rows(cursor.execute("select o from objects"))
        show("back", (len(back), hashlib.md5(back).hexdigest(), back == data))
        show("on the server", rows(cursor.execute("select length(lo_get(o)) from objects")))
        show("unlinked", rows(cursor.execute("select lo_unlink(o) from objects")))
        one.commit()
        one.close()
    finally:
        connect().execute("drop domain public.lo")


@step
def errors():
    for name in ("plain", "cursors"):
        one = connect(**MODES[name])
        for text in ("select nothing", "select * form t", "select 1 / 0", "select library.fail()",
                     "insert into library.items values (1, 'again', '1', 1, null, null)",
                     "insert into library.items values (100, null, '1', 1, null, null)",
                     "insert into library.loans values (1, 1000, now())", "set no_such_setting = 1",
                     "select library.tell('this'), nothing"):
            refused(f"{name}: {text}", lambda text=text: one.cursor().execute(text))
        show("with notices", rows(one.cursor().execute("select library.tell('this')")))
        one.close()


@step
def big_values():
    cursor = connect(MaxLongVarcharSize=30000000).cursor()
    text = "long " * 1000000
    show("5 MB", cursor.execute("select ?::text", text).fetchval() == text)
    show("rows", sum(row[0] for row in cursor.execute("select generate_series(1, 100000)")))


@step
def metadb_commands():
    for name, options in MODES.items():
        cursor = connect(**options).cursor()
        cursor.execute("list config")
        show(name, described(cursor))
        show("  rows", [row[:3] for row in rows(cursor)])
        cursor.execute("list data_sources")
        show("  columns", [name for name, *_ in described(cursor)])
        show("  rows", rows(cursor))
        cursor.execute("list status")
        show("  types", [kind for _, kind, *_ in described(cursor)])
        cursor.execute("alter system set checkpoint_segment_size = '2999'")
        show("  value", cursor.execute("list config").fetchone()[1])
        cursor.execute("alter system set checkpoint_segment_size = '3000'")
        cursor.execute("create data source nowhere type kafka options (brokers '127.0.0.1:1', security 'plaintext', "
                       "topics '^none', consumer_group 'none')") if name == "plain" else None
    show("rows", rows(cursor.execute("list data_sources")))
    cursor.execute("drop data source nowhere")


@step
def metadb_errors():
    for name, options in MODES.items():
        one = connect(**options)
        cursor = one.cursor()
        show(name, rows(cursor.execute("select 1")))
        for text in ("create data source x type kafka optons (a 'b')", "list nothing", "drop data source nowhere",
                     "alter system set checkpoint_segment_size = 'x'"):
            refused(f"  {text}", lambda text=text: cursor.execute(text))
        refused("  a parameter", lambda: cursor.execute("list config ?", 1))
        one.close()


@step
def metadb_in_a_block():
    """Without autocommit the driver writes BEGIN; or SAVEPOINT ...; before most statements, into one string."""
    for name, options in MODES.items():
        one = connect(autocommit=False, **options)
        cursor = one.cursor()
        refused(f"{name}: the first of a block", lambda: cursor.execute("list config"))
        one.rollback()
        cursor.execute("select 1").fetchall()
        try:
            show("  a list in a block", len(rows(cursor.execute("list config"))))
        except pyodbc.Error as error:
            show("  a list in a block", report(error))
        refused("  a change in a block", lambda: cursor.execute("drop data source nowhere"))
        one.rollback()
        show("  goes on", rows(cursor.execute("select 1")))
        one.close()


@step
def metadb_cancel():
    one, other = connect().cursor(), connect(autocommit=False).cursor()
    other.execute("lock table metadb.config")

    def interrupt():
        while other.execute("select count(*) from pg_locks where not granted and "
                            "relation = 'metadb.config'::regclass").fetchval() != 1:
            pass
        one.cancel()
    thread = threading.Thread(target=interrupt)
    thread.start()
    refused("a command that waits", lambda: one.execute("alter system set checkpoint_segment_size = '2997'"))
    thread.join()
    show("goes on", one.execute("list config").fetchone()[1])


if __name__ == "__main__":
    sys.exit(run_steps(report))
