"""An aggregate of the formula language: what is computed over a window, first per device, then over devices.

Promises  `AggregateSpec.id` is canonical text, `parse_id` its inverse; `key` and `parse_key` do the same with the
          window, as the column `aggregate` of kompas.partials.v1 carries it. What each function's partial numbers
          mean is in `scale` and docs/developer/contracts.md.
Leaves    Folding readings to the worker's kernels, the last step to formula/finalise.
"""

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple, cast, get_args

from catalog.records import Quantity, WindowName
from formula.errors import FormulaError

ORDERED = frozenset({"increase", "time_mean", "time_share"})
"""Functions that take readings in time order when the watermark passes (rule 10)."""

DEVICE_MEANS = frozenset({"mean", "time_mean", "time_share", "last"})
"""Functions whose sum is of device values in 2^-50 of the scale; the value is their mean over devices."""

DEVICE_SUMS = frozenset({"sum", "count", "increase", "last_sum"})
"""Functions whose sum is of whole integers; the value is their total."""

FUNCTIONS = tuple(sorted(DEVICE_MEANS | DEVICE_SUMS | {"leq", "min", "max", "percentile", "count_devices"}))
PARTS = ("day", "evening", "night")
"""Parts of a day, from the city's day_from, evening_from and night_from; see formula/parts."""

WINDOWS: tuple[str, ...] = get_args(WindowName)
PARTS_WINDOWS = frozenset({"day", "month", "quarter", "year"})
"""Windows that are long enough to have parts."""

WEIGHTS = ("count", "population")
"""What a mean over devices can be weighted by: each device's good readings, or the people of its neighbourhood."""

_ID = re.compile(
    r"(?P<function>[a-z_]+|p\d{1,3})\((?P<quantity>[a-z0-9._:-]{1,64})(?:,(?P<argument>-?[0-9.][0-9.e+-]*))?"
    r"(?:,(?P<weight>count|population))?(?:,(?P<part>[a-z]+))?\)"
)
_RANK = re.compile(r"p(\d{1,3})")


class AggregateSpec(NamedTuple):
    """One aggregate of one quantity.

    function   one of FUNCTIONS
    quantity   catalogue id; count_devices counts the devices with at least one good reading of it
    part       "" for the whole window, or one of PARTS: only readings whose local time lies in it
    argument   percentile: rank 0 to 100; time_share: threshold in the quantity's unit (share of the time the value is
               at or above it); else None
    weight     mean: "" (every device the same), or one of WEIGHTS
    """

    function: str
    quantity: str
    part: str = ""
    argument: float | None = None
    weight: str = ""

    @property
    def id(self) -> str:
        """Canonical text: `mean(pm2_5)`, `leq(sound_level,night)`, `p95(vehicle_speed)`, `time_share(fill_level,80)`,
        `mean(pm2_5,population,night)`."""
        name, fields = self.function, [self.quantity]
        if self.argument is not None:
            number = _number_text(self.argument)
            if name == "percentile" and number.isdigit():
                name = "p" + number
            else:
                fields.append(number)
        if self.weight:
            fields.append(self.weight)
        if self.part:
            fields.append(self.part)
        return f"{name}({','.join(fields)})"

    @property
    def ordered(self) -> bool:
        """True where readings enter in time order, when the watermark passes."""
        return self.function in ORDERED


def key(spec: AggregateSpec, window: str) -> str:
    """The text in the column `aggregate` of a partials frame: `mean(pm2_5)@hour`."""
    return f"{spec.id}@{window}"


def parse_key(text: str) -> tuple[AggregateSpec, WindowName]:
    """Inverse of `key`; raises FormulaError."""
    aggregate, _, window = text.rpartition("@")
    if window not in WINDOWS:
        raise FormulaError(f"aggregate {text!r}", "aggregate@window with a window of " + ", ".join(WINDOWS), window)
    return parse_id(aggregate), cast(WindowName, window)


def parse_id(text: str) -> AggregateSpec:
    """Inverse of `AggregateSpec.id`; raises FormulaError."""
    where = f"aggregate {text!r}"
    match = _ID.fullmatch(text)
    if match is None:
        raise FormulaError(where, "function(quantity), function(quantity,part) or the like", text)
    function, argument = match["function"], match["argument"]
    rank = _RANK.fullmatch(function)
    if rank is not None:
        function, argument = "percentile", rank[1]
    spec = AggregateSpec(
        function, match["quantity"], match["part"] or "", None if argument is None else _number(argument, where), match["weight"] or ""
    )
    check(spec, lambda wanted, got: FormulaError(where, wanted, got))
    if spec.id != text:
        raise FormulaError(where, f"the canonical {spec.id}", text)
    return spec


def check(spec: AggregateSpec, error: Callable[[str, object], Exception]) -> None:
    """Function, part and argument go together, whatever the quantity; raises what `error(wanted, got)` makes."""
    if spec.function not in FUNCTIONS:
        raise error("one of " + ", ".join(FUNCTIONS), spec.function)
    if spec.part and spec.part not in PARTS:
        raise error("a part of the day: " + ", ".join(PARTS), spec.part)
    if spec.weight and (spec.function != "mean" or spec.weight not in WEIGHTS):
        raise error("no weight but mean's: " + ", ".join(WEIGHTS), f"{spec.function} weighted by {spec.weight}")
    if spec.function == "percentile":
        if spec.argument is None or not 0.0 <= spec.argument <= 100.0:
            raise error("a rank from 0 to 100", spec.argument)
    elif spec.function == "time_share":
        if spec.argument is None or not math.isfinite(spec.argument):
            raise error("a threshold in the quantity's unit", spec.argument)
    elif spec.argument is not None:
        raise error(f"no number in {spec.function}", spec.argument)


def resolution_of(quantity: Quantity) -> Fraction:
    """The resolution as the decimal that the catalogue says (0.1 is one tenth, not the nearest binary fraction)."""
    return Fraction(repr(quantity.resolution))


def scale(spec: AggregateSpec, quantity: Quantity) -> Fraction:
    """What one unit of the partial integers is worth: the resolution; 1 for shares and counts."""
    if spec.function in ("time_share", "count", "count_devices"):
        return Fraction(1)
    return resolution_of(quantity)


def threshold_integer(spec: AggregateSpec, quantity: Quantity) -> int:
    """For time_share: a reading counts when its integer of the resolution is at or above this."""
    return math.ceil(Fraction(repr(spec.argument or 0.0)) / resolution_of(quantity))


def _number_text(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise FormulaError(where, "a number", text) from None
