"""Fixtures for everything: `servers` is one real system for the session, started when a test first asks for it."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import System, remove_leftovers, start_system

# Generated data on a machine that does other things, too: no deadline per example, no verdict on the speed of drawing.
settings.register_profile("kompas", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kompas")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Mosquitto, Kafka with our topics, PostgreSQL with an empty database; see tests/servers.py."""
    remove_leftovers()
    with start_system(tmp_path_factory.mktemp("servers")) as system:
        yield system
