"""Apache Kafka's jars and settings as text.

Promises  Jars come once, by Maven, from a list of three artifacts; settings are a function of ports and folders.
Leaves    Running it to kafka.py.
"""

import hashlib
import shutil
from pathlib import Path

from local import tools
from local.errors import MachineError

KAFKA = "4.1.1"
LOG4J = "2.24.3"
ARTIFACTS: tuple[tuple[str, str, str], ...] = (
    ("org.apache.kafka", "kafka_2.13", KAFKA),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J),  # the broker logs by slf4j 1.7, so not slf4j2-impl
    ("org.apache.logging.log4j", "log4j-core", LOG4J),
)
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kompas</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
{dependencies}
  </dependencies>
</project>
"""
_DEPENDENCY = "    <dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


def pom() -> str:
    """A project that depends on the broker and nothing else."""
    return _POM.format(dependencies="\n".join(_DEPENDENCY.format(*each) for each in ARTIFACTS))


def install(cache: Path, log: Path) -> Path:
    """The folder with the jars, fetched if it is not there; whole or absent."""
    java(log)
    folder = cache / f"kafka-{KAFKA}"
    if folder.exists():
        return folder
    maven = tools.require("mvn", ("maven",), log)
    tools.require_space(cache, 200)
    work = cache / f"kafka-{KAFKA}.part"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "pom.xml").write_text(pom(), encoding="utf-8")
    copy = ("-DincludeScope=runtime", f"-DoutputDirectory={work}")
    tools.run([maven, "-q", "-B", "-ntp", "-f", str(work / "pom.xml"), "dependency:copy-dependencies", *copy], log)
    if not any(work.glob("kafka_2.13-*.jar")):
        raise MachineError("Maven brought no kafka_2.13 jar", f"read {log}")
    work.rename(folder)
    return folder


def java(log: Path) -> str:
    """Path of a Java that can run the broker (17 or newer)."""
    program = tools.require("java", ("openjdk-17-jre-headless",), log)
    said = tools.run([program, "-version"], log)
    digits = said.partition('version "')[2].split(".")[0].split('"')[0]
    if not digits.isdigit() or int(digits) < 17:
        raise MachineError(f"Kafka wants Java 17 or newer, got {said.strip().splitlines()[0]}", "apt-get install openjdk-17-jre-headless")
    return program


def classes(cache: Path, java: Path) -> Path:
    """The file of ready classes for these jars and the Java at this path; another Java gets another."""
    said = f"{java} {java.stat().st_mtime_ns if java.exists() else 0}"
    return cache / f"kafka-{KAFKA}-{hashlib.sha256(said.encode()).hexdigest()[:12]}.jsa"


def properties(folder: Path, host: str, port: int, controller_port: int) -> str:
    """The text of server.properties: one node that is broker and controller."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{host}:{controller_port}",
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": folder / "data",
        # One node: internal topics need neither copies nor fifty partitions.
        "offsets.topic.num.partitions": 1,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        # The committed offset carries the pointer to the snapshot (rule 13): it outlives any holiday.
        "offsets.retention.minutes": 525_600,
        "auto.create.topics.enable": "false",
        "message.max.bytes": 4_194_304,
        "replica.fetch.max.bytes": 4_194_304,
        "log.segment.bytes": 67_108_864,
        "log.index.size.max.bytes": 1_048_576,
        "log.cleaner.dedupe.buffer.size": 8_388_608,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "num.replica.fetchers": 1,
        # A worker that comes back takes over at once.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1_000,
        "controlled.shutdown.enable": "true",
        # One controller has nobody to show that it lives.
        "metadata.max.idle.interval.ms": 0,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


LOGGING = """status=error
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %-5p %c{2} %m%n
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=info
"""
