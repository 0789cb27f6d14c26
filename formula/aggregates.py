"""Aggregates as they are written in a formula: which there are, how they are called, what unit they give.

Promises  `read_aggregate` and `aggregate_unit` refuse what cannot be computed or makes no sense for the quantity.
Leaves    Everything around the aggregates to formula/compile.
"""

import ast
import re
from collections.abc import Callable, Mapping

from catalog.records import Quantity
from formula import spec as specs
from formula import units
from formula.errors import nearest
from formula.spec import AggregateSpec

AGGREGATES: Mapping[str, str] = {
    "mean": "each device's mean, then the mean over devices",
    "leq": "each device's energy mean of the level, then the energy mean over devices",
    "sum": "all readings added up",
    "count": "number of good readings",
    "increase": "exact growth of each device's counter, resets included, added up over devices",
    "min": "lowest reading",
    "max": "highest reading",
    "last": "each device's last good value, then the mean over devices",
    "last_sum": "each device's last good value, added up over devices",
    "time_mean": "each device's mean weighted by how long a value held, then the mean over devices",
    "time_share": "share of the time at or above a threshold per device, then the mean over devices",
    "percentile": "percentile of all readings, pooled over devices, interpolated between ranks",
    "count_devices": "number of devices with at least one good reading",
}
"""Function to one line for people; `p95(q)` is short for `percentile(q, 95)`."""

WEIGHTED: Mapping[str, str] = {
    "count": "the mean of all readings, so that every reading weighs the same",
    "population": "each device's mean, then their mean weighted by the people of the device's neighbourhood",
}
"""Weight of a mean to one line for people."""

Refuse = Callable[..., Exception]
"""Makes an error of (place or None, wanted, got, the name that was probably meant)."""

_MOST_WEIGHTED_STEPS = 2**32
_MOST_POOLED_STEPS = 2**31
_RANK = re.compile(r"p(\d{1,3})")
_OF_COUNTERS = frozenset({"increase", "count", "count_devices", "last", "last_sum", "min", "max"})
_NOT_OF_LEVELS = frozenset({"mean", "time_mean", "sum", "last_sum", "increase"})
"""What adds readings up, a mean too: the mean of 60 and 70 dB is 67.4 dB, because energies add up and levels do not."""
_TOTALS = frozenset({"sum", "last_sum"})


def read_aggregate(
    name: str,
    arguments: list[ast.expr],
    error: Refuse,
) -> AggregateSpec | None:
    """The aggregate that a call means, or None where `name` is none; raises what `error(where, wanted, got)` makes."""
    rank = _RANK.fullmatch(name)
    function = "percentile" if rank else name
    if function not in AGGREGATES:
        return None
    if not arguments:
        raise error(None, f"{name} of a quantity", "no argument")
    first = arguments[0]
    if not isinstance(first, ast.Name):
        wanted = "a quantity (aggregates are not nested)" if isinstance(first, ast.Call) else "a quantity"
        raise error(first, wanted, ast.unparse(first))
    argument = float(rank[1]) if rank else None
    weight = part = ""
    for other in arguments[1:]:
        number = number_of(other)
        if isinstance(other, ast.Name) and other.id in specs.WEIGHTS and not weight:
            weight = other.id
        elif isinstance(other, ast.Name) and not part:
            part = _part(other, function, error)
        elif number is not None and argument is None and not part:
            argument = number
        else:
            raise error(other, f"{name}(quantity), a number where it takes one, a weight in mean, and a part of the day last", ast.unparse(other))
    found = AggregateSpec(function, first.id, part, argument, weight)
    specs.check(found, lambda wanted, got: error(None, wanted, got))
    return found


def _part(at: ast.Name, function: str, error: Refuse) -> str:
    known = [*specs.PARTS, *(specs.WEIGHTS if function == "mean" else ())]
    if at.id in specs.PARTS:
        return at.id
    wanted = "a part of the day: " + ", ".join(specs.PARTS)
    if function == "mean":
        wanted += ", or a weight: " + ", ".join(specs.WEIGHTS)
    raise error(at, wanted, at.id, nearest(at.id, known))


def describe(spec: AggregateSpec) -> str:
    """One line for people."""
    return WEIGHTED[spec.weight] if spec.weight else AGGREGATES[spec.function]


def aggregate_unit(
    spec: AggregateSpec,
    window: str,
    quantities: Mapping[str, Quantity],
    error: Callable[..., Exception],
) -> units.Unit:
    """The unit of the aggregate's value; raises what `error(wanted, got, meant)` makes where it makes no sense."""
    quantity = quantities.get(spec.quantity)
    if quantity is None:
        raise error("a quantity of the catalogue: " + ", ".join(sorted(quantities)), spec.quantity, nearest(spec.quantity, quantities))
    unit = units.parse(quantity.unit)
    if spec.weight == "population" and max(abs(bound) for bound in quantity.possible) / quantity.resolution > _MOST_WEIGHTED_STEPS:
        raise error(f"a quantity of at most {_MOST_WEIGHTED_STEPS} steps of its resolution, so that weighted sums fit", spec.quantity)
    if spec.function == "percentile" and max(abs(bound) for bound in quantity.possible) / quantity.resolution >= _MOST_POOLED_STEPS:
        raise error(f"a quantity of fewer than {_MOST_POOLED_STEPS} steps of its resolution, so that a histogram holds it", spec.quantity)
    if spec.part and window not in specs.PARTS_WINDOWS:
        raise error(f"a window of a day or longer for the part {spec.part}", window)
    if quantity.counter and spec.function not in _OF_COUNTERS:
        raise error(f"for the counter {quantity.id} one of " + ", ".join(sorted(_OF_COUNTERS)), spec.function)
    if spec.function == "increase" and not quantity.counter:
        raise error("increase of a quantity with counter = true", spec.quantity)
    _check_scale(spec, unit, error)
    return units.ONE if spec.function in ("count", "count_devices", "time_share") else unit


def _check_scale(spec: AggregateSpec, unit: units.Unit, error: Callable[..., Exception]) -> None:
    """Levels are averaged by their energy and nothing else is; what has a scale of its own has no total."""
    level = units.level(unit)
    if spec.function == "leq" and not level:
        raise error("leq of a level in dB", f"{spec.quantity} in {units.show(unit)}")
    if level and spec.function in _NOT_OF_LEVELS:
        raise error(f"leq({spec.quantity}): levels are averaged with leq, decibels do not add up", spec.id)
    if spec.function in _TOTALS and units.own_scale(unit):
        raise error(f"a quantity that adds up, not one in {units.show(unit)}: take its mean, min or max", spec.id)


def number_of(at: ast.expr) -> float | None:
    """The number that is written there, with its sign; None where there is something else."""
    sign = 1.0
    if isinstance(at, ast.UnaryOp) and isinstance(at.op, ast.USub):
        sign, at = -1.0, at.operand
    if isinstance(at, ast.Constant) and isinstance(at.value, int | float) and not isinstance(at.value, bool):
        return sign * float(at.value)
    return None
