"""What the columns of a file mean: a map from rows of a CSV or JSON-lines file to readings. A map is a TOML file.

Promises  A map that is wrong is named with key, wanted and got before anything is sent.
Leaves    Reading rows by it to rows.py; docs/examples/maps/ has one map per shape of file.
"""

from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

import msgspec

from catalog.decode import read_toml, to_record
from catalog.records import Id
from runtime.errors import ConfigError


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base: a key that is not known is an error."""


class Entries(Part, frozen=True, kw_only=True):
    """Rows whose fields lie in a list of objects, one per field."""

    list: str
    """Key of the list."""
    name: str
    """Key of the field's name in each object."""
    value: tuple[str, ...]
    """Keys under which the value may stand."""
    unit: str | None = None
    """Key of the unit's label."""


class FileShape(Part, frozen=True, kw_only=True):
    """How the file is written. `.gz` at the end of its name is unpacked."""

    kind: Literal["csv", "jsonl"] = "csv"
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    after: str = ""
    """Of each JSON line, what follows the first of these characters; empty: all of it."""
    entries: Entries | None = None
    sort: bool = False
    """True: rows are sent in the order of their times, whatever their order in the file."""


class TimeShape(Part, frozen=True, kw_only=True):
    """Which columns tell the time, and how."""

    columns: tuple[str, ...]
    """Joined by a blank."""
    format: str = "iso"
    """`iso`, `epoch_s`, `epoch_ms`, or as for Python's strptime."""
    zone: str = ""
    """IANA name, for times without an offset of their own."""
    repeated_hour: Literal["first", "second"] = "first"
    """Which of the two is meant in the hour that autumn repeats."""


class DeviceShape(Part, frozen=True, kw_only=True):
    """Which device a row is about: one for the whole file, or the text of a column."""

    constant: str = ""
    column: str = ""
    prefix: str = ""
    lower: bool = False
    ids: dict[str, str] = {}
    """From the column's text to a device id; where it has no entry, prefix and text."""


class ValueShape(Part, frozen=True, kw_only=True):
    """A column that holds a quantity."""

    column: str
    quantity: str
    unit: str | None = None
    """The label that is sent; null: canonical."""
    unit_as_written: bool = False
    """True: the label that the file's entry carries is sent."""
    text_as_written: bool = False
    """True: what stands there as text is sent as text, also where it is a number."""


class WideShape(Part, frozen=True, kw_only=True):
    """Every column that is not the time is a device of its own."""

    quantity: str
    unit: str | None = None
    without: tuple[str, ...] = ()


class PositionShape(Part, frozen=True, kw_only=True):
    """Columns of the position, degrees."""

    latitude: str
    longitude: str


class Map(Part, frozen=True, kw_only=True):
    """A whole map."""

    city: Id
    file: FileShape = FileShape()
    time: TimeShape
    device: DeviceShape = DeviceShape()
    values: tuple[ValueShape, ...] = ()
    wide: WideShape | None = None
    position: PositionShape | None = None
    missing: tuple[str, ...] = ("",)
    """Texts that mean that there is no value."""
    decimal: Literal[".", ","] = "."


def load_map(path: Path) -> Map:
    """Read and check a map; raises ConfigError."""
    found = to_record(read_toml(path), Map, path.name)
    return checked(found, path.name)


def checked(found: Map, where: str) -> Map:
    """The map itself, where its parts go together; raises ConfigError."""
    device = found.device
    if bool(found.values) == bool(found.wide):
        raise ConfigError(where, "either [[values]] or [wide]", "both" if found.values else "neither")
    if found.wide is None and bool(device.constant) == bool(device.column):
        raise ConfigError(f"{where}: device", "either constant or column", "both" if device.constant else "neither")
    if not found.time.columns:
        raise ConfigError(f"{where}: time.columns", "at least one column", [])
    if found.time.zone and found.time.zone not in available_timezones():
        raise ConfigError(f"{where}: time.zone", "an IANA name such as Europe/Brussels", found.time.zone)
    if found.file.entries is not None and found.file.kind != "jsonl":
        raise ConfigError(f"{where}: file.entries", 'kind = "jsonl"', found.file.kind)
    names = [value.quantity for value in found.values]
    if len(set(names)) != len(names):
        raise ConfigError(f"{where}: values", "each quantity once", names)
    return found
