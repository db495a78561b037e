"""The clients: a name and the program that prints what the client sees."""

import collections
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("METADB_DRIVERS_CACHE") or pathlib.Path.home() / ".cache/metadb-drivers")
DEBIAN_PYTHON = "/usr/bin/python3"
NEWEST_PYTHON = CACHE / "venv/bin/python"

# expected: the name of the file with the sections of Metadb commands.
Client = collections.namedtuple("Client", "name expected command")


def _python(name, interpreter=DEBIAN_PYTHON):
    what = name.removesuffix("-new")
    return Client(name, what, [interpreter, "-B", HERE / f"{what}_client.py"])


def _java(name, jar):
    return Client(name, "jdbc", [HERE / "jdbc/compile_and_run", jar])


# Debian's versions and, with -new, those of today from PyPI, npm and Maven Central.
CLIENTS = [
    _python("psql"),
    _python("psycopg"),
    _python("psycopg-new", NEWEST_PYTHON),
    _python("asyncpg"),
    _python("asyncpg-new", NEWEST_PYTHON),
    _java("jdbc", "/usr/share/java/postgresql.jar"),
    _java("jdbc-new", CACHE / "jdbc/postgresql.jar"),
    Client("node", "node", ["env", f"NODE_PATH={CACHE}/node/node_modules", "node", HERE / "node/client.js"]),
    _python("odbc"),
    _python("startup"),
    _python("tools"),
]
