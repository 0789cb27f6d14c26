"""What a payload format is, the columns it decodes into, and the helpers that every format shares.

Promises  A format only ever adds rows or rejects them by index; `Columns` keeps both apart and stays whole when a
          decoder fails half-way; numbers that reach it are finite.
Leaves    Units, ranges, times and devices to ingest/checks; the bytes' meaning to the files in ingest/formats/.
"""

import importlib
import math
import pkgutil
from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from catalog.reasons import Reason
from runtime.errors import ConfigError, Rejected

WHOLE_MESSAGE = -1
"""Index of a rejection that concerns the message, not one of its records."""

EARLIEST_US = -62_135_596_800_000_000
LATEST_US = 253_402_300_800_000_000
"""The years 1 to 9999: what an ISO 8601 time can say."""

_NOWHERE = (math.nan, math.nan)
_NO_DEGREES = array("d", (math.nan,))
_SHOWN = 120


class Row(NamedTuple):
    """One reading as a format encodes and decodes it."""

    quantity: str
    value: float
    measured_at_us: int | None = None
    """µs UTC; None: the gateway's receive time, plus `since_receipt_us`."""
    unit: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    since_receipt_us: int = 0


class Example(NamedTuple):
    """A payload as literal bytes, the rows that it holds, and (index, reason) of what is rejected."""

    payload: bytes
    rows: Sequence[Row]
    rejected: Sequence[tuple[int, Reason]] = ()


class Refusal(msgspec.Struct, frozen=True):
    """A record of a message that does not go in."""

    index: int
    reason: Reason
    detail: str


class Columns:
    """Rows of many messages as parallel columns; decoders append, the gateway takes them as arrays."""

    __slots__ = ("at_us", "index", "latitude", "longitude", "quantity", "refusals", "relative", "unit", "value")

    def __init__(self) -> None:
        self.quantity: list[str] = []
        self.unit: list[str | None] = []
        self.value = array("d")
        self.at_us = array("q")
        """µs UTC; for the rows in `relative` µs after receipt."""
        self.index = array("i")
        self.relative: list[int] = []
        self.latitude = array("d")
        self.longitude = array("d")
        """Degrees, WGS84; NaN: the row has no position, as have all rows from the end of the two columns on."""
        self.refusals: list[Refusal] = []

    def __len__(self) -> int:
        return len(self.value)

    def add(self, index: int, quantity: str, value: float, at_us: int | None, unit: str | None = None) -> None:
        """One reading of record `index`; `at_us` µs UTC, or None for the receive time."""
        if at_us is None:
            self.relative.append(len(self.value))
            at_us = 0
        self.at_us.append(at_us)
        self.value.append(value)
        self.index.append(index)
        self.quantity.append(quantity)
        self.unit.append(unit)

    def add_since_receipt(self, index: int, quantity: str, value: float, since_us: int, unit: str | None = None) -> None:
        """One reading whose time is `since_us` µs after receipt (negative: before)."""
        self.relative.append(len(self.value))
        self.add(index, quantity, value, since_us, unit)

    def add_many(self, index: int, values: Mapping[str, float], at_us: int | None) -> None:
        """Several quantities of record `index` at one time, in canonical units."""
        count, first = len(values), len(self.value)
        if at_us is None:
            self.relative.extend(range(first, first + count))
            at_us = 0
        self.at_us.extend((at_us,) * count)
        self.value.extend(values.values())
        self.index.extend((index,) * count)
        self.quantity.extend(values)
        self.unit.extend((None,) * count)

    def place(self, first: int, latitude: float, longitude: float) -> None:
        """Give every row from row `first` on this position (degrees, WGS84)."""
        if len(self.latitude) != first:
            self._reach(first)
        for _ in range(first, len(self.value)):
            self.latitude.append(latitude)
            self.longitude.append(longitude)

    def place_by_time(self, first: int, fixed: Mapping[int, tuple[float, float]], since: Mapping[int, tuple[float, float]]) -> None:
        """Give the rows from row `first` on the position of their time, where there is one: `fixed` by µs UTC, `since` by µs after receipt."""
        if len(self.latitude) != first:
            self._reach(first)
        resting = frozenset(self.relative[bisect_left(self.relative, first) :])
        for row, at_us in enumerate(self.at_us[first:], start=first):
            latitude, longitude = (since if row in resting else fixed).get(at_us, _NOWHERE)
            self.latitude.append(latitude)
            self.longitude.append(longitude)

    def _reach(self, rows: int) -> None:
        """Make both columns of positions `rows` long."""
        for column in (self.latitude, self.longitude):
            del column[rows:]
            column.extend(_NO_DEGREES * (rows - len(column)))

    def reject(self, index: int, reason: Reason, wanted: str, got: object) -> None:
        """Refuse record `index`; the good ones of the message still go in."""
        self.refusals.append(Refusal(index, reason, f"record {index}: wanted {wanted}, got {shown(got)}"))

    def refuse(self, index: int, refusal: Rejected) -> None:
        """Refuse record `index` for the reason that a helper gave."""
        self.refusals.append(Refusal(index, refusal.reason, str(refusal)))

    def cut(self, rows: int, refusals: int) -> None:
        """Forget what came after `rows` rows and `refusals` refusals: the message is refused as a whole."""
        for column in (self.quantity, self.unit, self.value, self.at_us, self.index, self.latitude, self.longitude):
            del column[rows:]
        del self.refusals[refusals:]
        self.relative = [row for row in self.relative if row < rows]

    def rows(self) -> list[Row]:
        """The rows as objects: for tests, examples and `decode` on the command line, not for the hot path."""
        relative = set(self.relative)
        found = []
        for i, (quantity, value, at_us, unit) in enumerate(zip(self.quantity, self.value, self.at_us, self.unit, strict=True)):
            placed = i < len(self.latitude) and not math.isnan(self.latitude[i])
            latitude, longitude = (self.latitude[i], self.longitude[i]) if placed else (None, None)
            known = None if i in relative else at_us
            found.append(Row(quantity, value, known, unit, latitude, longitude, at_us if i in relative else 0))
        return found


class Format(NamedTuple):
    """A payload format: the constant FORMAT of `ingest/formats/<name>.py`."""

    name: str
    title: str
    """One line for the reference."""
    decode: Callable[[bytes, Columns], None]
    """Adds or rejects every record; raises Rejected when the message as a whole cannot be read."""
    encode: Callable[[Sequence[Row]], bytes]
    examples: Sequence[Example]
    detect: Callable[[bytes], bool]
    """True where a payload of unknown origin looks like this format."""


def text(payload: bytes) -> str:
    """UTF-8 text, or Rejected."""
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejected(Reason.MALFORMED, f"byte {error.start}", "UTF-8", payload[error.start : error.start + 8]) from error


def number(value: object, where: str) -> float:
    """A finite number, as float; text and booleans are none. Raises Rejected."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Rejected(Reason.MALFORMED, where, "a number", value)
    try:
        found = float(value)
    except OverflowError as error:
        raise Rejected(Reason.NOT_FINITE, where, "a finite number", shown(value)) from error
    if not math.isfinite(found):
        raise Rejected(Reason.NOT_FINITE, where, "a finite number", value)
    return found


def whole(value: object, where: str) -> int:
    """A whole number; text, booleans and fractions are none. Raises Rejected."""
    found = number(value, where)
    if found != math.floor(found):
        raise Rejected(Reason.MALFORMED, where, "a whole number", value)
    return int(found)


def shown(value: object) -> str:
    """What came, short and printable, whatever it is."""
    try:
        said = ascii(value)
    except (ValueError, RecursionError, OverflowError):
        # an integer of thousands of digits, a structure of thousands of levels
        said = f"<{type(value).__name__} too large to show>"
    return said if len(said) <= _SHOWN else said[: _SHOWN - 3] + "..."


@cache
def formats() -> Mapping[str, Format]:
    """All formats by name, from the files in ingest/formats/; a file without FORMAT or with another name is an error."""
    from ingest import formats as folder

    found: dict[str, Format] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(folder.__path__) if not module.name.startswith("_")):
        bound = getattr(importlib.import_module(f"ingest.formats.{name}"), "FORMAT", None)
        if not isinstance(bound, Format) or bound.name != name:
            raise ConfigError(f"ingest/formats/{name}.py", f"FORMAT = Format(name={name!r}, …)", bound)
        found[name] = bound
    return MappingProxyType(found)
