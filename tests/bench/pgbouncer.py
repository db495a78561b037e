"""PgBouncer before the same PostgreSQL, in session mode, with its own defaults otherwise."""

import psycopg2

from processes import Process, as_postgres, free_ports, own

BINARY = "/usr/sbin/pgbouncer"
# More than any benchmark has clients: none of them waits for a server connection.
POOL_SIZE = 100


class PgBouncer(Process):
    """Clients log in with SCRAM. The file holds the verifier that PostgreSQL has, so that PgBouncer takes the client's
    key to PostgreSQL and computes none of its own: the cheapest login that it knows."""

    def __init__(self, room, backing, user, password):
        super().__init__(room, "pgbouncer")
        self._user, self._password = user, password
        [self.port] = free_ports(1)
        folder = room.folder("pgbouncer")
        self.directory = folder
        users = folder / "users"
        users.write_text(f'"{user}" "{_verifier(backing, user)}"\n')
        settings = folder / "pgbouncer.ini"
        settings.write_text(f"""[databases]
metadb = host={backing.socket} port={backing.port} dbname=metadb
[pgbouncer]
listen_addr =
listen_port = {self.port}
unix_socket_dir = {folder}
auth_type = scram-sha-256
auth_file = {users}
pool_mode = session
default_pool_size = {POOL_SIZE}
max_client_conn = {POOL_SIZE}
log_connections = 0
log_disconnections = 0
""")
        users.chmod(0o600)
        for path in (folder, users, settings):
            own(path)
        # It refuses to run as root.
        self.launch([BINARY, settings], **as_postgres())
        self.ready(self._answers, 30)

    def _answers(self):
        try:
            psycopg2.connect(host=str(self.directory), port=self.port, user=self._user, password=self._password,
                             dbname="metadb").close()
            return True
        except psycopg2.OperationalError:
            return False


def _verifier(backing, user):
    connection = backing.connect()
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [user])
        return cursor.fetchone()[0]
    finally:
        connection.close()
