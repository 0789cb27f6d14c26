"""`at(kpi, -7d)`: the final value that another KPI had for the same area, that many hours, days or weeks earlier.

Promises  Whole windows back, of the same window: hours of 3,600 s for windows below a day, local dates for days (over clock changes
          too). At most MAX_BACK_DAYS; no KPI rests on itself, over others either.
Leaves    Keeping the values to stream/combiner/finals, putting them into the formula to the plan.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from catalog.records import Kpi, WindowName
from catalog.windows import FIXED_US, window_of

MAX_BACK_DAYS = 35
_HOUR_US = 3_600_000_000
_HOURS = {"h": 1, "d": 24, "w": 168}
_CALL = re.compile(r"(?<![A-Za-z0-9_])at\(\s*(?P<kpi>[a-z0-9._:-]{1,64})\s*,\s*-\s*(?P<amount>\d{1,6})\s*(?P<unit>[a-z]+)\s*\)")

Refuse = Callable[[str, object], Exception]


class Back(NamedTuple):
    """How far back: amount of unit (h, d or w)."""

    amount: int
    unit: str

    @property
    def hours(self) -> int:
        """The same in hours of 3,600 s, days of 24."""
        return self.amount * _HOURS[self.unit]

    def start_of(self, start_us: int, window: WindowName, time_zone: str) -> int:
        """Start (µs UTC) of the window that lies so far before the window that starts at start_us."""
        if window in FIXED_US:
            return start_us - self.hours * _HOUR_US
        # Why: noon is inside the same local date whether the days between had 23, 24 or 25 hours.
        return window_of(start_us + (12 - self.hours) * _HOUR_US, window, time_zone)[0]


class Base(NamedTuple):
    """One `at(…)` of a plan: another KPI's value."""

    kpi: str
    version: int
    back: Back

    @property
    def id(self) -> str:
        """Canonical text: `at(no2_day,-7d)`."""
        return f"at({self.kpi},-{self.back.amount}{self.back.unit})"


class Call(NamedTuple):
    """One `at(…)` as it is written."""

    kpi: str
    back: Back


def masked(formula: str) -> tuple[str, dict[int, Call]]:
    """The formula with every `at(…)` made into text that Python can parse, as long as before; and the calls by their column."""
    calls: dict[int, Call] = {}

    def hide(match: re.Match[str]) -> str:
        calls[match.start()] = Call(match["kpi"], Back(int(match["amount"]), match["unit"]))
        return "at(" + "_" * (len(match[0]) - 4) + ")"

    return _CALL.sub(hide, formula), calls


def bases_of(formula: str) -> frozenset[str]:
    """Ids of the KPIs that a formula looks back at."""
    return frozenset(call.kpi for call in masked(formula)[1].values())


def check_back(back: Back, window: str, error: Refuse) -> None:
    """The way back is a whole number of windows, not too far; raises what error(wanted, got) makes."""
    shown = f"-{back.amount}{back.unit}"
    if back.unit not in _HOURS:
        raise error("minus a number of h (hours), d (days) or w (weeks)", shown)
    if back.amount < 1 or back.hours > 24 * MAX_BACK_DAYS:
        raise error(f"at least one window and at most {MAX_BACK_DAYS} days back", shown)
    if window == "day" and back.unit == "h":
        raise error("whole days (d) or weeks (w) back for the window day", shown)
    if window not in FIXED_US and window != "day":
        raise error(f"a window of a day or shorter: {MAX_BACK_DAYS} days are no whole {window}", window)


def check_base(kpi: Kpi, base: Kpi | None, kpis: Mapping[str, Kpi], error: Refuse) -> None:
    """The KPI looked back at has the same window and every level, and does not rest on this one; raises as check_back."""
    if base is None:
        raise error("a KPI of the catalogue", None)
    if base.window != kpi.window:
        raise error(f"a KPI of the same window, {kpi.window}", f"{base.id} per {base.window}")
    lacking = [level for level in kpi.levels if level not in base.levels]
    if lacking:
        raise error(f"a KPI that has this one's levels, {', '.join(kpi.levels)}", f"{base.id} without {', '.join(lacking)}")
    way = _way(base.id, kpi.id, {**kpis, kpi.id: kpi}, frozenset())
    if way:
        raise error("KPIs that do not rest on each other in a ring", " -> ".join([kpi.id, *way]))


def _way(from_: str, to: str, kpis: Mapping[str, Kpi], seen: frozenset[str]) -> list[str]:
    """Ids on a way from one KPI to another over `at(…)`; empty where there is none."""
    if from_ == to:
        return [to]
    if from_ in seen or from_ not in kpis:
        return []
    for other in sorted(bases_of(kpis[from_].formula)):
        rest = _way(other, to, kpis, seen | {from_})
        if rest:
            return [from_, *rest]
    return []
