"""The slow deferred tests against cases worked out by hand, and against what the restater computes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from catalog.records import Measured, QualityTests, SensorKind
from chaos.oracle_ground import FAR_US, QUARTER_US, Place
from chaos.oracle_quality import Reading as Said
from chaos.oracle_quality import ahead_us, of_series, words
from restate import verdicts
from tests.chaos.made import GROUND, NAMES, SECOND

CADENCE_S = 60.0
START = 1_700_000_000 * SECOND // QUARTER_US * QUARTER_US


def kind(tests: QualityTests) -> SensorKind:
    measured = {"dust": Measured(plausible=(0.0, 500.0))}
    return SensorKind(id="box", names=NAMES, quantities=measured, cadence_s=CADENCE_S, lateness_s=2.0, idle_s=4.0, quality_tests={"dust": tests})


def places(metres: Sequence[float], cadence_s: float = CADENCE_S) -> tuple[Place, ...]:
    """Devices in a row along a meridian."""
    degrees = [np.degrees(metre / 6_371_008.8) for metre in metres]
    return tuple(Place(f"d{n}", "box", "town.a", round(cadence_s * SECOND), -FAR_US, FAR_US, 0, 0.5 + at, 0.5) for n, at in enumerate(degrees))


def said(tests: QualityTests, *lines: Sequence[float | None], metres: Sequence[float] = (0.0,)) -> dict[tuple[int, int], int]:
    """Words by device and number of the minute; None: nothing was said."""
    ground = GROUND._replace(places=places(metres))
    step_us = round(CADENCE_S * SECOND)
    series = {n: [Said(n, START + k * step_us, value) for k, value in enumerate(line) if value is not None] for n, line in enumerate(lines)}
    found = of_series(series, tests, kind(tests), ground)
    return {(n, (at - START) // step_us): word for (n, at), word in found.items()}


SPIKE = QualityTests(spike_suspect=2.0, spike_fail=5.0)
RATE = QualityTests(rate_suspect_per_s=0.1)
FLAT = QualityTests(flat_suspect_s=120.0, flat_fail_s=240.0, flat_tolerance=0.5)
NEAR = QualityTests(neighbour_radius_m=1_000.0, neighbour_min_scale=1.0, neighbour_suspect=2.0, neighbour_fail=4.0, neighbour_least=2)


@pytest.mark.parametrize(
    ("case", "tests", "line", "wanted"),
    [
        ("a spike", SPIKE, [1.0, 4.0, 1.0], {1: 3}),
        ("exactly the threshold is none", SPIKE, [1.0, 3.0, 1.0], {}),
        (
            "a high one fails",
            SPIKE,
            [1.0, 9.0, 1.0],
            {
                1: 4,
            },
        ),
        ("without a neighbour in time nobody knows", SPIKE, [1.0, 9.0, None, 1.0], {}),
        ("the ends of a series have one neighbour", SPIKE, [9.0, 1.0], {}),
        ("a jump", RATE, [1.0, 8.0, 8.0], {1: 3}),
        ("a jump over a gap is none", RATE, [1.0, None, 8.0], {}),
        ("standing still", FLAT, [1.0, 1.2, 1.4, 1.3, 1.1, 1.0], {2: 3, 3: 3, 4: 4, 5: 4}),
        ("moving by the tolerance", FLAT, [1.0, 1.5, 1.0, 1.5, 1.0], {}),
        ("three cadences are bridged", FLAT, [1.0, None, None, 1.0], {3: 3}),
        ("four are not", FLAT, [1.0, None, None, None, 1.0], {}),
    ],
)
def test_rule_23_one_device(case: str, tests: QualityTests, line: Sequence[float | None], wanted: dict[int, int]) -> None:
    assert said(tests, line) == {(0, minute): word for minute, word in wanted.items()}, case


@pytest.mark.parametrize(
    ("case", "metres", "wanted"),
    [
        ("another one than all around", (0.0, 400.0, 800.0, -900.0), {0: 4}),
        ("too few are near", (0.0, 400.0, 1_500.0, 2_600.0), {}),
    ],
)
def test_rule_23_neighbours(case: str, metres: Sequence[float], wanted: dict[int, int]) -> None:
    found = said(NEAR, [20.0], [10.0], [10.5], [11.0], metres=metres)
    assert {place: word for (place, _), word in found.items()} == wanted, case


@pytest.mark.parametrize("seed", range(12))
def test_rule_23_the_restater_says_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tests = QualityTests(
        spike_suspect=2.0, spike_fail=4.0, rate_suspect_per_s=0.06, rate_fail_per_s=0.1, flat_suspect_s=200.0, flat_fail_s=400.0,
        flat_tolerance=1.5, neighbour_radius_m=1_500.0, neighbour_min_scale=0.5, neighbour_least=2, neighbour_suspect=2.0, neighbour_fail=3.0,
    )  # fmt: skip
    metres: list[float] = rng.uniform(0.0, 4_000.0, 7).tolist()
    ground = GROUND._replace(places=places(metres, cadence_s=float(rng.choice([45.0, 60.0, 90.0]))))
    series, rows = {}, []
    for n in range(len(metres)):
        ticks = np.cumsum(rng.choice([30, 60, 60, 60, 90, 91, 180, 181, 400], 120))
        values = np.cumsum(rng.choice([0, 0, 0, 1, -1, 5, -5], 120)) * 0.5
        series[n] = [Said(n, START + int(at) * SECOND, float(value)) for at, value in zip(ticks, values, strict=True)]
        rows += series[n]
    spans = verdicts.Spans(
        np.arange(7), np.zeros(7, np.int64), np.array([place.cadence_us for place in ground.places]),
        *verdicts.plane(np.array([place.latitude for place in ground.places]), np.full(7, 0.5), np.full(7, 0.5)),
    )  # fmt: skip
    whole = verdicts.Series(np.array([r.place for r in rows]), np.array([r.at_us for r in rows]), np.array([r.value for r in rows]))
    flags = verdicts.words(tests, whole, spans, round(CADENCE_S * SECOND), (0, FAR_US))
    worst = np.max(list(flags.values()), axis=0)
    restater = {(row.place, row.at_us): int(word) for row, word in zip(rows, worst, strict=True) if word >= 3}
    assert len(set(restater.values())) == 2
    assert of_series(series, tests, kind(tests), ground) == restater


def test_a_quarter_is_tested_when_the_watermarks_have_passed_it_and_what_its_tests_look_at() -> None:
    ground = GROUND._replace(kinds={"box": kind(SPIKE)}, places=places([0.0]))
    rows = [("d0", "dust", START + n * 60 * SECOND, value, round(value * 10)) for n, value in enumerate([1.0, 9.0] * 15)]
    passed = pd.DataFrame(rows, columns=["device", "quantity", "measured_us", "value", "integer"])
    assert ahead_us(kind(SPIKE)) == 90 * SECOND
    for reached, tested in ((0, 0), (90 * SECOND - 1, 0), (90 * SECOND, 14), (QUARTER_US + 90 * SECOND, 28)):
        assert len(words(passed, ground, {"box": START + QUARTER_US + reached})) == tested
    assert words(passed, ground, {"box": None}).empty
    assert words(passed, ground._replace(kinds={"box": kind(QualityTests())}), {"box": FAR_US}).empty
