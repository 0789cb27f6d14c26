"""Eleven days of one-minute sound levels: energy means of hours and nights, percentiles of quarters of an hour."""

import numpy as np
import pandas as pd
import pytest

from catalog.load import load_catalogue
from simulators.maps import DeviceShape, Map, TimeShape, ValueShape
from tests.packs import Box, DeviceRow, write_catalogue, write_city
from tests.pipeline import Pipeline
from tests.real_data.compare import agree, await_finals, canonical, finals, old, play, refusals, times
from tests.real_data.conftest import need

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

# The file names neither place nor zone: it is taken as UTC, whose days have no clock change in them.
SHAPE = Map(
    city="quiet",
    time=TimeShape(columns=("datetime",), format="%Y-%m-%d %H:%M:%S", zone="UTC"),
    device=DeviceShape(constant="quiet.meter"),
    values=(ValueShape(column="LEQ dB -A", quantity="sound_level", unit="dB(A)"),),
)


def energy_mean(levels: "pd.Series[float]") -> float:
    return float(10.0 * np.log10(np.mean(10.0 ** (levels / 10.0)))) if len(levels) else float("nan")


def test_energy_means_and_percentiles_are_those_of_pandas(real_data, system, tmp_path):
    path = need(real_data, "noise/laeq_1min_2025-03-21_04-01.csv")
    raw = pd.read_csv(path, index_col=0, parse_dates=True).iloc[:, 0].tz_localize("UTC")
    levels = canonical(raw, load_catalogue().quantities["sound_level"], "dB(A)")
    assert levels.index.is_unique
    catalogue = write_catalogue(tmp_path, ["noise_night", "noise_peak"], ["noise_hour"])
    row = DeviceRow("quiet.meter", "noise", None, "2025-03-21T00:00:00Z")
    write_city(tmp_path / "cities", "quiet", Box(0.0, 45.0, 1.0, 46.0), "UTC", [row], {"noise": old(60.0, 60.0)})
    with Pipeline(system, cities="quiet", cities_dir=tmp_path / "cities", catalog_dir=catalogue) as pipeline:
        report = play(pipeline, path, SHAPE)
        assert report.readings == len(levels)
        pipeline.await_accounted(len(levels))
        last = times(levels)[-1]
        await_finals(pipeline, {"noise_hour": last.floor("h"), "noise_peak": last.floor("15min"), "noise_night": last.floor("D")}, "quiet")
        assert refusals(pipeline) == {}
        hours = levels.groupby(times(levels).floor("h"))
        agree(finals(pipeline, "noise_hour", "quiet.n"), hours.agg(energy_mean), hours.count() / 60.0, 0.75)
        quarters = levels.groupby(times(levels).floor("15min"))
        agree(finals(pipeline, "noise_peak", "quiet.d"), quarters.quantile(0.95), quarters.count() / 15.0, 0.75)
        night = levels.loc[(times(levels).hour >= 23) | (times(levels).hour < 7)]
        nights = night.groupby(times(night).floor("D"))
        agree(finals(pipeline, "noise_night", "quiet"), nights.agg(energy_mean), nights.count() / 480.0, 0.75)
