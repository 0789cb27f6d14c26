"""What the devices of the city say in a run, fault by fault: a pure function of seed, start and length.

Promises  Two readings of one device and quantity never share a time unless they are repetitions of one message, so that no two values
          contradict each other; every record that must be refused stands in `broken` with its reason, every other in `said`.
Leaves    Sending it to load.py.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np

from catalog.reasons import Reason
from catalog.records import Quantity
from chaos.city import CITY, KINDS, TESTED, UNTIMED, Stands, devices
from ingest.format import WHOLE_MESSAGE
from simulators import payloads
from simulators.chance import rng_for
from simulators.faults import malformed

SECOND_US = 1_000_000
SHARES = {"duplicate": 0.04, "late": 0.04, "swapped": 0.03, "implausible": 0.02, "broken": 0.04, "packed": 0.06}
"""Per message; the rest goes out as it should."""
JUMPS_S = ((20.0, 120.0), (-100.0, -5.0), (7_200.0, 7_200.0), (-7_200.0, -7_200.0))
"""Ranges of what a clock that jumped is off by. The last two are refused: five minutes ahead, and older than the kind's max_age."""
FAR_S = 3_600.0
_JUMP_SHARE, _JUMP_S = 0.012, (6.0, 18.0)
QUARTER_US = 900 * SECOND_US
_KEPT_SHARE, _KEPT, _KEPT_BEFORE_S = 0.002, 20, (120.0, 840.0)
_SPIKE = 30
"""What a value of the kept ones jumps by, in hundreds of its resolution."""
_LATE_S, _SWAPPED_S, _AGAIN_S = (4.0, 45.0), (0.3, 1.2), ((0.02, 1.0), (5.0, 40.0))
_GHOST, _UNIT, _WRONG = (
    f"{CITY}.ghost",
    "parsecs",
    ("malformed", "unknown_quantity", "out_of_range", "unknown_device", "unsupported_format", "wrong_unit"),
)


class Said(NamedTuple):
    """A reading in a message, `record` its place there. Without a time of its own measured_us is 0."""

    record: int
    quantity: str
    measured_us: int
    value: float
    has_time: bool
    fault: str


class Broken(NamedTuple):
    """A record that must be refused, or with -1 the message."""

    record: int
    reason: Reason


class Sending(NamedTuple):
    """One message when it is due."""

    due_us: int
    stands: Stands
    topic: str
    payload: bytes
    said: tuple[Said, ...]
    broken: tuple[Broken, ...]


def script(seed: int, start_us: int, seconds: float, quantities: dict[str, Quantity]) -> list[Sending]:
    """Everything that goes out, in the order in which it is due."""
    found: list[Sending] = []
    for stands in devices():
        if stands.speaks:
            found += _Voice(seed, stands, quantities).speak(start_us, start_us + round(seconds * SECOND_US))
    return sorted(found, key=lambda sending: sending.due_us)


class _Voice:
    """One device: its values, its clock and the times that it has used."""

    def __init__(self, seed: int, stands: Stands, quantities: dict[str, Quantity]) -> None:
        self.stands, self.kind = stands, KINDS[stands.kind]
        self.quantities = {name: quantities[name] for name in self.kind.quantities}
        self.rng = rng_for(seed, stands.id)
        self.level = {name: _first(name, self.rng) for name in self.quantities}
        self.used: set[int] = set()
        self.untimed: set[float] = set()
        self.off_s, self.off_until_us = 0.0, 0
        self.number = 0

    def speak(self, start_us: int, end_us: int) -> Iterator[Sending]:
        """All its messages."""
        step_us = round(self.kind.cadence_s * SECOND_US)
        kept: list[tuple[int, str, float]] = []
        for at_us in range(start_us + int(self.rng.integers(0, step_us)), end_us, step_us):
            self.number += 1
            self._clock(at_us)
            rows = kept + self._rows(at_us)
            fault = self._fault()
            kept = rows if fault == "packed" else []
            if not kept:
                for sending in self._sendings(at_us, fault, rows):
                    yield sending._replace(due_us=min(sending.due_us, end_us))
            if self.stands.kind in TESTED and self.rng.random() < _KEPT_SHARE:
                yield self._kept(at_us)

    def _clock(self, at_us: int) -> None:
        if at_us >= self.off_until_us:
            self.off_s = 0.0
            if self.rng.random() < _JUMP_SHARE * self.kind.cadence_s:
                low, high = JUMPS_S[int(self.rng.choice(len(JUMPS_S), p=(0.3, 0.3, 0.2, 0.2)))]
                self.off_s, self.off_until_us = float(self.rng.uniform(low, high)), at_us + round(self.rng.uniform(*_JUMP_S) * SECOND_US)

    def _fault(self) -> str:
        draw, names = self.rng.random(), list(SHARES)
        place = int(np.searchsorted(np.cumsum(list(SHARES.values())), draw, side="right"))
        return names[place] if place < len(names) else ""

    def _rows(self, at_us: int) -> list[tuple[int, str, float]]:
        """Time in ms, quantity and value of one tick; its time is used up."""
        at_ms = at_us // 1_000 + round(self.off_s * 1_000)
        while at_ms in self.used:
            at_ms += 1
        self.used.add(at_ms)
        for name in self.quantities:
            self.level[name] = _next(name, self.level, self.rng)
        return [(at_ms, name, round(self.level[name] * known.resolution, 6)) for name, known in self.quantities.items()]

    def _sendings(self, at_us: int, fault: str, rows: list[tuple[int, str, float]]) -> Iterator[Sending]:
        if fault == "broken":
            yield self._broken(at_us, rows)
            return
        if self.stands.kind == UNTIMED and self.number % 5 == 0:
            yield self._untimed(at_us, rows[-1])
            return
        if fault == "implausible":
            at_ms, name, _ = rows[0]
            rows = [(at_ms, name, self._beyond(name, self.kind.quantities[name][1])), *rows[1:]]
        held_s = float(self.rng.uniform(*{"late": _LATE_S, "swapped": _SWAPPED_S}.get(fault, (0.0, 0.0))))
        first = self._message(at_us + round(held_s * SECOND_US), rows, fault or self._clock_fault())
        yield first
        if fault == "duplicate":
            again_us = first.due_us + round(self.rng.uniform(*_AGAIN_S[self.number % 2]) * SECOND_US)
            yield first._replace(due_us=again_us)

    def _clock_fault(self) -> str:
        return "" if self.off_s == 0.0 else "clock_ahead" if self.off_s > 0 else "clock_behind"

    def _message(self, due_us: int, rows: list[tuple[int, str, float]], fault: str) -> Sending:
        """A message that is well formed; what its clock makes unacceptable is in `broken`."""
        senml = self.number % 3 == 0
        body = payloads.senml_body(rows) if senml else payloads.json_body(rows)
        times = list(dict.fromkeys(at_ms for at_ms, _, _ in rows))
        said: list[Said] = []
        broken: list[Broken] = []
        for place, (at_ms, name, value) in enumerate(rows):
            index, ahead_s = place if senml else times.index(at_ms), at_ms / 1e3 - due_us / 1e6
            if abs(ahead_s) > FAR_S:
                broken.append(Broken(index, Reason.TIME_IN_FUTURE if ahead_s > 0 else Reason.TIME_TOO_OLD))
            else:
                said.append(Said(index, name, at_ms * 1_000, value, True, fault))
        return self._sending(due_us, "senml" if senml else "json", body, said, broken)

    def _kept(self, due_us: int) -> Sending:
        """What it kept while it was offline: some readings in a row of the quarter of an hour before, one of them a spike, then a flat line."""
        name, known = next(iter(self.quantities.items()))
        begin_us = due_us // QUARTER_US * QUARTER_US - round(self.rng.uniform(*_KEPT_BEFORE_S) * SECOND_US)
        step_ms = round(self.kind.cadence_s * 1_000)
        rows, spike, flat = [], int(self.rng.integers(2, 6)), int(self.rng.integers(4, _KEPT))
        for number in range(_KEPT):
            at_ms = begin_us // 1_000 + number * step_ms
            if at_ms not in self.used:
                self.used.add(at_ms)
                moves = number < flat
                self.level[name] = _next(name, self.level, self.rng) if moves else self.level[name]
                level = self.level[name] + (100 * _SPIKE if number == spike and name == "pm2_5" else 0)
                rows.append((at_ms, name, round(level * known.resolution, 6)))
        said = [Said(index, name, at_ms * 1_000, value, True, "kept") for index, (at_ms, _, value) in enumerate(rows)]
        return self._sending(due_us, "json", payloads.json_body(rows), said, [])

    def _untimed(self, due_us: int, row: tuple[int, str, float]) -> Sending:
        _, name, value = row
        while value in self.untimed:  # told apart by their values alone
            value = round(value + self.quantities[name].resolution, 6)
        self.untimed.add(value)
        body = msgspec.json.encode({"quantity": name, "value": value})
        return self._sending(due_us, "json", body, [Said(0, name, 0, value, False, "untimed")], [])

    def _broken(self, due_us: int, rows: list[tuple[int, str, float]]) -> Sending:
        wrong = _WRONG[int(self.rng.integers(len(_WRONG)))]
        rows = [(due_us // 1_000, name, value) for _, name, value in rows[-len(self.quantities) :]]
        at_ms, name, value = rows[0]
        whole = [Broken(WHOLE_MESSAGE, Reason(wrong))]
        match wrong:
            case "malformed":
                return self._sending(due_us, "json", malformed(payloads.json_body(rows), self.number), [], whole)
            case "unsupported_format":
                return self._sending(due_us, "morse", payloads.json_body(rows), [], whole)
            case "unknown_device":
                return self._sending(due_us, "json", payloads.json_body(rows), [], whole)._replace(topic=f"city/{CITY}/{_GHOST}/json")
            case "wrong_unit":
                body = msgspec.json.encode({"time": at_ms, "quantity": name, "value": value, "unit": _UNIT})
            case "unknown_quantity":
                body = payloads.json_body([(at_ms, "phlogiston", value)])
            case _:
                body = payloads.json_body([(at_ms, name, 2.0 * self.quantities[name].possible[1])])
        return self._sending(due_us, "json", body, [], [Broken(0, Reason(wrong))])

    def _beyond(self, name: str, plausible: float) -> float:
        known = self.quantities[name]
        return round(round((plausible + known.possible[1]) / 2 / known.resolution) * known.resolution, 6)

    def _sending(self, due_us: int, form: str, body: bytes, said: list[Said], broken: list[Broken]) -> Sending:
        return Sending(due_us, self.stands, f"city/{CITY}/{self.stands.id}/{form}", body, tuple(said), tuple(broken))


def _first(name: str, rng: np.random.Generator) -> int:
    """Where a quantity begins, in units of its resolution."""
    begins = {"pm2_5": 1_200, "pm10": 2_400, "sound_level": 600, "parking_free": 120, "water_used": 5_000_000, "temperature": 110}
    return begins.get(name, 20) + int(rng.integers(0, 10))


def _next(name: str, level: dict[str, int], rng: np.random.Generator) -> int:
    """The next value: counters grow and at times begin again, the others wander."""
    if name == "water_used":
        return int(rng.integers(0, 50)) if rng.random() < 0.005 else level[name] + int(rng.integers(0, 90))
    if name == "departures_on_time":
        return int(rng.integers(0, level["departures"] + 1))
    width = 40 if level[name] >= 400 else 4
    return max(0, level[name] + int(rng.integers(-width, width + 1)))
