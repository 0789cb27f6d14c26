"""Compile what a partition knows of the catalogue into the arrays that the kernels run on.

Promises  Rebuilt whole after a catalogue frame, from the registry alone; the same registry gives the same program.
Leaves    Open windows to stream.worker.blocks; formulas to formula/.
"""

from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.records import City, KpiDocument, Quantity, WindowName
from catalog.windows import window_of
from formula.compile import compile_kpi
from formula.errors import FormulaError
from formula.parts import Hours, hours_of, spans_of
from formula.spec import ORDERED, AggregateSpec, key, parse_id, threshold_integer
from kernels.accumulate import powers
from kernels.arrive import Tables
from kernels.lanes import ENERGY, EXTREMES, LAST_VALUE, Lanes
from kernels.names import POOLED, TRACKED, Names, new_names
from kernels.ordered import Tracks, new_tracks
from kernels.reduce import FUNCTIONS, WHOLE, Listed, Places, Spans, listed_of
from stream.worker.calendar import PARTS, calendars
from stream.worker.devices import OPEN_US, device_kinds, hold_of, kind_of, measured_by, places_of, tables_of, time_of, us_of
from stream.worker.pool import Pooled
from stream.worker.registry import Registry

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
WINDOWS = ("minute", "quarter_hour", "hour", "day", "month", "quarter", "year")
_NEEDS = {"leq": ENERGY, "min": EXTREMES, "max": EXTREMES, "last": LAST_VALUE, "last_sum": LAST_VALUE}
_MOST_POWERS = 1 << 16
_PART_NAMES = {code: part for part, code in PARTS.items()}

LaneKey = tuple[str, str, str]
"""(quantity, window, part); lanes of ordered functions have the function in place of the part."""


class Dictionary(NamedTuple):
    """What a frame's texts mean here."""

    devices: Names
    """Slots of the present devices."""
    quantities: Names
    traits: npt.NDArray[np.uint8]
    """By quantity: kernels.names.POOLED and TRACKED, where these hold."""


class Program(NamedTuple):
    """Arrays and names, by slot, quantity, kind, lane and area number."""

    tables: Tables
    lanes: Lanes
    lane_keys: list[LaneKey]
    lane_number: dict[LaneKey, int]
    functions: list[I32]  # by lane: (function code, aggregate number)
    pooled: Pooled
    tracks: Tracks
    tracked: npt.NDArray[np.bool_]  # by quantity: whether a track follows it
    tracked_kinds: I32  # kinds that measure a quantity that a track follows
    names: Dictionary
    leaf: I32  # by slot: its smallest area
    dated: bool  # whether any slot is valid for a time only
    places: list[Places]  # by quantity
    listed: Listed  # slots of all quantities and functions of all lanes, end to end
    aggregates: list[str]
    areas: list[str]
    kinds: list[str]
    active_kinds: list[int]
    closing: list[list[int]]  # by quantity: the active kinds that measure it
    idle_us: I64
    device_kind: I32
    quantity_number: dict[str, int]
    valid_from_us: I64
    valid_to_us: I64
    hold_us: I64  # by slot: how long a value holds
    time_zones: list[str]
    hours: tuple[Hours, ...]  # by city: when the parts of a day begin

    def starts_of(self, lane: int, at_us: int) -> I64:
        """Start (µs) of the window of a lane that holds at_us, by city."""
        window: WindowName = WINDOWS[self.lanes.window[lane]]  # type: ignore[assignment]
        return np.array([window_of(at_us, window, zone)[0] for zone in self.time_zones or ["UTC"]], np.int64)

    def next_us(self, lane: int, at_us: int) -> int:
        """The earliest end (µs), over the cities, of the window of a lane that holds at_us: until then `starts_of` says the same."""
        window: WindowName = WINDOWS[self.lanes.window[lane]]  # type: ignore[assignment]
        return min(window_of(at_us, window, zone)[1] for zone in self.time_zones or ["UTC"])

    def part_of(self, lane: int) -> str:
        """The part of the day of a lane, "" for none."""
        return _PART_NAMES[int(self.lanes.part[lane])]

    def spans(self, lane: int, start_us: int, end_us: int) -> Spans:
        """When the part of the day of a lane is, in a window; kernels.reduce.WHOLE where it has none."""
        part = self.part_of(lane)
        return _spans(start_us, end_us, part, self.hours) if part else WHOLE


@lru_cache(maxsize=1024)
def _spans(start_us: int, end_us: int, part: str, hours: tuple[Hours, ...]) -> Spans:
    """The spans of a part of the day, city after city."""
    found = [spans_of(start_us, end_us, part, each) for each in hours]
    first = np.cumsum([0, *(len(each) for each in found)]).astype(np.int64)
    return Spans(first, np.array([span for each in found for span in each], np.int64).reshape(-1, 2))


def specs_of(registry: Registry) -> list[tuple[AggregateSpec, str]]:
    """Every aggregate that a present KPI rests on, with its window; sorted, distinct."""
    quantities, kpis = registry.of("quantity", Quantity), registry.of("kpi", KpiDocument)
    found: dict[tuple[str, str], AggregateSpec] = {}
    for kpi in kpis.values():
        with suppress(FormulaError):  # the combiner says it, and computes the others
            for spec in compile_kpi(kpi, quantities, kpis).aggregates:
                found[spec.id, kpi.window] = spec
    return [(spec, window) for (_, window), spec in sorted(found.items())]


def lane_key(spec: AggregateSpec, window: str) -> LaneKey:
    """Functions that need the order of time, or a limit of their own, get a lane of their own."""
    if spec.function in ORDERED:
        return spec.quantity, window, spec.id
    return spec.quantity, window, spec.part


def compile_program(registry: Registry) -> Program:
    """The program of a partition."""
    kinds, quantities = registry.numbers("kind"), registry.numbers("quantity")
    specs = [(spec, window) for spec, window in specs_of(registry) if spec.quantity in quantities]
    numbers = {key: number for number, key in enumerate(sorted({lane_key(spec, window) for spec, window in specs}))}
    keys, lane_quantity = list(numbers), np.array([quantities[quantity] for quantity, _, _ in numbers], np.int64)
    (functions, pooled_lane), measured = _by_lane(specs, numbers), measured_by(registry, kinds, quantities)
    tracks, slot_kind = _tracks(registry, keys, specs, numbers), np.array([kinds.get(slot.record.kind, 0) for slot in registry.slots], np.int32)
    places, cities = places_of(registry, measured, slot_kind), registry.of("city", City).values()
    pooled, tracked = _pooled(pooled_lane, lane_quantity, quantities), _among(quantities, tracks.quantity)
    active, lanes = sorted(set(slot_kind[list(registry.slot_of.values())].tolist())), _lanes(registry, keys, functions, measured, slot_kind)
    return Program(
        tables=tables_of(registry, kinds, quantities, slot_kind, lanes.row),
        lanes=lanes,
        lane_keys=keys,
        lane_number=numbers,
        functions=functions,
        pooled=pooled,
        tracks=tracks,
        tracked=tracked,
        tracked_kinds=np.flatnonzero(measured[:, np.unique(tracks.quantity)].any(axis=1))[: len(kinds)].astype(np.int32),
        names=Dictionary(new_names(registry.slot_of), new_names(quantities), (pooled.quantity * POOLED + tracked * TRACKED).astype(np.uint8)),
        leaf=np.ascontiguousarray(places[0].area[:, 0]) if places else np.zeros(0, np.int32),
        dated=any(slot.record.valid_from is not None or slot.record.valid_to is not None for slot in registry.slots),
        places=places,
        listed=listed_of(places, functions, lane_quantity),
        aggregates=[key(spec, window) for spec, window in specs],
        areas=list(registry.records["area"]),
        kinds=list(kinds),
        active_kinds=active,
        closing=[[k for k in active if measured[k, q]] for q in range(len(quantities))],
        idle_us=np.array([us_of(kind_of(registry, id_), "idle_s") for id_ in kinds], np.int64),
        device_kind=device_kinds(registry, slot_kind),
        quantity_number=quantities,
        valid_from_us=_times([slot.record.valid_from for slot in registry.slots], -OPEN_US),
        valid_to_us=_times([slot.record.valid_to for slot in registry.slots], OPEN_US),
        hold_us=np.array([hold_of(registry, slot.record.kind) for slot in registry.slots], np.int64),
        time_zones=[city.time_zone for city in cities],
        hours=tuple(hours_of(city) for city in cities),
    )


def _times(texts: list[str | None], default_us: int) -> I64:
    return np.array([time_of(text, default_us) for text in texts], np.int64)


def _among(quantities: dict[str, int], which: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """By quantity: whether it is among these numbers."""
    return np.isin(np.arange(max(1, len(quantities))), which)


def _pooled(lane: npt.NDArray[np.uint8], quantity: I64, quantities: dict[str, int]) -> Pooled:
    """lane: by lane, 1 where it is pooled; quantity: by lane."""
    of = quantity[lane == 1]
    return Pooled(lane, _among(quantities, of), int(np.bincount(of).max(initial=0)))


def _by_lane(specs: list[tuple[AggregateSpec, str]], numbers: dict[LaneKey, int]) -> tuple[list[I32], npt.NDArray[np.uint8]]:
    """(function code, aggregate number) pairs of every lane, and which lanes are pooled in a histogram."""
    functions: list[list[tuple[int, int]]] = [[] for _ in numbers]
    pooled = np.zeros(len(numbers), np.uint8)
    for number, (spec, window) in enumerate(specs):
        lane = numbers[lane_key(spec, window)]
        functions[lane].append((FUNCTIONS.index(f"{spec.function}_{spec.weight}" if spec.weight else spec.function), number))
        if spec.function == "percentile":
            pooled[lane] = 1
    return [np.array(pairs, np.int32).reshape(-1, 2) for pairs in functions], pooled


def _lanes(registry: Registry, keys: list[LaneKey], functions: list[I32], measured: npt.NDArray[np.bool_], slot_kind: I32) -> Lanes:
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
    parts = [PARTS[key[2] if key[2] in PARTS else parse_id(key[2]).part] for key in keys]
    at, edges, codes = calendars(list(cities.values()), any(parts))
    return Lanes(
        of_quantity,
        np.array([lane for _, lane in plain], np.int32),
        row,
        np.array([WINDOWS.index(key[1]) for key in keys], np.int32),
        np.array(parts, np.int32),
        np.array([sum({_NEEDS.get(FUNCTIONS[code], 0) for code, _ in pairs}) for pairs in functions], np.uint8),
        np.array([city_number.get(slot.record.city, 0) for slot in registry.slots], np.int32),
        at,
        edges,
        codes,
        *_powers(registry, {keys[lane][0] for lane, pairs in enumerate(functions) if any(FUNCTIONS[code] == "leq" for code, _ in pairs)}),
        np.array([record.resolution for record in registry.of("quantity", Quantity).values()] or [1.0]),
        np.zeros(len(quantities), np.int64),
        np.zeros(len(plain), np.int64),
    )


def _powers(registry: Registry, of: set[str]) -> tuple[I64, npt.NDArray[np.float64]]:
    """Tables of energies for the quantities whose energies are summed: `power_at` and `power` of kernels.accumulate.Lanes."""
    at = np.zeros((max(1, len(registry.records["quantity"])), 3), np.int64)
    tables, end = [np.zeros(0)], 0
    for q, record in enumerate(registry.records["quantity"].values()):
        if isinstance(record, Quantity) and record.id in of:
            first, last = (round(bound / record.resolution) for bound in record.possible)
            count = min(last - first + 1, _MOST_POWERS)
            at[q] = end, first, count
            tables.append(powers(first, count, record.resolution))
            end += count
    return at, np.concatenate(tables)


def _tracks(registry: Registry, keys: list[LaneKey], specs: list[tuple[AggregateSpec, str]], numbers: dict[LaneKey, int]) -> Tracks:
    quantities = registry.numbers("quantity")
    ordered = [lane for lane, key in enumerate(keys) if key[2] not in PARTS]
    spec_of = {numbers[lane_key(spec, window)]: spec for spec, window in specs}
    return new_tracks(
        np.array(ordered, np.int32),
        np.array([quantities[keys[lane][0]] for lane in ordered], np.int32),
        np.array([FUNCTIONS.index(spec_of[lane].function) for lane in ordered], np.int32),
        np.array([_limit(spec_of[lane], registry) for lane in ordered], np.int64),
        len(quantities),
    )


def _limit(spec: AggregateSpec, registry: Registry) -> int:
    quantity = registry.records["quantity"].get(spec.quantity)
    if spec.function != "time_share" or not isinstance(quantity, Quantity):
        return 0
    return threshold_integer(spec, quantity)
