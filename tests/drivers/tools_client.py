"""PostgreSQL's own tools: dump and restore, backup, replication, pgbench, pg_isready."""

import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

from sections import run_steps, show, step

SECONDS = 60
BIN = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pg_dump"), key=lambda path: float(path.parts[-3]))[-1].parent
# The creation time in the header of a custom archive: seven integers of five bytes (pg_backup_archiver.c, WriteHead).
ARCHIVE_TIME = slice(16, 51)


def tool(name, *arguments, stdin=None, database=None):
    """Runs one of the tools to its end."""
    environment = {**os.environ, "PGDATABASE": database} if database else os.environ
    return subprocess.run([BIN / name, *arguments], input=stdin, capture_output=True, env=environment,
                          timeout=SECONDS, check=False)


def output(name, *arguments, **options):
    """What a tool writes; that it fails is a failure."""
    done = tool(name, *arguments, **options)
    if done.returncode != 0:
        raise AssertionError(f"{name} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def show_tool(name, *arguments, **options):
    done = tool(name, *arguments, **options)
    show(f"{name} ended with {done.returncode}")
    print(done.stdout.decode() + done.stderr.decode(), end="", flush=True)


def sql(text, database=None):
    return output("psql", "-XAtqc", text, database=database).decode().strip()


def without_token(dump):
    """Newer minor releases put a random word into plain dumps."""
    return re.sub(rb"^\\(un)?restrict \w+$", rb"\\\1restrict TOKEN", dump, flags=re.MULTILINE)


# The live server goes on with these: repeats are counted and told a minute later.
LIVE = ["--exclude-table-data=metadb.log*", "--exclude-table-data=metadb.maintenance"]


def dump(*arguments, **options):
    return without_token(output("pg_dump", *LIVE, *arguments, **options))


def digest(data):
    return len(data), hashlib.md5(data).hexdigest()


class own_database:
    """A database of this step, made and dropped through the server under test."""

    def __enter__(self):
        output("dropdb", "--if-exists", "restored")
        output("createdb", "-T", "template0", "restored")
        return "restored"

    def __exit__(self, *_):
        output("dropdb", "restored")


@step
def isready():
    show_tool("pg_isready")
    show_tool("pg_isready", "-d", "nowhere", "-U", "nobody")
    show_tool("pg_isready", "-p", "1")


@step
def dump_plain():
    text = dump()
    if dump() != text:
        raise AssertionError("two dumps of one server differ")
    print(text.decode())


@step
def dump_forms():
    for arguments in (["--inserts", "-n", "library"], ["--column-inserts", "-t", "library.kinds"], ["-s"], ["-a"],
                      ["-c", "--if-exists", "--no-owner"], ["-E", "LATIN1", "-n", "library"], ["--serializable-deferrable"]):
        show(" ".join(arguments), digest(dump(*arguments)))
    archives = []
    for _ in range(2):
        archive = bytearray(output("pg_dump", *LIVE, "-Fc"))
        archive[ARCHIVE_TIME] = bytes(35)
        archives.append(bytes(archive))
    if archives[0] != archives[1]:
        raise AssertionError("two archives of one server differ in more than their time")
    show("custom", digest(archives[0]))
    show_tool("pg_dump", "-n", "nothing")


@step
def globals_only():
    print(without_token(output("pg_dumpall", "--globals-only")).decode())


@step
def restore_custom():
    archive = output("pg_dump", *LIVE, "-Fc")
    original = dump()
    listed = re.sub(rb"(Archive created at) .*", rb"\1 TIME", output("pg_restore", "-l", stdin=archive))
    print(listed.decode())
    with own_database() as name:
        show("pg_restore", tool("pg_restore", "-d", name, "--exit-on-error", stdin=archive).returncode)
        show("as the original", dump(database=name) == original)
        show("again", tool("pg_restore", "-d", name, "--exit-on-error", stdin=archive).stderr.decode())


@step
def restore_directory():
    output("pg_dump", *LIVE, "-Fd", "-j", "2", "-f", "directory")
    with own_database() as name:
        show("pg_restore", tool("pg_restore", "-d", name, "-j", "2", "--exit-on-error", "directory").returncode)
        show("as the original", dump(database=name) == dump())
    shutil.rmtree("directory")


@step
def restore_plain():
    original = dump()
    with own_database() as name:
        show("psql", tool("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", stdin=original, database=name).returncode)
        show("as the original", dump(database=name) == original)


@step
def restore_into_the_same_database():
    sql("create schema driver_tools; create table driver_tools.t (a int primary key, b text, c bytea); "
        "insert into driver_tools.t select n, 'b' || n, decode(md5(n::text), 'hex') from generate_series(1, 20000) n; "
        "select lo_from_bytea(4711, 'a large object')")
    archive, plain = output("pg_dump", "-Fc", "-b", "-n", "driver_tools"), dump("-b", "-n", "driver_tools")
    show("plain", digest(plain))
    sql("drop schema driver_tools cascade; select lo_unlink(4711)")
    show("pg_restore", tool("pg_restore", "-1", "-d", os.environ["PGDATABASE"], "--exit-on-error",
                            stdin=archive).returncode)
    show("as the original", dump("-b", "-n", "driver_tools") == plain)
    show("rows", sql("select count(*), md5(string_agg(t::text, '' order by a)) from driver_tools.t"))
    show("large object", sql("select lo_get(4711)"))
    sql("set client_min_messages = error; drop schema driver_tools cascade; select lo_unlink(4711)")


@step
def maintenance():
    show_tool("vacuumdb", "-z", "-t", "library.visits")
    show_tool("reindexdb", "-t", "library.items")
    show_tool("clusterdb", "-t", "library.items")
    show_tool("createuser", "driver_role")
    show_tool("createuser", "driver_role")
    show_tool("dropuser", "driver_role")


@step
def base_backup():
    """A backup of the cluster, plain with streamed WAL and as a tar with fetched WAL; checked against its manifest."""
    output("pg_basebackup", "-D", "backup", "-X", "stream", "-c", "fast")
    show_tool("pg_verifybackup", "-q", "backup")
    names = sorted(str(path.relative_to("backup")) for path in pathlib.Path("backup").rglob("*") if path.is_file())
    show("top", sorted(path.name for path in pathlib.Path("backup").iterdir()))
    show("kinds", sorted({re.sub(r"\d+|[0-9A-F]{24}", "N", name) for name in names if not name.startswith("pg_wal")}))
    shutil.rmtree("backup")
    output("pg_basebackup", "-D", "tar", "-Ft", "-X", "fetch", "-c", "fast", "-l", "a label")
    show("tar", sorted(path.name for path in pathlib.Path("tar").iterdir()))
    shutil.rmtree("tar")
    show_tool("pg_basebackup", "-D", "refused", "-U", "reader", stdin=b"")


@step
def receive_wal():
    output("pg_receivewal", "--create-slot", "-S", "driver_wal", "--if-not-exists")
    try:
        end = sql("create table public.driver_wal (a int); drop table public.driver_wal; select pg_current_wal_flush_lsn()")
        os.mkdir("wal")
        show("ended with", tool("pg_receivewal", "-D", "wal", "-S", "driver_wal", "--endpos", end, "-n").returncode)
        show("segments", len(list(pathlib.Path("wal").iterdir())) > 0)
        shutil.rmtree("wal")
    finally:
        output("pg_receivewal", "--drop-slot", "-S", "driver_wal")
    show_tool("pg_receivewal", "--drop-slot", "-S", "driver_wal")


def decoded(text):
    return re.sub(r"^(BEGIN|COMMIT) \d+$", r"\1 N", text, flags=re.MULTILINE)


@step
def receive_logical():
    sql("create schema driver_logical; create table driver_logical.t (a int primary key, b text)")
    output("pg_recvlogical", "-S", "driver_logical", "--create-slot", "-P", "test_decoding",
           "-d", os.environ["PGDATABASE"])
    try:
        sql("insert into driver_logical.t select n, repeat('x', n) from generate_series(1, 200) n")
        sql("begin; update driver_logical.t set b = 'ä' where a = 1; delete from driver_logical.t where a = 2; commit")
        sql("truncate driver_logical.t")
        end = sql("select pg_current_wal_lsn()")
        arguments = ["-S", "driver_logical", "--start", "-d", os.environ["PGDATABASE"], "-f", "-", "-o",
                     "include-xids=1", "-o", "skip-empty-xacts=1", "--no-loop"]
        print(decoded(output("pg_recvlogical", *arguments, "--endpos", end).decode()))
        # Once more without an end: read what comes, then stop it as a user does.
        running = subprocess.Popen([BIN / "pg_recvlogical", *arguments, "-F", "0", "-s", "1"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        sql("insert into driver_logical.t values (1000, 'live')")
        lines = []
        while not any("live" in line for line in lines):
            lines.append(running.stdout.readline())
            if not lines[-1]:
                raise AssertionError(f"pg_recvlogical ended: {running.communicate()[1]}")
        running.send_signal(signal.SIGINT)
        rest, told = running.communicate(timeout=SECONDS)
        print(decoded("".join(lines) + rest))
        show("stopped", (running.returncode, told))
    finally:
        wait = "select count(*) from pg_replication_slots where slot_name = 'driver_logical' and active"
        while sql(wait) != "0":
            pass
        output("pg_recvlogical", "-S", "driver_logical", "--drop-slot", "-d", os.environ["PGDATABASE"])
        sql("set client_min_messages = error; drop schema driver_logical cascade")
    show_tool("pg_recvlogical", "-S", "driver_logical", "--start", "-d", os.environ["PGDATABASE"], "-f", "-", "-n")


def pgbench_lines(*arguments):
    """What a run says, without its speed."""
    text = output("pgbench", "-n", *arguments).decode()
    return [line for line in text.splitlines() if re.match(r"(query mode|number of|transaction type)", line)]


@step
def pgbench():
    pathlib.Path("pipeline.sql").write_text("\\startpipeline\nselect 1;\nselect :client_id;\nselect 'x';\n\\endpipeline\n",
                                            encoding="utf-8")
    pathlib.Path("fails.sql").write_text("select 1;\nselect 1 / 0;\n", encoding="utf-8")
    show("steps", re.sub(r"\d+\.\d+ s", "T s", output("pgbench", "-i", "-s", "1", "-q", "-I", "dtgvpf").decode()))
    for mode in ("simple", "extended", "prepared"):
        for kind in (["-b", "tpcb-like"], ["-S"], ["-N"]):
            show(mode, pgbench_lines("-M", mode, *kind, "-c", "4", "-j", "2", "-t", "50", "--random-seed=1"))
        done = tool("pgbench", "-n", "-M", mode, "-f", "fails.sql", "-t", "1")
        show("fails", (done.returncode, re.findall(r"ERROR.*", done.stderr.decode())))
    show("pipeline", pgbench_lines("-M", "extended", "-f", "pipeline.sql", "-c", "4", "-t", "50"))
    show("reconnect", pgbench_lines("-C", "-S", "-c", "2", "-t", "10"))
    show("history", sql("select count(*), (select sum(abalance) from pgbench_accounts) = sum(delta) from pgbench_history"))
    output("pgbench", "-i", "-I", "d")


@step
def metadb_pgbench():
    """A list in each query mode: a few clients at once, prepared once for each of them."""
    pathlib.Path("list.sql").write_text("list config;\nselect 1;\nlist data_sources;\n", encoding="utf-8")
    for mode in ("simple", "extended", "prepared"):
        show(mode, pgbench_lines("-M", mode, "-f", "list.sql", "-c", "4", "-j", "2", "-t", "20"))
    pathlib.Path("set.sql").write_text("alter system set checkpoint_segment_size = '2999';\n", encoding="utf-8")
    show("set", pgbench_lines("-M", "prepared", "-f", "set.sql", "-t", "2"))
    show("value", sql("list config").splitlines()[0])
    sql("alter system set checkpoint_segment_size = '3000'")
    pathlib.Path("block.sql").write_text("begin;\nlist config;\nalter system set checkpoint_segment_size = '2998';\nend;\n",
                                         encoding="utf-8")
    for mode in ("simple", "prepared"):
        done = tool("pgbench", "-n", "-M", mode, "-f", "block.sql", "-t", "1")
        show("in a block", (done.returncode, re.findall(r"ERROR.*", done.stderr.decode())))


if __name__ == "__main__":
    sys.exit(run_steps(str))
