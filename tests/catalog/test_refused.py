"""What cannot be computed with is refused when it is loaded: numbers without end, days that are none, clocks that no gateway takes."""

import math
from pathlib import Path
from typing import Any

import pytest

from catalog import check
from catalog.errors import ConfigError
from catalog.load import load_catalogue
from ingest.checks import AHEAD_US
from stream.worker import partition
from tests.catalog.test_load import KIND, KPI, PLACES, QUANTITY, write

TIMES = ("cadence_s", "lateness_s", "idle_s", "ahead_s", "max_age_s", "max_hold_s")
TARGET = 'target = { value = 2.0, by = 2030-01-01, goal = "dry-feet" }'
CASES: list[tuple[str, tuple[str, str], str]] = [
    ("quantity", ('unit = "m"', 'unit = ""'), "level.toml: unit: wanted a unit, 1 where there is none, got ''"),
    ("quantity", ('unit = "m"', 'unit = " "'), "level.toml: unit: wanted a unit, 1 where there is none, got ' '"),
    (
        "quantity",
        ("resolution = 0.01", "resolution = inf"),
        "level.toml: resolution: wanted a whole number, or one divided by a whole number, got inf",
    ),
    (
        "kind",
        ("idle_s = 60.0", "idle_s = 60.0\nahead_s = 301.0"),
        "gauge.toml: ahead_s: wanted at most 300, beyond which the gateway refuses a reading, got 301.0",
    ),
    ("kpi", ("value = 2.0", "value = nan"), "river.toml: target.value: wanted a finite number, got nan"),
    ("kpi", ("value = 2.0", "value = -inf"), "river.toml: target.value: wanted a finite number, got -inf"),
    ("kpi", ("by = 2030-01-01", 'by = "2030"'), "river.toml: target.by: wanted a date, as 2030-01-01, got '2030'"),
    ("kpi", ("by = 2030-01-01", 'by = "20300101"'), "river.toml: target.by: wanted a date, as 2030-01-01, got '20300101'"),
    ("kpi", ("by = 2030-01-01", "by = 2030-01-01T12:00:00Z"), "river.toml: target.by: wanted a date, as 2030-01-01, got '2030-01-01T12:00:00+00:00'"),
    ("kpi", ("by = 2030-01-01", 'by = "2030-02-30"'), "river.toml: target.by: wanted a date, as 2030-01-01, got '2030-02-30'"),
    (
        "kpi",
        (TARGET, TARGET.replace("goal", "gaol")),
        "river.toml: target: wanted only value, by, goal, got 'gaol'; did you mean goal?",
    ),
    ("kpi", ("to = 2.0", "to = inf"), "river.toml: bands[0].to: wanted a number above -inf, got inf"),
]


def refused(folder: Path, file: str, text: str) -> str:
    """The sentence with which a catalogue with this file is refused, from the file's name on."""
    changed: dict[str, Any] = {file: text}
    with pytest.raises(ConfigError) as caught:
        load_catalogue(write(folder, **changed))
    return str(caught.value).removeprefix(f"mine/{PLACES[file]}/")


@pytest.mark.parametrize(("file", "change", "sentence"), CASES)
def test_it_is_refused_with_its_place(tmp_path: Path, file: str, change: tuple[str, str], sentence: str) -> None:
    text = {"quantity": QUANTITY, "kind": KIND, "kpi": KPI}[file]
    assert change[0] in text
    assert refused(tmp_path, file, text.replace(*change, 1)) == sentence


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("number", ["inf", "nan"])
def test_a_time_of_a_kind_is_finite(tmp_path: Path, time: str, number: str) -> None:
    kept = "".join(line + "\n" for line in KIND.splitlines() if not line.startswith(time))
    sentence = refused(tmp_path, "kind", f"{time} = {number}\n{kept}")
    assert sentence.startswith(f"gauge.toml: {time}: wanted ")
    assert sentence.endswith(f", got {number}")


def test_a_kind_allows_as_much_as_gateway_and_worker_take() -> None:
    assert math.isclose(check._AHEAD_S * 1e6, AHEAD_US)
    assert AHEAD_US == partition.AHEAD_US
