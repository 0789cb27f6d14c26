"""The benchmark itself: a short run at a low rate on real servers finds everything that it looks for."""

import json
import os
import subprocess
import sys

import pytest

from local.layout import REPOSITORY

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_quick_run_accounts_for_every_reading_and_fills_every_field() -> None:
    command = [sys.executable, "-m", "cli", "bench", "pipeline", "--quick", "--rate", "2000", "--json"]
    done = subprocess.run(command, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, text=True, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr  # at this rate the targets are not met, and it says so
    found = json.loads(done.stdout)
    assert [load["readings_per_message"] for load in found["loads"]] == [10, 1]
    for load in found["loads"]:
        assert load["sent"] > 0
        assert (load["lost"], load["rejected"]) == (0, 0)
        assert load["stored"] == load["sent"]
        assert load["to_row"]["count"] > 0
        assert {"mosquitto", "kafka", "postgres", "gateway", "worker", "writer", "load", "probe"} <= set(load["cpu_s_per_million"])
    assert found["rows_in_table"] == found["rows_sent"]
    assert found["kernel"]["equal"] is True
    assert found["worker"]["rows"] == found["limits"]["copy_rows"]
    assert all(value > 0 for value in found["limits"].values())
    assert {verdict["met"] for verdict in found["verdicts"]} <= {True, False}
    assert all(verdict["why"] for verdict in found["verdicts"] if not verdict["met"])
