"""Units of the formula language: enough algebra to refuse what makes no sense.

Promises  A unit is a product of atoms with whole exponents (`ug/m3` is ug·m^-3); equal products are equal units.
          Units on a scale of their own (dB, degC, %) multiply with plain numbers only.
Leaves    Conversion between units to the gateway: inside there is one unit per quantity.
"""

import re
from collections.abc import Mapping

Unit = tuple[tuple[str, int], ...]
"""Atoms with exponents, sorted; () is dimensionless, written `1`."""

ONE: Unit = ()
PERCENT: Unit = (("%", 1),)
_ATOM = re.compile(r"([^\d\s/.*]+)(-?\d+)?")
_OWN_SCALE = re.compile(r"dB.*|degC|°C|%")


def parse(text: str) -> Unit:
    """`ug/m3`, `W/m2`, `veh/h`, `dB(A)`, `%`, `1`; a text that is no product is one atom."""
    if text in ("", "1"):
        return ONE
    powers: dict[str, int] = {}
    for place, factor in enumerate(text.split("/")):
        sign = 1 if place == 0 else -1
        for atom in re.split(r"[.*]", factor):
            if atom == "1":
                continue
            match = _ATOM.fullmatch(atom)
            if match is None:
                return ((text, 1),)
            powers[match[1]] = powers.get(match[1], 0) + sign * int(match[2] or 1)
    return _unit(powers)


def show(unit: Unit) -> str:
    """The unit as text, `1` for none."""
    above = [_atom(name, power) for name, power in unit if power > 0]
    below = [_atom(name, -power) for name, power in unit if power < 0]
    return "/".join([".".join(above) or "1", *below])


def own_scale(unit: Unit) -> bool:
    """True for units that neither add up nor multiply: levels, temperatures, percentages."""
    return any(_OWN_SCALE.fullmatch(name) for name, _ in unit)


def level(unit: Unit) -> bool:
    """True for decibels of any weighting: averaged by energy, never added."""
    return any(name.startswith("dB") for name, _ in unit)


def product(left: Unit, right: Unit, sign: int) -> Unit | None:
    """left * right (sign 1) or left / right (sign -1); None where the units do not allow it."""
    if sign < 0 and left == right:
        return ONE
    if left and right and (own_scale(left) or own_scale(right)):
        return None
    if sign < 0 and own_scale(right):
        return None
    powers = dict(left)
    for name, power in right:
        powers[name] = powers.get(name, 0) + sign * power
    return _unit(powers)


def _unit(powers: Mapping[str, int]) -> Unit:
    return tuple(sorted((name, power) for name, power in powers.items() if power))


def _atom(name: str, power: int) -> str:
    return name if power == 1 else f"{name}{power}"
