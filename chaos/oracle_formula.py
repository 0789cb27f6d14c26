"""The formula of a KPI, read anew with `ast` and evaluated for one area and window at a time. Pure.

Promises  Shares no code with formula/. A missing input makes the value missing, so does a division by zero; what it cannot compute it refuses.
Leaves    Aggregates to chaos.oracle_sums, earlier values of other KPIs to its caller.
"""

import ast
import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from catalog.records import Kpi
from catalog.windows import from_us, to_us
from chaos.oracle_sums import Call

_AT = re.compile(r"\bat\(\s*([a-z0-9_]+)\s*,\s*-\s*(\d+)\s*([hdw])\s*\)")
_PARTS, _WEIGHTS = ("day", "evening", "night"), ("count", "population")
_FUNCTIONS = frozenset(
    {"mean", "leq", "sum", "count", "increase", "min", "max", "last", "last_sum", "time_mean", "time_share", "percentile", "count_devices"}
)
_EXACT = frozenset({"sum", "count", "count_devices", "increase", "last_sum", "min", "max", "percentile"})
_MEANS = frozenset({"mean", "last"})


class UnknownFormulaError(Exception):
    """A formula beyond what the oracle computes."""


class Earlier(NamedTuple):
    """`at(kpi, -7d)`."""

    kpi: str
    amount: int
    unit: str

    def start_of(self, start_us: int, kpi: Kpi, zone: str) -> int:
        """Start of the window that is meant: hours are hours, days and weeks are dates where the window is a day."""
        if kpi.window != "day":
            return start_us - self.amount * {"h": 1, "d": 24, "w": 168}[self.unit] * 3_600_000_000
        local = from_us(start_us).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        return to_us((local - timedelta(days=self.amount * {"d": 1, "w": 7}[self.unit])).replace(tzinfo=ZoneInfo(zone)))


class Inputs(NamedTuple):
    """What a formula is computed from, for one area and window; None: missing."""

    aggregates: Mapping[Call, float | None]
    earlier: Mapping[Earlier, float | None]
    population: float


class Formula:
    """One KPI's formula."""

    def __init__(self, kpi: Kpi) -> None:
        self.kpi = kpi
        text = _AT.sub(r"at__\1__\2__\3()", kpi.formula.strip())
        try:
            self._root = ast.parse(text, mode="eval").body
        except SyntaxError as error:
            raise UnknownFormulaError(f"{kpi.id}: the oracle cannot read {kpi.formula}") from error
        nodes = list(ast.walk(self._root))
        self.calls: frozenset[Call] = frozenset(call for call in map(_call, nodes) if call is not None)
        self.earlier: frozenset[Earlier] = frozenset(found for found in map(_earlier, nodes) if found is not None)

    @property
    def quantities(self) -> frozenset[str]:
        """What it reads."""
        return frozenset(call.quantity for call in self.calls)

    @property
    def tolerance(self) -> float:
        """Relative difference that rule 27 and the house allow: none for counts, sums, extremes and percentiles, 1e-12 for means, else 1e-9."""
        call = _call(self._root)
        return 1e-9 if call is None else 0.0 if call.function in _EXACT else 1e-12 if call.function in _MEANS else 1e-9

    def value(self, inputs: Inputs) -> float | None:
        """The KPI; None where an input is missing or nothing finite comes out."""
        found = self._evaluate(self._root, inputs)
        return found if found is not None and math.isfinite(found) else None

    def _evaluate(self, at: ast.expr, inputs: Inputs) -> float | None:
        call, earlier = _call(at), _earlier(at)
        if call is not None:
            return inputs.aggregates[call]
        if earlier is not None:
            return inputs.earlier[earlier]
        match at:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                value = self._evaluate(operand, inputs)
                return None if value is None else -value
            case ast.BinOp(left=left, op=operator, right=right):
                return _combine(operator, self._evaluate(left, inputs), self._evaluate(right, inputs))
            case ast.Call(func=ast.Name(id="population"), args=[]):
                return inputs.population
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._apply(name, [self._evaluate(argument, inputs) for argument in arguments])
        raise UnknownFormulaError(f"{self.kpi.id}: the oracle cannot compute {ast.unparse(at)}")

    def _apply(self, name: str, given: list[float | None]) -> float | None:
        if name in _PARTIAL:
            return _PARTIAL[name](given)
        if name not in _PURE:
            raise UnknownFormulaError(f"{self.kpi.id}: the oracle cannot compute {name}")
        return None if any(value is None for value in given) else _PURE[name](*given)


def _call(at: ast.AST) -> Call | None:
    match at:
        case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=quantity), *more]):
            rank = re.fullmatch(r"p(\d{1,3})", name)
            name = "percentile" if rank else name
            if name not in _FUNCTIONS:
                return None
            words = [each.id for each in more if isinstance(each, ast.Name)]
            numbers = [float(rank[1])] if rank else [float(ast.literal_eval(each)) for each in more if not isinstance(each, ast.Name)]
            return Call(name, quantity, _one_of(words, _PARTS), numbers[0] if numbers else None, _one_of(words, _WEIGHTS))
    return None


def _one_of(words: Collection[str], known: Collection[str]) -> str:
    return next((word for word in words if word in known), "")


def _earlier(at: ast.AST) -> Earlier | None:
    match at:
        case ast.Call(func=ast.Name(id=name), args=[]) if name.startswith("at__"):
            kpi, amount, unit = name.removeprefix("at__").rsplit("__", 2)
            return Earlier(kpi, int(amount), unit)
    return None


def _combine(operator: ast.operator, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return _divided(left, right)
    raise UnknownFormulaError(f"the oracle cannot compute {operator!r}")


def _divided(above: float, below: float) -> float | None:
    return above / below if below else None


def _rate(events: float, people: float, base: float) -> float | None:
    return None if people <= 0.0 else events / people * base


def _oracle(module: str, name: str) -> Callable[..., Any]:
    """The slow form of a function that a standard defines, loaded when a formula asks for it."""

    def compute(*given: float) -> Any:
        return getattr(import_module(f"tests.oracles.{module}"), name)(*given)

    return compute


def _weather(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Impossible weather gives nothing: humidity outside 0 to 100 %, air outside -100 to 100 degrees."""
    return lambda air_c, humidity_pct: compute(air_c, humidity_pct) if 0.0 <= humidity_pct <= 100.0 and -100.0 < air_c < 100.0 else None


def _index(table: str, names: tuple[str, ...], given: list[float | None]) -> float | None:
    """The worst band of the pollutants that are there."""
    air = import_module("tests.oracles.air")
    band, _ = air.worst(getattr(air, table), dict(zip(names, given, strict=True)))
    return None if band is None else float(band)


def _belaqi(given: list[float | None]) -> float | None:
    pm2_5, pm10, no2, o3 = given
    enough = no2 is not None and o3 is not None and (pm2_5 is not None or pm10 is not None)
    return _index("BELAQI_HOURLY", ("pm2_5", "pm10", "no2", "o3"), given) if enough else None


_PURE: dict[str, Callable[..., float | None]] = {
    "ratio": _divided,
    "travel_time_index": _divided,
    "rate_per": _rate,
    "percent": lambda share: share * 100.0,
    "share": lambda percentage: percentage / 100.0,
    "abs": abs,
    "lowest": min,
    "highest": max,
    "clamp": lambda value, low, high: min(max(value, low), high),
    "degree_days": lambda mean, base: max(base - mean, 0.0),
    "cooling_degree_days": lambda mean, base: max(mean - base, 0.0),
    "lden": _oracle("noise", "lden"),
    "heat_index": _weather(_oracle("heat", "heat_index")),
    "humidex": _weather(_oracle("heat", "humidex")),
    "wbgt": _weather(_oracle("heat", "wbgt_shade")),
    "utci": _oracle("heat", "utci"),
}
_PARTIAL: dict[str, Callable[[list[float | None]], float | None]] = {
    "eaqi": lambda given: _index("EAQI_2024", ("pm2_5", "pm10", "no2", "o3", "so2"), given),
    "belaqi": _belaqi,
}
"""Functions that do without some of their inputs."""
