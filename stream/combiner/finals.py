"""Final values that other KPIs look back at with `at(kpi, -7d)` (rule 17).

Promises  A part of the combiner's state: what a formula needs, and no more. A value that was not published, or has no number,
          is missing. At most MAX_BACK_DAYS behind what still looks back, and never more than twice that.
Leaves    Which window is meant to formula/earlier, closing in the right order to stream/combiner/partition.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.kpi_value import KpiValue
from catalog.windows import to_us
from formula.earlier import MAX_BACK_DAYS, Base

F64 = npt.NDArray[np.float64]
Name = tuple[str, int, str]
"""KPI, version, area."""

_MOST_US = MAX_BACK_DAYS * 86_400_000_000


class Series(NamedTuple):
    """One area's finals: window starts (µs), ascending, and values."""

    starts: "array[int]"
    values: "array[float]"


class Finals:
    """Kept finals by KPI, version and area."""

    def __init__(self) -> None:
        self.series: dict[Name, Series] = {}
        self.news: set[tuple[str, int, int]] = set()
        """KPI, version and window start of what came since the last look; not part of the state."""

    def keep(self, finals: Iterable[KpiValue]) -> None:
        """Remember the numbers of finals, which come in order of their windows."""
        for final in finals:
            if final.value is not None:
                self.put((final.kpi, final.version, final.area), to_us(datetime.fromisoformat(final.window_start)), final.value)

    def put(self, name: Name, start_us: int, value: float) -> None:
        """Append one value."""
        series = self.series.get(name)
        if series is None:
            series = self.series[name] = Series(array("q"), array("d"))
        series.starts.append(start_us)
        series.values.append(value)
        self.news.add((*name[:2], start_us))

    def of(self, base: Base, start_us: int, areas: Sequence[str]) -> F64:
        """The values of the window that starts at start_us: float64[n] by area, NaN = missing."""
        found = np.full(len(areas), np.nan)
        for n, area in enumerate(areas):
            series = self.series.get((base.kpi, base.version, area))
            if series is not None:
                at = bisect_left(series.starts, start_us)
                if at < len(series.starts) and series.starts[at] == start_us:
                    found[n] = series.values[at]
        return found

    def forget(self, floor_us: dict[tuple[str, int], int]) -> None:
        """Drop what lies before the floor of its KPI and version, and whole KPIs that have none."""
        for name, series in list(self.series.items()):
            floor = floor_us.get(name[:2])
            if floor is None:
                del self.series[name]
                continue
            gone = bisect_left(series.starts, max(floor, series.starts[-1] - 2 * _MOST_US))
            if gone:
                del series.starts[:gone], series.values[:gone]
                if not series.starts:
                    del self.series[name]
