"""The Python environment: locks agree with pyproject.toml, name no index, and what overwrites urllib3 is not in ours."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

from local.layout import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
LOCKS = {name: REPOSITORY / "requirements" / f"{name}.lock" for name in ("main", "test", "grafana")}


def pins(lock: Path) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9._-]+)(?:\[[a-z0-9,]+\])?==([^ ;\\]+)", lock.read_text(), re.MULTILINE)
    return dict(found)


def wanted(requirements: list[str]) -> dict[str, str]:
    matches = [re.fullmatch(r"([a-z0-9._-]+)(?:\[[a-z0-9,]+\])?==(\S+)", requirement) for requirement in requirements]
    assert all(matches), f"every requirement is exact: {requirements}"
    return {match[1]: match[2] for match in matches if match}


def test_locks_hold_what_the_project_names() -> None:
    extras = PROJECT["optional-dependencies"]
    for lock, requirements in (
        ("main", PROJECT["dependencies"]),
        ("test", PROJECT["dependencies"] + extras["test"]),
        ("grafana", extras["grafana"]),
    ):
        assert wanted(requirements).items() <= pins(LOCKS[lock]).items(), lock


def test_what_is_tested_is_what_runs() -> None:
    assert pins(LOCKS["main"]).items() <= pins(LOCKS["test"]).items()


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_every_pin_has_hashes_and_no_index_is_named(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert "index-url" not in text
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(pins(lock))
    assert all("--hash=sha256:" in entry for entry in entries)


def test_every_package_says_why() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text()
    lines = [line for line in text.splitlines() if re.match(r'  "[a-z0-9._\[\],-]+==', line)]
    assert len(lines) == len(PROJECT["dependencies"]) + sum(map(len, PROJECT["optional-dependencies"].values()))
    assert [line for line in lines if "#" not in line and "grafana-client" not in line] == []


def test_the_main_environment_is_whole() -> None:
    installed = {(distribution.metadata["Name"] or "").lower() for distribution in importlib.metadata.distributions()}
    assert not installed & {"niquests", "urllib3-future", "grafana-client"}
    assert not {"niquests", "urllib3-future"} & pins(LOCKS["test"]).keys()
    versions = {name: importlib.metadata.version(name) for name in wanted(PROJECT["dependencies"])}
    assert versions == wanted(PROJECT["dependencies"])
