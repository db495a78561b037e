"""Metadb commands through psycopg."""

import threading

from psycopg_session import connect, described, fields, refused, wait_until
from sections import show, step


@step
def metadb_commands():
    with connect() as one, one.cursor() as cursor:
        raw = one.pgconn
        show("prepared", raw.prepare(b"sources", b"list data_sources").error_message)
        found = raw.describe_prepared(b"sources")
        show("columns", [(found.fname(at), found.ftype(at)) for at in range(found.nfields)])
        show("none", raw.exec_prepared(b"sources", []).ntuples)
        one.add_notice_handler(lambda diagnostic: show("notice", fields(diagnostic)))
        cursor.execute("create data source nowhere type kafka options (brokers '127.0.0.1:1', "
                       "security 'plaintext', topics '^none', consumer_group 'none')")
        show("created", cursor.statusmessage)
        show("one", raw.exec_prepared(b"sources", []).ntuples)
        for binary in (False, True):
            for prepare in (False, True):
                cursor = one.cursor(binary=binary)
                cursor.execute("list data_sources", prepare=prepare)
                show("rows", (cursor.statusmessage, [name for name, *_ in described(cursor)], cursor.fetchall()))
        cursor.execute("list status", prepare=True)
        show("types", [(name, code) for name, code, *_ in described(cursor)])
        cursor.execute("drop data source nowhere")
        show("dropped", cursor.statusmessage)
        show("set", cursor.execute("alter system set checkpoint_segment_size = '2999'").statusmessage)
        show("value", cursor.execute("list config").fetchone()[:3])
        show("reset", cursor.execute("alter system set checkpoint_segment_size = '3000'").statusmessage)
        show("row by row", [row[0] for row in cursor.stream("list config")])
        refused("a parameter", lambda: cursor.execute("list config where %s", [1]))


@step
def metadb_errors():
    with connect(autocommit=False) as one:
        show("in a block", len(one.execute("list config").fetchall()))
        refused("a change in a block", lambda: one.execute("drop data source nowhere"))
        show("status", one.info.transaction_status.name)
        refused("in a failed block", lambda: one.execute("list config"))
        one.rollback()
        one.autocommit = True
        for text in ("create data source x type kafka optons (a 'b')", "list nothing", "drop data source nowhere",
                     "alter system set checkpoint_segment_size = 'x'", "select 1; list config",
                     "pause data source nowhere"):
            refused(text, lambda text=text: one.execute(text))
        refused("prepared", lambda: one.execute("create data source x type kafka optons (a 'b')", prepare=True))
        show("status", one.info.transaction_status.name)


@step
def metadb_position_in_a_string():
    with connect() as one:
        refused("list config; list nothing", lambda: one.execute("list config; list nothing"))
        refused("é; list nothing", lambda: one.execute("/* é */ list nothing"))


@step
def metadb_statements_evicted():
    """The driver keeps so many prepared statements, and ends the oldest by SQL, or by Close with a newer libpq."""
    with connect() as one:
        one.prepared_max = 1
        show("one", len(one.execute("list config", prepare=True).fetchall()))
        for number in range(3):
            show("another", one.execute(f"select {number}", prepare=True).fetchone())


@step
def metadb_pipeline():
    with connect() as one:
        with one.pipeline() as pipe:
            before = one.execute("select %s::int", [1])
            listed = one.execute("list config")
            after = one.execute("select %s::int", [2])
            pipe.sync()
            show("in order", (before.fetchone(), len(listed.fetchall()), after.fetchone()))

        def changes_late():
            with one.pipeline():
                one.execute("select 1")
                one.execute("alter system set checkpoint_segment_size = '2998'")
                one.execute("select 2")
        refused("a change after another statement", changes_late)
        show("unchanged", one.execute("list config").fetchone()[:2])


@step
def metadb_cancel():
    with connect() as one, connect(autocommit=False) as other:
        other.execute("lock table metadb.config")

        def interrupt():
            wait_until(lambda: other.execute("select count(*) from pg_locks where not granted and "
                                             "relation = 'metadb.config'::regclass").fetchone()[0] == 1)
            one.cancel()
        thread = threading.Thread(target=interrupt)
        thread.start()
        refused("a command that waits", lambda: one.execute("alter system set checkpoint_segment_size = '2997'"))
        thread.join()
        show("goes on", one.execute("list config").fetchone()[:2])
