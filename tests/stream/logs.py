"""Logs of partials as several input partitions would write them, from a seed: growing windows, repeats, older offsets again."""

from typing import NamedTuple

import numpy as np

from catalog.records import Kpi
from catalog.windows import window_of
from formula.spec import parse_key
from tests.stream.partials import (
    AREAS,
    CITIES,
    KPIS,
    Marks,
    Owed,
    Row,
    catalogue_frame,
    census_frame,
    documents,
    rows_frame,
    watermarks_frame,
)

KINDS_OF_SOURCE = (("air", "loop", "noise"), ("air", "loop"), ("air",))
SOURCES = len(KINDS_OF_SOURCE)
KEYS = {
    "air": ("mean(pm2_5)@minute", "mean(pm2_5)@hour", "mean(no2)@hour", "mean(pm2_5,count)@hour", "mean(pm2_5,population)@hour"),
    "loop": (
        "p95(speed)@minute", "sum(vehicles)@minute", "count_devices(vehicles)@minute", "sum(vehicles)@hour", "count_devices(vehicles)@hour",
    ),
    "noise": ("leq(sound_level,night)@day",),
}  # fmt: skip
ZONES = {area.id: next(city.time_zone for city in CITIES if city.id == area.city) for area in AREAS}


class Step(NamedTuple):
    """How fast the log's clock goes: choices of advance, in µs."""

    base_us: int
    advances_us: tuple[int, ...]
    frames: int
    kpis: tuple[Kpi, ...] = tuple(KPIS)


def source_log(rng: np.random.Generator, source: int, step: Step) -> list[bytes]:
    """The records of one input partition in its own order, with repeats of an older stretch as after a restart."""
    marks: dict[str, int | None] = dict.fromkeys(KINDS_OF_SOURCE[source])
    frames = [catalogue_frame(0, marks, documents(step.kpis))] if source == 0 else []
    frames.append(census_frame(source, 1, marks, _census(rng, source, step.base_us)))
    for offset in range(2, 2 + step.frames):
        rows = _rows(rng, source, marks, step.base_us)
        for kind, at_us in marks.items():
            if rng.random() < 0.8:
                marks[kind] = (step.base_us if at_us is None else at_us) + int(rng.choice(step.advances_us))
        frames.append(rows_frame(source, offset, marks, rows) if rows else watermarks_frame(source, offset, marks))
    if rng.random() < 0.5:
        low, high = sorted(rng.integers(1 + (source == 0), len(frames), 2).tolist())
        frames[high:high] = frames[low:high]
    return frames


def interleave(rng: np.random.Generator, logs: list[list[bytes]]) -> list[bytes]:
    """One partition's order: any mixture that keeps each input partition's own."""
    order = rng.permutation([source for source, log in enumerate(logs) for _ in log]).tolist()
    heads = [iter(log) for log in logs]
    return [next(heads[source]) for source in order]


def _census(rng: np.random.Generator, source: int, base_us: int) -> list[Owed]:
    owed = []
    for kind in KINDS_OF_SOURCE[source]:
        for area in ("alpha", "alpha.a", "alpha.b", "omega"):
            if rng.random() < 0.7:
                begin = base_us + int(rng.choice([-3_600_000_000, 0, 90_000_000]))
                end = (1 << 63) - 1 if rng.random() < 0.7 else base_us + 100_000_000
                owed.append(Owed(area, kind, int(rng.integers(1, 4)), int(rng.choice([7_000_000, 10_000_000])), begin, 0, end))
    return owed


def _rows(rng: np.random.Generator, source: int, marks: Marks, base_us: int) -> list[Row]:
    rows = {}
    for kind, mark_us in marks.items():
        for key in KEYS[kind]:
            for area, zone in ZONES.items():
                if rng.random() < 0.5:
                    continue
                window = parse_key(key)[1]
                start, end = window_of(base_us if mark_us is None else mark_us, window, zone)
                if rng.random() < 0.3:
                    start, _ = window_of(end, window, zone)
                rows[key, area, start] = _row(rng, key, area, start)
    return list(rows.values())


def _row(rng: np.random.Generator, key: str, area: str, start_us: int) -> Row:
    devices = int(rng.integers(1, 4))
    readings = devices * int(rng.integers(1, 7))
    total = int(rng.integers(-(1 << 62), 1 << 62)) << int(rng.integers(0, 12)) if "mean" in key else int(rng.integers(0, 50))
    bins = None
    if key.startswith("p95"):
        values, counts = np.unique(rng.integers(-5, 60, readings), return_counts=True)
        bins = np.stack([values, counts], axis=1).astype(np.int64).tobytes()
    low, high = sorted(rng.integers(-1000, 1000, 2).tolist())
    real = float(rng.integers(0, 5_000)) if "population" in key else float(rng.random() * 1e7 * devices)
    return Row(key, area, start_us, devices, readings, readings * 1_000_000, total, real, low, high, bins)
