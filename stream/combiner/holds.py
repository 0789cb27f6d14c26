"""Which windows still count: rows of others are not taken, panes of others are forgotten.

Promises  Memory is bounded by open windows: a pane goes once every KPI that reads it has closed its window in every city with
          data in it. Aggregates that no KPI here reads (yet) are kept for a day of the log's clock.
          Finals are kept as far back as an open window's formula looks.
Leaves    Closing to stream/combiner/closing.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.windows import window_of
from formula.errors import FormulaError
from formula.spec import parse_key
from stream.combiner.catalogue import Definitions
from stream.combiner.closing import DAY_US, Closing
from stream.combiner.lanes import Lane
from stream.combiner.marks import UNKNOWN_US
from stream.combiner.panes import Panes
from stream.rows import TAIL, Rows

I64 = npt.NDArray[np.int64]


class Holds(NamedTuple):
    """Per key slot and city: windows that start before `floor` do not count any more."""

    floor: I64
    """int64[keys, cities + 1], µs; column 0 is for areas without a known city."""
    city_of_area: I64
    """int64[areas], column of `floor`."""

    def below(self, rows: Rows, places: tuple[I64, I64]) -> int:
        """How many rows of finals' aggregates are of windows that do not count any more; of a provisional tail that is nobody's loss."""
        starts, keys = rows.matrix[:, 2], places[0][rows.matrix[:, 0]]
        exact = np.array([not text.endswith(TAIL) for text in rows.aggregates])[rows.matrix[:, 0]]
        below = starts < self.floor[keys, self.city_of_area[places[1][rows.matrix[:, 1]]]]
        return int(np.count_nonzero(exact & below))

    def closed(self, key: int, start_us: int, panes: Panes) -> bool:
        """True where nobody waits for the pane."""
        passed = self.floor[key] > start_us
        if passed.all():
            return True
        if not passed.any():
            return False
        cities = self.city_of_area[: len(panes.areas)][panes.seen(key, start_us)]
        return bool(passed[cities].all())


def holds(lanes: list[Lane], definitions: Definitions, panes: Panes, closing: Closing) -> Holds:
    """Work them out anew; O(keys * cities + areas)."""
    column = {city: at for at, city in enumerate(definitions.cities, start=1)}
    unread = np.array([_unread_floor(text, closing.held_us) for text in panes.keys], np.int64).reshape(-1, 1)
    floor = np.full((len(panes.keys), len(column) + 1), np.iinfo(np.int64).max, np.int64)
    for lane in lanes:
        at = column[lane.city.id]
        open_from = closing.open_from(lane)
        for key in lane.keys + tuple(tail for tail in lane.tails if tail >= 0):
            floor[key, at] = min(int(floor[key, at]), open_from)
    floor = np.where(floor == np.iinfo(np.int64).max, unread, floor)
    cities = [column.get(record.city, 0) if (record := definitions.areas.get(area)) is not None else 0 for area in panes.areas]
    return Holds(floor, np.array(cities, np.int64))


def _unread_floor(text: str, newest_us: int) -> int:
    """Start of the oldest window that is kept although no KPI reads it."""
    if newest_us == UNKNOWN_US:
        return UNKNOWN_US
    try:
        _, window = parse_key(text.removesuffix(TAIL))
    except FormulaError:
        return int(np.iinfo(np.int64).max)
    return window_of(newest_us - DAY_US, window, "UTC")[0] - DAY_US


def looked_at(lanes: list[Lane], closing: Closing) -> dict[tuple[str, int], int]:
    """Per KPI and version that a formula looks back at: the start (µs) of the oldest window that is still wanted."""
    floor: dict[tuple[str, int], int] = {}
    for lane in lanes:
        for base in lane.definition.plan.bases:
            start = base.back.start_of(lane.window(max(closing.open_from(lane), 0))[0], lane.definition.kpi.window, lane.city.time_zone)
            floor[base.kpi, base.version] = min(start, floor.get((base.kpi, base.version), start))
    return floor
