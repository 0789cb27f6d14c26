"""The comparison with DuckDB finds equal results, and finds out where they are not."""

from typing import Any

import numpy as np
import pytest

from benchmarks import duck, kernel
from benchmarks.limits import Record
from runtime.frames import Coded, encode
from tests.stream import city


def frames(seed: int) -> tuple[list[Record], list[Record]]:
    """The catalogue of the little city, and three frames of one partition."""
    devices = {f"c.{kind}-{n}": (kind, area) for n, area in enumerate(("c.1.n1", "c.1.n2", "c.2.n1")) for kind in ("air", "noise")}
    documents = city.documents([], devices)
    rng, ids = np.random.default_rng(seed), sorted(devices)
    found = []
    for n in range(3):
        codes = rng.integers(0, len(ids), 200).astype(np.int32)
        quantity = np.array([ids[code].split(".")[1].startswith("noise") for code in codes], np.int32)
        at_us = city.T0 + n * 30 * city.SECOND + np.arange(200) * 100_000
        columns: dict[str, Any] = {
            "device": Coded(codes, ids),
            "quantity": Coded(quantity, ["pm2_5", "sound_level"]),
            "measured_at": at_us,
            "received_at": at_us + 1_000,
            "value": np.round(rng.uniform(20, 90, 200), 1),
            "quality": np.full(200, 2, np.uint16),
        }
        found.append(Record(0, n + 1, encode({"kind": "readings", "gateway": "g", "life": "l", "seq": n}, columns)))
    return [Record(0, 0, city.catalogue_frame(documents))], found


def test_kernel_and_duckdb_agree() -> None:
    compared = kernel.compare(*frames(1), rounds=1)
    assert compared.equal
    assert compared.readings == 600
    assert compared.groups >= 6
    assert compared.areas >= 6


def test_one_reading_more_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = duck._tables

    def doctored(parts: list[duck.Part]) -> Any:
        readings, places = plain(parts)
        return readings.slice(1), places

    monkeypatch.setattr(duck, "_tables", doctored)
    assert not kernel.compare(*frames(1), rounds=1).equal
