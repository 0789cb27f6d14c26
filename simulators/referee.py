"""The referee: a KPI computed slowly and obviously from a table of readings, by its own reading of the formula.

Promises  Shares no code with formula/, kernels/ and stream/: it agrees with them only where all are right. Aggregates are
          device first, then devices; every level from devices, never from lower levels.
Leaves    Which readings count to its caller. Formulas it cannot compute raise UnknownFormulaError, they are never guessed.
"""

import ast
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from catalog.records import Area, City, Device, Kpi, Level, SensorKind, WindowName
from catalog.windows import window_of
from simulators.mood import local_us

_HOUR_US = 3_600_000_000
_KEY = ["area", "window_start_us"]


class UnknownFormulaError(Exception):
    """A formula beyond what the referee computes."""


class Ground(NamedTuple):
    """Where readings belong and how long they hold."""

    city: City
    areas: Mapping[str, Mapping[Level, str]]
    """Device to the area of each level."""
    max_hold_s: Mapping[str, float]
    """Device to how long a value of it holds where the next one does not come."""


def ground(city: City, areas: Mapping[str, Area], devices: Mapping[str, Device], kinds: Mapping[str, SensorKind]) -> Ground:
    """The ground of a city pack; a kind without max_hold_s holds for three of its cadences."""
    chains = {device.id: _chain(areas, device.area) for device in devices.values()}
    holds = {device.id: kinds[device.kind].max_hold_s or 3.0 * kinds[device.kind].cadence_s for device in devices.values()}
    return Ground(city, chains, holds)


def judge(kpi: Kpi, readings: pd.DataFrame, where: Ground) -> pd.DataFrame:
    """The KPI per area and window.

    readings  columns device, quantity, at_us (int64, µs UTC), value (canonical unit); one row per reading that counts
    ->        columns kpi, version, area, window_start_us, value, devices; windows without a reading of any input are absent,
              value is NaN where an input is missing or something is divided by zero
    """
    try:
        tree = ast.parse(kpi.formula.strip(), mode="eval").body
    except SyntaxError as error:  # at(kpi, -7d) is no Python
        raise UnknownFormulaError(f"kpi {kpi.id}: the referee cannot read {kpi.formula}") from error
    used = {node.args[0].id for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Name)}
    rows = readings[readings["quantity"].isin(used)].copy()
    rows["window_start_us"] = window_starts(rows["at_us"], kpi.window, where.city.time_zone)
    parts = []
    for level in kpi.levels:
        rows["area"] = [where.areas[device].get(level) for device in rows["device"]]
        here = rows.dropna(subset=["area"])
        if not here.empty:
            value = _evaluate(tree, here, kpi, where)
            devices = here.groupby(_KEY)["device"].nunique()
            parts.append(pd.DataFrame({"value": value, "devices": devices}).fillna({"devices": 0}).reset_index())
    columns = ["kpi", "version", *_KEY, "value", "devices"]
    if not parts:
        return pd.DataFrame({name: [] for name in columns})
    found = pd.concat(parts, ignore_index=True)
    found["value"] = found["value"].where(np.isfinite(found["value"]))
    return found.assign(kpi=kpi.id, version=kpi.version)[columns].sort_values(["area", "window_start_us"], ignore_index=True)


def window_starts(at_us: "pd.Series[int]", window: WindowName, time_zone: str) -> "pd.Series[int]":
    """Start of each row's window; windows change at whole quarters of an hour, or at whole minutes."""
    grain = 60_000_000 if window == "minute" else 900_000_000
    grains = at_us // grain
    starts = {each: window_of(int(each) * grain, window, time_zone)[0] for each in grains.unique()}
    return grains.map(starts).astype("int64")


def _evaluate(at: ast.expr, rows: pd.DataFrame, kpi: Kpi, where: Ground) -> "pd.Series[float]":
    match at:
        case ast.Constant(value=int() | float() as number):
            return pd.Series(float(number), index=rows.groupby(_KEY).size().index)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, rows, kpi, where)
        case ast.BinOp(left=left, op=operator, right=right):
            return _combine(operator, _evaluate(left, rows, kpi, where), _evaluate(right, rows, kpi, where))
        case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=quantity), *more]):
            return _aggregate(name, rows[rows["quantity"] == quantity], more, kpi, where)
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in _PURE:
            return _PURE[name]([_evaluate(argument, rows, kpi, where) for argument in arguments])
    raise UnknownFormulaError(f"kpi {kpi.id}: the referee cannot compute {ast.unparse(at)}")


def _combine(operator: ast.operator, left: "pd.Series[float]", right: "pd.Series[float]") -> "pd.Series[float]":
    left, right = left.align(right)
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right.where(right != 0)
    raise UnknownFormulaError(f"operator {operator!r}")


_PURE: dict[str, Callable[[list["pd.Series[float]"]], "pd.Series[float]"]] = {
    "ratio": lambda given: _combine(ast.Div(), given[0], given[1]),
    "travel_time_index": lambda given: _combine(ast.Div(), given[0], given[1]),
    "rate_per": lambda given: _combine(ast.Div(), given[0], given[1]) * given[2],
    "percent": lambda given: given[0] * 100.0,
    "share": lambda given: given[0] / 100.0,
    "abs": lambda given: given[0].abs(),
    "lowest": lambda given: pd.concat(given, axis=1).min(axis=1, skipna=False),
    "highest": lambda given: pd.concat(given, axis=1).max(axis=1, skipna=False),
    "clamp": lambda given: pd.concat([pd.concat(given[:2], axis=1).max(axis=1, skipna=False), given[2]], axis=1).min(axis=1, skipna=False),
}


def _aggregate(name: str, rows: pd.DataFrame, more: list[ast.expr], kpi: Kpi, where: Ground) -> "pd.Series[float]":
    numbers = [float(arg.value) for arg in more if isinstance(arg, ast.Constant) and isinstance(arg.value, int | float)]
    for part in (arg.id for arg in more if isinstance(arg, ast.Name)):
        if part not in ("day", "evening", "night"):
            raise UnknownFormulaError(f"kpi {kpi.id}: the referee cannot compute {name} with {part}")
        rows = rows[_in_part(rows["at_us"], part, where.city)]
    if name[:1] == "p" and name[1:].isdigit():
        name, numbers = "percentile", [float(name[1:])]
    devices = rows.groupby([*_KEY, "device"])
    value = rows["value"]
    match name:
        case "mean":
            return _mean(devices["value"].mean())
        case "leq":
            energy = rows.assign(energy=10.0 ** (value / 10.0)).groupby([*_KEY, "device"])["energy"].mean()
            return _mean(energy).map(lambda each: 10.0 * math.log10(each))
        case "sum":
            return rows.groupby(_KEY)["value"].sum()
        case "count":
            return rows.groupby(_KEY)["value"].count().astype("float64")
        case "min":
            return rows.groupby(_KEY)["value"].min()
        case "max":
            return rows.groupby(_KEY)["value"].max()
        case "count_devices":
            return rows.groupby(_KEY)["device"].nunique().astype("float64")
        case "percentile":
            return rows.groupby(_KEY)["value"].quantile(numbers[0] / 100.0, interpolation="linear")
        case "time_mean" if not any(isinstance(arg, ast.Name) for arg in more):
            return _mean(_held(rows, kpi, where))
        case "time_share" if len(more) == 1:
            return _mean(_held(rows.assign(value=(value >= numbers[0]).astype("float64")), kpi, where))
        case "increase" if not more:
            return _increase(rows)
        case "last" | "last_sum":
            last = rows.sort_values("at_us").groupby([*_KEY, "device"])["value"].last()
            return _mean(last) if name == "last" else _sum(last)
    raise UnknownFormulaError(f"kpi {kpi.id}: the referee cannot compute {name}")


def _increase(rows: pd.DataFrame) -> "pd.Series[float]":
    """Each reading's step from the one before it of the same device, whenever that was; a fall is a reset to zero, the first has none."""
    ordered = rows.sort_values("at_us")
    before = ordered.groupby(["area", "device"])["value"].shift(1)
    step = (ordered["value"] - before).where(ordered["value"] >= before, ordered["value"]).where(before.notna(), 0.0)
    return ordered.assign(step=step).groupby(_KEY)["step"].sum()


def _held(rows: pd.DataFrame, kpi: Kpi, where: Ground) -> "pd.Series[float]":
    """Each device's mean weighted by how long a value held: until the next one, at most its max_hold, over window edges."""
    ordered = rows.sort_values(["area", "device", "at_us"])
    following = ordered.groupby(["area", "device"])["at_us"].shift(-1)
    longest = ordered["at_us"] + ordered["device"].map(where.max_hold_s) * 1e6
    left = pd.DataFrame(
        {
            "area": ordered["area"],
            "device": ordered["device"],
            "value": ordered["value"],
            "from_us": ordered["at_us"],
            "to_us": np.fmin(following, longest).astype("int64"),
        }
    )
    pieces = []
    while not left.empty:
        starts = window_starts(left["from_us"], kpi.window, where.city.time_zone)
        ends = starts.map({start: window_of(int(start), kpi.window, where.city.time_zone)[1] for start in starts.unique()})
        until = np.minimum(left["to_us"], ends)
        pieces.append(left.assign(window_start_us=starts, weight=until - left["from_us"]))
        left = left.assign(from_us=until)[until < left["to_us"]]
    held = pd.concat(pieces)
    totals = held.assign(weighted=held["value"] * held["weight"]).groupby([*_KEY, "device"])[["weighted", "weight"]].sum()
    return totals["weighted"] / totals["weight"].where(totals["weight"] > 0)


def _mean(devices: "pd.Series[float]") -> "pd.Series[float]":
    """The step from devices to areas: their mean."""
    return devices.groupby(level=_KEY).mean()


def _sum(devices: "pd.Series[float]") -> "pd.Series[float]":
    """The step from devices to areas: their sum."""
    return devices.groupby(level=_KEY).sum()


def _in_part(at_us: "pd.Series[int]", part: str, city: City) -> "pd.Series[bool]":
    hour = local_us(np.asarray(at_us, np.int64), city.time_zone) % (24 * _HOUR_US) // _HOUR_US
    edges = {"day": (city.day_from, city.evening_from), "evening": (city.evening_from, city.night_from), "night": (city.night_from, city.day_from)}
    begin, end = edges[part]
    inside = (hour >= begin) & (hour < end) if begin <= end else (hour >= begin) | (hour < end)
    return pd.Series(inside, index=at_us.index)


def _chain(areas: Mapping[str, Area], lowest: str) -> dict[Level, str]:
    found: dict[Level, str] = {}
    at: str | None = lowest
    while at is not None:
        area = areas[at]
        found[area.level] = area.id
        at = area.parent
    return found
