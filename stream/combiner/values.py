"""The value of a KPI in the areas of a lane over one window, from the newest partials of all input partitions.

Promises  devices is the largest number over the KPI's quantities; what value, state, coverage and band are is formula.outcome's, which
          the restater shares.
Leaves    Which areas and when to stream/combiner/closing and live; what was due to the lane.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.kpi_value import KpiValue, Status
from catalog.records import Quantity
from formula.finalise import Bins, finalise
from formula.outcome import STATES, Outcome, band_ids, outcome
from formula.suppress import Among
from formula.tree import POPULATION
from kernels.combine import merge_bins
from runtime.clock import iso_s
from stream.combiner.lanes import Lane
from stream.combiner.panes import Panes

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

Values = Outcome
"""n areas of a lane, in its order."""


class Stamp(NamedTuple):
    """What all values of one window have in common."""

    window: tuple[int, int]
    status: Status
    revision: int
    reason: str | None
    epoch: str


def compute(lane: Lane, panes: Panes, start_us: int, due: I64, *, is_open: bool = False) -> Values:
    """Merge, finalise, put together; `due` is int64[n], millionths of readings per area of the lane. Of an open window some areas will do."""
    n = lane.slots.size
    devices, good = np.zeros(n, np.int64), np.zeros(n, np.int64)
    counted = {due_of.key for due_of in lane.definition.dues}
    inputs: dict[str, F64] = {}
    plan = lane.definition.plan
    for at, (spec, text) in enumerate(zip(plan.aggregates, lane.definition.keys, strict=True)):
        pane = panes.at(lane.keys[at], start_us)
        tail = panes.at(lane.tails[at], start_us) if is_open else -1
        if max(pane, tail) < 0:
            inputs[spec.id] = np.full(n, np.nan)
            continue
        merged = panes.merged(pane, lane.slots) if tail < 0 else panes.merged_with(pane, tail, lane.slots)
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
    return outcome(plan, inputs, good, due, devices, among=Among(lane.above, is_open=is_open))


def kpi_values(lane: Lane, values: Values, picked: I64, stamp: Stamp) -> list[KpiValue]:
    """The picked areas (positions in the lane) as they are published, without computed_at."""
    kpi = lane.definition.kpi
    bands = band_ids(kpi.bands, values.value[picked])
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


def _bins(panes: Panes, pane: int, slots: I64) -> list[Bins | None]:
    found: list[Bins | None] = []
    known = panes.bins.get(pane, {})
    for slot in slots.tolist():
        parts = [known[slot, source] for source in range(panes.inputs) if (slot, source) in known]
        found.append(merge_bins(parts) if parts else None)
    return found


def _quantity(lane: Lane, id_: str) -> Quantity:
    return lane.definition.quantities[id_]
