"""The referee's aggregates: readings to a value per area and window, device first, then devices; every level from devices.

Promises  Shares no code with kernels/ and formula/. A value holds until the next one of its device, at most its max_hold, over window edges; a
          counter's step belongs to its later reading, and the reading before may lie anywhere.
Leaves    Which readings count, and what a formula makes of aggregates, to referee.py.
"""

import ast
import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from catalog.records import Kpi
from catalog.windows import window_of
from simulators.ground import PARTS, QUARTER_US, Ground, in_part, window_starts

KEY = ["area", "window_start_us"]
_BY_DEVICE = [*KEY, "device"]
_WEIGHTS = ("count", "population")


class UnknownFormulaError(Exception):
    """A formula beyond what the referee computes."""


class _Asked(NamedTuple):
    """An aggregate as a formula names it: `p95(q)`, `time_share(q, 80)`, `mean(q, population, night)`."""

    name: str
    quantity: str
    number: float = math.nan
    weight: str = ""
    part: str = ""


class Told(NamedTuple):
    """By area and window; without an entry where nobody said anything."""

    value: "pd.Series[float]"
    devices: "pd.Series[int]"
    """How many spoke; of values that hold, of how many one held."""


def aggregate(call: ast.Call, rows: pd.DataFrame, kpi: Kpi, where: Ground) -> Told:
    """One aggregate by area and window.

    rows  area, window_start_us, device, quantity, at_us, value; of all quantities of the formula, of one level
    """
    asked = _asked(call, kpi)
    rows = rows[rows["quantity"] == asked.quantity]
    if asked.name in ("time_mean", "time_share"):
        weights = rows if asked.name == "time_mean" else rows.assign(value=(rows["value"] >= asked.number).astype("float64"))
        held = _held(weights, asked.part, kpi, where)
        return Told(_mean(held), held.groupby(level=KEY).size())
    if asked.name == "increase":
        rows = _steps(rows)
    if asked.part:
        rows = rows[in_part(rows["at_us"], asked.part, where.city)]
    value = _weighted(asked.weight, rows, where) if asked.weight else _plain(asked, rows, kpi)
    return Told(value, rows.groupby(KEY)["device"].nunique())


def _plain(asked: _Asked, rows: pd.DataFrame, kpi: Kpi) -> "pd.Series[float]":
    value, by_device = rows.groupby(KEY)["value"], rows.groupby(_BY_DEVICE)["value"]
    match asked.name:
        case "mean":
            return _mean(by_device.mean())
        case "leq":
            energy = rows.assign(energy=10.0 ** (rows["value"] / 10.0)).groupby(_BY_DEVICE)["energy"].mean()
            return _mean(energy).map(lambda each: 10.0 * math.log10(each))
        case "sum" | "increase":
            return value.sum()
        case "count":
            return value.count().astype("float64")
        case "min":
            return value.min()
        case "max":
            return value.max()
        case "count_devices":
            return rows.groupby(KEY)["device"].nunique().astype("float64")
        case "percentile" if 0.0 <= asked.number <= 100.0:
            return value.quantile(asked.number / 100.0, interpolation="linear")
        case "last":
            return _mean(_last(rows))
        case "last_sum":
            return _last(rows).groupby(level=KEY).sum()
    raise UnknownFormulaError(f"kpi {kpi.id}: the referee cannot compute {asked.name}")


def _asked(call: ast.Call, kpi: Kpi) -> _Asked:
    match call:
        case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=quantity), *more], keywords=[]):
            asked = _Asked(name, quantity)
            if name[:1] == "p" and name[1:].isdigit():
                asked = _Asked("percentile", quantity, float(name[1:]))
            for each in more:
                match each:
                    case ast.Name(id=word) if word in PARTS:
                        asked = asked._replace(part=word)
                    case ast.Name(id=word) if word in _WEIGHTS and name == "mean":
                        asked = asked._replace(weight=word)
                    case ast.Constant(value=int() | float() as number):
                        asked = asked._replace(number=float(number))
                    case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                        asked = asked._replace(number=-float(number))
                    case _:
                        raise UnknownFormulaError(f"kpi {kpi.id}: the referee cannot compute {name} with {ast.unparse(each)}")
            if (asked.name in ("percentile", "time_share")) != math.isnan(asked.number):
                return asked
    raise UnknownFormulaError(f"kpi {kpi.id}: the referee cannot compute {ast.unparse(call)}")


def _mean(devices: "pd.Series[float]") -> "pd.Series[float]":
    """The step from devices to areas."""
    return devices.groupby(level=KEY).mean()


def _last(rows: pd.DataFrame) -> "pd.Series[float]":
    return rows.sort_values("at_us").groupby(_BY_DEVICE)["value"].last()


def _weighted(weight: str, rows: pd.DataFrame, where: Ground) -> "pd.Series[float]":
    """The mean in which each reading weighs the same, or each device as much as people live where it stands; nobody anywhere is missing."""
    if weight == "count":
        return rows.groupby(KEY)["value"].mean()
    devices = rows.groupby(_BY_DEVICE, as_index=False)["value"].mean()
    people = devices["device"].map({device: where.people[next(iter(levels.values()))] for device, levels in where.areas.items()})
    totals = devices.assign(people=people, weighted=devices["value"] * people).groupby(KEY)[["weighted", "people"]].sum()
    return totals["weighted"] / totals["people"].where(totals["people"] > 0)


def _steps(rows: pd.DataFrame) -> pd.DataFrame:
    """Each reading's step from the one before it of the same device; a fall is a reset to zero, the first has none."""
    ordered = rows.sort_values("at_us")
    before = ordered.groupby(["area", "device"])["value"].shift(1)
    step = (ordered["value"] - before).where(ordered["value"] >= before, ordered["value"]).where(before.notna(), 0.0)
    return ordered.assign(value=step)


def _held(rows: pd.DataFrame, part: str, kpi: Kpi, where: Ground) -> "pd.Series[float]":
    """Each device's mean weighted by how long a value held inside the window, and inside the part of the day."""
    ordered = rows.sort_values(["area", "device", "at_us"])
    following = ordered.groupby(["area", "device"])["at_us"].shift(-1)
    longest = ordered["at_us"] + ordered["device"].map(where.max_hold_s) * 1e6
    to_us = np.fmin(following, longest).astype("int64")
    left = ordered[["area", "device", "value"]].assign(from_us=ordered["at_us"], to_us=to_us)
    pieces = []
    while not left.empty:
        starts = window_starts(left["from_us"], kpi.window, where.city.time_zone)
        ends = starts.map({start: window_of(int(start), kpi.window, where.city.time_zone)[1] for start in starts.unique()})
        until = np.minimum(left["to_us"], ends)
        if part:  # it begins and ends at a quarter of an hour
            until = np.minimum(until, left["from_us"] // QUARTER_US * QUARTER_US + QUARTER_US)
        inside = in_part(left["from_us"], part, where.city) if part else True
        pieces.append(left.assign(window_start_us=starts, weight=(until - left["from_us"]) * inside))
        left = left.assign(from_us=until)[until < left["to_us"]]
    held = pd.concat(pieces) if pieces else left.assign(window_start_us=left["from_us"], weight=0)
    totals = held.assign(weighted=held["value"] * held["weight"]).groupby(_BY_DEVICE)[["weighted", "weight"]].sum()
    return (totals["weighted"] / totals["weight"].where(totals["weight"] > 0)).dropna()
