"""A town of thirty devices with a catalogue of seven indicators, and a day and a bit of its readings, put straight into the log.

Promises  The same readings every time; frames as a gateway sends them, in order of time. What comes late is sent by the stories.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from catalog.topics import PARTITIONS, READINGS, partition_of
from runtime import kafka
from tests.stream.city import MINUTE, SECOND, heartbeat, readings_frame

TOWN = "mariposa"
ZONE = ZoneInfo("Europe/Brussels")
HOUR = 60 * MINUTE
DAY_START = round(datetime(2026, 3, 4, tzinfo=ZONE).timestamp()) * SECOND
BEGIN, END = DAY_START - 2 * HOUR, DAY_START + 26 * HOUR
STEP = 5 * MINUTE
LATENESS = 10 * MINUTE
NEIGHBOURHOODS = tuple(f"{TOWN}.d{d}.n{n}" for d in (1, 2) for n in (1, 2))
AREAS = (TOWN, f"{TOWN}.d1", f"{TOWN}.d2", *NEIGHBOURHOODS)
COUNTS = {"air_quality": 8, "noise": 8, "parking": 4, "electricity_meter": 4, "bicycle_counter": 6}
SILENT = f"{TOWN}.electricity-meter-9"
"""Stands there, in the partition of meter 0, and says nothing until a story makes it speak."""
QUANTITY = {
    "air_quality": "pm2_5", "noise": "sound_level", "parking": "parking_free", "electricity_meter": "electricity_used",
    "bicycle_counter": "bicycle_count",
}  # fmt: skip
KPIS = ("pm2_5_hour", "pm2_5_day", "noise_peak", "noise_lden_day", "parking_free_hour", "buildings_electricity_day", "bicycle_day")
_TESTED = """
[quality_tests.bicycle_count]
spike_suspect = 150.0
"""
SPIKE = (f"{TOWN}.bicycle-counter-3", DAY_START + 8 * HOUR, 290.0)
"""Device, the step in which it says too much, and what it says."""
_CHANGE = """
id = "pm2_5_change"
version = 1
names = { en = "Change", fr = "Changement", nl = "Verandering" }
descriptions = { en = "Change.", fr = "Changement.", nl = "Verandering." }
unit = "ug/m3"
formula = "mean(pm2_5) - at(pm2_5_hour, -1h)"
window = "hour"
min_coverage = 0.5
better = "lower"
owner = "Environment department"
steward = "Environment department"
source = "[project]"
check_sql = "SELECT area, avg(value) AS value FROM reading_named GROUP BY area"
"""

Row = tuple[str, str, int, int, float]
"""device, quantity, measured_us, received_us, value."""


def devices() -> dict[str, tuple[str, str]]:
    """Id to kind and neighbourhood."""
    return {
        f"{TOWN}.{kind.replace('_', '-')}-{n}": (kind, NEIGHBOURHOODS[(n + shift) % 4])
        for shift, (kind, count) in enumerate(COUNTS.items())
        for n in range(count)
    } | {SILENT: ("electricity_meter", NEIGHBOURHOODS[3])}


def write(folder: Path) -> tuple[Path, Path]:
    """The folders for cities_dir and catalog_dir."""
    home, catalogue = folder / "cities" / TOWN, folder / "catalog"
    home.mkdir(parents=True)
    for part in ("quantities", "sensors", "kpis"):
        (catalogue / part).mkdir(parents=True)
        wanted = {"quantities": None, "sensors": COUNTS, "kpis": KPIS}[part]
        for path in (Path("catalog") / part).glob("*.toml"):
            if wanted is None or path.stem in wanted:
                text = path.read_text(encoding="utf-8")
                # Numbers drawn at random disagree with their neighbours: only what a story is about is tested.
                tested = _TESTED if path.stem == "bicycle_counter" else ""
                (catalogue / part / path.name).write_text(text.partition("[quality_tests")[0] + tested, encoding="utf-8")
    (catalogue / "kpis" / "pm2_5_change.toml").write_text(_CHANGE, encoding="utf-8")
    paces = "\n".join(f"[kinds.{kind}]\ncadence_s = 300.0\nlateness_s = {LATENESS / SECOND}\nidle_s = 1e8\nmax_age_s = 1e8" for kind in COUNTS)
    head = (
        f'id = "{TOWN}"\nnames = {{ en = "M", fr = "M", nl = "M" }}\ntime_zone = "{ZONE.key}"\nwest = 4.3\nsouth = 50.8\neast = 4.4\nnorth = 50.9\n'
    )
    (home / "city.toml").write_text(head + paces + "\n", encoding="utf-8")
    (home / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": list(_areas())}), encoding="utf-8")
    since = datetime.fromtimestamp((DAY_START - HOUR) // SECOND, UTC).isoformat()
    rows = [f"{id_},{kind},{area},50.85,4.35,{since}" for id_, (kind, area) in devices().items()]
    (home / "devices.csv").write_text("id,kind,area,latitude,longitude,valid_from\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return home.parent, catalogue


def _areas() -> Iterator[object]:
    for area in AREAS:
        level = ("city", "district", "neighbourhood")[area.count(".")]
        ring = [[4.3, 50.8], [4.4, 50.8], [4.4, 50.9], [4.3, 50.9], [4.3, 50.8]]
        names = {f"name_{language}": area for language in ("en", "fr", "nl")}
        properties = {"id": area, "level": level, "parent": area.rpartition(".")[0] or None, "population": 100, **names}
        yield {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def readings() -> list[Row]:
    """A reading per device and step, one in ten missing; the end is whole, so that watermarks pass what they shall."""
    rng = np.random.default_rng(4)
    speaking = {id_: place for id_, place in devices().items() if id_ != SILENT}
    counted = dict.fromkeys(devices(), 100.0)
    found = []
    for at in range(DAY_START - HOUR, END, STEP):
        for n, (id_, (kind, _)) in enumerate(speaking.items()):
            counted[id_] += int(rng.integers(0, 30)) / 10
            value = counted[id_] if kind == "electricity_meter" else float(rng.integers(40, 90))
            near_spike = id_ == SPIKE[0] and abs(at - SPIKE[1]) <= STEP
            if (id_, at) == SPIKE[:2]:
                value = SPIKE[2]
            if rng.random() < 0.9 or at > END - 2 * HOUR or near_spike:
                when = at + n * SECOND
                found.append((id_, QUANTITY[kind], when, when + SECOND, round(value, 1)))
    return found


def once(at_us: int) -> list[Row]:
    """A reading of every device that speaks, and of the counters one more than ever before."""
    return [
        (id_, QUANTITY[kind], at_us + n * SECOND, at_us + (n + 1) * SECOND, 9_000.0 if kind == "electricity_meter" else 50.0)
        for n, (id_, (kind, _)) in enumerate(devices().items())
        if id_ != SILENT
    ]


def frames(rows: Iterable[Row]) -> list[tuple[int, bytes]]:
    """Partition and frame, a step of all devices after the other."""
    steps: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        steps.setdefault((row[3] // STEP, partition_of(row[0])), []).append(row)
    return [(partition, readings_frame(some)) for (_, partition), some in sorted(steps.items())]


def send(bootstrap: str, values: Iterable[tuple[int, bytes]], topic: str = READINGS.name) -> None:
    """Into a topic, confirmed."""

    async def confirmed() -> None:
        producer = kafka.producer(bootstrap, "town")
        await producer.start()
        try:
            await asyncio.gather(*[await producer.send(topic, value=value, partition=partition) for partition, value in values])
        finally:
            await producer.stop()

    asyncio.run(confirmed())


def beats(clock_us: int) -> list[tuple[int, bytes]]:
    """A heartbeat into every partition."""
    return [(partition, heartbeat(clock_us)) for partition in range(PARTITIONS)]
