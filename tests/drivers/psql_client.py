"""psql: scripts, -c, start-up forms, an interactive session, Ctrl-C."""

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

from sections import run_steps, show, skip, step

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 30
VERSION = int(re.search(r"\d+", subprocess.check_output(["psql", "--version"], text=True)).group())


def psql(*arguments, stdin="", **environment):
    """What psql prints on both streams, in its order, and how it ends."""
    done = subprocess.run(["psql", "-X", *arguments], input=stdin, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, **environment}, timeout=SECONDS, check=False)
    # Titles of \watch have the time; objects get the next number that is free.
    text = re.sub(r"^\w{3} .* (\(every .*\))$", r"TIME \1", done.stdout, flags=re.MULTILINE)
    text = re.sub(r"(lo_import|lo_unlink|large object) \d+", r"\1 N", text)
    print(text, end="" if text.endswith("\n") or not text else "\n")
    print(f"ended with {done.returncode}", flush=True)


def script(name):
    """A script in the working directory, so that its path is not in the messages."""
    shutil.copy(HERE / "psql" / f"{name}.sql", f"{name}.sql")
    psql("-a", "-f", f"{name}.sql")


@step
def describe():
    script("describe")


@step
def queries():
    script("queries")


@step
def bind():
    if VERSION < 16:
        return skip(f"psql {VERSION} has no \\bind")
    return script("bind")


@step
def copy():
    script("copy")


@step
def transactions():
    script("transactions")


@step
def errors():
    script("errors")


@step
def large_objects():
    script("large_objects")


@step
def notify():
    script("notify")


@step
def watch():
    script("watch")


@step
def commands():
    """-c sends its text as one string."""
    psql("-c", "select 1; select 'two' as b; show timezone")
    psql("-c", "create temporary table t (a int); insert into t values (1); select 1 / 0; select 2")
    psql("-c", "create temporary table t (a int)", "-c", "insert into t values (1)", "-c", "select a from t")
    psql("-1", "-c", "create schema driver_gone", "-c", "select nothing")
    psql("-c", "select count(*) from pg_namespace where nspname = 'driver_gone'")
    psql("-v", "ON_ERROR_STOP=1", "-c", "select nothing", "-c", "select 2")
    psql("-1", "-v", "ON_ERROR_STOP=1", stdin="select 1;\nselect 1 / 0;\nselect 2;\n")
    psql("-c", "copy (select 1) to stdout; select 2")
    psql("-c", "copy library.items (id, title) from stdin", stdin="1\tagain\n")
    psql("-c", "")
    psql("-c", ";")
    psql("-At", "-F,", "-c", "select id, name from library.patrons order by id")
    psql("-c", "select nothing; syntax error here")
    psql("-l", "-A")


@step
def startup():
    """What the start-up packet may hold, and the refusals of PostgreSQL."""
    ask = "select current_setting('application_name'), current_setting('work_mem'), current_setting('search_path'), " \
          "current_setting('DateStyle'), current_setting('TimeZone'), current_setting('client_encoding')"
    psql("-A", "-c", ask)
    psql("-A", "-c", ask, PGOPTIONS="-c work_mem=5MB -c search_path=library,public --datestyle=German",
         PGAPPNAME="an application", PGTZ="Asia/Tokyo", PGCLIENTENCODING="LATIN1")
    psql("-A", "-c", "select 'ü' as \"ß\"", PGCLIENTENCODING="LATIN1")
    psql("-A", "-d", "options=-csearch_path=a\\\\\\ b application_name='it\\'s'", "-c", "show search_path")
    psql("-A", "-d", "dbname=postgres", "-c", "select current_database()")
    psql("-c", "select 1", PGPASSWORD="wrong")
    psql("-c", "select 1", PGUSER="nobody_here")
    psql("-c", "select 1", PGDATABASE="nowhere")
    psql("-c", "select 1", PGOPTIONS="-c no_such_setting=1")
    psql("-c", "select 1", PGOPTIONS="-c work_mem=nonsense")
    psql("-c", "select 1", PGOPTIONS="--no-such-option")
    psql("-At", "-c", "select current_user, pg_is_in_recovery()", PGUSER="reader", PGPASSWORD="reads",
         PGTARGETSESSIONATTRS="read-write")
    psql("-c", "select 1", PGTARGETSESSIONATTRS="standby")


class Terminal:
    """psql on a terminal, without line editing; prompts show the transaction status."""

    def __init__(self):
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execvp("psql", ["psql", "-X", "-n", "-v", "PROMPT1=[%x]> ", "-v", "PROMPT2=[%R]- "])
        self._text = ""
        self._seen = 0

    def until(self, pattern):
        """Reads on until the expression matches what was not asked for yet."""
        deadline = time.monotonic() + SECONDS
        while not (found := re.compile(pattern, re.MULTILINE).search(self._text, self._seen)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._terminal], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} in {self._text[self._seen:]!r}")
            try:
                self._text += os.read(self._terminal, 65536).decode()
            except OSError:
                raise AssertionError(f"psql ended after {self._text!r}") from None
        self._seen = found.end()

    def say(self, line):
        os.write(self._terminal, line.encode() + b"\n")
        self.until(r"^\[.*\]. ")

    def send(self, data):
        os.write(self._terminal, data)

    def rest(self):
        """Until psql waits for a line: a SIGINT that comes between its prompt and that is lost."""
        stat = pathlib.Path(f"/proc/{self._pid}/stat")
        wait_until(lambda: stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "S", "psql does not rest")

    def end(self):
        os.write(self._terminal, b"\\q\n")
        # The end of the terminal's other side.
        try:
            while data := os.read(self._terminal, 65536):
                self._text += data.decode()
        except OSError:
            pass
        _, status = os.waitpid(self._pid, 0)
        os.close(self._terminal)
        # What psql says of itself before the first prompt is of no interest.
        text = self._text.replace("\r", "")
        print(re.sub(r"^\w{3} .* (\(every .*\))", r"TIME \1", text[text.index("[]> "):], flags=re.MULTILINE))
        print(f"ended with {os.waitstatus_to_exitcode(status)}", flush=True)


def ask(text):
    return subprocess.run(["psql", "-XAtqc", text], capture_output=True, text=True, check=True).stdout.strip()


def wait_until(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(what)


def wait_until_running(text):
    """Until some session sleeps in this text."""
    query = ("select count(*) from pg_stat_activity where wait_event = 'PgSleep' and pid <> pg_backend_pid() "
             f"and query like '%{text}%'")
    wait_until(lambda: ask(query) == "1", f"{text} does not run")


@step
def terminal():
    """The prompt knows the status that ReadyForQuery gave."""
    one = Terminal()
    one.until(r"^\[\]> ")
    for line in ("select 1 as a;", "begin;", "select 2", "as b;", "select nothing;", "select 3;", "rollback;",
                 "begin;", "savepoint s;", "select 1 / 0;", "rollback to s;", "commit;"):
        one.say(line)
    one.end()


@step
def control_c():
    """Cancel on a new connection, at rest, in a query, in COPY, in \\watch; the session goes on."""
    one = Terminal()
    one.until(r"^\[\]> ")
    one.rest()
    one.send(b"\x03")
    one.until(r"^\[\]> ")
    one.say("select 'still here' as a;")
    for begin in ("", "begin;"):
        if begin:
            one.say(begin)
        one.send(b"select pg_sleep(100), 'to be stopped';\n")
        wait_until_running("pg_sleep(100)")
        one.send(b"\x03")
        one.until(r"^\[.*\]> ")
    one.say("select 'failed';")
    one.say("rollback;")
    one.send(b"copy (select pg_sleep(100)) to stdout;\n")
    wait_until_running("copy (select pg_sleep(100))")
    one.send(b"\x03")
    one.until(r"^\[\]> ")
    one.send(b"select 'watched' as w \\watch 30\n")
    one.until("watched")
    one.until("1 row")
    one.rest()
    one.send(b"\x03")
    one.until(r"^\[\]> ")
    one.say("select 'the end' as a;")
    one.end()


@step
def interrupt():
    """SIGINT to a psql that runs a script: the query ends, and with it the script."""
    running = subprocess.Popen(["psql", "-X", "-v", "ON_ERROR_STOP=1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    running.stdin.write("select 'first';\nselect pg_sleep(99);\nselect 'never';\n")
    running.stdin.close()
    wait_until_running("pg_sleep(99)")
    running.send_signal(signal.SIGINT)
    show(running.stdout.read())
    show("ended with", running.wait(SECONDS))


@step
def metadb_script():
    script("metadb")


@step
def metadb_commands():
    psql("-c", "alter system set checkpoint_segment_size = '2999'")
    psql("-At", "-c", "list config; list data_sources; list config")
    psql("-c", "select 1; list config")
    psql("-c", "begin; list config")
    psql("-1", "-c", "drop data source nowhere")
    psql("-1", "-v", "ON_ERROR_STOP=1", "-c", "alter system set checkpoint_segment_size = '2998'", "-c", "select 1")
    psql("-c", "alter system set checkpoint_segment_size = '3000'")
    psql("-At", "-c", "list config", PGDATABASE="postgres")


@step
def metadb_terminal():
    one = Terminal()
    one.until(r"^\[\]> ")
    for line in ("list data_sources;", "begin;", "list data_sources;", "drop data source nowhere;",
                 "list data_sources;", "rollback;", "list", "data_sources;"):
        one.say(line)
    one.end()


@step
def metadb_control_c():
    """A command that waits for a lock of another session is cancelled by metadb itself."""
    one, other = Terminal(), Terminal()
    one.until(r"^\[\]> ")
    other.until(r"^\[\]> ")
    other.say("begin;")
    other.say("lock table metadb.config;")
    one.send(b"alter system set checkpoint_segment_size = '2997';\n")
    wait_until(lambda: ask("select count(*) from pg_locks where relation = 'metadb.config'::regclass "
                           "and not granted") == "1", "the command does not wait")
    one.send(b"\x03")
    one.until(r"^\[\]> ")
    one.say("select 'still here' as a;")
    other.say("rollback;")
    one.say("select value from metadb.config where parameter = 'checkpoint_segment_size';")
    one.end()
    other.end()


if __name__ == "__main__":
    sys.exit(run_steps(str))
