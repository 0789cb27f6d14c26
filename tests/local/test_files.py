"""What is written for the servers, as text and as commands."""

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from local import once, tools
from local.errors import MachineError
from local.servers import kafka_files, mosquitto, postgres_root
from local.servers.postgres_root import Root


def test_kafka_settings_keep_what_the_promises_rest_on() -> None:
    lines = kafka_files.properties(Path("/x"), "127.0.0.1", 9, 10).splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    assert len(settings) == len(lines)
    assert settings["auto.create.topics.enable"] == "false"
    assert int(settings["offsets.retention.minutes"]) >= 525_600
    assert settings["offsets.topic.num.partitions"] == "1"
    assert settings["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9"
    assert int(settings["message.max.bytes"]) == 4 << 20


def test_the_pom_is_xml_with_exact_versions() -> None:
    names = {each.tag.split("}")[1]: each.text for each in ET.fromstring(kafka_files.pom()).iter()}  # noqa: S314 - our own text
    assert names["version"] in (kafka_files.KAFKA, kafka_files.LOG4J)
    assert len(ET.fromstring(kafka_files.pom()).findall(".//{*}dependency")) == len(kafka_files.ARTIFACTS)  # noqa: S314


def test_another_java_gets_another_file_of_classes(tmp_path: Path) -> None:
    first, second = tmp_path / "one" / "java", tmp_path / "two" / "java"
    for java in (first, second):
        java.parent.mkdir()
        java.touch()
    assert kafka_files.classes(tmp_path, first) == kafka_files.classes(tmp_path, first) != kafka_files.classes(tmp_path, second)
    before = kafka_files.classes(tmp_path, first)
    os.utime(first, (1, 1))
    assert kafka_files.classes(tmp_path, first) != before


def test_mosquitto_lets_nobody_in_without_a_name(tmp_path: Path) -> None:
    text = mosquitto.configuration(tmp_path, "127.0.0.1", 18)
    assert "allow_anonymous false" in text
    assert "listener 18 127.0.0.1" in text
    assert "max_inflight_messages 0" in text


def test_a_device_writes_below_its_own_topic_only() -> None:
    assert mosquitto.device_user("zwolle.bin-1", "zwolle").rules == ("topic write city/zwolle/zwolle.bin-1/#",)


def test_postgres_is_entered_as_an_unprivileged_user(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Root(Path("/r"), 25_432, 25_432)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    command = root.command("postgres", ["-D", "/srv"], "INT")
    assert "--userspec=25432:25432" in command
    assert command.index("/usr/bin/setpriv") > command.index("/r")
    monkeypatch.setattr("os.geteuid", lambda: 1_000)
    assert root.command("postgres", [])[:3] == ["unshare", "--user", "--map-current-user"]
    assert Root(Path("/"), 1_000, 1_000).command("psql", ["x"]) == [f"{postgres_root.BIN}/psql", "x"]


def test_a_path_inside_the_root_is_seen_from_inside() -> None:
    assert Root(Path("/r"), 1, 1).inside(Path("/r/srv/kompas/a")) == "/srv/kompas/a"
    assert Root(Path("/"), 1, 1).inside(Path("/srv/a")) == "/srv/a"


def test_a_missing_tool_without_root_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1_000)
    with pytest.raises(MachineError, match=r"needs root once[\s\S]*sudo ./kompas up --install-only") as caught:
        tools.require("no-such-program-here", ("some-package",), tmp_path / "log")
    assert "apt-get install -y --no-install-recommends some-package" in caught.value.do


def test_a_failed_command_says_its_last_lines_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        tools.run(["sh", "-c", "echo No space left on device; exit 7"], tmp_path / "log")
    assert "ended with 7" in caught.value.what
    assert "No space left on device" in caught.value.what
    assert "the disk is full" in caught.value.do
    assert "No space left" in (tmp_path / "log").read_text()


def test_too_little_space_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="are needed"):
        tools.require_space(tmp_path / "not" / "there" / "yet", 1 << 40)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ('{"event": "x", "problem": "kpis/a.toml: wanted b"}\nTraceback\n', "kpis/a.toml: wanted b"),
        ("first\nlast\n\n", "last"),
        ("", "it said nothing"),
    ],
)
def test_the_sentence_of_a_program(said: str, wanted: str) -> None:
    assert once.sentence(said) == wanted
