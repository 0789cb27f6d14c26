"""Real readings: the folder that KOMPAS_REAL_DATA names; without it these tests are skipped, they are never faked."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import System, start_system


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder; skips with the reason where there is none."""
    named = os.environ.get("KOMPAS_REAL_DATA", "")
    folder = Path(named)
    if not named:
        pytest.skip("KOMPAS_REAL_DATA is not set: it names the folder with the files of real readings")
    if not folder.is_dir():
        pytest.skip(f"KOMPAS_REAL_DATA={named} is no folder")
    return folder.resolve()


@pytest.fixture
def system(real_data: Path, servers: System, tmp_path: Path) -> Iterator[System]:
    """A Kafka, a broker and a database of its own: each file has its own years."""
    with start_system(tmp_path / "system", postgres=servers.postgres) as found:
        yield found


def need(folder: Path, name: str) -> Path:
    """One file of the folder; skips where it is not there."""
    path = folder / name
    if not path.is_file():
        pytest.skip(f"{name} is not in KOMPAS_REAL_DATA={folder}")
    return path
