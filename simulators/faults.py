"""Faults as named probabilities: which message or reading gets which, and what it does to it.

Promises  Which fault hits what is a pure function of the device's key and the message's or reading's number; shares are
          met within the binomial's bounds; a message has at most one fault of transport.
Leaves    How likely each is to the scenario; what the platform makes of it to the platform.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from simulators.chance import F64, I64, U64, uniform
from simulators.scenario import Faults, Outage

Codes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

EPISODE_US = 900_000_000
"""A stuck or drifting device is so for a quarter of an hour."""

HOUR_US = 3_600_000_000
WRONG_CLOCKS_US = (2 * HOUR_US, 26 * HOUR_US, -90 * 24 * HOUR_US, -5 * 365 * 24 * HOUR_US)
"""What a wrong clock is off by: two are beyond five minutes ahead, two beyond any `max_age` below ninety days, so that all are refused. None is
ahead by less: it would be stored as suspect beyond its kind's `ahead_s`, and good below."""


class Fault(IntEnum):
    """What happened to a reading on its way out; NONE is the rule."""

    NONE = 0
    MISSING = 1
    LATE = 2
    DUPLICATED = 3
    OUT_OF_ORDER = 4
    WRONG_CLOCK = 5
    MALFORMED = 6
    SPIKE = 7
    STUCK = 8
    DRIFTING = 9
    SILENT = 10
    """Missing because of the scenario's outage."""


TRANSPORT = (Fault.MISSING, Fault.LATE, Fault.DUPLICATED, Fault.OUT_OF_ORDER, Fault.WRONG_CLOCK, Fault.MALFORMED)
NOT_SENT = (Fault.MISSING, Fault.SILENT)


def of_messages(keys: U64, numbers: I64, faults: Faults) -> Codes:
    """One fault of transport or NONE per message, uint8[n]; keys and numbers are the device's and the message's."""
    shares = np.array([getattr(faults, fault.name.lower()) for fault in TRANSPORT])
    edges = np.cumsum(shares)
    codes = np.array([*TRANSPORT, Fault.NONE], np.uint8)
    return np.asarray(codes[np.searchsorted(edges, uniform(keys, "transport", numbers), side="right")])


def episodes(keys: U64, at_us: I64, faults: Faults) -> Codes:
    """STUCK, DRIFTING or NONE per reading, uint8[n]: the same for a device over its quarter of an hour."""
    edges = np.cumsum([faults.stuck, faults.drifting])
    codes = np.array([Fault.STUCK, Fault.DRIFTING, Fault.NONE], np.uint8)
    return np.asarray(codes[np.searchsorted(edges, uniform(keys, "episode", at_us // EPISODE_US), side="right")])


def spikes(keys: U64, numbers: I64, faults: Faults) -> Bools:
    """Which readings are spikes, bool[n]."""
    return np.asarray(uniform(keys, "spike", numbers) < faults.spike)


def drifted(value: F64, at_us: I64, span: float) -> F64:
    """A value that has run away by half of `span` (the plausible range's width) at the end of its quarter of an hour."""
    return np.asarray(value + 0.5 * span * np.mod(at_us, EPISODE_US) / EPISODE_US)


def spiked(value: F64, plausible: tuple[float, float], possible: tuple[float, float]) -> F64:
    """A value above the plausible range and inside the possible one; below where there is no room above; else unchanged."""
    if possible[1] > plausible[1]:
        return np.full_like(value, plausible[1] + 0.5 * (possible[1] - plausible[1]))
    if possible[0] < plausible[0]:
        return np.full_like(value, plausible[0] - 0.5 * (plausible[0] - possible[0]))
    return value


def silenced(keys: U64, at_us: I64, start_us: int, outages: tuple[Outage, ...]) -> Bools:
    """Which messages fall into an outage of their device, bool[n]."""
    silent = np.zeros(at_us.shape, np.bool_)
    for number, outage in enumerate(outages):
        since_s = (at_us - start_us) / 1e6 - outage.after_s
        if outage.every_s:
            since_s = np.where(since_s >= 0, np.mod(since_s, outage.every_s), since_s)
        hit = uniform(keys, f"outage{number}", np.zeros_like(at_us)) < outage.share
        silent |= hit & (since_s >= 0) & (since_s < outage.for_s)
    return silent


def clock_error_us(keys: U64, numbers: I64) -> I64:
    """What the clock of each message is off by, int64[n]."""
    return np.asarray(np.array(WRONG_CLOCKS_US, np.int64)[(uniform(keys, "clock", numbers) * len(WRONG_CLOCKS_US)).astype(np.int64)])


def malformed(payload: bytes, variant: int) -> bytes:
    """Bytes that no JSON reader takes: cut off, not UTF-8, or not JSON at all."""
    broken = (payload[: len(payload) // 2], b"\xff\xfe" + payload, b"<" + payload[1:], b"")
    return broken[variant % len(broken)]
