"""Resolve a SenML pack: apply base fields, tell readings from positions, turn times into µs.

Promises  Every record gives a reading, half a position, base fields only, or one refusal.
Leaves    Bytes and types of fields to ingest/formats/senml.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from catalog.reasons import Reason
from ingest.format import EARLIEST_US, LATEST_US, Columns
from runtime.errors import Rejected

RELATIVE_BELOW_S = 1 << 28
"""A time below is seconds from now, from there on seconds since 1970."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*", re.ASCII)

MEANT_OTHERWISE = {"C": "coulomb", "F": "farad"}
"""Symbols that devices elsewhere write for degrees; in SenML they are electric units."""


Time = tuple[bool, int]
"""Relative to receipt or not, and µs."""


class Record(msgspec.Struct, gc=False):
    """One SenML record with the fields that it has."""

    bn: str | UnsetType = UNSET
    bt: float | UnsetType = UNSET
    bu: str | UnsetType = UNSET
    bv: float | UnsetType = UNSET
    bs: float | UnsetType = UNSET
    bver: int | UnsetType = UNSET
    n: str | UnsetType = UNSET
    u: str | UnsetType = UNSET
    v: float | UnsetType = UNSET
    vs: str | UnsetType = UNSET
    vb: bool | UnsetType = UNSET
    vd: str | UnsetType = UNSET
    s: float | UnsetType = UNSET
    t: float | UnsetType = UNSET
    ut: float | UnsetType = UNSET


class _Base:
    """Base fields as they stand at the record; each holds until the next of its kind."""

    __slots__ = ("name", "time_s", "unit", "value")

    def __init__(self) -> None:
        self.name, self.time_s = "", 0.0
        self.unit: str | None = None
        self.value: float | None = None

    def take(self, record: Record) -> None:
        if record.bn is not UNSET:
            self.name = record.bn
        if record.bt is not UNSET:
            self.time_s = record.bt
        if record.bu is not UNSET:
            self.unit = record.bu
        if record.bv is not UNSET:
            self.value = record.bv


def resolve(records: Sequence[Record], problems: Mapping[int, Rejected], into: Columns) -> None:
    """Add, place or refuse each record; `problems` are those that are refused already."""
    base = _Base()
    halves: dict[Time, dict[str, tuple[int, float]]] = {}
    first = len(into)
    for index, record in enumerate(records):
        base.take(record)
        problem = problems.get(index)
        if problem is not None:
            into.refuse(index, problem)
            continue
        try:
            half = _one(index, record, base, into)
        except Rejected as refusal:
            into.refuse(index, refusal)
            continue
        if half is not None:
            halves.setdefault(half[0], {})[half[1]] = (index, half[2])
    if halves:
        _place(halves, first, into)


def _one(index: int, record: Record, base: _Base, into: Columns) -> tuple[Time, Literal["lat", "lon"], float] | None:
    """Add the record's reading; returns time, `lat` or `lon` and degrees where it is half a position."""
    value = record.v
    if value is UNSET or not (record.vs is record.vb is record.vd is UNSET):
        found = _value(index, record, base)
        if found is None:
            return None
        value = found
    elif base.value is not None:
        value += base.value
    name = base.name + record.n if record.n is not UNSET else base.name
    if _NAME.fullmatch(name) is None:
        raise Rejected(Reason.MALFORMED, f"record {index}, name", "letters, digits and - : . / _ after a letter or digit", name)
    relative, at_us = _time(index, record, base)
    unit = record.u if record.u is not UNSET else base.unit
    if unit in ("lat", "lon"):
        return (relative, at_us), ("lat" if unit == "lat" else "lon"), value
    if unit is not None:
        unit = MEANT_OTHERWISE.get(unit, unit)
    quantity = name[max(name.rfind(":"), name.rfind("/")) + 1 :]
    if relative:
        into.add_since_receipt(index, quantity, value, at_us, unit)
    else:
        into.add(index, quantity, value, at_us, unit)
    return None


def _value(index: int, record: Record, base: _Base) -> float | None:
    """The value of a record without `v`, or with several; None where it has base fields only."""
    where = f"record {index}"
    given = [label for label in ("v", "vs", "vb", "vd") if getattr(record, label) is not UNSET]
    if len(given) > 1:
        raise Rejected(Reason.MALFORMED, where, "one value", ", ".join(given))
    if given:
        raise Rejected(Reason.MALFORMED, where, "a number v", f"{given[0]} {getattr(record, given[0])!r}")
    if record.s is not UNSET:
        raise Rejected(Reason.MALFORMED, where, "a number v", "only a sum s")
    if record.n is record.u is record.t is record.ut is UNSET:
        return None
    if base.value is None:
        raise Rejected(Reason.MALFORMED, where, "a number v", "no value")
    return base.value


def _time(index: int, record: Record, base: _Base) -> Time:
    """Whether it rests on the receive time, and µs: each part is rounded by itself, so their sum is exact."""
    after_s = record.t if record.t is not UNSET else 0.0
    total_s = base.time_s + after_s
    if not EARLIEST_US <= total_s * 1e6 < LATEST_US or not abs(after_s) * 1e6 < LATEST_US * 2:
        raise Rejected(Reason.MALFORMED, f"record {index}, time", "a time in the years 1 to 9999", total_s)
    return total_s < RELATIVE_BELOW_S, round(base.time_s * 1e6) + round(after_s * 1e6)


def _place(halves: Mapping[Time, Mapping[str, tuple[int, float]]], first: int, into: Columns) -> None:
    """Give the readings of a time the position of that time; half a position is refused."""
    fixed: dict[int, tuple[float, float]] = {}
    since: dict[int, tuple[float, float]] = {}
    for (relative, at_us), half in halves.items():
        if len(half) == 2:
            (since if relative else fixed)[at_us] = (half["lat"][1], half["lon"][1])
            continue
        ((label, (index, degrees)),) = half.items()
        into.reject(index, Reason.MALFORMED, "latitude and longitude of one time", f"{label} {degrees} alone")
    if fixed or since:
        into.place_by_time(first, fixed, since)
