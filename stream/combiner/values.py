"""The value of a KPI in the areas of a lane over one window, from the newest partials of all input partitions.

Promises  value is null unless state is `ok`; coverage is good over due, in [0, 1], 1 where something came and nothing was due;
          devices is the largest number over the KPI's quantities. A band's upper edge belongs to it.
Leaves    Which areas and when to stream/combiner/closing and live; what was due to the lane.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.kpi_value import KpiValue, State, Status
from catalog.records import Quantity
from formula.finalise import Bins, finalise
from formula.tree import POPULATION
from kernels.combine import merge_bins
from runtime.clock import iso_s
from stream.combiner.catalogue import KpiDocument
from stream.combiner.lanes import Lane
from stream.combiner.panes import Panes

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

STATES: tuple[State, State, State] = ("ok", "not_enough_data", "no_data")


class Values(NamedTuple):
    """n areas of a lane, in its order."""

    value: F64
    """NaN unless state is 0."""
    state: I64
    """Index into STATES."""
    coverage: F64
    devices: I64


class Stamp(NamedTuple):
    """What all values of one window have in common."""

    window: tuple[int, int]
    status: Status
    revision: int
    reason: str | None
    epoch: str


def compute(lane: Lane, panes: Panes, start_us: int, due: I64) -> Values:
    """Merge, finalise, put together; `due` is int64[n], millionths of readings per area of the lane."""
    n = lane.slots.size
    devices, good = np.zeros(n, np.int64), np.zeros(n, np.int64)
    counted = {due_of.key for due_of in lane.definition.dues}
    inputs: dict[str, F64] = {}
    plan = lane.definition.plan
    for spec, key, text in zip(plan.aggregates, lane.keys, lane.definition.keys, strict=True):
        pane = panes.at(key, start_us)
        if pane < 0:
            inputs[spec.id] = np.full(n, np.nan)
            continue
        merged = panes.merged(pane, lane.slots)
        bins = _bins(panes, pane, lane.slots) if spec.function == "percentile" else ()
        inputs[spec.id] = finalise(spec, _quantity(lane, spec.quantity), merged, bins)
        np.maximum(devices, merged.devices, out=devices)
        if text in counted:
            good += merged.good_due
    if plan.bases:
        areas = [panes.areas[slot] for slot in lane.slots.tolist()]
        for base in plan.bases:
            inputs[base.id] = lane.finals.of(base, base.back.start_of(start_us, lane.definition.kpi.window, lane.city.time_zone), areas)
    if plan.population:
        inputs[POPULATION] = lane.people[lane.slots]
    value = plan.evaluate(inputs)
    coverage = np.where(due > 0, np.minimum(good / np.maximum(due, 1), 1.0), (devices > 0).astype(np.float64))
    enough = (coverage >= lane.definition.kpi.min_coverage) & np.isfinite(value)
    state = np.where(devices == 0, 2, np.where(enough, 0, 1))
    return Values(np.where(state == 0, value, np.nan), state, coverage, devices)


def kpi_values(lane: Lane, values: Values, picked: I64, stamp: Stamp) -> list[KpiValue]:
    """The picked areas (positions in the lane) as they are published, without computed_at."""
    kpi = lane.definition.kpi
    bands = _bands(kpi, values.value[picked])
    start, end = iso_s(stamp.window[0]), iso_s(stamp.window[1])
    rows = zip(
        picked.tolist(),
        values.value[picked].tolist(),
        values.state[picked].tolist(),
        values.coverage[picked].tolist(),
        values.devices[picked].tolist(),
        bands,
        strict=True,
    )
    return [
        KpiValue(
            kpi=kpi.id,
            version=kpi.version,
            area=lane.areas[at],
            window_start=start,
            window_end=end,
            value=value if state == 0 else None,
            state=STATES[state],
            band=band,
            unit=kpi.unit,
            coverage=coverage,
            devices=devices,
            revision=stamp.revision,
            status=stamp.status,
            reason=stamp.reason,
            epoch=stamp.epoch,
            computed_at="",
        )
        for at, value, state, coverage, devices, band in rows
    ]


def _bands(kpi: KpiDocument, value: F64) -> list[str | None]:
    if not kpi.bands:
        return [None] * value.size
    edges = np.array([band.to for band in kpi.bands if band.to is not None], np.float64)
    places = np.searchsorted(edges, value, side="left").tolist()
    known = np.isfinite(value).tolist()
    return [kpi.bands[place].id if ok and place < len(kpi.bands) else None for place, ok in zip(places, known, strict=True)]


def _bins(panes: Panes, pane: int, slots: I64) -> list[Bins | None]:
    found: list[Bins | None] = []
    known = panes.bins.get(pane, {})
    for slot in slots.tolist():
        parts = [known[slot, source] for source in range(panes.inputs) if (slot, source) in known]
        found.append(merge_bins(parts) if parts else None)
    return found


def _quantity(lane: Lane, id_: str) -> Quantity:
    return lane.definition.quantities[id_]
