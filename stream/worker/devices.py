"""What a partition's catalogue says of its devices, as the arrays that the kernels read: kinds, places, dues, ranges.

Promises  By slot, quantity and kind number of the registry; the same registry gives the same arrays.
Leaves    Lanes and tracks to stream.worker.program.
"""

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from catalog.records import LEVELS, Area, City, Quantity, SensorKind
from catalog.windows import to_us
from kernels.arrive import Tables
from kernels.reduce import Places
from stream.worker.registry import Registry

I32 = npt.NDArray[np.int32]
OPEN_US = 1 << 62
_HAIR = 1e-6
"""A bound that is a step of its resolution but for the rounding of a division is that step."""


def kind_of(registry: Registry, id_: str) -> SensorKind | None:
    """The record of a kind, None where it is gone."""
    record = registry.records["kind"][id_]
    return record if isinstance(record, SensorKind) else None


def us_of(kind: SensorKind | None, field: str) -> int:
    """A time of a kind in µs, 0 where the kind is gone."""
    return 0 if kind is None else round(getattr(kind, field) * 1_000_000)


def time_of(text: str | None, default: int) -> int:
    """µs since 1970 of an ISO 8601 text; the default where there is none."""
    if text is None:
        return default
    at = datetime.fromisoformat(text)
    return to_us(at if at.tzinfo else at.replace(tzinfo=UTC))


def measured_by(registry: Registry, kinds: dict[str, int], quantities: dict[str, int]) -> npt.NDArray[np.bool_]:
    """bool[k, q]: whether a kind measures a quantity."""
    measured = np.zeros((max(1, len(kinds)), len(quantities)), np.bool_)
    for id_, k in kinds.items():
        kind = kind_of(registry, id_)
        for quantity in kind.quantities if kind else ():
            if quantity in quantities:
                measured[k, quantities[quantity]] = True
    return measured


def tables_of(registry: Registry, kinds: dict[str, int], quantities: dict[str, int], slot_kind: I32, row: I32) -> Tables:
    """What the arrival checks read; row as in kernels.lanes.Lanes."""
    resolution = np.ones(len(quantities))
    possible = np.tile([-float(OPEN_US), float(OPEN_US)], (len(quantities), 1))
    for id_, quantity in registry.of("quantity", Quantity).items():
        resolution[quantities[id_]] = quantity.resolution
        steps = np.array(quantity.possible) / quantity.resolution
        possible[quantities[id_]] = np.ceil(steps[0] - _HAIR), np.floor(steps[1] + _HAIR)
    low, high = (np.tile(bound, (max(1, len(kinds)), 1)) for bound in possible.T)
    for id_, kind in registry.of("kind", SensorKind).items():
        for quantity_id, measured in kind.quantities.items():
            q = quantities.get(quantity_id)
            if q is not None:
                low[kinds[id_], q] = max(possible[q, 0], np.rint(measured.plausible[0] / resolution[q]))
                high[kinds[id_], q] = min(possible[q, 1], np.rint(measured.plausible[1] / resolution[q]))
    lateness = np.array([us_of(kind_of(registry, id_), "lateness_s") for id_ in kinds] or [0], np.int64)
    slot_device = np.array([slot.device for slot in registry.slots], np.int32)
    records = [kind_of(registry, id_) for id_ in kinds] or [None]
    # Of a kind that is gone nothing is known, so that nothing is suspect: as with its ranges.
    ahead = np.array([OPEN_US if record is None else us_of(record, "ahead_s") for record in records], np.int64)
    correcting = np.array([record is not None and record.correcting for record in records], np.uint8)
    return Tables(slot_kind, slot_device, resolution, possible, low, high, lateness, ahead, correcting, row)


def places_of(registry: Registry, measured: npt.NDArray[np.bool_], slot_kind: I32) -> list[Places]:
    """By quantity: where the devices that measure it stand and when they are due."""
    areas = registry.numbers("area")
    slots = registry.slots
    area = np.full((len(slots), len(LEVELS)), -1, np.int32)
    for s, slot in enumerate(slots):
        for level, id_ in enumerate(registry.lineage(slot.area)[: len(LEVELS)]):
            area[s, level] = areas[id_]
    cadence = np.array([_cadence(registry, slot.record.kind, slot.record.cadence_s) for slot in slots], np.int64)
    due_from = np.array([max(slot.record.due_from_us, time_of(slot.record.valid_from, -OPEN_US)) for slot in slots], np.int64)
    due_to = np.array([time_of(slot.record.valid_to, OPEN_US) for slot in slots], np.int64)
    people = np.array([_people(registry, slot.area) for slot in slots], np.int64)
    numbers = {id_: c for c, id_ in enumerate(registry.of("city", City))}
    city = np.array([numbers.get(slot.record.city, 0) for slot in slots], np.int32)
    found = []
    for q in range(measured.shape[1]):
        here = np.flatnonzero(measured[slot_kind, q]).astype(np.int32) if slot_kind.size else np.zeros(0, np.int32)
        found.append(Places(here, area, cadence, due_from, due_to, people, city))
    return found


def _people(registry: Registry, area: str) -> int:
    record = registry.records["area"].get(area)
    return record.population if isinstance(record, Area) else 0


def _cadence(registry: Registry, kind: str, own_s: float | None) -> int:
    if own_s is not None:
        return round(own_s * 1_000_000)
    record = registry.records["kind"].get(kind)
    return round(record.cadence_s * 1_000_000) if isinstance(record, SensorKind) else 1_000_000


def hold_of(registry: Registry, kind: str) -> int:
    """How long a value holds where the next does not come: the kind's max_hold, else three cadences [project choice]."""
    record = registry.records["kind"].get(kind)
    if not isinstance(record, SensorKind):
        return 0
    return round((record.max_hold_s or 3 * record.cadence_s) * 1_000_000)


def device_kinds(registry: Registry, slot_kind: I32) -> I32:
    """Kind number of every device number."""
    kinds = np.zeros(max(1, len(registry.device_numbers)), np.int32)
    for s, slot in enumerate(registry.slots):
        kinds[slot.device] = slot_kind[s]
    return kinds
