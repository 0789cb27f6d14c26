"""The only place that asks the time. Everything else takes `now` as an argument."""

import time
from datetime import UTC, datetime


def now_us() -> int:
    """Wall clock, µs since 1970, UTC."""
    return time.time_ns() // 1_000


def monotonic_s() -> float:
    """Seconds that never go back; for waiting times and rates."""
    return time.monotonic()


def boottime_s() -> float:
    """Seconds that go on while the process is stopped; for the stall guard."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def iso(at_us: int) -> str:
    """`2026-11-22T15:04:05.000000Z`."""
    second, fraction = divmod(at_us, 1_000_000)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:06d}Z"


def iso_s(at_us: int) -> str:
    """`2026-11-22T15:04:05Z`; for window edges, which are whole seconds."""
    return f"{datetime.fromtimestamp(at_us // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
