"""A day of five hundred car parks in a wide table: a blank says that nothing changed, and some say impossible numbers."""

import pandas as pd
import pytest

from simulators.maps import DeviceShape, Map, TimeShape, WideShape
from tests.packs import Box, DeviceRow, write_catalogue, write_city
from tests.pipeline import Pipeline
from tests.real_data.compare import agree, await_finals, finals, old, play, refusals
from tests.real_data.conftest import need

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

HOLD_S = 3_600.0


def held_means(said: pd.DataFrame) -> "pd.Series[float]":
    """Per hour the mean over car parks of their time-weighted means; said: park, at (UTC), value. Second by second, as obvious as can be."""
    means: dict[pd.Timestamp, list[float]] = {}
    for _, own in said.groupby("park"):
        at = (own["at"] - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)
        values = own["value"].tolist()
        starts = at.tolist()
        ends = [min(begin + HOLD_S, following) for begin, following in zip(starts, [*starts[1:], 2**40], strict=True)]
        sums: dict[int, list[float]] = {}
        for start, end, value in zip(starts, ends, values, strict=True):
            for hour in range(int(start // 3_600 * 3_600), int(end), 3_600):
                total = sums.setdefault(hour, [0.0, 0.0])
                seconds = min(end, hour + 3_600) - max(start, hour)
                total[0] += value * seconds
                total[1] += seconds
        for hour, (weighted, seconds) in sums.items():
            means.setdefault(pd.Timestamp(hour, unit="s", tz="UTC"), []).append(weighted / seconds)
    return pd.Series({hour: sum(values) / len(values) for hour, values in means.items()}).sort_index()


def test_hourly_means_and_totals_are_those_of_pandas(real_data, system, tmp_path):
    path = need(real_data, "parking/german_carparks_free_2025-03-10.csv.gz")
    raw = pd.read_csv(path)
    parks = {name: f"parks.p{number:04d}" for number, name in enumerate(raw.columns.drop("timestamp"))}
    cells = raw.melt("timestamp", var_name="park").dropna()
    cells["at"] = pd.to_datetime(cells["timestamp"], utc=True)
    impossible = ~cells["value"].between(0, 20_000)
    implausible = ~cells["value"].between(0, 5_000) & ~impossible
    said = cells[~impossible & ~implausible].sort_values(["park", "at"])
    assert impossible.any()

    shape = Map(city="parks", time=TimeShape(columns=("timestamp",)), device=DeviceShape(ids=parks), wide=WideShape(quantity="parking_free"))
    catalogue = write_catalogue(tmp_path, [], ["parking_free_mean", "parking_free_total"])
    rows = [DeviceRow(code, "parking", None, "2025-03-10T00:00:00Z") for code in parks.values()]
    kinds = {"parking": old(900.0, 60.0, max_hold_s=HOLD_S)}
    write_city(tmp_path / "cities", "parks", Box(6.0, 47.0, 15.0, 55.0), "Europe/Berlin", rows, kinds)
    with Pipeline(system, cities="parks", cities_dir=tmp_path / "cities", catalog_dir=catalogue) as pipeline:
        report = play(pipeline, path, shape)
        assert report.readings == len(cells)
        pipeline.await_accounted(len(cells))
        last = cells["at"].max().floor("h")
        await_finals(pipeline, {"parking_free_total": last, "parking_free_mean": last}, "parks")
        assert refusals(pipeline) == {"out_of_range": int(impossible.sum())}
        hour = said["at"].dt.floor("h")
        due = pd.Series(len(parks) * 4.0, index=sorted(hour.unique()))
        good = said.groupby([hour, "park"]).size().clip(upper=4).groupby(level=0).sum()
        last = said.groupby([hour, "park"])["value"].last().groupby(level=0).sum()
        agree(finals(pipeline, "parking_free_total", "parks"), last, good / due, 0.0)
        means = held_means(said)
        found = finals(pipeline, "parking_free_mean", "parks")
        held = found.loc[good.index]
        pd.testing.assert_series_equal(held["value"].astype(float), means[good.index], check_names=False, check_freq=False, rtol=1e-9)
