"""Compile a KPI's formula: parse, check names, types and units, and give a plan that computes it.

Promises  Nothing but the closed sets of formula/spec and formula/tree gets through; every error names the KPI, the column,
          what was wanted and what came. A plan is immutable and pure.
Leaves    Texts, bands, SQL and windows of the KPI to catalog.check.
"""

import ast
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from catalog.records import Kpi, Quantity
from formula import tree, units
from formula.aggregates import AGGREGATES, aggregate_unit, read_aggregate
from formula.errors import FormulaError
from formula.spec import AggregateSpec
from formula.tree import F64, Node, Operation

MAX_CHARACTERS = 1_000
_BINARY: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_ARGUMENTS = {"ratio": (2, 2), "percent": (1, 1), "share": (1, 1), "abs": (1, 1), "lowest": (2, 20), "highest": (2, 20), "clamp": (3, 3)}
PURE = tuple(sorted(_ARGUMENTS))


class Plan(NamedTuple):
    """A KPI that can be computed: what it needs, and how."""

    kpi: Kpi
    aggregates: tuple[AggregateSpec, ...]
    """Distinct, sorted by id."""
    quantities: tuple[str, ...]
    """Ids, sorted: the kinds that measure one of them feed the KPI."""
    root: Node

    @property
    def version(self) -> int:
        """The KPI's version."""
        return self.kpi.version

    @property
    def window(self) -> str:
        """The KPI's window."""
        return self.kpi.window

    def evaluate(self, inputs: Mapping[str, F64]) -> F64:
        """The KPI for n areas at once.

        inputs  AggregateSpec.id to float64[n] in the aggregate's unit; NaN = missing
        ->      float64[n] in the KPI's unit; NaN where an input is missing or something is divided by zero
        """
        missing = [spec.id for spec in self.aggregates if spec.id not in inputs]
        if missing:
            raise FormulaError(f"kpi {self.kpi.id}: evaluate", "an array for each aggregate", f"none for {', '.join(missing)}")
        value = tree.evaluate(self.root, inputs, len(inputs[self.aggregates[0].id]))
        return np.where(np.isfinite(value), value, np.nan)

    def explain(self) -> list[str]:
        """Lines for people: what is read, how it is put together."""
        lines = [f"{self.kpi.id} v{self.kpi.version} [{self.kpi.unit}] per {self.kpi.window} = {tree.text(self.root)}"]
        lines += [f"  needs {spec.id}: {AGGREGATES[spec.function]}" for spec in self.aggregates]
        return lines


class _Typed(NamedTuple):
    """A node and its unit; None is a bare number, which takes the unit of what it meets."""

    node: Node
    unit: units.Unit | None


def compile_kpi(kpi: Kpi, quantities: Mapping[str, Quantity]) -> Plan:
    """Check the formula against the catalogue and compile it; raises FormulaError."""
    where = f"kpi {kpi.id}: formula"
    if len(kpi.formula) > MAX_CHARACTERS:
        raise FormulaError(where, f"at most {MAX_CHARACTERS} characters", len(kpi.formula))
    try:
        parsed = ast.parse(kpi.formula.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise FormulaError(where, "an expression", f"{kpi.formula} ({error})") from None
    except (RecursionError, MemoryError):
        raise FormulaError(where, "an expression of reasonable depth", kpi.formula[:60]) from None
    root = _Compiler(where, kpi, quantities).node(parsed.body)
    used = tuple(sorted(set(tree.aggregates(root.node)), key=lambda spec: spec.id))
    if not used:
        raise FormulaError(where, "at least one aggregate: " + ", ".join(AGGREGATES), kpi.formula)
    unit = root.unit or units.ONE
    if unit != units.parse(kpi.unit):
        hint = "; percent(…) makes % of a share" if kpi.unit == "%" and unit == units.ONE else ""
        raise FormulaError(f"kpi {kpi.id}: unit", f"{units.show(unit)}, which the formula gives{hint}", kpi.unit)
    return Plan(kpi, used, tuple(sorted({spec.quantity for spec in used})), root.node)


class _Compiler:
    """Walks one expression; knows the KPI for its messages and its window."""

    def __init__(self, where: str, kpi: Kpi, quantities: Mapping[str, Quantity]) -> None:
        self._where, self._kpi, self._quantities = where, kpi, quantities

    def node(self, at: ast.expr) -> _Typed:
        """Check and compile one node."""
        match at:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool) and abs(number) < 1e300:
                return _Typed(tree.Number(float(number)), None)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                typed = self.node(operand)
                return _Typed(Operation("negative", (typed.node,)), typed.unit)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.node(operand)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _BINARY:
                return self._combine(at, _BINARY[type(operator)], self.node(left), self.node(right))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(at, name, arguments)
            case ast.Name(id=name):
                raise self._error(at, f"an aggregate of it, as mean({name})" if name in self._quantities else "an aggregate or a function", name)
        raise self._error(at, "numbers, + - * /, aggregates and functions", ast.unparse(at))

    def _call(self, at: ast.expr, name: str, arguments: list[ast.expr]) -> _Typed:
        spec = read_aggregate(name, arguments, lambda where, wanted, got: self._error(where or at, wanted, got))
        if spec is not None:
            unit = aggregate_unit(spec, self._kpi.window, self._quantities, lambda wanted, got: self._error(at, wanted, got))
            return _Typed(tree.Aggregate(spec), unit)
        if name not in _ARGUMENTS:
            raise self._error(at, "one of " + ", ".join([*AGGREGATES, *PURE]), name)
        low, high = _ARGUMENTS[name]
        if not low <= len(arguments) <= high:
            raise self._error(at, f"{name} with {low if low == high else f'{low} to {high}'} arguments", len(arguments))
        typed = [self.node(argument) for argument in arguments]
        if name == "ratio":
            return self._combine(at, "/", typed[0], typed[1])
        if name in ("percent", "share"):
            wanted, given = (units.ONE, units.PERCENT) if name == "percent" else (units.PERCENT, units.ONE)
            if typed[0].unit not in (wanted, None):
                raise self._error(at, f"{name} of something in {units.show(wanted)}", units.show(typed[0].unit or units.ONE))
            return _Typed(Operation(name, (typed[0].node,)), given)
        return _Typed(Operation(name, tuple(part.node for part in typed)), self._same(at, typed))

    def _combine(self, at: ast.expr, operator: str, left: _Typed, right: _Typed) -> _Typed:
        node = Operation(operator, (left.node, right.node))
        if operator in "+-":
            return _Typed(node, self._same(at, [left, right]))
        if left.unit is None and right.unit is None:
            return _Typed(node, None)
        unit = units.product(left.unit or units.ONE, right.unit or units.ONE, 1 if operator == "*" else -1)
        if unit is None:
            shown = f"{units.show(left.unit or units.ONE)} {operator} {units.show(right.unit or units.ONE)}"
            raise self._error(at, "units that multiply (dB, degC and % take plain numbers only)", shown)
        return _Typed(node, unit)

    def _same(self, at: ast.expr, typed: list[_Typed]) -> units.Unit | None:
        known = [part.unit for part in typed if part.unit is not None]
        for unit in known:
            if unit != known[0]:
                raise self._error(at, f"one unit, {units.show(known[0])}", units.show(unit))
        return known[0] if known else None

    def _error(self, at: ast.expr, wanted: str, got: object) -> FormulaError:
        return FormulaError(f"{self._where}, column {at.col_offset + 1}", wanted, got)
