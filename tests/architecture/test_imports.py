"""Who may import whom: the table of rooms, read from the sources."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.rooms import PLATFORM

REPOSITORY = Path(__file__).resolve().parents[2]
LOOKED_INTO_BY_CHAOS = {f"storage.{name}" for name in ("connect", "ledger", "ledger_books", "ledger_report", "queries", "settled")}
MAY_IMPORT: dict[str, set[str]] = {
    "catalog": set(),
    "kernels": set(),
    "formula": {"catalog", "kernels"},
    "runtime": {"catalog"},
    "ingest": {"catalog", "kernels", "runtime"},
    "stream": {"catalog", "formula", "kernels", "runtime"},
    "storage": {"catalog", "formula", "kernels", "runtime"},
    "restate": {"catalog", "formula", "kernels", "runtime", "storage.queries"},
    "dashboards": {"catalog", "formula", "runtime"},
    "simulators": {"catalog", "runtime", "ingest.format", "ingest.formats", "storage.queries"},
    "local": {"catalog", "runtime", "storage.migrate"},
    "cli": {*PLATFORM, "benchmarks", "chaos"},
    # Not of the platform: they stand over it. No room but the command line may import them.
    "benchmarks": {
        "catalog",
        "ingest.frames",
        "kernels",
        "runtime",
        "simulators",
        "stream",
        "storage.definitions",
        "storage.documents",
        "local",
        "tests.servers",
    },
    # Its oracle shares nothing with the stream: no kernels, no formula, no stream. The rest looks at a whole system, as an operator would.
    "chaos": {"catalog", "runtime", "ingest.format", "simulators", "local", "tests.servers", *LOOKED_INTO_BY_CHAOS},
    # Runs inside the image: secrets and topics before the processes, and health checks.
    "deploy": {"catalog", "runtime", "local.credentials", "local.errors", "local.servers.mosquitto", "local.topics"},
}
ONLY_IN = {
    "faust": {"stream"},
    "mode": {"stream"},
    "psycopg": {"storage", "benchmarks", "chaos"},  # these two count rows as somebody from outside would
    "paho": {"ingest", "simulators", "benchmarks"},  # a bench measures the client alone, as the limit of the gateway
    "numba": {"kernels"},
}
NOT_IN = {"numpy": {"catalog"}, "asyncio": {"kernels", "formula", "catalog"}, "time": {"kernels", "formula", "catalog"}}


def sources(room: str) -> list[Path]:
    return sorted((REPOSITORY / room).rglob("*.py"))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: wanted an absolute import"
            yield node.lineno, node.module or ""
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def allowed(room: str, name: str) -> bool:
    top = name.partition(".")[0]
    if top not in {*MAY_IMPORT, "tests"} or top == room:
        return True
    return any(name == may or name.startswith(may + ".") or may.startswith(name + ".") or (may == top) for may in MAY_IMPORT[room])


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_it_may(room: str) -> None:
    wrong = [f"{path.relative_to(REPOSITORY)}:{line} {name}" for path in sources(room) for line, name in imported(path) if not allowed(room, name)]
    assert not wrong


@pytest.mark.parametrize("package", sorted(ONLY_IN))
def test_a_package_is_imported_only_in_its_room(package: str) -> None:
    rooms = set(MAY_IMPORT) - ONLY_IN[package]
    wrong = [
        f"{p.relative_to(REPOSITORY)}:{n}" for room in rooms for p in sources(room) for n, name in imported(p) if name.partition(".")[0] == package
    ]
    assert not wrong


@pytest.mark.parametrize("package", sorted(NOT_IN))
def test_pure_rooms_stay_pure(package: str) -> None:
    wrong = [
        f"{p.relative_to(REPOSITORY)}:{n}"
        for room in NOT_IN[package]
        for p in sources(room)
        for n, name in imported(p)
        if name.partition(".")[0] == package
    ]
    assert not wrong


def test_only_the_clock_asks_the_time() -> None:
    """runtime/clock.py alone; servers, command line, simulators, benchmarks and chaos wait on the wall clock by their nature."""
    free = {"cli", "local", "simulators", "benchmarks", "chaos"}
    asking = []
    for room in set(MAY_IMPORT) - free:
        for path in sources(room):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    call = f"{node.value.id}.{node.attr}"
                    if call in {"time.time", "time.time_ns", "time.monotonic", "datetime.now", "datetime.utcnow"}:
                        asking.append(f"{path.relative_to(REPOSITORY)}:{node.lineno}")
    assert asking == [each for each in asking if each.startswith("runtime/clock.py")]


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_our_rooms_are_ours(room: str) -> None:
    """Top-level names exist on the package index, too."""
    found = importlib.util.find_spec(room)
    assert found is not None
    assert found.origin is not None
    assert Path(found.origin).resolve().is_relative_to(REPOSITORY)
