"""Thresholds of the sequence tests: what a sensor kind may say, and what is wrong with it."""

from typing import Any

import msgspec
import pytest

from catalog import check
from catalog.errors import ConfigError
from catalog.load import load_catalogue
from catalog.records import QualityTests

LOOP = load_catalogue().kinds["traffic_loop"]


def checked(name: str, **thresholds: Any) -> None:
    kind = msgspec.structs.replace(LOOP, quality_tests={name: QualityTests(**thresholds)})
    check.kinds({LOOP.id: kind}, load_catalogue().quantities, "sensors")


@pytest.mark.parametrize(
    ("name", "thresholds", "said"),
    [
        ("vehicle_sped", {}, "sensors/traffic_loop.toml: quality_tests.vehicle_sped: wanted one of occupancy_time, vehicle_count, vehicle_speed"),
        (
            "vehicle_speed",
            {"spike_suspect": 9.0, "spike_fail": 3.0},
            "quality_tests.vehicle_speed.spike_fail: wanted at least spike_suspect, 9, got 3.0",
        ),
        ("vehicle_speed", {"rate_suspect_per_s": 2.0, "rate_fail_per_s": 1.0}, "rate_fail_per_s: wanted at least rate_suspect_per_s, 2"),
        ("vehicle_speed", {"flat_suspect_s": 600.0, "flat_fail_s": 60.0, "flat_tolerance": 0.1}, "flat_fail_s: wanted at least flat_suspect_s, 600"),
        ("vehicle_speed", {"neighbour_suspect": 9.0}, "neighbour_fail: wanted at least neighbour_suspect, 9"),
        ("vehicle_speed", {"flat_suspect_s": 600.0}, "flat_tolerance: wanted more than 0"),
    ],
)
def test_what_cannot_be_meant_is_named(name: str, thresholds: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked(name, **thresholds)
    assert said in str(caught.value)


def test_one_threshold_alone_is_enough() -> None:
    checked("vehicle_speed", spike_fail=3.0)
    checked("vehicle_speed")


def test_the_shipped_tolerances_lie_above_the_resolution_s_rounding() -> None:
    """Below one step a flat line is one of equal values; that is what is meant, and 0 would never fire."""
    catalogue = load_catalogue()
    for kind in catalogue.kinds.values():
        for name, tests in kind.quality_tests.items():
            if tests.flat_suspect_s is not None:
                assert tests.flat_suspect_s >= 2 * kind.cadence_s
                assert tests.flat_tolerance > 0.0, f"{kind.id}.{name}"
