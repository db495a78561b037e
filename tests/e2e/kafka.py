"""The broker, with a plaintext and an SSL listener, and its topics as kcat sees them."""

import json
import os
import subprocess

from processes import CACHE, REPOSITORY, Process, free_ports, run


class Kafka(Process):
    def __init__(self, room, is_relayed=False):
        """If relayed there is one listener more, on relay_target, which tells clients to come to relay_port."""
        super().__init__(room, "kafka")
        folder = room.folder("kafka")
        self.ca = room.path / "ca.pem"
        keystore = self._make_certificates(room.folder("certificates"))
        ssl_port, self.relay_target, self.relay_port = free_ports(3)
        relayed = f",RELAYED://127.0.0.1:{self.relay_target}" if is_relayed else ""
        announced = f",RELAYED://127.0.0.1:{self.relay_port}" if is_relayed else ""
        script = REPOSITORY / "tests/fakes/kafka_broker"
        environment = {"KAFKA_HEAP": "768m", "METADB_E2E_CACHE": str(CACHE)}
        run([script, "configure", folder,
             f"listeners=PLAINTEXT://127.0.0.1:@PORT@,SSL://127.0.0.1:{ssl_port},CONTROLLER://127.0.0.1:@CONTROLLER@"
             f"{relayed}",
             f"advertised.listeners=PLAINTEXT://127.0.0.1:@PORT@,SSL://localhost:{ssl_port}{announced}",
             "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,RELAYED:PLAINTEXT",
             "ssl.keystore.type=PEM", f"ssl.keystore.location={keystore}", "message.max.bytes=20000000",
             ], seconds=600, env={**os.environ, **environment})
        self.bootstrap = (folder / "bootstrap").read_text().strip()
        self.ssl_bootstrap = f"localhost:{ssl_port}"
        self._command, self._environment = [script, "run", folder], environment
        self.start()

    def launch_only(self):
        """Starts the broker, also again with what it had, and does not wait for it."""
        self.launch(self._command, environment=self._environment)

    def start(self):
        self.launch_only()
        self.ready(self.answers, 120)

    def _make_certificates(self, folder):
        """A private CA and a certificate of localhost; returns the broker's key and chain in one file."""
        def openssl(*arguments):
            run(["openssl", *arguments], cwd=folder)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=metadb test CA",
                "-keyout", "ca.key", "-out", self.ca)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "broker.key",
                "-out", "broker.csr")
        (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "broker.csr", "-CA", self.ca, "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-extfile", "names", "-out", "broker.pem")
        keystore = folder / "keystore.pem"
        keystore.write_text("".join((folder / name).read_text() for name in ("broker.key", "broker.pem"))
                            + self.ca.read_text())
        return keystore

    def kcat(self, *arguments, **options):
        return run(["kcat", "-q", "-b", self.bootstrap, "-m", "5", *arguments], **options)

    def answers(self):
        return subprocess.run(["kcat", "-b", self.bootstrap, "-L", "-m", "1"], capture_output=True,
                              check=False).returncode == 0

    def ssl_answers(self):
        """True if a client that trusts our CA through SSL_CERT_FILE can talk to the SSL listener."""
        return subprocess.run(
            ["kcat", "-b", self.ssl_bootstrap, "-X", "security.protocol=ssl", "-L", "-m", "5"], capture_output=True,
            env={**os.environ, "SSL_CERT_FILE": str(self.ca)}, check=False).returncode == 0

    def topics(self):
        """Names of all topics, with their number of partitions."""
        listing = json.loads(self.kcat("-L", "-J"))
        return {topic["topic"]: len(topic["partitions"]) for topic in listing["topics"]}

    def end_offset(self, topic):
        """One behind the last record of the topic's only partition."""
        return int(self.kcat("-Q", "-t", f"{topic}:0:-1").split()[-1])

    def records(self, topic, first=0):
        """All records from an offset on, as kcat's JSON objects: key and payload are the texts sent, or None."""
        lines = self.kcat("-C", "-t", topic, "-p", "0", "-o", str(first), "-e", "-J")
        return [json.loads(line) for line in lines.splitlines()]

    def produce(self, topic, value, key=None):
        """One record of exactly these bytes; None is a null."""
        arguments = ["-P", "-t", topic, "-p", "0"]
        if value is None:
            # With -Z what is empty on either side of the delimiter is a null.
            self.kcat(*arguments, "-Z", "-K", "|", input=f"{key or ''}|\n".encode())
            return
        file = self.room.path / "record"
        file.write_bytes(value)
        self.kcat(*arguments, *(["-k", key] if key is not None else []), file)
