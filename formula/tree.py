"""A compiled expression: numbers, aggregates, what is known otherwise, and pure functions over arrays.

Promises  NaN is missing and goes through every operation (a function may say otherwise); a division by zero is missing, too.
Leaves    Types and units to formula/compile, which builds nothing wrong.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from formula.arithmetic import divide
from formula.earlier import Base
from formula.functions import kernel_of
from formula.signature import signature_of
from formula.spec import AggregateSpec

F64 = npt.NDArray[np.float64]

POPULATION = "population()"
"""Id of the input that holds the people living in each area."""


class Number(NamedTuple):
    """A literal."""

    value: float


class Aggregate(NamedTuple):
    """An input of the plan."""

    spec: AggregateSpec


class Earlier(NamedTuple):
    """Another KPI's final value, some windows before."""

    base: Base


class Population(NamedTuple):
    """The people living in the area, from the catalogue."""


class Operation(NamedTuple):
    """A pure function of its arguments."""

    name: str
    arguments: tuple["Node", ...]


Node = Number | Aggregate | Earlier | Population | Operation

OPERATIONS: Mapping[str, Callable[..., F64]] = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": divide, "negative": np.negative}
"""The operators; everything with a name is in formula/functions."""


def evaluate(node: Node, inputs: Mapping[str, F64], n: int) -> F64:
    """The node's value for n areas or windows at once; `inputs` by id of the aggregate, base or POPULATION."""
    match node:
        case Number(value):
            return np.full(n, value)
        case Aggregate(spec):
            return inputs[spec.id]
        case Earlier(base):
            return inputs[base.id]
        case Population():
            return inputs[POPULATION]
    with np.errstate(all="ignore"):
        if node.name in OPERATIONS:
            return OPERATIONS[node.name](*(evaluate(argument, inputs, n) for argument in node.arguments))
        parameters = signature_of(node.name).parameters
        columns = [
            argument.value
            if isinstance(argument, Number) and parameters[min(place, len(parameters) - 1)].unit == "number"
            else evaluate(argument, inputs, n)
            for place, argument in enumerate(node.arguments)
        ]
        return np.asarray(kernel_of(node.name)(*columns), np.float64)


def leaves(node: Node) -> Iterator[Node]:
    """Everything below the node that is no operation, with repetitions."""
    if isinstance(node, Operation):
        for argument in node.arguments:
            yield from leaves(argument)
    else:
        yield node


def adds_up(node: Node, totals: Collection[str]) -> bool:
    """True where the value of two areas together is the sum of theirs: aggregates of these functions, added or subtracted."""
    if isinstance(node, Operation):
        return node.name in ("+", "-") and all(adds_up(argument, totals) for argument in node.arguments)
    return isinstance(node, Aggregate) and node.spec.function in totals


def text(node: Node) -> str:
    """The node as a formula, fully bracketed."""
    match node:
        case Number(value):
            return f"{value:g}"
        case Aggregate(spec):
            return spec.id
        case Earlier(base):
            return base.id
        case Population():
            return POPULATION
    parts = [text(argument) for argument in node.arguments]
    if node.name in ("+", "-", "*", "/"):
        return f"({parts[0]} {node.name} {parts[1]})"
    return f"{node.name}({', '.join(parts)})"
