"""Connections of psycopg, and how errors and descriptions are shown."""

import time

import psycopg

from sections import show

FIELDS = ("severity", "severity_nonlocalized", "sqlstate", "message_primary", "message_detail", "message_hint",
          "statement_position", "internal_position", "internal_query", "context", "schema_name", "table_name",
          "column_name", "datatype_name", "constraint_name", "source_file", "source_line", "source_function")
SECONDS = 30


def fields(diagnostic):
    return {name: value for name in FIELDS if (value := getattr(diagnostic, name)) is not None}


def report(error):
    found = fields(error.diag) if isinstance(error, psycopg.Error) else {}
    return found or str(error)


def refused(what, action):
    """Shows the error that this raises; not to raise one is a failure."""
    try:
        action()
    except psycopg.Error as error:
        show(f"{what} is {type(error).__name__}", report(error))
    else:
        raise AssertionError(f"{what} is not refused")


def shows_either(what, action):
    """Shows what comes back, rows or an error, where versions of the driver differ."""
    try:
        show(what, action().fetchall())
    except psycopg.Error as error:
        show(f"{what} is {type(error).__name__}", report(error))


def connect(**options):
    return psycopg.connect(**{"autocommit": True, **options})


def described(cursor):
    return [(column.name, column.type_code, column.internal_size, column.precision, column.scale)
            for column in cursor.description or []]


def wait_until(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it takes too long")


def is_running(watcher, text):
    query = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and query like %s and pid <> pg_backend_pid()"
    return watcher.execute(query, [f"%{text}%"]).fetchone()[0] == 1
