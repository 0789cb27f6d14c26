"""Precision and recall of the quality tests: counted right on a small made series, and measured on the labelled ones where they are."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.quality_tests import ALL, CONFIGURATION, NOT_MEASURED, Score, Thresholds, measure
from catalog.decode import read_toml, to_record
from catalog.errors import ConfigError
from local.layout import REPOSITORY

RULES = """
[made]
what      = "Made"
cadence_s = 60.0
possible  = [0.0, 100.0]
plausible = [0.0, 50.0]
tests     = { spike_suspect = 5.0, spike_fail = 20.0, rate_suspect_per_s = 0.1, flat_suspect_s = 240.0, flat_tolerance = 0.5 }
"""


def write(folder: Path, values: list[float], spans: list[tuple[int, int]]) -> Path:
    """A folder with one series of a value a minute; spans in minutes, ends included."""
    home = folder / "traffic" / "nab"
    home.mkdir(parents=True)
    rows = [f"2026-03-01 {i // 60:02}:{i % 60:02}:00,{value}" for i, value in enumerate(values)]
    (home / "made.csv").write_text("timestamp,value\n" + "\n".join(rows) + "\n")
    windows = [[f"2026-03-01 {m // 60:02}:{m % 60:02}:00.000000" for m in span] for span in spans]
    (home / "labels.json").write_text(json.dumps({"made.csv": {"anomaly_windows": windows}}))
    (folder / "rules.toml").write_text(RULES)
    return folder


def test_flags_are_counted_against_spans(tmp_path: Path) -> None:
    values = [10.0 + i % 3 for i in range(40)]
    values[10], values[20] = 90.0, 30.0
    values[30:37] = [11.0] * 7
    found = measure(write(tmp_path, values, [(8, 12), (28, 36), (38, 39)]), tmp_path / "rules.toml")
    spike = found.tests["spike"]
    assert (spike.flagged, spike.flagged_in_span, spike.anomalies, spike.found) == (6, 3, 3, 1)
    assert (spike.precision, spike.recall) == (0.5, 1 / 3)
    assert spike.precision_by_chance == pytest.approx(16 / 40)
    assert spike.recall_by_chance == pytest.approx(sum(1 - (1 - n / 40) ** 6 for n in (5, 9, 2)) / 3)
    assert (found.tests["gross range"].flagged, found.tests["gross range"].found) == (1, 1)
    assert (found.tests["flat line"].flagged, found.tests["flat line"].found) == (4, 1)
    assert found.tests[ALL].found == 2
    for test, score in found.tests.items():
        alone = found.series["made"][test]
        assert (score.flagged, score.found, score.precision, score.recall) == (alone.flagged, alone.found, alone.precision, alone.recall)
    assert set(found.not_measured) == set(NOT_MEASURED)


def test_a_test_that_flags_nothing_has_no_precision(tmp_path: Path) -> None:
    found = measure(write(tmp_path, [10.0 + i % 3 for i in range(40)], [(8, 12)]), tmp_path / "rules.toml")
    wanted = Score(
        readings=40,
        flagged=0,
        flagged_in_span=0,
        anomalies=1,
        found=0,
        precision=None,
        recall=0.0,
        precision_by_chance=None,
        recall_by_chance=0.0,
    )
    assert found.tests["spike"] == wanted


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("labels.json", "{", "labels.json: line 1: wanted JSON"),
        ("labels.json", "{}", "made.csv: wanted rows of timestamp,value and labelled spans, got \"'made.csv'\""),
        ("made.csv", "timestamp,value\nyesterday,1\n", "made.csv: wanted rows of timestamp,value"),
    ],
)
def test_a_broken_folder_is_named(name: str, text: str, said: str, tmp_path: Path) -> None:
    write(tmp_path, [1.0, 2.0], [(0, 1)])
    (tmp_path / "traffic" / "nab" / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        measure(tmp_path, tmp_path / "rules.toml")
    assert said in str(caught.value)


def test_the_shipped_thresholds_are_whole_and_in_order() -> None:
    for name, raw in read_toml(CONFIGURATION).items():
        rule = to_record(raw, Thresholds, name)
        tests = rule.tests
        assert rule.possible[0] <= rule.plausible[0] < rule.plausible[1] <= rule.possible[1]
        for low, high in ((tests.spike_suspect, tests.spike_fail), (tests.rate_suspect_per_s, tests.rate_fail_per_s)):
            assert low is not None
            assert high is not None
            assert low < high


@pytest.fixture
def real_data() -> Path:
    named = os.environ.get("KOMPAS_REAL_DATA", "")
    if not named:
        pytest.skip("KOMPAS_REAL_DATA is not set: it names the folder with the labelled series")
    if not (Path(named) / "traffic" / "nab" / "labels.json").is_file():
        pytest.skip(f"no traffic/nab/labels.json in KOMPAS_REAL_DATA={named}")
    return Path(named).resolve()


def test_on_labelled_series_the_tests_beat_chance(real_data: Path) -> None:
    given: dict[str, Any] = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-P", "-m", "cli", "bench", "quality", str(real_data), "--json"]
    done = subprocess.run(command, env=given, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["series"]) == 6
    assert found["tests"][ALL]["anomalies"] == 16
    for test in ("gross range", "spike", "rate of change", ALL):
        score = found["tests"][test]
        assert score["precision"] > 2 * score["precision_by_chance"], test
        assert score["recall"] > score["recall_by_chance"], test
    # none of these series ever stands still for an hour: the test is quiet, as it should be
    assert found["tests"]["flat line"]["flagged"] == 0
