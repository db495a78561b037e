"""A certificate that PostgreSQL and metadb show to their clients."""

from processes import as_postgres, own, run


class Certificate:
    """Self-signed, for 127.0.0.1; readable by PostgreSQL's user and root only, as PostgreSQL demands."""

    def __init__(self, room):
        folder = room.folder("certificate")
        own(folder)
        self.path, self.key = folder / "server.crt", folder / "server.key"
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.key, "-out", self.path], **as_postgres())

    def postgres_settings(self):
        return f"ssl = on\nssl_cert_file = '{self.path}'\nssl_key_file = '{self.key}'\n"

    def metadb_environment(self):
        """The settings `tls.certificate` and `tls.key`."""
        return {"METADB_TLS_CERTIFICATE": str(self.path), "METADB_TLS_KEY": str(self.key)}
