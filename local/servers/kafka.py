"""Apache Kafka in KRaft mode, one node.

Promises  `ask` is a metadata request; a data folder is formatted once and kept. Its classes lie ready in one file, written at set-up by
          a first run in a folder of its own: with it the broker starts in half the time. Without that file it starts all the same.
Leaves    Topics to local/topics.py.
Source: JEP 350, dynamic class data sharing archives
"""

import base64
import os
import shutil
import socket
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from local import ports, tools, topics
from local.child import with_parent
from local.errors import MachineError
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
        self._archive: Path | None = None
        """Where the classes are written to when it ends."""

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""
        return f"{self.host}:{self.port}"

    def install(self) -> None:
        """Java, the jars, and the file of their classes."""
        kafka_files.install(self.cache, self.log.with_name("install.log"))
        if not self.classes.exists():
            self._keep_classes()

    @property
    def classes(self) -> Path:
        """The file of classes for this very Java."""
        java = Path(tools.find("java") or "java").resolve()
        return kafka_files.classes(self.cache, java)

    def _keep_classes(self) -> None:
        """Run a broker in a folder of its own and keep what it has loaded."""
        folder = Path(tempfile.mkdtemp(prefix="classes-", dir=self.cache))
        log = self.log.with_name("install.log")
        first = Kafka(folder / "kafka", log, self.cache, ports.HOST, tuple(ports.free(2)))  # type: ignore[arg-type]
        first.brief, first._archive = True, folder / "classes.jsa"
        try:
            first.start()
            topics.create(first.bootstrap)
            first.stop()
            first._archive.replace(self.classes)
        except (MachineError, OSError) as error:
            with log.open("a", encoding="utf-8") as file:
                file.write(f"Kafka's classes were not kept, so it starts slower: {error}\n")
        finally:
            first.kill()
            shutil.rmtree(folder, ignore_errors=True)

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

    def _shared(self) -> list[str]:
        if self._archive is not None:
            return [f"-XX:ArchiveClassesAtExit={self._archive}"]
        return ["-Xshare:auto", *([f"-XX:SharedArchiveFile={self.classes}"] if self.classes.exists() else [])]

    def _java(self, heap_mb: int) -> list[str]:
        jars = sorted((self.cache / f"kafka-{kafka_files.KAFKA}").glob("*.jar"))
        return [
            tools.find("java") or "java",
            f"-Xms{heap_mb}m",
            f"-Xmx{heap_mb}m",
            *(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"] if self.brief else ["-XX:+UseG1GC"]),
            *self._shared(),
            "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile=file:{self.folder / 'log4j2.properties'}",
            "-cp",
            os.pathsep.join(map(str, jars)),
        ]
