"""What programs send at connect: startup/*.sql in the same message forms through libpq, with all that comes back.

A line `-- @FORM` begins a message, whose text goes to the next such line. Forms: `simple` is one Query message,
however many statements it has; `extended` an unnamed statement; `binary` the same with results in binary;
`prepared` a named statement, described and then executed twice; `batch` unnamed statements, separated by lines `--`,
with one Sync at the end.
"""

import os
import pathlib
import re
import sys

from psycopg import pq

from sections import run_steps, show, step

SCRIPTS = pathlib.Path(__file__).resolve().parent / "startup"
FIELDS = [field for field in pq.DiagnosticField]
# Of the server's parameters, those that these programs read.
PARAMETERS = (b"server_version", b"client_encoding", b"DateStyle", b"TimeZone", b"application_name", b"is_superuser",
              b"standard_conforming_strings", b"integer_datetimes", b"in_hot_standby", b"session_authorization")


last_oid = 0


def connect():
    one = pq.PGconn.connect(b"")
    if one.status != pq.ConnStatus.OK:
        raise AssertionError(one.error_message.decode())
    one.notice_handler = lambda result: show_result("notice", result)
    global last_oid
    last_oid = int(one.exec_(b"SELECT max(oid) FROM pg_catalog.pg_class").get_value(0, 0))
    return one


def table_of(result, at):
    """The column's table; one that the script has made itself has another number in each run."""
    oid = result.ftable(at)
    return oid if oid <= last_oid else "own"


def show_result(what, result):
    show(what, (pq.ExecStatus(result.status).name, result.command_status))
    fields = {field.name: value for field in FIELDS if (value := result.error_field(field)) is not None}
    if fields:
        show("  fields", fields)
    for at in range(result.nfields):
        show("  column", (result.fname(at), result.ftype(at), result.fmod(at), result.fsize(at), table_of(result, at),
                          result.ftablecol(at), result.fformat(at)))
    for row in range(result.ntuples):
        show("  row", [result.get_value(row, at) for at in range(result.nfields)])


def results_of(one):
    """All results of what was sent, until libpq has no more."""
    while (result := one.get_result()) is not None:
        show_result("result", result)


def send_simple(one, text):
    one.send_query(text)
    results_of(one)


def send_extended(one, text):
    show_result("result", one.exec_params(text, None))


def send_binary(one, text):
    show_result("result", one.exec_params(text, None, result_format=1))


def send_prepared(one, text):
    show_result("parse", one.prepare(b"S_1", text))
    show_result("describe", one.describe_prepared(b"S_1"))
    for _ in range(2):
        show_result("result", one.exec_prepared(b"S_1", None))
    show_result("deallocate", one.exec_(b"DEALLOCATE ALL"))


def send_batch(one, text):
    one.enter_pipeline_mode()
    parts = re.split(rb"^--\n", text, flags=re.MULTILINE)
    for part in parts:
        one.send_query_params(part.strip(), None)
    one.pipeline_sync()
    for _ in parts:
        results_of(one)
    show_result("sync", one.get_result())
    one.exit_pipeline_mode()


SEND = {"simple": send_simple, "extended": send_extended, "binary": send_binary, "prepared": send_prepared,
        "batch": send_batch}


def messages(script):
    """(form, text) of each message; what stands before the first is a comment."""
    parts = re.split(r"^-- @(\w+)\n", script.read_text(), flags=re.MULTILINE)[1:]
    return list(zip(parts[0::2], parts[1::2]))


def replay(script):
    one = connect()
    found = messages(script)
    if not found:
        raise AssertionError(f"{script.name} has no messages")
    for form, text in found:
        show(f"-- {form}: {text.strip().splitlines()[0][:60]}")
        SEND[form](one, text.strip().encode())
        show("status", pq.TransactionStatus(one.transaction_status).name)
    for name in PARAMETERS:
        show(name.decode(), one.parameter_status(name))
    one.finish()


def make_step(script):
    def replayed():
        replay(script)
    replayed.__name__ = script.stem
    step(replayed)


for path in sorted(SCRIPTS.glob("*.sql")):
    make_step(path)


@step
def metadb_among_them():
    """The same forms with commands of ours: a tool that asks for a list as it asks for anything else."""
    one = connect()
    for form, text in (("simple", "list data_sources"), ("extended", "list config"), ("binary", "list config"),
                       ("prepared", "list data_sources"), ("batch", "select 1\n--\nlist data_sources\n--\nselect 2"),
                       ("simple", "list config; list data_sources"), ("batch", "DISCARD ALL\n--\nlist data_sources"),
                       ("batch", "select 1\n--\nlist nothing\n--\nselect 2"), ("simple", "select 1; list config")):
        show(f"-- {form}: {text}")
        SEND[form](one, text.encode())
        show("status", pq.TransactionStatus(one.transaction_status).name)


@step
def metadb_deallocate():
    """psycopg and psqlODBC end a prepared statement by SQL; afterwards its name is free."""
    one = connect()
    for text in (b"DEALLOCATE s", b'deallocate prepare "s"'):
        show_result("parse", one.prepare(b"s", b"list data_sources"))
        show_result("deallocate", one.exec_(text))
        show_result("parse", one.prepare(b"s", b"select 1"))
        show_result("deallocate", one.exec_(text))


if __name__ == "__main__":
    os.environ.setdefault("PGAPPNAME", "a tool")
    sys.exit(run_steps(str))
