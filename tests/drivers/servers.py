"""One PostgreSQL, one metadb on it, and what a client needs to reach either."""

import collections
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent / "e2e"))

from certificate import Certificate  # noqa: E402
from metadb import Database, Metadb  # noqa: E402
from processes import plain_environment, run  # noqa: E402
from source_postgres import PASSWORD, USER, Postgres  # noqa: E402

DATABASE = "library"


class DriversPostgres(Postgres):
    # No autovacuum: statistics and horizons that clients show must stay as they are between two runs.
    # No JIT: it compiles the catalog queries of some drivers for a second each.
    settings = "wal_level = logical\nautovacuum = off\njit = off\ntimezone = UTC\nlog_timezone = UTC\n"

    def __init__(self, room, certificate):
        if certificate:
            self.settings += certificate.postgres_settings()
        super().__init__(room, "backing")

    def make_temporary_schemas(self):
        """Catalogs list those that ever were, one for each backend that ran beside others: let all be there."""
        connections = [self.connect(DATABASE) for _ in range(32)]
        for connection in connections:
            connection.cursor().execute("CREATE TEMPORARY TABLE t ()")
        for connection in connections:
            connection.close()

    def conninfo(self):
        """Of metadb's leg, which is plain whatever the clients' is."""
        return (f"host=127.0.0.1 port={self.port} user={USER} password={PASSWORD} dbname={DATABASE} "
                "sslmode=disable")


class Server(collections.namedtuple("Server", "name port sslmode certificate")):
    """Where a client connects to; all else is equal."""

    @property
    def is_metadb(self):
        return self.name == "metadb"

    def environment(self):
        """libpq's variables; the other clients' programs read them, too."""
        found = {**plain_environment(), "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": USER,
                 "PGPASSWORD": PASSWORD, "PGDATABASE": DATABASE, "PGSSLMODE": self.sslmode, "PGCONNECT_TIMEOUT": "10",
                 "TZ": "UTC", "LC_ALL": "C.UTF-8", "PSQLRC": "/dev/null", "PSQL_PAGER": "", "PAGER": "",
                 "DRIVERS_ON": self.name}
        if self.certificate:
            found["PGSSLROOTCERT"] = str(self.certificate.path)
        return found


class Servers:
    def __init__(self, room, sslmode):
        uses_tls = sslmode not in ("disable", "allow", "prefer")
        certificate = Certificate(room) if uses_tls else None
        postgres = DriversPostgres(room, certificate)
        postgres.create_database(DATABASE).close()
        postgres.make_temporary_schemas()
        environment = certificate.metadb_environment() if uses_tls else {}
        metadb = Metadb(room, "metadb", environment,
                        Database(postgres.conninfo(), USER, PASSWORD, DATABASE))
        self.direct = Server("postgres", postgres.port, sslmode, certificate)
        self.metadb = Server("metadb", metadb.port, sslmode, certificate)
        run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", HERE / "library.sql"], env=self.direct.environment())
