"""KPI versions: what a version number promises, and from which window on a definition counts. Pure.

Promises  A changed formula, window, unit or minimum coverage under an unchanged version is refused; texts, targets and owners are free.
Leaves    Whether a formula makes sense to formula/ and catalog.check.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from catalog.records import Kpi, KpiDocument
from catalog.windows import window_of
from runtime.errors import ConfigError


class Stored(NamedTuple):
    """A version that the database knows."""

    version: int
    hash: str
    live_from_us: int
    in_force: bool


def definition_hash(kpi: Kpi) -> str:
    """16 hex digits over what computes the value."""
    return hashlib.sha256(msgspec.json.encode([kpi.formula, kpi.window, kpi.unit, kpi.min_coverage])).hexdigest()[:16]


def document(kpi: Kpi, stored: Stored | None, live_from_us: int) -> KpiDocument:
    """The KPI as it is published; `stored` is the newest known version, `live_from_us` holds where this one is new.

    Raises ConfigError where the definition and its version number contradict each other.
    """
    wanted_hash = definition_hash(kpi)
    if stored is not None:
        where = f"kpi {kpi.id}: version"
        if kpi.version < stored.version:
            raise ConfigError(where, f"{stored.version} or more, which this database knows", kpi.version)
        if kpi.version == stored.version:
            if wanted_hash != stored.hash:
                raise ConfigError(where, f"{stored.version + 1}, since formula, window, unit or min_coverage changed", kpi.version)
            if stored.in_force:
                live_from_us = stored.live_from_us
    return KpiDocument(**msgspec.structs.asdict(kpi), hash=wanted_hash, live_from_us=live_from_us)


def next_window_us(kpi: Kpi, now_us: int, time_zones: Iterable[str]) -> int:
    """The start of the first window that begins after now in every city."""
    return max(window_of(now_us, kpi.window, zone)[1] for zone in time_zones)
