"""Kafka Connect with one Debezium generation, driven through its REST API as the documentation page does."""

import json
import urllib.error
import urllib.request

from processes import CACHE, Process, free_ports, wait_until
from source_postgres import PASSWORD, USER

# Folders of the cache: 1.9, 2.7 and the newest 3.x; the connector for MySQL.
OLD, MIDDLE, NEW, MYSQL = "old", "middle", "new", "mysql"

# NULL where a column has a default. Without its name the converter is the worker's, with the worker's settings.
KEEP_NULLS = {"value.converter": "org.apache.kafka.connect.json.JsonConverter",
              "value.converter.replace.null.with.default": "false"}


def page_connector(source, database, prefix):
    """The connector of the documentation page (Debezium 1.9), with names and addresses adapted."""
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.dbname": database,
        "database.hostname": "127.0.0.1",
        "database.password": PASSWORD,
        "database.port": str(source.port),
        "database.server.name": prefix,
        "database.user": USER,
        "plugin.name": "pgoutput",
        "snapshot.mode": "exported",
        "tasks.max": "1",
        "truncate.handling.mode": "include",
        "publication.autocreate.mode": "filtered",
        "heartbeat.interval.ms": "30000",
        "heartbeat.action.query": "UPDATE admin.heartbeat SET last_heartbeat = NOW();",
    }


def new_connector(source, database, prefix):
    """The same for Debezium 2 and 3: three options of the page have new names or values there."""
    config = page_connector(source, database, prefix)
    config["topic.prefix"] = config.pop("database.server.name")
    config["snapshot.mode"] = "initial"
    del config["truncate.handling.mode"]
    config["skipped.operations"] = "none"
    return config


def mysql_connector(source, kafka, databases, prefix):
    """Of the databases (a regular expression) of a MariaDB."""
    return {
        "connector.class": "io.debezium.connector.mysql.MySqlConnector",
        "database.hostname": "127.0.0.1",
        "database.password": PASSWORD,
        "database.port": str(source.port),
        "database.server.id": "5401",
        "database.user": USER,
        "database.include.list": databases,
        "topic.prefix": prefix,
        "tasks.max": "1",
        "skipped.operations": "none",
        "schema.history.internal.kafka.bootstrap.servers": kafka.bootstrap,
        "schema.history.internal.kafka.topic": f"schema-history-{prefix}",
    }


def own_slot(config, name):
    """Lets several connectors share one source server; captures tables that are created later, too."""
    return {**config, "slot.name": name, "publication.name": name, "publication.autocreate.mode": "all_tables"}


class Connect(Process):
    def __init__(self, room, kafka, generation):
        super().__init__(room, f"connect-{generation}")
        [port] = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        folder = room.folder(self.name)
        (folder / "log4j.properties").write_text("""
log4j.rootLogger=WARN, stdout
log4j.logger.io.debezium=INFO
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n
""")
        (folder / "worker.properties").write_text(f"""
bootstrap.servers={kafka.bootstrap}
group.id=connect-{generation}
listeners={self.url}
plugin.path={CACHE}/plugins/{generation}
plugin.discovery=hybrid_warn
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
offset.storage.topic=connect-{generation}-offsets
offset.storage.replication.factor=1
offset.storage.partitions=1
config.storage.topic=connect-{generation}-configs
config.storage.replication.factor=1
status.storage.topic=connect-{generation}-status
status.storage.replication.factor=1
status.storage.partitions=1
scheduled.rebalance.max.delay.ms=0
session.timeout.ms=6000
heartbeat.interval.ms=2000
offset.flush.interval.ms=1000
producer.max.request.size=20000000
""")
        self._command = ["java", "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                         f"-Dlog4j.configuration=file:{folder}/log4j.properties", "-cp", f"{CACHE}/kafka/*",
                         "org.apache.kafka.connect.cli.ConnectDistributed", folder / "worker.properties"]
        self.start()

    def launch_only(self):
        """Starts the worker, also again: its connectors are in Kafka. Does not wait for it."""
        self.launch(self._command)

    def start(self):
        self.launch_only()
        self.ready(lambda: self._ask("GET", "/connectors") is not None, 90)

    def _ask(self, method, path, body=None, seconds=30):
        """The parsed answer; None while the worker is not there or busy with a rebalance."""
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Accept": "application/json", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            if error.code in (404, 409, 503):
                return None
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None
        except OSError:
            return None

    def version(self):
        plugins = self._ask("GET", "/connector-plugins")
        return next(plugin["version"] for plugin in plugins if "PostgresConnector" in plugin["class"])

    def create(self, name, config):
        """Creates the connector and waits until it and its task run."""
        wait_until(lambda: self._ask("POST", "/connectors", {"name": name, "config": config}), 30,
                   f"connector {name} is not accepted")
        wait_until(lambda: self.runs(name), 60, lambda: f"connector {name} does not run\n{self.tail()}")

    def runs(self, name):
        status = self._ask("GET", f"/connectors/{name}/status")
        if not status:
            return False
        parts = [status["connector"], *status["tasks"]]
        for part in parts:
            if part["state"] == "FAILED":
                raise AssertionError(f"connector {name} failed: {part['trace']}")
        return len(parts) == 2 and all(part["state"] == "RUNNING" for part in parts)

    def states(self, name):
        """Of the connector and its tasks, as far as the worker answers soon."""
        status = self._ask("GET", f"/connectors/{name}/status", seconds=2)
        return [part["state"] for part in [status["connector"], *status["tasks"]]] if status else []

    def place(self, name):
        """File and position in the binary log up to which Kafka has acknowledged everything."""
        offsets = (self._ask("GET", f"/connectors/{name}/offsets") or {}).get("offsets")
        return (offsets[0]["offset"]["file"], offsets[0]["offset"]["pos"]) if offsets else ("", 0)

    def restart_failed(self, name):
        """Starts what has failed again, as an operator would."""
        self._ask("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true", seconds=10)

    def delete(self, name):
        wait_until(lambda: self._ask("DELETE", f"/connectors/{name}") is not None, 30, f"connector {name} stays")
        wait_until(lambda: self._ask("GET", f"/connectors/{name}/status") is None, 30, f"connector {name} stays")
