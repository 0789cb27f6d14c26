"""Apache Kafka in KRaft mode, one node.

Promises  `ask` is a metadata request; a data folder is formatted once and kept.
Leaves    Topics to local/topics.py.
"""

import base64
import os
import socket
import uuid
from collections.abc import Sequence
from pathlib import Path

from local import tools, topics
from local.child import with_parent
from local.servers import kafka_files
from local.servers.server import ServerProcess


class Kafka(ServerProcess):
    """One broker on `host:port`; `heap_mb` is its Java heap.

    `brief` is for tests: the fast compiler only, which starts in half the time and serves at a fraction of the speed.
    """

    name = "kafka"
    start_within_s = 90.0

    def __init__(self, folder: Path, log: Path, cache: Path, host: str, ports: tuple[int, int]) -> None:
        super().__init__(folder, log)
        self.cache, self.host = cache, host
        self.port, self.controller_port = ports
        self.heap_mb, self.brief = 512, False

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""
        return f"{self.host}:{self.port}"

    def install(self) -> None:
        """Java and the jars."""
        kafka_files.install(self.cache, self.log.with_name("install.log"))

    def prepare(self) -> None:
        """Settings, and the data folder formatted once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = self.folder / "server.properties"
        tools.keep_text(settings, kafka_files.properties(self.folder, self.host, self.port, self.controller_port))
        tools.keep_text(self.folder / "log4j2.properties", kafka_files.LOGGING)
        if not (self.folder / "data" / "meta.properties").exists():
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(settings), "--ignore-formatted"]
            tools.run([*self._java(64), *tool], self.log.with_name("install.log"))

    def command(self) -> Sequence[str]:
        """The broker in the foreground."""
        return with_parent([*self._java(self.heap_mb), "kafka.Kafka", str(self.folder / "server.properties")])

    def environment(self) -> dict[str, str]:
        """As ours, without what other Java programs were told."""
        return {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "JAVA_TOOL_"))}

    def ask(self) -> str | None:
        """A metadata request, answered."""
        try:
            socket.create_connection((self.host, self.port), 1.0).close()  # the client would log each refusal
        except OSError as error:
            return str(error)
        return topics.ask(self.bootstrap)

    def _java(self, heap_mb: int) -> list[str]:
        jars = sorted((self.cache / f"kafka-{kafka_files.KAFKA}").glob("*.jar"))
        return [
            tools.find("java") or "java",
            f"-Xms{heap_mb}m",
            f"-Xmx{heap_mb}m",
            *(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"] if self.brief else ["-XX:+UseG1GC"]),
            "-Xshare:auto",
            "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile=file:{self.folder / 'log4j2.properties'}",
            "-cp",
            os.pathsep.join(map(str, jars)),
        ]
