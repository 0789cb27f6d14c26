"""KPIs about persons computed again: the areas beside a marked one follow, and a change of a few is not told."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest

from catalog.records import Device
from catalog.windows import to_us
from restate import recompute
from restate.restater import restate, window_at
from storage.queries import restating
from tests.restate import making
from tests.stream.city import kpi
from tests.stream.test_formula_live import catalogue

MINUTE = 60_000_000
START = to_us(datetime(2026, 3, 20, 23, tzinfo=UTC))
END = START + 24 * 60 * MINUTE
VISITS = msgspec.structs.replace(kpi("visits", "count(pm2_5)", "day", "1"), smallest_count=5, counts=("count(pm2_5)",), levels=("city", "district"))
FOUND = catalogue([VISITS], (7, 19, 23), START)
DATED = making.dated(FOUND)
AIR = {id_: device for id_, device in making.of(FOUND, Device).items() if isinstance(device, Device) and device.kind == "air"}
STANDS = {area: min(id_ for id_, device in AIR.items() if device.area.startswith(area)) for area in ("c.1", "c.2")}


class Fake:
    """A database: readings by district, what is published, what was ever published with a number."""

    def __init__(self, visits: dict[str, int], newest: dict[str, restating.Stored], numbers: dict[str, float] | None = None) -> None:
        given = {(STANDS[area], "pm2_5"): [(START + n * MINUTE, 1.0) for n in range(many)] for area, many in visits.items()}
        self._block = making.block(FOUND, given)
        self._newest = newest
        self._numbers = numbers if numbers is not None else {area: each.value for area, each in newest.items() if each.value is not None}
        self.out: dict[str, tuple[Any, ...]] = {}
        self.unmarked: list[str] = []

    def readings(self, devices: Sequence[int], _quantities: Sequence[int], span_us: tuple[int, int]) -> Iterator[tuple[Any, ...]]:
        mine = np.isin(self._block.device, devices) & (self._block.at_us >= span_us[0]) & (self._block.at_us < span_us[1])
        yield tuple(making.part(self._block, np.flatnonzero(mine)))

    def last_before(self, *_: object) -> Iterator[tuple[Any, ...]]:
        yield from ()

    def newest(self, _kpi: tuple[str, int], _start_us: int, areas: Sequence[str]) -> dict[str, restating.Stored]:
        return {area: self._newest[area] for area in areas if area in self._newest}

    def numbers(self, _kpi: tuple[str, int], _start_us: int, areas: Sequence[str]) -> dict[str, float]:
        return {area: self._numbers[area] for area in areas if area in self._numbers}

    def put(self, values: Sequence[restating.Out]) -> None:
        for out in values:
            told = json.loads(out.document)
            self.out[told["area"]] = (told["value"], told["state"], told["revision"], told["reason"])

    def mark(self, found: Sequence[restating.Mark], _reason: str) -> None:
        assert not found

    def unmark(self, _kpi: tuple[str, int], _start_us: int, areas: Sequence[str]) -> None:
        self.unmarked += areas


def mark(area: str) -> restating.Mark:
    return restating.Mark("visits", 1, area, START, END)


def final(value: float | None, devices: int = 1) -> restating.Stored:
    return restating.Stored(1, value, "ok" if value is not None else "suppressed", 0.5, devices)


def again(fake: Fake, *areas: str) -> dict[str, tuple[Any, ...]]:
    known: Any = type("Known", (), {"dated": DATED})()
    restate(fake, known, [restating.Due(mark(area), "late") for area in areas], END)  # type: ignore[arg-type]
    assert fake.unmarked == list(areas)
    return {area: told[:2] for area, told in fake.out.items()}


def test_an_area_that_is_hidden_takes_one_beside_it_along() -> None:
    fake = Fake({"c.1": 3, "c.2": 20}, {"c": final(30.0, 2), "c.1": final(10.0), "c.2": final(21.0)})
    # Seven fewer in one district, and the other one's change of one is not told, so the city of 23 may be.
    assert again(fake, "c.1", "c") == {"c": (23.0, "ok"), "c.1": (None, "suppressed"), "c.2": (None, "suppressed")}


def test_where_the_other_area_is_public_the_total_goes() -> None:
    fake = Fake({"c.1": 3, "c.2": 20}, {"c": final(30.0, 2), "c.1": final(10.0), "c.2": final(20.0)})
    shown = again(fake, "c.1", "c")
    assert (shown["c"], shown["c.1"]) == ((None, "suppressed"), (None, "suppressed"))
    assert shown.get("c.2", (20.0, "ok")) == (20.0, "ok")


def test_an_area_that_needs_no_company_any_more_is_shown() -> None:
    fake = Fake({"c.1": 30, "c.2": 20}, {"c": final(23.0, 2), "c.1": final(None), "c.2": final(None)})
    assert again(fake, "c.1", "c") == {"c": (50.0, "ok"), "c.1": (30.0, "ok"), "c.2": (20.0, "ok")}


def test_a_change_of_a_few_is_not_told() -> None:
    fake = Fake({"c.1": 31, "c.2": 20}, {"c": final(50.0, 2), "c.1": final(30.0), "c.2": final(20.0)})
    shown = again(fake, "c.1", "c")
    assert (shown["c"], shown["c.1"]) == ((None, "suppressed"), (None, "suppressed"))


def test_what_was_said_before_it_was_withheld_still_counts() -> None:
    before = {"c": final(None, 2), "c.1": final(None), "c.2": final(20.0)}
    fake = Fake({"c.1": 34, "c.2": 20}, before, {"c": 50.0, "c.1": 30.0, "c.2": 20.0})
    assert {area: told for area, told in again(fake, "c.1", "c").items() if told[1] == "ok" and area != "c.2"} == {}
    fake = Fake({"c.1": 36, "c.2": 20}, before, {"c": 50.0, "c.1": 30.0, "c.2": 20.0})
    shown = again(fake, "c.1", "c")
    assert (shown["c"], shown["c.1"]) == ((56.0, "ok"), (36.0, "ok"))


@pytest.mark.parametrize("areas", [["c.1"], ["c.2", "c"], ["c", "c.1", "c.2"]])
def test_comparing_a_part_says_what_the_whole_says(areas: list[str]) -> None:
    fake = Fake({"c.1": 3, "c.2": 20}, {"c": final(23.0, 2), "c.1": final(None), "c.2": final(None)})
    version = DATED.by_name["visits", 1]
    window = window_at(DATED, version, [mark(area) for area in areas])
    found = recompute.compare(fake, DATED, window)  # type: ignore[arg-type]
    assert [(one.mark.area, one.computed.value, one.computed.state) for one in found] == [
        (area, 23.0 if area == "c" else None, "ok" if area == "c" else "suppressed") for area in areas
    ]
