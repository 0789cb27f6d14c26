"""Fixtures for everything: `servers` is one real system for the session, `day` a city's day played through one; both begin when asked for."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.day.record import Day, record
from tests.schedule import DAY
from tests.servers import System, remove_leftovers, start_system

# Generated data on a machine that does other things, too: no deadline per example, no verdict on the speed of drawing. Without the slow tests
# the examples are the same every time, so that a failure is everybody's; with them (`--all`) they are new ones, and more.
settings.register_profile("kompas", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300)
settings.register_profile("the same", settings.get_profile("kompas"), derandomize=True, max_examples=40)


def pytest_configure(config: pytest.Config) -> None:
    """Which examples: see above."""
    settings.load_profile("the same" if "not slow" in str(config.getoption("markexpr")) else "kompas")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Mosquitto, Kafka with our topics, PostgreSQL with an empty database; see tests/servers.py."""
    remove_leftovers()
    with start_system(tmp_path_factory.mktemp("servers")) as system:
        yield system


@pytest.fixture(scope="session")
def day(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """A finished day of a small city in a database of its own, to be read only; see tests/day."""
    with start_system(tmp_path_factory.mktemp("day"), postgres=servers.postgres) as system:
        yield record(system, tmp_path_factory.mktemp("cities"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks first for the shared day waits until it is played; its files are known to the schedule, so that it is played once."""
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if "day" in getattr(item, "fixturenames", ()) and "day" not in parameters:
            item.add_marker(pytest.mark.timeout(900))
            if item.path.name not in DAY:
                raise pytest.UsageError(f"{item.nodeid} asks for the shared day: add {item.path.name} to DAY in tests/schedule.py")
