"""Impact at its edges: too little data, gaps, seasons, missing groups."""

import math

import numpy as np
import pytest

from kernels.errors import KernelInputError
from kernels.impact import Panel, Season, did_2x2, did_regression, interrupted_series, pre_trends


def test_a_clean_break_is_found_to_the_digit() -> None:
    t = np.arange(1.0, 25.0)
    y = 5.0 + 0.5 * t - 3.0 * (t >= 13) + 0.25 * (t - 13) * (t >= 13)
    found = interrupted_series(y, 13, 2)
    np.testing.assert_allclose(found.params, [5.0, 0.5, -3.0, 0.25], atol=1e-10)
    np.testing.assert_allclose(found.se, 0.0, atol=1e-10)
    assert (found.before, found.after) == (12, 12)


def test_fewer_than_eight_values_on_a_side_are_too_few() -> None:
    y = np.arange(16.0)
    assert not np.isnan(interrupted_series(y, 9, 1).params).any()
    y[3] = math.nan
    found = interrupted_series(y, 9, 1)
    assert np.isnan(found.params).all()
    assert np.isnan(found.se).all()
    assert (found.before, found.after) == (7, 8)


def test_a_missing_value_leaves_the_others_in_their_place() -> None:
    t = np.arange(1.0, 31.0)
    y = 1.0 + 2.0 * t + 7.0 * (t >= 16)
    y[[4, 20]] = math.nan
    np.testing.assert_allclose(interrupted_series(y, 16, 3).params, [1.0, 2.0, 7.0, 0.0], atol=1e-9)


def test_a_season_is_taken_out() -> None:
    t = np.arange(1.0, 49.0)
    y = 10.0 + 4.0 * np.sin(2.0 * np.pi * t / 12.0) - 2.0 * (t >= 25)
    found = interrupted_series(y, 25, 2, Season(12.0, 1))
    np.testing.assert_allclose(found.params, [10.0, 0.0, -2.0, 0.0, 4.0, 0.0], atol=1e-9)


def test_lags_have_a_default_and_are_not_negative() -> None:
    y = np.random.default_rng(0).normal(size=40)
    np.testing.assert_array_equal(interrupted_series(y, 20).se, interrupted_series(y, 20, 3).se)
    with pytest.raises(KernelInputError, match=r"^lags: wanted"):
        interrupted_series(y, 20, -1)


def test_did_of_four_numbers() -> None:
    assert did_2x2((10.0, 12.0), (11.0, 9.0)) == -4.0
    assert math.isnan(did_2x2((10.0, math.nan), (11.0, 9.0)))


def panel(**changes: np.ndarray) -> Panel:
    unit, time = np.repeat(np.arange(12), 4), np.tile(np.arange(4.0), 12)
    columns = {"time": time, "treated": (unit >= 6).astype(float), "post": (time >= 2).astype(float)}
    noise = np.random.default_rng(1).normal(0.0, 0.1, 48)
    columns = {**columns, "y": unit + 3.0 * columns["treated"] * columns["post"] + noise, **changes}
    return Panel(unit.tolist(), columns["time"], columns["treated"], columns["post"], columns["y"])


def test_a_panel_gives_effect_error_and_warning() -> None:
    found = did_regression(panel())
    assert found.effect == pytest.approx(3.0, abs=0.3)
    assert 0.0 < found.se < 0.2
    assert (found.clusters, found.few_clusters) == (12, False)
    assert abs(pre_trends(panel()).effect) < 0.3


@pytest.mark.parametrize("gone", [{"treated": np.zeros(48)}, {"post": np.ones(48)}, {"y": np.full(48, math.nan)}])
def test_a_comparison_with_a_group_missing_has_no_effect(gone: dict[str, np.ndarray]) -> None:
    assert math.isnan(did_regression(panel(**gone)).effect)
    assert math.isnan(pre_trends(panel(**gone)).effect)


def test_missing_rows_are_left_out() -> None:
    y = panel().y.copy()
    y[0] = math.nan
    whole = panel()
    rest = Panel(whole.unit[1:], *(column[1:] for column in whole[1:]))
    np.testing.assert_allclose(did_regression(panel(y=y))[:2], did_regression(rest)[:2])
    with pytest.raises(KernelInputError, match=r"^panel\.treated: wanted"):
        did_regression(panel(treated=np.zeros(3)))
