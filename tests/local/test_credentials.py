"""Secrets: made once, closed to others, never in an environment."""

from pathlib import Path

from local import credentials, processes
from local.credentials import ROLES
from local.processes import Addresses


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_made_once_and_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    credentials.ensure_all(folder, ["gateway", "brussels.air-1"])
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == sorted([*(f"db-{role}" for role in ROLES), "mqtt-gateway", "mqtt-brussels.air-1"])
    assert mode(folder) == 0o700
    assert {mode(file) for file in files} == {0o600}
    texts = [file.read_text() for file in files]
    assert len(set(texts)) == len(texts)
    assert min(map(len, texts)) > 20
    credentials.ensure_all(folder, ["gateway", "brussels.air-1"])
    assert [file.read_text() for file in files] == texts


def test_a_password_never_stands_in_an_environment(tmp_path: Path) -> None:
    credentials.ensure_all(tmp_path, ["gateway", "simulator"])
    secrets = {file.read_text().strip() for file in tmp_path.iterdir()}
    at = Addresses("127.0.0.1:1", "127.0.0.1", 2, "127.0.0.1", 3, "kompas", tmp_path)
    for process in processes.BY_NAME.values():
        values = processes.settings(process, at).values()
        assert not secrets & set(values)


def test_writing_replaces_whole(tmp_path: Path) -> None:
    path = tmp_path / "x"
    credentials.write(path, "long old secret")
    credentials.write(path, "new")
    assert path.read_text() == "new\n"
    assert sorted(tmp_path.iterdir()) == [path]
