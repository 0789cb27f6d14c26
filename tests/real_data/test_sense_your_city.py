"""A stream of residents' boxes from eight cities, with all of its traps: numbers as text, a wrong unit label, swapped coordinates.

The lines are `epoch_ms,{"e":[{n,u,v},…],"bt":…}`: this is not RFC 8428, so it is sent as json, entry by entry. Three replays:
corrected (numbers as numbers, canonical units), as labelled (numbers as numbers, the file's units), as written (all text).
"""

import json
from collections import Counter

import pandas as pd
import pytest

from catalog.load import load_catalogue
from simulators.maps import DeviceShape, Entries, FileShape, Map, PositionShape, TimeShape, ValueShape
from tests.packs import Box, DeviceRow, write_catalogue, write_city
from tests.pipeline import Pipeline
from tests.real_data.compare import agree, await_finals, canonical, finals, old, play, refusals
from tests.real_data.conftest import need

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

CITIES = {
    "boston": (Box(-71.6, 42.0, -70.6, 42.8), "America/New_York"),
    "geneva": (Box(5.8, 45.9, 6.6, 46.6), "Europe/Zurich"),
    "sanfrancisco": (Box(-122.9, 37.2, -121.8, 38.2), "America/Los_Angeles"),
    "rio": (Box(-43.8, -23.3, -42.8, -22.5), "America/Sao_Paulo"),
    "bangalore": (Box(77.2, 12.6, 78.0, 13.4), "Asia/Kolkata"),
    "shanghai": (Box(120.8, 30.7, 122.2, 31.8), "Asia/Shanghai"),
    "singapore": (Box(103.5, 1.1, 104.2, 1.6), "Asia/Singapore"),
    "london": (Box(-0.6, 51.2, 0.5, 51.8), "Europe/London"),
}
QUANTITIES = ("temperature", "humidity", "light", "dust", "airquality_raw")


def place(latitude: float, longitude: float) -> tuple[str, bool]:
    """The city of a box, and whether it is where it says: some have latitude and longitude swapped, some a wrong sign."""
    told = [(latitude, longitude), (longitude, latitude), (-latitude, longitude), (-longitude, latitude)]
    for number, (north, east) in enumerate(told):
        for name, (box, _) in CITIES.items():
            if box.has(north, east):
                return name, number == 0
    raise AssertionError(f"no city has {latitude}, {longitude}")


def table(path) -> pd.DataFrame:
    """One row per value: city, device, line, at, quantity, text, unit, placed (the position is in its city)."""
    lines = [json.loads(line.partition(",")[2]) for line in path.read_text(encoding="utf-8").splitlines()]
    entries = [{entry["n"]: (entry.get("v", entry.get("sv")), entry["u"]) for entry in line["e"]} for line in lines]
    votes: dict[str, Counter[str]] = {}
    for fields in entries:
        votes.setdefault(fields["source"][0], Counter())[place(float(fields["latitude"][0]), float(fields["longitude"][0]))[0]] += 1
    rows = []
    for number, (line, fields) in enumerate(zip(lines, entries, strict=True)):
        source = fields["source"][0]
        city = votes[source].most_common(1)[0][0]
        placed = CITIES[city][0].has(float(fields["latitude"][0]), float(fields["longitude"][0]))
        for quantity in QUANTITIES:
            text, unit = fields[quantity]
            rows.append((city, f"{city}.{source}", number, line["bt"], quantity, text, unit, placed))
    return pd.DataFrame(rows, columns=["city", "device", "line", "at_ms", "quantity", "text", "unit", "placed"])


def shape(city: str, devices: dict[str, str], *, units: bool, text: bool) -> Map:
    """The map of one city: a source of another city is no device of it and goes nowhere."""
    values = tuple(ValueShape(column=name, quantity=name, unit_as_written=units, text_as_written=text) for name in QUANTITIES)
    return Map(
        city=city,
        file=FileShape(kind="jsonl", after=",", entries=Entries(list="e", name="n", value=("v", "sv"), unit="u")),
        time=TimeShape(columns=("bt",), format="epoch_ms"),
        device=DeviceShape(column="source", ids=devices),
        position=PositionShape(latitude="latitude", longitude="longitude"),
        values=values,
    )


def play_all(pipeline: Pipeline, folder, lines: list[str], rows: pd.DataFrame, **how) -> int:
    """Replay every city's lines; returns readings sent."""
    sent = 0
    shift = how.pop("shift", "none")
    for city, own in rows.groupby("city"):
        part = folder / f"{city}.txt"
        part.write_text("\n".join(lines[number] for number in sorted(set(own["line"]))) + "\n", encoding="utf-8")
        devices = {device.partition(".")[2]: device for device in own["device"].unique()}
        sent += play(pipeline, part, shape(str(city), devices, **how), shift=shift).readings
    return sent


def test_every_trap_has_its_reason_and_the_good_readings_their_kpis(real_data, system, tmp_path):
    path = need(real_data, "riotbench/SYS_sample_data_senml.part1.csv")
    lines, rows = path.read_text(encoding="utf-8").splitlines(), table(path)
    catalogue = write_catalogue(tmp_path, ["humidity_hour"], ["temperature_box_hour", "dust_box_hour", "light_box_hour"])
    known = load_catalogue()
    for city, (box, zone) in CITIES.items():
        devices = rows[rows["city"] == city]["device"].unique()
        boxes = [DeviceRow(device, "street_sensor", None, "2015-02-01T00:00:00Z") for device in devices]
        write_city(tmp_path / "cities", city, box, zone, boxes, {"street_sensor": old(3_600.0, 60.0)})
    rows["value"] = [
        canonical(pd.Series([float(text)]), known.quantities[name], None)[0] for text, name in zip(rows["text"], rows["quantity"], strict=True)
    ]
    misplaced = ~rows["placed"]
    assert 0 < misplaced.sum() < len(rows)
    key = ["device", "quantity", "at_ms"]
    accepted = rows[~misplaced].drop_duplicates(key)
    repeated = int(rows[~misplaced].duplicated([*key, "value"]).sum())
    conflicts = int(rows[~misplaced].drop_duplicates([*key, "value"]).duplicated(key).sum())
    with Pipeline(system, cities=",".join(CITIES), cities_dir=tmp_path / "cities", catalog_dir=catalogue) as pipeline:
        sent = play_all(pipeline, tmp_path, lines, rows, units=False, text=False)
        assert sent == len(rows) == 3_000
        pipeline.await_accounted(sent - repeated)
        expected = {"implausible_position": int(misplaced.sum())} | ({"conflict": conflicts} if conflicts else {})
        assert refusals(pipeline) == expected
        hours = pd.to_datetime(accepted.groupby("city")["at_ms"].max(), unit="ms", utc=True).dt.floor("h")
        for name, hour in hours.items():
            await_finals(pipeline, dict.fromkeys(("temperature_box_hour", "dust_box_hour", "light_box_hour"), hour), str(name))
        compare_kpis(pipeline, accepted, known)

        sent = play_all(pipeline, tmp_path, lines, rows, units=True, text=False, shift="now")
        wrong_unit = [
            unit not in {known.quantities[name].unit, *known.quantities[name].conversions}
            for unit, name in zip(rows["unit"], rows["quantity"], strict=True)
        ]
        assert sum(wrong_unit) >= 600
        expected["wrong_unit"] = sum(wrong_unit)
        expected["implausible_position"] += int((misplaced & ~pd.Series(wrong_unit)).sum())
        pipeline.until(lambda: refusals(pipeline).get("wrong_unit", 0) >= sum(wrong_unit), 60.0, "wrong units refused")
        assert refusals(pipeline) == expected

        sent = play_all(pipeline, tmp_path, lines, rows, units=True, text=True, shift="now")
        pipeline.until(lambda: refusals(pipeline).get("malformed", 0) >= sent, 60.0, "numbers as text refused")
        assert refusals(pipeline) == expected | {"malformed": sent}


def compare_kpis(pipeline: Pipeline, accepted: pd.DataFrame, known) -> None:
    """Means over the boxes of each city's hour: device first."""
    kind = known.kinds["street_sensor"]
    for city, own in accepted.groupby("city"):
        for quantity, kpi in (("temperature", "temperature_box_hour"), ("dust", "dust_box_hour"), ("light", "light_box_hour")):
            good = own[(own["quantity"] == quantity) & own["value"].between(*kind.quantities[quantity].plausible)]
            hour = pd.to_datetime(good["at_ms"], unit="ms", utc=True).dt.floor("h")
            devices = good.groupby([hour, "device"])["value"]
            boxes = len(own["device"].unique())
            due = pd.Series(float(boxes), index=sorted(hour.unique()))
            due += len(set(pipeline.frame("SELECT id FROM device WHERE city = %s", city)["id"])) - boxes
            covered = devices.count().clip(upper=1).groupby(level=0).sum() / due
            agree(finals(pipeline, kpi, f"{city}.n"), devices.mean().groupby(level=0).mean(), covered, 0.0)
