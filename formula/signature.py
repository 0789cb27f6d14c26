"""Checking the call of a pure function: how many arguments, in which units, and what unit comes out.

Promises  A wrong call raises what the caller's `error(argument number or None, wanted, got)` makes.
Leaves    What functions there are to formula/functions.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from formula import units
from formula.functions import FUNCTIONS

MANY = 20
"""How many arguments a function takes at most whose last may be given again."""

_LETTER = re.compile(r"<\w+>")
Refuse = Callable[[int | None, str, object], Exception]


class Parameter(NamedTuple):
    """One argument as it is declared."""

    name: str
    unit: str


class Signature(NamedTuple):
    """A function's arguments; `many`: the last may be given again."""

    parameters: tuple[Parameter, ...]
    many: bool


@cache
def signature_of(name: str) -> Signature:
    """The declared arguments of a function."""
    texts = [text.strip() for text in FUNCTIONS[name].arguments.split(",")]
    many = texts[-1] == "…"
    pairs = [text.partition(" ") for text in (texts[:-1] if many else texts)]
    return Signature(tuple(Parameter(argument, unit) for argument, _, unit in pairs), many)


def usage(name: str) -> str:
    """How a function is called, with units: `humidex(temperature degC, humidity %)`."""
    return f"{name}({FUNCTIONS[name].arguments})"


def check_count(name: str, given: int, error: Refuse) -> None:
    """As many arguments as are declared."""
    signature = signature_of(name)
    low, high = len(signature.parameters), MANY if signature.many else len(signature.parameters)
    if not low <= given <= high:
        raise error(None, f"{name} with {low if low == high else f'{low} to {high}'} arguments, as {usage(name)}", given)


def result_unit(name: str, given: Sequence[units.Unit | None], numbers: Sequence[float | None], error: Refuse) -> units.Unit | None:
    """Unit of a call.

    given    unit of each argument; None is a plain number, which takes the unit that is wanted
    numbers  the number where an argument is one that is written in the formula, else None
    ->       None where only plain numbers decide it
    """
    signature, bound, texts = signature_of(name), dict[str, units.Unit](), dict[str, str]()
    for place, unit in enumerate(given):
        parameter = signature.parameters[min(place, len(signature.parameters) - 1)]
        if parameter.unit == "number":
            number = numbers[place]
            if number is None or number <= 0:
                raise error(place, f"a number above zero as {parameter.name} of {name}", units.show(unit or units.ONE))
            texts[f"<{parameter.name}>"] = f"{number:g}"
        elif _LETTER.fullmatch(parameter.unit):
            if unit is None:
                continue
            wanted = bound.setdefault(parameter.unit, unit)
            if unit != wanted:
                raise error(place, f"one unit, {units.show(wanted)}", units.show(unit))
        elif unit is not None and unit != units.parse(parameter.unit):
            raise error(place, f"{units.show(units.parse(parameter.unit))} as {parameter.name} of {name}", units.show(unit))
    return _result(name, bound, texts, error)


def _result(name: str, bound: dict[str, units.Unit], texts: dict[str, str], error: Refuse) -> units.Unit | None:
    declared = FUNCTIONS[name].unit
    if declared == "<a>/<b>":
        if not bound:
            return None
        left, right = bound.get("<a>", units.ONE), bound.get("<b>", units.ONE)
        unit = units.product(left, right, -1)
        if unit is None:
            raise error(None, "units that multiply (dB, degC and % take plain numbers only)", f"{units.show(left)} / {units.show(right)}")
        return unit
    if declared in bound or _LETTER.fullmatch(declared):
        return bound.get(declared)
    for letter, unit in bound.items():
        texts[letter] = units.show(unit)
    return units.parse(_LETTER.sub(lambda match: texts.get(match[0], "1"), declared))
