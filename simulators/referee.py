"""The referee: a KPI computed slowly and obviously from a table of readings, by its own reading of the formula.

Promises  Shares no code with formula/, kernels/ and stream/: it agrees with them only where all are right. It knows every function that the
          catalogue uses; formulas that it cannot compute raise UnknownFormulaError, they are never guessed.
Leaves    Which readings count to its caller; aggregates to aggregates.py, what standards define to standards.py; coverage, which the platform
          judges by all registered devices.
"""

import ast
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from catalog.records import Kpi
from simulators import standards
from simulators.aggregates import KEY, UnknownFormulaError, aggregate
from simulators.ground import Ground, start_before, window_starts

_AT = re.compile(r"\bat\(\s*([a-z0-9._:-]+)\s*,\s*-\s*(\d+)\s*([hdw])\s*\)")


class _Formula(NamedTuple):
    """A KPI's formula, read."""

    kpi: Kpi
    root: ast.expr
    sums: Mapping[str, ast.Call]
    """Its aggregates by their text."""
    earlier: Mapping[str, Mapping[tuple[str, int], float]]
    """Other KPIs that it looks back at, by area and window."""


class _Case(NamedTuple):
    """What a formula is computed from, for all areas of one level."""

    formula: _Formula
    where: Ground
    keys: pd.MultiIndex
    """Areas and windows."""
    told: Mapping[str, "pd.Series[float]"]
    """Aggregates by their text; NaN where nobody said anything."""


def looks_back(kpi: Kpi) -> bool:
    """Whether its value rests on another KPI's earlier one."""
    return bool(_AT.search(kpi.formula))


def judge(kpi: Kpi, readings: pd.DataFrame, where: Ground) -> pd.DataFrame:
    """The KPI per area and window.

    readings  columns device, quantity, at_us (int64, µs UTC), value (canonical unit); one row per reading that counts
    ->        columns kpi, version, area, window_start_us, value, devices; windows without a reading of any input are absent,
              value is NaN where an input is missing, something is divided by zero or a standard has no answer: the platform
              publishes no number there. What it looks back at is missing where the readings do not reach so far. `devices` is
              the largest number over the aggregates; 0 where readings lie in other parts of the day alone
    """
    root = _parsed(kpi)
    calls = [node for node in ast.walk(root) if isinstance(node, ast.Call)]
    sums = {ast.unparse(call): call for call in calls if call.args and isinstance(call.args[0], ast.Name)}
    earlier = {base: _numbers(kpi, base, readings, where) for base, _, _ in filter(None, map(_back, calls))}
    rows = readings[readings["quantity"].isin({call.args[0].id for call in sums.values() if isinstance(call.args[0], ast.Name)})].copy()
    rows["window_start_us"] = window_starts(rows["at_us"], kpi.window, where.city.time_zone)
    parts = []
    for level in kpi.levels:
        rows["area"] = [where.areas[device].get(level) for device in rows["device"]]
        here = rows.dropna(subset=["area"])
        if not here.empty:
            parts.append(_level(_Formula(kpi, root, sums, earlier), here, where))
    columns = ["kpi", "version", *KEY, "value", "devices"]
    if not parts:
        return pd.DataFrame({name: [] for name in columns})
    found = pd.concat(parts, ignore_index=True)
    found["value"] = found["value"].where(np.isfinite(found["value"]))
    return found.assign(kpi=kpi.id, version=kpi.version)[columns].sort_values(["area", "window_start_us"], ignore_index=True)


def _level(formula: _Formula, rows: pd.DataFrame, where: Ground) -> pd.DataFrame:
    """The KPI in all areas of one level."""
    told = {text: aggregate(call, rows, formula.kpi, where) for text, call in formula.sums.items()}
    spoken = {key for each in told.values() for key in each.value.index} | set(rows.groupby(KEY).groups)
    keys = pd.MultiIndex.from_tuples(sorted(spoken), names=KEY)
    value = _evaluate(formula.root, _Case(formula, where, keys, {text: each.value.reindex(keys) for text, each in told.items()}))
    devices = pd.concat([each.devices.reindex(keys) for each in told.values()], axis=1).max(axis=1)
    return pd.DataFrame({"value": value, "devices": devices.fillna(0)}).reset_index()


def _parsed(kpi: Kpi) -> ast.expr:
    """The formula; `at(kpi, -7d)`, which is no Python, as `at("kpi", "7", "d")`."""
    try:
        return ast.parse(_AT.sub(r'at("\1", "\2", "\3")', kpi.formula.strip()), mode="eval").body
    except SyntaxError as error:
        raise UnknownFormulaError(f"kpi {kpi.id}: the referee cannot read {kpi.formula}") from error


def _back(at: ast.expr) -> tuple[str, int, str] | None:
    """KPI, amount and unit of `at(…)`."""
    match at:
        case ast.Call(
            func=ast.Name(id="at"), args=[ast.Constant(value=str() as base), ast.Constant(value=str() as amount), ast.Constant(value=str() as unit)]
        ):
            return base, int(amount), unit
    return None


def _numbers(kpi: Kpi, base: str, readings: pd.DataFrame, where: Ground) -> dict[tuple[str, int], float]:
    """Another KPI from the same readings."""
    if base not in where.kpis:
        raise UnknownFormulaError(f"kpi {kpi.id}: the referee does not know {base}")
    found = judge(where.kpis[base], readings, where)
    return {(area, int(start)): float(value) for area, start, value in found[[*KEY, "value"]].itertuples(index=False)}


def _evaluate(at: ast.expr, case: _Case) -> "pd.Series[float]":
    text, back = ast.unparse(at), _back(at)
    if text in case.told:
        return case.told[text]
    if back is not None:
        return _looked_back(back, case)
    match at:
        case ast.Constant(value=int() | float() as number):
            return pd.Series(float(number), index=case.keys)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, case)
        case ast.BinOp(left=left, op=operator, right=right):
            return _combine(operator, _evaluate(left, case), _evaluate(right, case))
        case ast.Call(func=ast.Name(id="population"), args=[]):
            return pd.Series([float(case.where.people[area]) for area, _ in case.keys], index=case.keys)
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in _PURE:
            return _PURE[name]([_evaluate(argument, case) for argument in arguments])
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in standards.STANDARDS:
            return _by_standard(name, [_evaluate(argument, case) for argument in arguments])
    raise UnknownFormulaError(f"kpi {case.formula.kpi.id}: the referee cannot compute {text}")


def _looked_back(back: tuple[str, int, str], case: _Case) -> "pd.Series[float]":
    base, amount, unit = back
    zone = case.where.city.time_zone
    before = {start: start_before(int(start), case.formula.kpi.window, (amount, unit), zone) for start in case.keys.unique(level="window_start_us")}
    return pd.Series([case.formula.earlier[base].get((area, before[start]), np.nan) for area, start in case.keys], index=case.keys)


def _by_standard(name: str, given: list["pd.Series[float]"]) -> "pd.Series[float]":
    """Row by row; NaN is missing on both sides."""
    rows = zip(*([None if np.isnan(value) else value for value in column.tolist()] for column in given), strict=True)
    return pd.Series([standards.compute(name, row) for row in rows], index=given[0].index, dtype="float64")


def _combine(operator: ast.operator, left: "pd.Series[float]", right: "pd.Series[float]") -> "pd.Series[float]":
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
    "rate_per": lambda given: given[0].where(given[0] >= 0) / given[1].where(given[1] > 0) * given[2],
    "percent": lambda given: given[0] * 100.0,
    "share": lambda given: given[0] / 100.0,
    "abs": lambda given: given[0].abs(),
    "lowest": lambda given: pd.concat(given, axis=1).min(axis=1, skipna=False),
    "highest": lambda given: pd.concat(given, axis=1).max(axis=1, skipna=False),
    "clamp": lambda given: pd.concat([pd.concat(given[:2], axis=1).max(axis=1, skipna=False), given[2]], axis=1).min(axis=1, skipna=False),
}
