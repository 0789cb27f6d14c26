"""The combiner, slow and obvious: dictionaries, fractions, one area and window at a time."""

import ast
import math
import re
from datetime import timedelta
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from catalog.records import City, Kpi, Quantity, SensorKind
from catalog.windows import from_us, to_us, window_of
from tests.stream.partials import frame_of

DAY_US = 86_400_000_000
MINUTE_US = 60_000_000


class Partial(NamedTuple):
    """One row as it stands in a frame."""

    offset: int
    devices: int
    readings: int
    good_due: int
    sum: int
    real: float
    low: int
    high: int
    bins: bytes | None


class Final(NamedTuple):
    """A value without the fields that only say where and when it was computed."""

    kpi: str
    area: str
    start_us: int
    end_us: int
    value: float | None
    state: str
    band: str | None
    coverage: float
    devices: int


class SlowCombiner:
    """Frames in, finals out; the catalogue is given and never changes."""

    def __init__(self, inputs: int, kpis: list[Kpi], records: dict[str, list[Any]], live_from_us: int = 0) -> None:
        self.inputs, self.kpis, self.live_from_us = inputs, kpis, live_from_us
        self.cities: dict[str, City] = {each.id: each for each in records["city"]}
        self.areas = {each.id: each for each in records["area"]}
        self.quantities: dict[str, Quantity] = {each.id: each for each in records["quantity"]}
        self.kinds: dict[str, SensorKind] = {each.id: each for each in records["kind"]}
        self.heard = [-1] * inputs
        self.marks: list[dict[str, int | None]] = [{} for _ in range(inputs)]
        self.census: list[tuple[int, list[dict[str, Any]]]] = [(-1, []) for _ in range(inputs)]
        self.rows: dict[tuple[str, str, int, int], Partial] = {}
        self.next: dict[tuple[str, str], int] = {}
        self.started: set[tuple[str, str]] = set()
        self.known_areas: set[str] = set()
        self.published: dict[tuple[str, str, int], float | None] = {}
        """Every final by KPI, area and window start: what `at(…)` reads."""

    def apply(self, value: bytes) -> list[Final]:
        """One frame; the finals that follow, in order of (window, kpi, area)."""
        frame = frame_of(value)
        source, offset = frame.meta["input_partition"], frame.meta["input_offset"]
        columns = {
            name: [column.texts[code] for code in column.codes] if hasattr(column, "codes") else list(column)
            for name, column in frame.columns.items()
        }
        rows = [dict(zip(columns, each, strict=True)) for each in zip(*columns.values(), strict=True)]
        if frame.meta["kind"] == "rows":
            for row in rows:
                self._row(source, offset, row)
        elif frame.meta["kind"] == "census" and offset >= self.census[source][0]:
            self.census[source] = (offset, rows)
            self.known_areas |= {row["area"] for row in rows}
        if frame.meta["kind"] in ("rows", "watermarks") and offset >= self.heard[source]:
            self.heard[source] = offset
            self.marks[source] = frame.meta["watermarks"]
        return self._close()

    def _row(self, source: int, offset: int, row: dict[str, Any]) -> None:
        self.known_areas.add(row["area"])
        name = (row["aggregate"], row["area"], int(row["window_start"]), source)
        if name in self.rows and self.rows[name].offset > offset:
            return
        total = (int(row["sum_hi"]) << 64) + (int(row["sum_lo"]) & (2**64 - 1))
        self.rows[name] = Partial(
            offset,
            int(row["devices"]),
            int(row["readings"]),
            int(row["good_due"]),
            total,
            float(row["real"]),
            int(row["low"]),
            int(row["high"]),
            row.get("bins"),
        )

    def _close(self) -> list[Final]:
        if min(self.heard) < 0:
            return []
        found: list[Final] = []
        newest = max((at for marks in self.marks for at in marks.values() if at is not None), default=None)
        for kpi in self.kpis:
            wanted = quantities_of(kpi)
            kinds = {id_ for id_, kind in self.kinds.items() if wanted & set(kind.quantities)}
            waits = {id_ for id_, kind in self.kinds.items() if self._rests_on(kpi) & set(kind.quantities)}
            marks = [at for each in self.marks for kind, at in each.items() if kind in waits]
            if not marks or None in marks:
                continue
            limit = min(at for at in marks if at is not None)
            for city in self.cities.values():
                areas = sorted(a for a in self.known_areas if self.areas[a].city == city.id and self.areas[a].level in kpi.levels)
                assert newest is not None
                found += self._close_city(kpi, city, areas, (kinds, limit, newest))
        return sorted(found, key=lambda final: (final.start_us, final.kpi, final.area))

    def _rests_on(self, kpi: Kpi) -> set[str]:
        """Every quantity that the KPI, and those that it looks back at, name."""
        return quantities_of(kpi).union(*(self._rests_on(base) for base in self.kpis if f"at({base.id}," in kpi.formula))

    def _close_city(self, kpi: Kpi, city: City, areas: list[str], how_far: tuple[set[str], int, int]) -> list[Final]:
        kinds, limit, newest = how_far
        name = (kpi.id, city.id)
        owed = [row for _, rows in self.census for row in rows if row["area"] in areas and row["kind"] in kinds]
        if name not in self.next:
            if not owed:
                return []
            begins = [max(int(row["due_from_us"]), int(row["valid_from_us"])) for row in owed]
            begins += [start for key, area, start, _ in self.rows if area in areas and key in keys_of(kpi)]
            start, end = window_of(max(min(begins), self.live_from_us), kpi.window, city.time_zone)
            if start < self.live_from_us:
                start, end = window_of(end, kpi.window, city.time_zone)
            if end > limit:
                return []
            self.next[name] = start
        found: list[Final] = []
        while True:
            start, end = window_of(self.next[name], kpi.window, city.time_zone)
            if end > limit:
                return found
            for area in areas:
                final = self.value(kpi, area, (start, end), None)
                begun = any(max(int(row["due_from_us"]), int(row["valid_from_us"])) < end for row in owed if row["area"] == area)
                if not (begun or final.devices or (kpi.id, area) in self.started):
                    continue
                old = end < newest - DAY_US
                # A window that is skipped as a whole does not start an area; a later one does, for the same reason.
                self.started.add((kpi.id, area))
                if final.devices or not old:
                    found.append(final)
                    self.published[kpi.id, area, start] = final.value
            self.next[name] = end

    def value(self, kpi: Kpi, area: str, window: tuple[int, int], known: dict[str, int] | None) -> Final:
        """The KPI of one area; `known` None for a whole window, else how far each kind is known."""
        computed: dict[str, tuple[Fraction | float | None, int, int]] = {}
        root = parsed(kpi)
        value = self._evaluate(root, kpi, area, window[0], computed)
        devices = max(n for _, n, _ in computed.values())
        good = due = 0
        for quantity, part in sorted({quantity_part(text) for text in computed}):
            good += next(good for text, (_, _, good) in sorted(computed.items()) if quantity_part(text) == (quantity, part))
            due += self._due(quantity, part, area, window, known)
        coverage = min(good / due, 1.0) if due else float(devices > 0)
        if not devices:
            state, value = "no_data", None
        elif value is None or coverage < kpi.min_coverage:
            state, value = "not_enough_data", None
        else:
            state = "ok"
        number = None if value is None else float(value)
        band = next((b.id for b in kpi.bands if b.to is None or (number is not None and number <= b.to)), None) if number is not None else None
        return Final(kpi.id, area, *window, number, state, band, coverage, devices)

    def _evaluate(self, node: ast.expr, kpi: Kpi, area: str, start_us: int, computed: dict[str, Any]) -> Fraction | float | None:
        if isinstance(node, ast.Constant):
            return Fraction(repr(node.value))
        if isinstance(node, ast.BinOp):
            left, right = (self._evaluate(side, kpi, area, start_us, computed) for side in (node.left, node.right))
            return combine(type(node.op).__name__, left, right)
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        if node.func.id == "ratio":
            left, right = (self._evaluate(side, kpi, area, start_us, computed) for side in node.args)
            return combine("Div", left, right)
        if node.func.id.startswith("at__"):
            _, base, back = node.func.id.split("__")
            before = earlier(start_us, back, self.cities[self.areas[area].city])
            return self.published.get((base, area, before))
        text = ast.unparse(node).replace(" ", "")
        computed[text] = self._aggregate(text, kpi, area, start_us)
        value: Fraction | float | None = computed[text][0]
        return value

    def _aggregate(self, text: str, kpi: Kpi, area: str, start_us: int) -> tuple[Fraction | float | None, int, int]:
        parts = [self.rows[name] for s in range(self.inputs) if (name := (f"{text}@{kpi.window}", area, start_us, s)) in self.rows]
        parts = [part for part in parts if part.devices]
        devices, good = sum(part.devices for part in parts), sum(part.good_due for part in parts)
        if not devices:
            return None, 0, 0
        function, quantity = text.partition("(")[0], quantity_part(text)[0]
        worth = Fraction(repr(self.quantities[quantity].resolution))
        if text.endswith(",count)"):
            return sum(part.sum for part in parts) * worth / sum(part.readings for part in parts), devices, good
        if text.endswith(",population)"):
            people = sum(int(part.real) for part in parts)
            return (sum(part.sum for part in parts) * worth / (2**50 * people) if people else None), devices, good
        if function == "mean":
            return sum(part.sum for part in parts) * worth / (2**50 * devices), devices, good
        if function == "sum":
            return sum(part.sum for part in parts) * worth, devices, good
        if function == "count_devices":
            return Fraction(devices), devices, good
        if function == "min":
            return min(part.low for part in parts) * worth, devices, good
        if function == "leq":
            total = 0.0
            for part in parts:
                total += part.real
            return 10.0 * math.log10(total / devices), devices, good
        assert function == "p95"
        pooled = sorted(v for part in parts for v, n in np.frombuffer(part.bins or b"", np.int64).reshape(-1, 2).tolist() for _ in range(n))
        place = Fraction(95, 100) * (len(pooled) - 1)
        low, high = pooled[math.floor(place)], pooled[min(math.floor(place) + 1, len(pooled) - 1)]
        return (low + (place - math.floor(place)) * (high - low)) * worth, devices, good

    def _due(self, quantity: str, part: str, area: str, window: tuple[int, int], known: dict[str, int] | None) -> int:
        total = 0
        for _, rows in self.census:
            for row in rows:
                if row["area"] != area or quantity not in self.kinds[row["kind"]].quantities:
                    continue
                begin = max(int(row["due_from_us"]), int(row["valid_from_us"]))
                until = window[1] if known is None else known.get(row["kind"], window[0])
                spans = minutes_of(window, part, self.cities[self.areas[area].city]) if part else [window]
                covered = sum(max(0, min(high, int(row["valid_to_us"]), until) - max(low, begin)) for low, high in spans)
                cadence = int(row["cadence_us"])
                whole = all(until >= high for _, high in spans)
                total += int(row["devices"]) * (covered * 10**6 // cadence if whole else covered // cadence * 10**6)
        return total


def combine(operator: str, left: Fraction | float | None, right: Fraction | float | None) -> Fraction | float | None:
    """Missing goes through; division by zero is missing. Aggregates are rounded before they meet."""
    if left is None or right is None:
        return None
    x, y = float(left), float(right)
    if operator == "Div":
        return None if y == 0.0 else x / y
    return {"Add": x + y, "Sub": x - y, "Mult": x * y}[operator]


def minutes_of(window: tuple[int, int], part: str, city: City) -> list[tuple[int, int]]:
    """Every minute of the window whose local hour lies in the part."""
    zone = ZoneInfo(city.time_zone)
    hours = {"day": (city.day_from, city.evening_from), "evening": (city.evening_from, city.night_from), "night": (city.night_from, city.day_from)}
    low, high = hours[part]
    found = []
    for at in range(window[0], window[1], MINUTE_US):
        hour = from_us(at).astimezone(zone).hour
        if (low <= hour < high) if low < high else (hour >= low or hour < high):
            found.append((at, at + MINUTE_US))
    return found


def parsed(kpi: Kpi) -> ast.expr:
    """The formula; `at(base, -5h)` as a call of `at__base__5h`."""
    return ast.parse(re.sub(r"at\((\w+), -(\w+)\)", r"at__\1__\2()", kpi.formula), mode="eval").body


def earlier(start_us: int, back: str, city: City) -> int:
    """Start of the window that many hours, or local dates, before."""
    if back.endswith("h"):
        return start_us - int(back[:-1]) * 60 * MINUTE_US
    local = from_us(start_us).astimezone(ZoneInfo(city.time_zone))
    return to_us((local.replace(tzinfo=None) - timedelta(days=int(back[:-1]))).replace(tzinfo=ZoneInfo(city.time_zone)))


def quantities_of(kpi: Kpi) -> set[str]:
    """Every quantity that the formula names."""
    return {quantity_part(key)[0] for key in keys_of(kpi)}


def keys_of(kpi: Kpi) -> set[str]:
    """Aggregates with the window."""
    return {
        f"{ast.unparse(node).replace(' ', '')}@{kpi.window}"
        for node in ast.walk(parsed(kpi))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id != "ratio" and not node.func.id.startswith("at__")
    }


def quantity_part(text: str) -> tuple[str, str]:
    """`leq(sound_level,night)` -> sound_level, night."""
    fields = text.partition("(")[2].partition(")")[0].split(",")
    return fields[0], next((field for field in fields[1:] if field in ("day", "evening", "night")), "")
