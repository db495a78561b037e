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


def _python(name, program, interpreter=DEBIAN_PYTHON, expected=None):
    return Client(name, expected or name, [interpreter, "-B", HERE / program])


def _java(name, jar):
    return Client(name, "jdbc", ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", jar,
                                 HERE / "jdbc/Jdbc.java"])


# Debian's versions and, with -new, those of today from PyPI, npm and Maven Central.
CLIENTS = [
    _python("psql", "psql_client.py"),
    _python("psycopg", "psycopg_client.py"),
    _python("psycopg-new", "psycopg_client.py", NEWEST_PYTHON),
    _python("asyncpg", "asyncpg_client.py"),
    _python("asyncpg-new", "asyncpg_client.py", NEWEST_PYTHON),
    _java("jdbc", "/usr/share/java/postgresql.jar"),
    _java("jdbc-new", CACHE / "jdbc/postgresql.jar"),
    Client("node", "node", ["env", f"NODE_PATH={CACHE}/node/node_modules", "node", HERE / "node/client.js"]),
    _python("odbc", "odbc_client.py"),
    _python("startup", "startup_client.py"),
    _python("tools", "tools_client.py"),
]
