"""Compile what a partition knows of the catalogue into the arrays that the kernels run on.

Promises  Rebuilt whole after a catalogue frame, from the registry alone; the same registry gives the same program.
Leaves    Open windows to stream.worker.blocks; formulas to formula/.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.records import LEVELS, City, KpiDocument, Quantity, SensorKind, WindowName
from catalog.windows import to_us, window_of
from formula.compile import compile_kpi
from formula.spec import ORDERED, AggregateSpec, key, threshold_integer
from kernels.accumulate import Lanes
from kernels.arrive import Tables
from kernels.ordered import Tracks
from kernels.reduce import FUNCTIONS, Places
from stream.worker.calendar import PARTS, calendars
from stream.worker.registry import Registry

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
WINDOWS = ("minute", "quarter_hour", "hour", "day", "month", "quarter", "year")
OPEN_US = 1 << 62

LaneKey = tuple[str, str, str]
"""(quantity, window, part); lanes of ordered functions have the function in place of the part."""


class Program(NamedTuple):
    """Arrays and names, by slot, quantity, kind, lane and area number."""

    tables: Tables
    lanes: Lanes
    lane_keys: list[LaneKey]
    lane_number: dict[LaneKey, int]
    functions: list[I32]  # by lane: (function code, aggregate number)
    pooled: npt.NDArray[np.uint8]  # by lane: 1 where readings are pooled in a histogram
    tracks: Tracks
    tracked: npt.NDArray[np.bool_]  # by quantity: whether a track follows it
    leaf: I32  # by slot: its smallest area
    dated: bool  # whether any slot is valid for a time only
    places: list[Places]  # by quantity
    aggregates: list[str]
    areas: list[str]
    kinds: list[str]
    kinds_of_quantity: list[I32]
    active_kinds: list[int]
    idle_us: I64
    device_kind: I32
    quantity_number: dict[str, int]
    valid_from_us: I64
    valid_to_us: I64
    hold_us: I64  # by slot: how long a value holds
    time_zones: list[str]

    def starts_of(self, lane: int, at_us: int) -> I64:
        """Start (µs) of the window of a lane that holds at_us, by city."""
        window: WindowName = WINDOWS[self.lanes.window[lane]]  # type: ignore[assignment]
        return np.array([window_of(at_us, window, zone)[0] for zone in self.time_zones or ["UTC"]], np.int64)


def specs_of(registry: Registry) -> list[tuple[AggregateSpec, str]]:
    """Every aggregate that a present KPI rests on, with its window; sorted, distinct."""
    quantities = registry.of("quantity", Quantity)
    found: dict[tuple[str, str], AggregateSpec] = {}
    for kpi in registry.of("kpi", KpiDocument).values():
        for spec in compile_kpi(kpi, quantities).aggregates:
            found[spec.id, kpi.window] = spec
    return [(spec, window) for (_, window), spec in sorted(found.items())]


def lane_key(spec: AggregateSpec, window: str) -> LaneKey:
    """Functions that need the order of time, or a limit of their own, get a lane of their own."""
    if spec.function in ORDERED:
        return spec.quantity, window, spec.id
    return spec.quantity, window, spec.part


def compile_program(registry: Registry) -> Program:
    """The program of a partition; raises FormulaError where a KPI document cannot be compiled."""
    kinds = registry.numbers("kind")
    quantities = registry.numbers("quantity")
    specs = [(spec, window) for spec, window in specs_of(registry) if spec.quantity in quantities]
    keys = sorted({lane_key(spec, window) for spec, window in specs})
    numbers = {key: number for number, key in enumerate(keys)}
    aggregates = [key(spec, window) for spec, window in specs]
    functions, pooled = _by_lane(specs, numbers)
    measured = _measured(registry, kinds, quantities)
    tracks = _tracks(registry, keys, specs, numbers)
    slot_kind = np.array([kinds.get(slot.record.kind, 0) for slot in registry.slots], np.int32)
    places = _places(registry, measured, slot_kind)
    return Program(
        tables=_tables(registry, kinds, quantities, slot_kind),
        lanes=_lanes(registry, keys, functions, measured, slot_kind),
        lane_keys=keys,
        lane_number=numbers,
        functions=[np.array(pairs, np.int32).reshape(-1, 2) for pairs in functions],
        pooled=pooled,
        tracks=tracks,
        tracked=np.isin(np.arange(max(1, len(quantities))), tracks.quantity),
        leaf=np.ascontiguousarray(places[0].area[:, 0]) if places else np.zeros(0, np.int32),
        dated=any(slot.record.valid_from is not None or slot.record.valid_to is not None for slot in registry.slots),
        places=places,
        aggregates=aggregates,
        areas=list(registry.records["area"]),
        kinds=list(kinds),
        kinds_of_quantity=[np.flatnonzero(measured[:, q]).astype(np.int32) for q in range(len(quantities))],
        active_kinds=sorted({int(slot_kind[s]) for s in registry.slot_of.values()}),
        idle_us=np.array([_us(_kind(registry, id_), "idle_s") for id_ in kinds], np.int64),
        device_kind=_device_kinds(registry, slot_kind),
        quantity_number=quantities,
        valid_from_us=np.array([_time(slot.record.valid_from, -OPEN_US) for slot in registry.slots], np.int64),
        valid_to_us=np.array([_time(slot.record.valid_to, OPEN_US) for slot in registry.slots], np.int64),
        hold_us=np.array([_hold(registry, slot.record.kind) for slot in registry.slots], np.int64),
        time_zones=[city.time_zone for city in registry.of("city", City).values()],
    )


def _by_lane(specs: list[tuple[AggregateSpec, str]], numbers: dict[LaneKey, int]) -> tuple[list[list[tuple[int, int]]], npt.NDArray[np.uint8]]:
    """(function code, aggregate number) pairs of every lane, and which lanes are pooled in a histogram."""
    functions: list[list[tuple[int, int]]] = [[] for _ in numbers]
    pooled = np.zeros(len(numbers), np.uint8)
    for number, (spec, window) in enumerate(specs):
        lane = numbers[lane_key(spec, window)]
        functions[lane].append((FUNCTIONS.index(spec.function), number))
        if spec.function == "percentile":
            pooled[lane] = 1
    return functions, pooled


def _kind(registry: Registry, id_: str) -> SensorKind | None:
    record = registry.records["kind"][id_]
    return record if isinstance(record, SensorKind) else None


def _us(kind: SensorKind | None, field: str) -> int:
    return 0 if kind is None else round(getattr(kind, field) * 1_000_000)


def _time(text: str | None, default: int) -> int:
    from datetime import UTC, datetime

    if text is None:
        return default
    at = datetime.fromisoformat(text)
    return to_us(at if at.tzinfo else at.replace(tzinfo=UTC))


def _measured(registry: Registry, kinds: dict[str, int], quantities: dict[str, int]) -> npt.NDArray[np.bool_]:
    measured = np.zeros((max(1, len(kinds)), len(quantities)), np.bool_)
    for id_, k in kinds.items():
        kind = _kind(registry, id_)
        for quantity in kind.quantities if kind else ():
            if quantity in quantities:
                measured[k, quantities[quantity]] = True
    return measured


def _tables(registry: Registry, kinds: dict[str, int], quantities: dict[str, int], slot_kind: I32) -> Tables:
    resolution = np.ones(len(quantities))
    low = np.full((max(1, len(kinds)), len(quantities)), -OPEN_US, np.int64)
    high = np.full((max(1, len(kinds)), len(quantities)), OPEN_US, np.int64)
    for id_, quantity in registry.of("quantity", Quantity).items():
        resolution[quantities[id_]] = quantity.resolution
    for id_, kind in registry.of("kind", SensorKind).items():
        for quantity_id, measured in kind.quantities.items():
            q = quantities.get(quantity_id)
            if q is not None:
                low[kinds[id_], q] = int(np.rint(measured.plausible[0] / resolution[q]))
                high[kinds[id_], q] = int(np.rint(measured.plausible[1] / resolution[q]))
    lateness = np.array([_us(_kind(registry, id_), "lateness_s") for id_ in kinds] or [0], np.int64)
    slot_device = np.array([slot.device for slot in registry.slots], np.int32)
    return Tables(slot_kind, slot_device, resolution, low, high, lateness)


def _lanes(registry: Registry, keys: list[LaneKey], functions: list[list[tuple[int, int]]], measured: npt.NDArray[np.bool_], slot_kind: I32) -> Lanes:
    quantities = registry.numbers("quantity")
    cities = registry.of("city", City)
    plain = [(quantities[key[0]], lane) for lane, key in enumerate(keys) if key[2] in PARTS]
    plain.sort()
    of_quantity = np.searchsorted(np.array([q for q, _ in plain], np.int64), np.arange(len(quantities) + 1)).astype(np.int32)
    row = np.full((len(quantities), len(registry.slots)), -1, np.int32)
    for q in range(len(quantities)):
        slots = np.flatnonzero(measured[slot_kind, q]) if slot_kind.size else np.zeros(0, np.int64)
        row[q, slots] = np.arange(slots.size, dtype=np.int32)
    city_number = {id_: c for c, id_ in enumerate(cities)}
    at, edges, codes = calendars(list(cities.values()), any(key[2] in PARTS and key[2] for key in keys))
    return Lanes(
        of_quantity,
        np.array([lane for _, lane in plain], np.int32),
        row,
        np.array([WINDOWS.index(key[1]) for key in keys], np.int32),
        np.array([PARTS.get(key[2], 0) for key in keys], np.int32),
        np.array([any(code == FUNCTIONS.index("leq") for code, _ in pairs) for pairs in functions], np.uint8),
        np.array([city_number.get(slot.record.city, 0) for slot in registry.slots], np.int32),
        at,
        edges,
        codes,
    )


def _tracks(registry: Registry, keys: list[LaneKey], specs: list[tuple[AggregateSpec, str]], numbers: dict[LaneKey, int]) -> Tracks:
    quantities = registry.numbers("quantity")
    ordered = [lane for lane, key in enumerate(keys) if key[2] not in PARTS]
    spec_of = {numbers[lane_key(spec, window)]: spec for spec, window in specs}
    return Tracks(
        np.array(ordered, np.int32),
        np.array([quantities[keys[lane][0]] for lane in ordered], np.int32),
        np.array([FUNCTIONS.index(spec_of[lane].function) for lane in ordered], np.int32),
        np.array([_limit(spec_of[lane], registry) for lane in ordered], np.int64),
    )


def _limit(spec: AggregateSpec, registry: Registry) -> int:
    quantity = registry.records["quantity"].get(spec.quantity)
    if spec.function != "time_share" or not isinstance(quantity, Quantity):
        return 0
    return threshold_integer(spec, quantity)


def _places(registry: Registry, measured: npt.NDArray[np.bool_], slot_kind: I32) -> list[Places]:
    areas = registry.numbers("area")
    slots = registry.slots
    area = np.full((len(slots), len(LEVELS)), -1, np.int32)
    for s, slot in enumerate(slots):
        for level, id_ in enumerate(registry.lineage(slot.area)[: len(LEVELS)]):
            area[s, level] = areas[id_]
    cadence = np.array([_cadence(registry, slot.record.kind, slot.record.cadence_s) for slot in slots], np.int64)
    due_from = np.array([max(slot.record.due_from_us, _time(slot.record.valid_from, -OPEN_US)) for slot in slots], np.int64)
    due_to = np.array([_time(slot.record.valid_to, OPEN_US) for slot in slots], np.int64)
    found = []
    for q in range(measured.shape[1]):
        here = np.flatnonzero(measured[slot_kind, q]).astype(np.int32) if slot_kind.size else np.zeros(0, np.int32)
        found.append(Places(here, area, cadence, due_from, due_to))
    return found


def _cadence(registry: Registry, kind: str, own_s: float | None) -> int:
    if own_s is not None:
        return round(own_s * 1_000_000)
    record = registry.records["kind"].get(kind)
    return round(record.cadence_s * 1_000_000) if isinstance(record, SensorKind) else 1_000_000


def _hold(registry: Registry, kind: str) -> int:
    """How long a value holds where the next does not come: the kind's max_hold, else three cadences [project choice]."""
    record = registry.records["kind"].get(kind)
    if not isinstance(record, SensorKind):
        return 0
    return round((record.max_hold_s or 3 * record.cadence_s) * 1_000_000)


def _device_kinds(registry: Registry, slot_kind: I32) -> I32:
    kinds = np.zeros(max(1, len(registry.device_numbers)), np.int32)
    for s, slot in enumerate(registry.slots):
        kinds[slot.device] = slot_kind[s]
    return kinds
