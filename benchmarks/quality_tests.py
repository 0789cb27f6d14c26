"""Precision and recall of the quality tests on labelled series: what they find of what people called anomalies.

A flagged reading (suspect or fail) is right where it lies in a labelled span; an anomaly is found where a reading in its span is flagged.
Beside both stands chance: the share of readings in labelled spans, and how many anomalies as many flags at random would have found.

Promises  Thresholds come from benchmarks/quality_tests.toml; the labels are read for the verdict alone.
Leaves    Saying that a sensor fault and an odd day in the traffic are two things to whoever reads the figures: these tests look for the first,
          the labels are mostly the second.
"""

import csv
import datetime as dt
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from catalog.decode import read_text, read_toml, to_record
from catalog.errors import ConfigError
from catalog.records import Positive, QualityTests, Record
from kernels import qartod

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CONFIGURATION = Path(__file__).with_suffix(".toml")
SERIES = Path("traffic") / "nab"
ALL = "all tests"
NOT_MEASURED = {
    "neighbour disagreement": "no two of the series measure one thing side by side",
    "plausible time": "the series have no time of receipt",
    "duplicate": "the series have none",
}


class Thresholds(Record, frozen=True, kw_only=True):
    """One series, as the configuration has it."""

    what: str
    cadence_s: Positive
    possible: tuple[float, float]
    plausible: tuple[float, float]
    tests: QualityTests
    scale: float = 1.0
    offset: float = 0.0


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """One series with its labels."""

    t_s: F64
    values: F64
    spans: list[tuple[float, float]]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One test, on one series or all; null where there is nothing to divide by."""

    readings: int
    flagged: int
    flagged_in_span: int
    anomalies: int
    found: int
    precision: float | None
    recall: float | None
    precision_by_chance: float | None
    recall_by_chance: float | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    tests: dict[str, Score]
    series: dict[str, dict[str, Score]]
    not_measured: dict[str, str]


def measure(folder: Path, configuration: Path = CONFIGURATION) -> Result:
    """Every series of the configuration, in `traffic/nab` below the folder; raises ConfigError where a file is not as it should be."""
    home = folder / SERIES
    labels = _labels(home / "labels.json")
    series: dict[str, dict[str, Score]] = {}
    parts: dict[str, list[tuple[Score, float]]] = {}
    for name, raw in read_toml(configuration).items():
        rule = to_record(raw, Thresholds, f"{configuration.name}: {name}")
        labelled = read_series(home / f"{name}.csv", labels, rule)
        inside = _inside(labelled)
        series[name] = {}
        for test, flags in flags_of(labelled, rule).items():
            series[name][test] = score = _score(np.isin(flags, (qartod.SUSPECT, qartod.FAIL)), inside, labelled)
            parts.setdefault(test, []).append((score, (score.recall_by_chance or 0.0) * score.anomalies))
    return Result(tests={test: _together(some) for test, some in parts.items()}, series=series, not_measured=NOT_MEASURED)


def read_series(path: Path, labels: Mapping[str, Any], rule: Thresholds) -> Labelled:
    """One file `timestamp,value`, in the unit of its thresholds."""
    rows = list(csv.DictReader(read_text(path).splitlines()))
    try:
        t_s = np.array([_seconds(row["timestamp"]) for row in rows])
        values = np.array([float(row["value"]) * rule.scale + rule.offset for row in rows])
        spans = [(_seconds(first), _seconds(last)) for first, last in labels[path.name]["anomaly_windows"]]
    except (KeyError, ValueError, TypeError) as error:
        raise ConfigError(str(path), "rows of timestamp,value and labelled spans", str(error)) from error
    return Labelled(t_s=t_s, values=values, spans=spans)


def flags_of(series: Labelled, rule: Thresholds) -> dict[str, npt.NDArray[np.uint8]]:
    """The flags of each test that has thresholds, and of all together."""
    tests, values = rule.tests, series.values
    suspect_s, fail_s = (math.nan if each is None else each for each in (tests.flat_suspect_s, tests.flat_fail_s))
    steps = (qartod.steps_of(suspect_s, rule.cadence_s), qartod.steps_of(fail_s, rule.cadence_s))
    flags = {
        "gross range": qartod.gross_range(values, rule.possible, rule.plausible),
        "spike": qartod.spike(values, _given(tests.spike_suspect), _given(tests.spike_fail)),
        "rate of change": qartod.rate_of_change(values, series.t_s, _given(tests.rate_suspect_per_s), _given(tests.rate_fail_per_s)),
        "flat line": qartod.flat_line(values, steps, tests.flat_tolerance),
    }
    return {**flags, ALL: qartod.aggregate(np.array(list(flags.values())))}


def _score(flagged: Bools, inside: list[Bools], series: Labelled) -> Score:
    anywhere = np.any(inside, axis=0) if inside else np.zeros(flagged.size, np.bool_)
    many = int(flagged.sum())
    shares = [float(each.mean()) for each in inside]
    numbers = {
        "readings": int(flagged.size),
        "flagged": many,
        "flagged_in_span": int((flagged & anywhere).sum()),
        "anomalies": len(series.spans),
        "found": sum(bool((flagged & each).any()) for each in inside),
    }
    chance = sum(1.0 - (1.0 - share) ** many for share in shares)
    return _with_ratios(numbers, float(anywhere.mean()), chance)


def _together(parts: list[tuple[Score, float]]) -> Score:
    scores = [score for score, _ in parts]
    names = ("readings", "flagged", "flagged_in_span", "anomalies", "found")
    numbers = {name: sum(getattr(score, name) for score in scores) for name in names}
    # a flag at random keeps its series: the chance of each series, weighted by the flags that fell there
    flags = numbers["flagged"]
    share = sum((score.precision_by_chance or 0.0) * score.flagged for score in scores) / flags if flags else math.nan
    return _with_ratios(numbers, share, sum(chance for _, chance in parts))


def _with_ratios(numbers: dict[str, int], share: float, found_by_chance: float) -> Score:
    flagged, anomalies = numbers["flagged"], numbers["anomalies"]
    return Score(
        **numbers,
        precision=numbers["flagged_in_span"] / flagged if flagged else None,
        recall=numbers["found"] / anomalies if anomalies else None,
        precision_by_chance=None if math.isnan(share) else share,
        recall_by_chance=found_by_chance / anomalies if anomalies else None,
    )


def _inside(series: Labelled) -> list[Bools]:
    return [(first <= series.t_s) & (series.t_s <= last) for first, last in series.spans]


def _labels(path: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: line {error.lineno}", "JSON", error.msg) from error
    return found


def _given(threshold: float | None) -> float:
    return math.nan if threshold is None else threshold


def _seconds(text: str) -> float:
    # local clock without a zone: only distances matter, and these series cross no change of the clock in a labelled span
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()
