"""What a signal is made from: the moment, the device's character, the range it measures in, and the shapes of a day.

Promises  Plain columns, one entry per row; a shape is a pure function of the local hour.
Leaves    What is made of them to signals.py and services.py.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from simulators.chance import F64, I64, U64


class Moment(NamedTuple):
    """n rows: when, and what the city is like then."""

    at_us: I64
    hour: F64
    """Local hour of the day, 0 to 24, with fraction."""
    weekday: I64
    """0 is Monday."""
    traffic: F64
    """0 deserted, 1 a usual rush hour; events and scenario included."""
    warmth: F64
    """The weather's warmth against the day's average, about -1 to 1."""
    wind: F64
    """0 calm, 1 a usual breeze, 3 a storm."""
    rain: F64
    """0 dry, 1 heavy."""


class Character(NamedTuple):
    """n rows: what the device behind each row is like."""

    keys: U64
    size: F64
    """How much of everything there is where it stands: about 0.6 to 1.6, 1 is typical."""


class Scope(NamedTuple):
    """The quantity as this kind measures it; canonical unit."""

    low: float
    high: float
    typical: float

    @property
    def half(self) -> float:
        """Room on the narrower side of the typical value."""
        return min(self.typical - self.low, self.high - self.typical)


Signal = Callable[[Moment, Character, Scope], F64]


def rush(hour: F64, weekday: I64) -> F64:
    """Traffic of a day: two peaks from Monday to Friday, one broad one at weekends; 0.05 to about 1."""
    work = bell(hour, 8.2, 1.2) + 0.95 * bell(hour, 17.4, 1.7) + 0.45 * bell(hour, 13.0, 4.0)
    rest = 0.6 * bell(hour, 15.5, 4.0)
    return np.asarray(0.05 + np.where(weekday < 5, np.minimum(work, 1.1), rest))


def day(hour: F64, warmest_hour: float) -> F64:
    """-1 to 1, highest at `warmest_hour`."""
    return np.asarray(np.cos((hour - warmest_hour) * (2.0 * np.pi / 24.0)))


def bell(hour: F64, peak: float, width: float) -> F64:
    """1 at `peak`, falling to both sides, round the clock."""
    distance = np.abs(np.mod(hour - peak + 12.0, 24.0) - 12.0)
    return np.asarray(np.exp(-0.5 * (distance / width) ** 2))
