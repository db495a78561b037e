"""A source MariaDB over TCP with a password, which writes a binary log of rows."""

import pathlib

import pymysql

from processes import Process, as_postgres, free_ports, own, run
from source_postgres import PASSWORD, USER

SCRIPTS = pathlib.Path("/usr/share/mysql")
SYSTEM_TABLES = ["mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql"]
# What Debezium asks for.
RIGHTS = "SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT, LOCK TABLES"


class SourceMariaDB(Process):
    def __init__(self, room):
        super().__init__(room, "mariadb")
        [self.port] = free_ports(1)
        folder = room.folder(self.name)
        own(folder)
        self._users = folder / "users.sql"
        self._users.write_text(
            f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT {RIGHTS} ON *.* TO '{USER}'@'%';\n"
            f"CREATE USER IF NOT EXISTS writer@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO writer@'%';\n")
        data = folder / "data"
        self._command = ["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={data}", "--innodb-log-file-size=8M",
                         "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0"]
        data.mkdir()
        own(data)
        # As mariadb-install-db does, which is there without a program that it needs.
        tables = "".join((SCRIPTS / name).read_text() for name in SYSTEM_TABLES)
        run([*self._command, "--bootstrap"], cwd=folder, **as_postgres(),
            input=f"CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n{tables}".encode())
        self.start()

    def start(self):
        """In a time zone that is not UTC. What the connector asks MySQL 5.7.19 MariaDB answers, too."""
        folder = self.room.path / self.name
        self.launch([*self._command, f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={folder}/socket",
                     f"--init-file={self._users}", "--version=5.7.19-log", "--server-id=1", "--log-bin=binlog",
                     "--binlog-format=ROW", "--binlog-row-image=FULL", "--sync-binlog=0",
                     "--character-set-server=utf8mb4", "--default-time-zone=+02:00"], **as_postgres())
        self.ready(self.answers, 30)

    def answers(self):
        try:
            self.connect().close()
            return True
        except pymysql.err.OperationalError:
            return False

    def connect(self):
        """In UTC, with zero dates allowed."""
        return pymysql.connect(host="127.0.0.1", port=self.port, user="writer", password=PASSWORD, autocommit=True,
                               charset="utf8mb4", init_command="SET time_zone = '+00:00', sql_mode = ''")

    def streams(self):
        """How many connectors read the binary log, that is, are done with their snapshot."""
        connection = self.connect()
        try:
            cursor = connection.cursor()
            return cursor.execute("SELECT 1 FROM information_schema.processlist WHERE command = 'Binlog Dump'")
        finally:
            connection.close()
