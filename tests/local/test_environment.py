"""The Python environment: locks agree with pyproject.toml, name no index, and what overwrites urllib3 is not in ours."""

import ast
import importlib.metadata
import re
import sys
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


ROOMS = ("catalog", "kernels", "formula", "runtime", "ingest", "stream", "storage", "restate", "simulators", "local", "cli")


def imported(room: str) -> set[str]:
    """Top-level names that the files of a room import, also inside functions."""
    found = set()
    for path in (REPOSITORY / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_what_runs_needs_nothing_of_the_tests(room: str) -> None:
    ours = {path.name for path in REPOSITORY.iterdir() if path.is_dir()}
    from_index = imported(room) - ours - sys.stdlib_module_names
    distributions = importlib.metadata.packages_distributions()
    named = wanted(PROJECT["dependencies"]).keys() | {"mode-streaming", "click"}  # what faust and typer bring as their own surface
    missing = {name for name in from_index if not {re.sub(r"[-_.]+", "-", each).lower() for each in distributions[name]} & named}
    # bench compares with DuckDB, and the launcher gives it the test environment
    assert missing - ({"duckdb"} if room == "cli" else set()) == set()


def test_the_main_environment_is_whole() -> None:
    installed = {(distribution.metadata["Name"] or "").lower() for distribution in importlib.metadata.distributions()}
    assert not installed & {"niquests", "urllib3-future", "grafana-client"}
    assert not {"niquests", "urllib3-future"} & pins(LOCKS["test"]).keys()
    versions = {name: importlib.metadata.version(name) for name in wanted(PROJECT["dependencies"])}
    assert versions == wanted(PROJECT["dependencies"])
