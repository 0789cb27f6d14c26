"""The typed records of the catalogue: what a city measures, with what, and what it promises about it.

Promises  Decoded once from TOML, CSV or GeoJSON by catalog.load and catalog.cities; frozen ever after.
Leaves    Cross-checks between records (a KPI's formula names a known quantity) to catalog.check and formula/.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Names = dict[str, str]
"""A text per language; `en`, `fr` and `nl` are all there (catalog.load refuses less)."""

LANGUAGES = ("en", "fr", "nl")

Id = Annotated[str, Meta(pattern=r"^[a-z0-9._:-]{1,64}$")]
Level = Literal["neighbourhood", "district", "city"]
LEVELS: tuple[Level, ...] = ("neighbourhood", "district", "city")
WindowName = Literal["minute", "quarter_hour", "hour", "day", "month", "quarter", "year"]
Positive = Annotated[float, Meta(gt=0)]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base: a field that is not known is an error, not a surprise."""


class Conversion(Record, frozen=True, kw_only=True):
    """canonical = value * scale + offset."""

    scale: float
    offset: float = 0.0


class Quantity(Record, frozen=True, kw_only=True):
    """What is measured: `catalog/quantities/<id>.toml`."""

    id: Id
    names: Names
    unit: str
    possible: tuple[float, float]
    resolution: Positive
    conversions: dict[str, Conversion] = {}
    """From a unit label as devices write it to the canonical unit; the canonical one needs no entry."""
    counter: bool = False
    """True for a total that only grows until it resets."""
    source: str = ""


class Measured(Record, frozen=True, kw_only=True):
    """One quantity as one sensor kind measures it."""

    plausible: tuple[float, float]
    signal: str = "level"
    """Default signal of the simulator; see simulators/signals.py."""
    typical: float | None = None


class QualityTests(Record, frozen=True, kw_only=True):
    """Thresholds of the sequence tests of one quantity, in its canonical unit; a test whose thresholds are not given is not run."""

    spike_suspect: Positive | None = None
    """How far a value may lie from the mean of its two neighbours in time."""
    spike_fail: Positive | None = None
    rate_suspect_per_s: Positive | None = None
    """How far it may move from one reading to the next, per second; a step in less than the kind's cadence is taken as one over the cadence."""
    rate_fail_per_s: Positive | None = None
    flat_suspect_s: Positive | None = None
    """How long it may stand still, within less than `flat_tolerance`."""
    flat_fail_s: Positive | None = None
    flat_tolerance: Annotated[float, Meta(ge=0)] = 0.0
    neighbour_radius_m: Positive | None = None
    """Who its neighbours in space are: sensors of the same quantity and kind within it."""
    neighbour_suspect: Positive = 4.0
    """Scaled median absolute deviations of the neighbours from their median."""
    neighbour_fail: Positive = 8.0
    neighbour_min_scale: Annotated[float, Meta(ge=0)] = 0.0
    neighbour_least: Annotated[int, Meta(ge=1)] = 3


class SensorKind(Record, frozen=True, kw_only=True):
    """A kind of device: `catalog/sensors/<id>.toml`."""

    id: Id
    names: Names
    quantities: dict[str, Measured]
    cadence_s: Positive
    lateness_s: Annotated[float, Meta(ge=0)]
    ahead_s: Annotated[float, Meta(ge=0)] = 60.0
    """Measured more than this after its receipt, a reading is kept and suspect: the device's clock runs ahead. Beyond five minutes it is refused."""
    idle_s: Positive
    max_age_s: Positive = 7 * 86_400.0
    reporting: Literal["periodic", "on_change"] = "periodic"
    max_hold_s: Positive | None = None
    retention_days: Annotated[int, Meta(ge=0)] | None = 400
    """Null: without limit; a file says 0 for that, because TOML has no null."""
    correcting: bool = False
    """True for registers: of two values for one time, the later in the log stands."""
    quality_tests: dict[str, QualityTests] = {}
    """By quantity; what closed windows are tested with."""
    owner: str = ""
    """Who answers for devices of the kind that have no owner of their own."""
    source: str = ""


class Band(Record, frozen=True, kw_only=True):
    """A named range of a KPI's values: up to and including `to`; the last band has none."""

    id: Id
    names: Names
    to: float | None = None
    colour: str = "#808080"


class Target(Record, frozen=True, kw_only=True):
    """What the city promised, by when, for which goal."""

    value: float
    by: str
    goal: Id


class Kpi(Record, frozen=True, kw_only=True):
    """A promise with a formula, a source and a second opinion: `catalog/kpis/<id>.toml`."""

    id: Id
    version: Annotated[int, Meta(ge=1)]
    names: Names
    descriptions: Names
    unit: str
    formula: str
    window: WindowName
    levels: tuple[Level, ...] = LEVELS
    min_coverage: Annotated[float, Meta(ge=0, le=1)] = 0.75
    better: Literal["lower", "higher", "neither"]
    bands: tuple[Band, ...] = ()
    target: Target | None = None
    owner: str
    steward: str
    source: str
    indicator_code: str = ""
    indicator_verified: bool = False
    """True where the code was read in the standard itself or in an official page that restates it."""
    access: Literal["open", "partner", "internal"] = "open"
    smallest_count: Annotated[int, Meta(ge=0)] = 0
    """A value that tells about fewer persons or cases than this, but more than none, is withheld; 0: no limit."""
    counts: tuple[str, ...] = ()
    """Formulas of how many persons or cases a value rests on: totals, added or taken away."""
    decimals: Annotated[int, Meta(ge=0, le=6)] = 1
    check_sql: str


class KpiDocument(Kpi, frozen=True, kw_only=True):
    """A KPI as storage publishes it in a catalogue frame: with the hash of what computes it and its first window."""

    hash: str = ""
    live_from_us: int = 0
    """Windows from this start on are published live; 0 on a fresh database."""


class Area(Record, frozen=True, kw_only=True):
    """A part of a city; `parent` is null for the city itself; its boundary is kept beside it, as GeoJSON."""

    id: Id
    city: Id
    level: Level
    parent: Id | None
    names: Names
    population: Annotated[int, Meta(ge=0)]
    latitude: float
    longitude: float


class Device(Record, frozen=True, kw_only=True):
    """A sensor in the field: a row of `cities/<city>/devices.csv`."""

    id: Id
    city: Id
    kind: Id
    area: Id
    """The neighbourhood it stands in."""
    latitude: float
    longitude: float
    manual: bool = False
    """True: the demo does not play it; it has MQTT credentials of its own."""
    cadence_s: Positive | None = None
    """Null: the kind's."""
    valid_from: str | None = None
    """ISO 8601 UTC; null: since ever."""
    valid_to: str | None = None
    due_from_us: int = 0
    """From when readings are due (coverage): set by storage when it registers the device, not in the CSV."""
    owner: str = ""
    """Who answers for it; empty: the owner of its kind."""


class City(Record, frozen=True, kw_only=True):
    """A city pack's head: `cities/<id>/city.toml`."""

    id: Id
    names: Names
    time_zone: str
    languages: tuple[str, ...] = ("en",)
    west: float
    south: float
    east: float
    north: float
    evening_from: Annotated[int, Meta(ge=0, le=23)] = 19
    night_from: Annotated[int, Meta(ge=0, le=23)] = 23
    day_from: Annotated[int, Meta(ge=0, le=23)] = 7
