"""Six weeks of hourly air quality from a kerbside station: gases in ppb and ppm, blanks, days in local time."""

import pandas as pd
import pytest

from catalog.load import load_catalogue
from catalog.records import SensorKind
from simulators.maps import DeviceShape, Map, TimeShape, ValueShape
from tests.packs import Box, DeviceRow, write_catalogue, write_city
from tests.pipeline import Pipeline
from tests.real_data.compare import agree, await_finals, canonical, finals, flagged, old, play, refusals
from tests.real_data.conftest import need

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

HOURS = 6 * 7 * 24
COLUMNS = {
    "nox": ("nox", "ppb"),
    "no2": ("no2", "ppb"),
    "o3": ("o3", "ppb"),
    "pm10": ("pm10", "ug/m3"),
    "so2": ("so2", "ppb"),
    "co": ("co", "ppm"),
    "pm25": ("pm2_5", "ug/m3"),
}
SHAPE = Map(
    city="london",
    time=TimeShape(columns=("date",)),
    device=DeviceShape(constant="london.kerb"),
    values=tuple(ValueShape(column=column, quantity=quantity, unit=unit) for column, (quantity, unit) in COLUMNS.items()),
)
HOURLY = {"nox": "nox_hour", "no2": "no2_hour", "o3": "o3_hour", "pm10": "pm10_hour", "so2": "so2_hour", "co": "co_hour", "pm2_5": "pm2_5_hour"}


def table(path) -> pd.DataFrame:
    """Canonical values by hour; what is impossible is left out, as the gateway does."""
    quantities = load_catalogue().quantities
    raw = pd.read_csv(path, nrows=HOURS, parse_dates=["date"], index_col="date")
    return pd.DataFrame({name: canonical(raw[column], quantities[name], unit) for column, (name, unit) in COLUMNS.items()})


def suspect(found: pd.DataFrame, kind: SensorKind) -> pd.DataFrame:
    """True where a value is possible and implausible."""
    return pd.DataFrame({str(name): ~found[name].between(*kind.quantities[str(name)].plausible) & found[name].notna() for name in found})


def test_hourly_and_daily_means_are_those_of_pandas(real_data, system, tmp_path):
    path = need(real_data, "airquality/london_marylebone_hourly_1998_2001.csv.gz")
    catalogue = write_catalogue(tmp_path, [*HOURLY.values(), "pm2_5_day"])
    row = DeviceRow("london.kerb", "air_quality", None, "1998-01-01T00:00:00Z")
    write_city(tmp_path / "cities", "london", Box(-0.5, 51.3, 0.3, 51.7), "Europe/London", [row], {"air_quality": old(3_600.0, 60.0)})
    expected = table(path)
    doubtful = suspect(expected, load_catalogue().kinds["air_quality"])
    with Pipeline(system, cities="london", cities_dir=tmp_path / "cities", catalog_dir=catalogue) as pipeline:
        report = play(pipeline, path, SHAPE, limit=HOURS)
        assert report.readings == int(expected.notna().sum().sum())
        pipeline.await_accounted(report.readings)
        last = expected.index[-1]
        await_finals(pipeline, {**dict.fromkeys(HOURLY.values(), last), "pm2_5_day": last.floor("D")}, "london")
        assert refusals(pipeline) == {}
        assert flagged(pipeline).get(3, 0) == int(doubtful.sum().sum())
        good = expected.mask(doubtful)
        for name, kpi in HOURLY.items():
            agree(finals(pipeline, kpi, "london"), good[name], good[name].notna().astype(float), 0.75)
        days = good["pm2_5"].groupby(pd.DatetimeIndex(good.index).tz_convert("Europe/London").floor("D").tz_convert("UTC"))
        agree(finals(pipeline, "pm2_5_day", "london"), days.mean(), days.count() / 24.0, 0.75)
