"""A bicycle counter over both clock changes of a year: days of 23 and of 25 hours, stamps that come twice."""

import gzip

import pandas as pd
import pytest

from simulators.maps import DeviceShape, FileShape, Map, TimeShape, ValueShape
from tests.packs import Box, DeviceRow, write_catalogue, write_city
from tests.pipeline import Pipeline
from tests.real_data.compare import agree, await_finals, finals, old, play, refusals, times
from tests.real_data.conftest import need

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

SHAPE = Map(
    city="gent",
    file=FileShape(delimiter=";"),
    time=TimeShape(columns=("Ordening",)),
    device=DeviceShape(constant="gent.coupure"),
    values=(ValueShape(column="Totaal", quantity="bicycle_count"),),
)


def hours_of(start: pd.Timestamp) -> float:
    """How long the local day is that starts then."""
    after = start.tz_convert("Europe/Brussels") + pd.DateOffset(days=1)
    return float((after - start).total_seconds() / 3_600)


@pytest.mark.parametrize(
    ("first", "last", "changed", "hours"),
    [
        pytest.param("2022-03-20", "2022-04-02", "2022-03-27", 23, marks=pytest.mark.slow),
        ("2022-10-23", "2022-11-05", "2022-10-30", 25),
    ],
)
def test_local_days_add_up_over_a_clock_change(real_data, system, tmp_path, first, last, changed, hours):
    whole = need(real_data, "mobility/gent_coupure_bike_counts_5min_2022.csv.gz")
    lines = gzip.decompress(whole.read_bytes()).decode("utf-8-sig").splitlines()
    part = tmp_path / "two_weeks.csv"
    part.write_text("\n".join([lines[0], *(line for line in lines[1:] if first <= line.split(";")[2] <= last)]) + "\n", encoding="utf-8")

    rows = pd.read_csv(part, sep=";")
    rows["at"] = pd.to_datetime(rows["Ordening"], utc=True)
    counted = rows.drop_duplicates("at", keep="first").set_index("at")["Totaal"].astype(float)
    stood = rows["at"].map(counted)
    duplicates = int((rows.duplicated("at") & (rows["Totaal"] == stood)).sum())
    conflicts = int((rows["Totaal"] != stood).sum())
    midnights = times(counted).tz_convert("Europe/Brussels").normalize()
    days = counted.groupby(midnights.tz_convert("UTC"))
    starts = times(days.sum())
    length_h = pd.Series([hours_of(start) for start in starts], index=starts)
    assert length_h[pd.Timestamp(changed, tz="Europe/Brussels").tz_convert("UTC")] == hours

    catalogue = write_catalogue(tmp_path, ["bicycle_day"])
    row = DeviceRow("gent.coupure", "bicycle_counter", None, starts[0].isoformat())
    write_city(tmp_path / "cities", "gent", Box(3.6, 51.0, 3.8, 51.1), "Europe/Brussels", [row], {"bicycle_counter": old(300.0, 7_200.0)})
    with Pipeline(system, cities="gent", cities_dir=tmp_path / "cities", catalog_dir=catalogue) as pipeline:
        report = play(pipeline, part, SHAPE)
        assert report.readings == len(rows)
        pipeline.await_accounted(len(rows) - duplicates)
        await_finals(pipeline, {"bicycle_day": length_h.index[-1]}, "gent")
        assert refusals(pipeline) == ({"conflict": conflicts} if conflicts else {})
        found = finals(pipeline, "bicycle_day", "gent")
        agree(found, days.sum(), (days.count() * 300.0 / 3_600.0 / length_h).clip(upper=1.0), 0.75)
        lengths = (found["window_end"] - found.index.to_series()).dt.total_seconds() / 3_600
        assert lengths[length_h.index].tolist() == length_h.tolist()
        assert sorted(set(length_h)) == sorted({24.0, float(hours)})
