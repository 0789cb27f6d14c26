"""The gateway's kernels once more: slow, obvious, one row at a time."""

import math
from decimal import ROUND_HALF_EVEN, Decimal

from kernels import ingest as kernel

Row = tuple[float, float, float, float, float, float]


def canonical(value: float, row: Row) -> tuple[float, int]:
    """Canonical value and verdict of one good row; NaN where the value is not finite."""
    scale, offset, resolution, per_one, low, high = row
    if not math.isfinite(value):
        return math.nan, kernel.NOT_FINITE
    converted = value * scale + offset
    if math.isfinite(converted) and abs(converted) < 1e15:
        steps = int(Decimal(converted / resolution).quantize(Decimal(1), ROUND_HALF_EVEN))
        found = steps / per_one if per_one else steps * resolution
    else:
        found = converted
    return found, kernel.OK if low <= found <= high else kernel.OUT_OF_RANGE


def timely(at_us: int, received_us: int, max_age_us: int, ahead_us: int) -> int:
    """Verdict on one time."""
    if at_us - received_us > ahead_us:
        return kernel.IN_FUTURE
    return kernel.TOO_OLD if received_us - at_us > max_age_us else kernel.OK


def repeated(rows: list[tuple[int, int, int, float]], good: list[bool]) -> list[int]:
    """Verdict of each (message, quantity, time, value): the first good one of a key stands."""
    first: dict[tuple[int, int, int], float] = {}
    verdicts = []
    for (message, quantity, at_us, value), counts in zip(rows, good, strict=True):
        key = (message, quantity, at_us)
        if not counts:
            verdicts.append(kernel.OUT_OF_RANGE)
        elif key not in first:
            first[key] = value
            verdicts.append(kernel.OK)
        else:
            verdicts.append(kernel.DUPLICATE if first[key] == value else kernel.CONFLICT)
    return verdicts
