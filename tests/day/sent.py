"""What went out on the day, as the tests count it."""

from typing import NamedTuple

from simulators.faults import Fault
from simulators.payloads import Planned


class Sent(NamedTuple):
    """What goes out, and what is in it."""

    messages: tuple[Planned, ...]
    readings: int
    """In all messages that can be read, repetitions not included."""
    repeated: int
    """Readings in repetitions."""
    contradicted: int
    """Readings of a register's second word about a month: they take the place of the first."""
    malformed: int
    """Messages that cannot be read."""
    faults: dict[Fault, int]
    """Readings by fault."""
