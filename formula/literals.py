"""What the numbers in a formula already tell before anything is measured.

Promises  A denominator that is always zero, limits of a clamp the wrong way round, and degree days of another window than a day are
          refused; raises what the caller's `error(argument number or None, wanted, got)` makes.
Leaves    Units to formula/signature; a denominator that is zero now and then to the kernels, where it makes the value missing.
"""

from collections.abc import Callable, Mapping

from formula import tree
from formula.tree import Node, Operation

_BELOW: Mapping[str, int] = {"/": 1, "ratio": 1, "rate_per": 1, "travel_time_index": 1, "congestion": 1, "level_of_service": 1}
"""Place of the argument that is divided by."""
_OF_A_DAY = frozenset({"degree_days", "cooling_degree_days"})

Refuse = Callable[[int | None, str, object], Exception]


def check(operation: Operation, window: str, error: Refuse) -> None:
    """Refuse the operation where its numbers or the KPI's window say that it can give nothing, or nothing right."""
    name, arguments = operation
    if name in _BELOW and constant(arguments[_BELOW[name]]) == 0.0:
        raise error(_BELOW[name], "something that is not always zero to divide by", tree.text(arguments[_BELOW[name]]))
    if name == "clamp":
        low, high = (constant(argument) for argument in arguments[1:])
        if low is not None and high is not None and low > high:
            raise error(None, "clamp(value, low, high) with low at most high", f"low {low:g} and high {high:g}")
    if name in _OF_A_DAY and window != "day":
        raise error(None, f"the window day for {name}: degree days are of one day's mean", window)


def constant(node: Node) -> float | None:
    """The value of a node that rests on written numbers only; None where readings, people or other KPIs come in."""
    if all(isinstance(leaf, tree.Number) for leaf in tree.leaves(node)):
        return float(tree.evaluate(node, {}, 1)[0])
    return None
