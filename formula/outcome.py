"""From a formula's inputs to what is published of a KPI: value, state, coverage, devices, band.

Promises  value is NaN unless state is `ok`; what would tell about too few persons has none (`suppressed`, formula/suppress).
          coverage is good over due, in [0, 1], 1 where something came and nothing was due.
          A band's upper edge belongs to it. Live values, finals and restated ones go through here.
Leaves    Merging partials to the callers, publishing to catalog.kpi_value.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.kpi_value import State
from catalog.records import Band
from formula.plan import Plan
from formula.suppress import Among, withheld

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

STATES: tuple[State, State, State, State] = ("ok", "not_enough_data", "no_data", "suppressed")
_SUPPRESSED = 3


class Outcome(NamedTuple):
    """n areas."""

    value: F64
    """NaN unless state is 0."""
    state: I64
    """Index into STATES."""
    coverage: F64
    devices: I64


def outcome(plan: Plan, inputs: Mapping[str, F64], good: I64, due: I64, devices: I64, *, among: Among | None = None) -> Outcome:
    """Evaluate the formula and judge it.

    inputs     by id, as Plan.evaluate wants them
    good, due  int64[n], millionths of readings; devices int64[n], the largest number over the KPI's aggregates
    among      how the areas lie in each other, and what was said before; needed where a KPI has a smallest count
    """
    value = plan.evaluate(inputs)
    coverage = np.where(due > 0, np.minimum(good / np.maximum(due, 1), 1.0), (devices > 0).astype(np.float64))
    enough = (coverage >= plan.kpi.min_coverage) & np.isfinite(value)
    state = np.where(devices == 0, 2, np.where(enough, 0, 1))
    state[withheld(plan, inputs, np.where(state == 0, value, np.nan), devices, among)] = _SUPPRESSED
    return Outcome(np.where(state == 0, value, np.nan), state, coverage, devices)


def band_ids(bands: Sequence[Band], value: F64) -> list[str | None]:
    """The band of each value: n ids, None for NaN, above the last edge, or where a KPI has no bands."""
    if not bands:
        return [None] * value.size
    edges = np.array([band.to for band in bands if band.to is not None], np.float64)
    places = np.searchsorted(edges, value, side="left").tolist()
    known = np.isfinite(value).tolist()
    return [bands[place].id if ok and place < len(bands) else None for place, ok in zip(places, known, strict=True)]
