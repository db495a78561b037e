"""Apicurio Registry, with its schemas in memory, and the converter that registers them there."""

import urllib.request

from processes import CACHE, Process, free_ports


class Registry(Process):
    def __init__(self, room):
        super().__init__(room, "registry")
        [self.port] = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        [jar] = (CACHE / "registry").glob("*-runner.jar")
        self.launch(["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                     "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={self.port}",
                     "-Dquarkus.http.access-log.enabled=false", "-jar", jar])

    def wait_ready(self):
        self.ready(self.answers, 90)

    def answers(self):
        try:
            with urllib.request.urlopen(f"{self.url}/apis/registry/v3/system/info", timeout=5):
                return True
        except OSError:
            return False

    def converter(self, settings):
        """A connector's options: keys and values in Avro, whose schemas it registers."""
        made = {}
        for side in ("key.converter", "value.converter"):
            made[side] = "io.apicurio.registry.utils.converter.AvroConverter"
            made[f"{side}.apicurio.registry.url"] = f"{self.url}/apis/registry/v2"
            made[f"{side}.apicurio.registry.auto-register"] = "true"
            made.update({f"{side}.apicurio.registry.{name}": value for name, value in settings.items()})
        return made
