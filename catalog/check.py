"""Relations that one record's types cannot hold: between a record's fields and between records.

Promises  What passes can be computed with: exact resolutions, ranges inside ranges, bands in order, known quantities.
Leaves    Formulas and their units to formula/.
"""

import datetime as dt
import math
from collections.abc import Mapping
from contextlib import suppress

from catalog.errors import ConfigError, nearest
from catalog.records import Kpi, Quantity, SensorKind, Target

_LARGEST_INTEGER = 2**40
"""A value's integer of the resolution stays below: 2^50 fractions of 2^37 devices, or 2^60 readings, still fit 128 bits."""

_AHEAD_S = 300.0
"""Measured further ahead of its receipt, a reading is refused by the gateway (ingest/checks): a kind cannot allow more."""
_TIMES = ("cadence_s", "lateness_s", "ahead_s", "idle_s", "max_age_s", "max_hold_s")


def quantities(records: Mapping[str, Quantity], where: str) -> None:
    """Ranges are not empty, resolutions are whole numbers or whole parts of one."""
    for quantity in records.values():
        here = f"{where}/{quantity.id}.toml"
        if not quantity.unit.strip():
            raise ConfigError(f"{here}: unit", "a unit, 1 where there is none", quantity.unit)
        low, high = quantity.possible
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ConfigError(f"{here}: possible", "two finite numbers, the lower first", list(quantity.possible))
        step = quantity.resolution
        parts = 1.0 / step if step < 1 else step
        if not math.isfinite(parts) or abs(parts - round(parts)) > 1e-9:
            raise ConfigError(f"{here}: resolution", "a whole number, or one divided by a whole number", step)
        if max(abs(low), abs(high)) / step > _LARGEST_INTEGER:
            raise ConfigError(f"{here}: resolution", f"at most {_LARGEST_INTEGER} steps in the possible range", step)
        for label, conversion in quantity.conversions.items():
            if label == quantity.unit:
                raise ConfigError(f"{here}: conversions", "no entry for the canonical unit", label)
            if not math.isfinite(conversion.offset) or not math.isfinite(conversion.scale) or conversion.scale == 0:
                raise ConfigError(f"{here}: conversions.{label}", "a finite scale that is not 0, and a finite offset", conversion.scale)


def kinds(records: Mapping[str, SensorKind], known: Mapping[str, Quantity], where: str) -> None:
    """A kind measures known quantities, in a plausible range inside the possible one."""
    for kind in records.values():
        here = f"{where}/{kind.id}.toml"
        _times(kind, here)
        if not kind.quantities:
            raise ConfigError(f"{here}: quantities", "at least one", "nothing")
        for name, measured in kind.quantities.items():
            at = f"{here}: quantities.{name}"
            if name not in known:
                raise ConfigError(at, f"one of {', '.join(sorted(known))}", name, nearest(name, known))
            (low, high), possible = measured.plausible, known[name].possible
            if not possible[0] <= low < high <= possible[1]:
                raise ConfigError(f"{at}.plausible", f"a range inside the possible {list(possible)}", list(measured.plausible))
            if measured.typical is not None and not low <= measured.typical <= high:
                raise ConfigError(f"{at}.typical", f"a value inside the plausible {[low, high]}", measured.typical)
        _quality_tests(kind, here)
        if kind.reporting == "on_change" and kind.max_hold_s is None:
            raise ConfigError(f"{here}: max_hold_s", "how long a value holds, because reporting is on_change", "nothing")


def _times(kind: SensorKind, here: str) -> None:
    for key in _TIMES:
        time_s = getattr(kind, key)
        if time_s is not None and not math.isfinite(time_s):
            raise ConfigError(f"{here}: {key}", "a finite number of seconds", time_s)
    if kind.ahead_s > _AHEAD_S:
        raise ConfigError(f"{here}: ahead_s", f"at most {_AHEAD_S:g}, beyond which the gateway refuses a reading", kind.ahead_s)


def _quality_tests(kind: SensorKind, here: str) -> None:
    for name, tests in kind.quality_tests.items():
        at = f"{here}: quality_tests.{name}"
        if name not in kind.quantities:
            raise ConfigError(at, f"one of {', '.join(sorted(kind.quantities))}", name, nearest(name, kind.quantities))
        pairs = (("spike_suspect", "spike_fail"), ("rate_suspect_per_s", "rate_fail_per_s"), ("flat_suspect_s", "flat_fail_s"))
        for suspect, fail in (*pairs, ("neighbour_suspect", "neighbour_fail")):
            low, high = getattr(tests, suspect), getattr(tests, fail)
            if low is not None and high is not None and not low <= high:
                raise ConfigError(f"{at}.{fail}", f"at least {suspect}, {low:g}", high)
        if (tests.flat_suspect_s or tests.flat_fail_s) and tests.flat_tolerance == 0.0:
            raise ConfigError(f"{at}.flat_tolerance", "more than 0: a value never moves by less than nothing", 0.0)


def kpis(records: Mapping[str, Kpi], where: str) -> None:
    """Bands ascend and end open, levels are there once, texts that must not be empty are not."""
    for kpi in records.values():
        here = f"{where}/{kpi.id}.toml"
        for key in ("unit", "formula", "owner", "steward", "source", "check_sql"):
            if not getattr(kpi, key).strip():
                raise ConfigError(f"{here}: {key}", "a text", getattr(kpi, key))
        if not kpi.levels or len(set(kpi.levels)) != len(kpi.levels):
            raise ConfigError(f"{here}: levels", "each level at most once, at least one", list(kpi.levels))
        if bool(kpi.counts) != (kpi.smallest_count > 1):
            wanted = (
                "what counts the persons or cases, as sum(visits), because smallest_count is set"
                if not kpi.counts
                else "nothing without smallest_count"
            )
            raise ConfigError(f"{here}: counts", wanted, list(kpi.counts))
        _bands(kpi, here)
        if kpi.target is not None:
            target(kpi.target, f"{here}: target")


def target(promised: Target, here: str) -> None:
    """A promise has a number and a day."""
    if not math.isfinite(promised.value):
        raise ConfigError(f"{here}.value", "a finite number", promised.value)
    with suppress(ValueError):
        if dt.date.fromisoformat(promised.by).isoformat() == promised.by:  # Why: 20300101 and 2030-W01-1 are ISO dates, too
            return
    raise ConfigError(f"{here}.by", "a date, as 2030-01-01", promised.by)


def _bands(kpi: Kpi, here: str) -> None:
    limits = [band.to for band in kpi.bands]
    if not limits:
        return
    if limits[-1] is not None:
        raise ConfigError(f"{here}: bands[{len(limits) - 1}].to", "nothing: the last band is open", limits[-1])
    before = -math.inf
    for index, limit in enumerate(limits[:-1]):
        if limit is None or not before < limit < math.inf:
            raise ConfigError(f"{here}: bands[{index}].to", f"a number above {before}", limit)
        before = limit
    ids = [band.id for band in kpi.bands]
    if len(set(ids)) != len(ids):
        raise ConfigError(f"{here}: bands", "each id once", ids)
