"""A compiled expression: numbers, aggregates and pure functions over arrays.

Promises  NaN is missing and goes through every operation; a division by zero is missing, too.
Leaves    Types and units to formula/compile, which builds nothing wrong.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from formula.spec import AggregateSpec

F64 = npt.NDArray[np.float64]


class Number(NamedTuple):
    """A literal."""

    value: float


class Aggregate(NamedTuple):
    """An input of the plan."""

    spec: AggregateSpec


class Operation(NamedTuple):
    """A pure function of its arguments."""

    name: str
    arguments: tuple["Node", ...]


Node = Number | Aggregate | Operation


def _divide(left: F64, right: F64) -> F64:
    return np.divide(left, np.where(right == 0.0, np.nan, right))


OPERATIONS: Mapping[str, Callable[..., F64]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": _divide,
    "negative": np.negative,
    "ratio": _divide,
    "percent": lambda x: x * 100.0,
    "share": lambda x: x / 100.0,
    "abs": np.abs,
    "lowest": lambda *x: np.minimum.reduce(np.broadcast_arrays(*x)),
    "highest": lambda *x: np.maximum.reduce(np.broadcast_arrays(*x)),
    "clamp": lambda x, low, high: np.minimum(np.maximum(x, low), high),
}
"""Name to arithmetic; formula/compile holds their arguments and units."""


def evaluate(node: Node, inputs: Mapping[str, F64], n: int) -> F64:
    """The node's value for n areas or windows at once; `inputs` by AggregateSpec.id."""
    if isinstance(node, Number):
        return np.full(n, node.value)
    if isinstance(node, Aggregate):
        return inputs[node.spec.id]
    arguments = [evaluate(argument, inputs, n) for argument in node.arguments]
    with np.errstate(all="ignore"):
        value: F64 = OPERATIONS[node.name](*arguments)
    return value


def aggregates(node: Node) -> Iterator[AggregateSpec]:
    """All aggregates below the node, with repetitions."""
    if isinstance(node, Aggregate):
        yield node.spec
    elif isinstance(node, Operation):
        for argument in node.arguments:
            yield from aggregates(argument)


def text(node: Node) -> str:
    """The node as a formula, fully bracketed."""
    if isinstance(node, Number):
        return f"{node.value:g}"
    if isinstance(node, Aggregate):
        return node.spec.id
    parts = [text(argument) for argument in node.arguments]
    if node.name in ("+", "-", "*", "/"):
        return f"({parts[0]} {node.name} {parts[1]})"
    return f"{node.name}({', '.join(parts)})"
