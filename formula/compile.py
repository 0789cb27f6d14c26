"""Compile a KPI's formula: parse, check names, types and units, and give a plan that computes it.

Promises  Nothing but the closed sets of formula/aggregates and formula/functions gets through; every error names the KPI, the
          column, what was wanted and what came, and the name that was probably meant. A plan is immutable and pure.
Leaves    Texts, bands, SQL and windows of the KPI to catalog.check.
"""

import ast
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from catalog.records import Kpi, Quantity
from formula import literals, tree, units
from formula.aggregates import AGGREGATES, aggregate_unit, number_of, read_aggregate
from formula.earlier import Base, Call, check_back, check_base, masked
from formula.errors import FormulaError, nearest
from formula.functions import FUNCTIONS
from formula.plan import Plan, plan_of
from formula.signature import check_count, result_unit
from formula.spec import DEVICE_SUMS
from formula.tree import Node, Operation

__all__ = ["Plan", "compile_kpi"]

MAX_CHARACTERS = 1_000
PEOPLE = units.parse("inhabitants")
"""Unit of population()."""

_BINARY: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_OTHERS = ("at", "population")
_NO_KPIS: Mapping[str, Kpi] = MappingProxyType({})


class _Typed(NamedTuple):
    """A node and its unit; None is a bare number, which takes the unit of what it meets."""

    node: Node
    unit: units.Unit | None
    levels: int = 0
    """How many levels in dB it adds up; a level less a level is a difference, which adds to a level."""


def compile_kpi(kpi: Kpi, quantities: Mapping[str, Quantity], kpis: Mapping[str, Kpi] = _NO_KPIS) -> Plan:
    """Check the formula against the catalogue and compile it; `kpis`: those that `at(…)` may name. Raises FormulaError."""
    where = f"kpi {kpi.id}: formula"
    root = _typed(where, kpi.formula.strip(), kpi, quantities, kpis)
    plan = plan_of(kpi, root.node, tuple(_count(kpi, n, quantities) for n in range(len(kpi.counts))))
    if not any(isinstance(leaf, tree.Aggregate) for leaf in tree.leaves(root.node)):
        raise FormulaError(where, "at least one aggregate: " + ", ".join(AGGREGATES), kpi.formula.strip())
    unit = root.unit or units.ONE
    if unit != units.parse(kpi.unit):
        hint = "; percent(…) makes % of a share" if kpi.unit == "%" and unit == units.ONE else ""
        raise FormulaError(f"kpi {kpi.id}: unit", f"{units.show(unit)}, which the formula gives{hint}", kpi.unit)
    return plan


def _typed(where: str, formula: str, kpi: Kpi, quantities: Mapping[str, Quantity], kpis: Mapping[str, Kpi]) -> _Typed:
    """One expression of a KPI, parsed and checked."""
    if len(formula) > MAX_CHARACTERS:
        raise FormulaError(where, f"at most {MAX_CHARACTERS} characters", len(formula))
    hidden, calls = masked(formula)
    try:
        parsed = ast.parse(hidden, mode="eval")
    except (SyntaxError, ValueError) as error:
        hint = "; another KPI's earlier value is at(kpi, -7d)" if "at(" in formula else ""
        raise FormulaError(where, "an expression" + hint, f"{formula} ({error})") from None
    except (RecursionError, MemoryError):
        raise FormulaError(where, "an expression of reasonable depth", formula[:60]) from None
    return _Compiler(where, kpi, quantities, (kpis, calls)).node(parsed.body)


def _count(kpi: Kpi, n: int, quantities: Mapping[str, Quantity]) -> Node:
    """One number of persons or cases: totals, and what remains of one when another is taken away, so that areas add up."""
    where, text = f"kpi {kpi.id}: counts[{n}]", kpi.counts[n].strip()
    node = _typed(where, text, kpi, quantities, _NO_KPIS).node
    if not tree.adds_up(node, DEVICE_SUMS):
        raise FormulaError(where, f"{', '.join(sorted(DEVICE_SUMS))} of quantities, added or taken away", text)
    return node


class _Compiler:
    """Walks one expression; knows the KPI for its messages and its window."""

    def __init__(self, where: str, kpi: Kpi, quantities: Mapping[str, Quantity], others: tuple[Mapping[str, Kpi], Mapping[int, Call]]) -> None:
        self._where, self._kpi, self._quantities = where, kpi, quantities
        self._kpis, self._calls = others

    def node(self, at: ast.expr) -> _Typed:
        """Check and compile one node."""
        match at:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool) and abs(number) < 1e300:
                return _Typed(tree.Number(float(number)), None)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                typed = self.node(operand)
                return _Typed(Operation("negative", (typed.node,)), typed.unit, -typed.levels)
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
        spec = read_aggregate(name, arguments, lambda where, wanted, got, meant="": self._error(where or at, wanted, got, meant))
        if spec is not None:
            unit = aggregate_unit(spec, self._kpi.window, self._quantities, lambda wanted, got, meant="": self._error(at, wanted, got, meant))
            return _Typed(tree.Aggregate(spec), unit, int(units.level(unit)))
        if name == "at":
            return self._earlier(at)
        if name == "population":
            if arguments:
                raise self._error(at, "population() without arguments: the people living in the area", len(arguments))
            return _Typed(tree.Population(), PEOPLE)
        if name not in FUNCTIONS:
            names = [*AGGREGATES, *FUNCTIONS, *_OTHERS]
            raise self._error(at, "one of " + ", ".join(names), name, nearest(name, names))
        check_count(name, len(arguments), lambda _, wanted, got: self._error(at, wanted, got))
        typed = [self.node(argument) for argument in arguments]
        numbers = [number_of(argument) for argument in arguments]
        unit_ = result_unit(
            name,
            [part.unit for part in typed],
            numbers,
            lambda place, wanted, got: self._error(at if place is None else arguments[place], wanted, got),
        )
        operation = Operation(name, tuple(part.node for part in typed))
        literals.check(operation, self._kpi.window, lambda place, wanted, got: self._error(at if place is None else arguments[place], wanted, got))
        return _Typed(operation, unit_, max((abs(part.levels) for part in typed), default=0) if units.level(unit_ or units.ONE) else 0)

    def _earlier(self, at: ast.expr) -> _Typed:
        call = self._calls.get(at.col_offset)
        if call is None:
            raise self._error(at, "at(kpi, -7d): a KPI, and minus a number of h, d or w", ast.unparse(at))
        known = self._kpis.get(call.kpi)
        if known is None:
            raise self._error(at, "a KPI of the catalogue", call.kpi, nearest(call.kpi, self._kpis))
        check_back(call.back, self._kpi.window, lambda wanted, got: self._error(at, wanted, got))
        check_base(self._kpi, known, self._kpis, lambda wanted, got: self._error(at, wanted, got))
        unit = units.parse(known.unit)
        return _Typed(tree.Earlier(Base(known.id, known.version, call.back)), unit, int(units.level(unit)))

    def _combine(self, at: ast.BinOp, operator: str, left: _Typed, right: _Typed) -> _Typed:
        node = Operation(operator, (left.node, right.node))
        if operator in "+-":
            levels = left.levels + (right.levels if operator == "+" else -right.levels)
            if abs(levels) > 1:
                raise self._error(at, "levels averaged with leq, or their difference: decibels do not add up", ast.unparse(at))
            return _Typed(node, self._same(at, [left, right]), levels)
        literals.check(node, self._kpi.window, lambda place, wanted, got: self._error((at.left, at.right)[place or 0], wanted, got))
        if left.unit is None and right.unit is None:
            return _Typed(node, None)
        unit = units.product(left.unit or units.ONE, right.unit or units.ONE, 1 if operator == "*" else -1)
        if unit is None:
            shown = f"{units.show(left.unit or units.ONE)} {operator} {units.show(right.unit or units.ONE)}"
            raise self._error(at, "units that multiply (dB, degC and % take plain numbers only)", shown)
        return _Typed(node, unit, (left.levels or right.levels) if units.level(unit) else 0)

    def _same(self, at: ast.expr, typed: list[_Typed]) -> units.Unit | None:
        known = [part.unit for part in typed if part.unit is not None]
        for unit in known:
            if unit != known[0]:
                raise self._error(at, f"one unit, {units.show(known[0])}", units.show(unit))
        return known[0] if known else None

    def _error(self, at: ast.expr, wanted: str, got: object, meant: str = "") -> FormulaError:
        return FormulaError(f"{self._where}, column {at.col_offset + 1}", wanted, got, meant)
