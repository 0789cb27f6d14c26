"""Arrival arithmetic of the gateway: unit to canonical, possible range, time window, equal keys inside one message.

Promises  One pass each, nothing allocated in the loops; a row that is refused keeps its first verdict.
Leaves    Sentences to ingest/checks, what is plausible for a kind to the worker.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]

OK = 0
UNKNOWN_QUANTITY = 1
WRONG_UNIT = 2
NOT_FINITE = 3
OUT_OF_RANGE = 4
IN_FUTURE = 5
TOO_OLD = 6
MISPLACED = 7
CONFLICT = 8
DUPLICATE = 9

SCALE, OFFSET, RESOLUTION, PER_ONE, LOW, HIGH = range(6)
"""Columns of the conversion table; PER_ONE is 1/resolution where that is whole, else 0."""


class KernelInputError(ValueError):
    """Arrays that do not fit together."""


@jit
def _canonical(slot: I32, value: F64, table: F64, out: F64, verdict: U8) -> None:
    for i in range(value.size):
        out[i] = np.nan
        if verdict[i] != OK:
            continue
        if not np.isfinite(value[i]):
            verdict[i] = NOT_FINITE
            continue
        row = table[slot[i]]
        steps = np.rint((value[i] * row[SCALE] + row[OFFSET]) / row[RESOLUTION])
        # dividing by the whole number gives the float64 nearest to the decimal, 0.3 and not 0.30000000000000004; + 0.0 takes the sign off zero
        found = (steps / row[PER_ONE] if row[PER_ONE] > 0.0 else steps * row[RESOLUTION]) + 0.0
        out[i] = found
        if not (row[LOW] <= found <= row[HIGH]):
            verdict[i] = OUT_OF_RANGE


@jit
def _timely(at_us: I64, received_us: I64, max_age_us: I64, ahead_us: int, verdict: U8) -> None:
    for i in range(at_us.size):
        if verdict[i] == OK:
            if at_us[i] > received_us[i] + ahead_us:
                verdict[i] = IN_FUTURE
            elif at_us[i] < received_us[i] - max_age_us[i]:
                verdict[i] = TOO_OLD


@jit
def _repeated(message: I32, quantity: I32, at_us: I64, value: F64, seen: I64, verdict: U8) -> None:
    mask = seen.size - 1
    for i in range(at_us.size):
        if verdict[i] != OK:
            continue
        mixed = np.uint64(at_us[i]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= (np.uint64(message[i]) << np.uint64(20)) + np.uint64(quantity[i])
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        place = np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(mask))
        while seen[place] >= 0:
            other = seen[place]
            if message[other] == message[i] and quantity[other] == quantity[i] and at_us[other] == at_us[i]:
                verdict[i] = DUPLICATE if value[other] == value[i] else CONFLICT
                break
            place = (place + 1) & mask
        if verdict[i] == OK:
            seen[place] = i


def canonical(slot: I32, value: F64, table: F64, verdict: U8) -> F64:
    """Values in canonical units, rounded to their resolution; impossible ones get a verdict.

    slot     int32[n]       row of `table`; read only where the verdict is OK
    value    float64[n]     as the device wrote it
    table    float64[k, 6]  SCALE, OFFSET (canonical = value * scale + offset), RESOLUTION, PER_ONE, LOW, HIGH
    verdict  uint8[n]       in and out; NOT_FINITE and OUT_OF_RANGE are set
    ->       float64[n]     canonical unit; NaN where the verdict was set before or the value is not finite

    O(n). rint(result / resolution) is the integer that everything compares and sums.
    """
    _same("canonical", len(value), slot=slot, verdict=verdict)
    if table.ndim != 2 or table.shape[1] != 6:
        raise KernelInputError(f"table: wanted shape (k, 6), got {table.shape}")
    used = slot[verdict == OK]
    if used.size and not 0 <= used.min() <= used.max() < len(table):
        raise KernelInputError(f"slot: wanted 0 to {len(table) - 1}, got {used.min()} to {used.max()}")
    out = np.empty(len(value), np.float64)
    _canonical(slot, value, table, out, verdict)
    return out


def timely(at_us: I64, received_us: I64, max_age_us: I64, ahead_us: int, verdict: U8) -> None:
    """Set IN_FUTURE and TOO_OLD; accepted is received - max_age <= at <= received + ahead.

    at_us, received_us, max_age_us  int64[n]  µs, below 2^61 each so that nothing overflows
    verdict                         uint8[n]  in and out

    O(n).
    """
    _same("timely", len(at_us), received_us=received_us, max_age_us=max_age_us, verdict=verdict)
    _timely(at_us, received_us, max_age_us, ahead_us, verdict)


def repeated(message: I32, quantity: I32, at_us: I64, value: F64, verdict: U8) -> None:
    """Of equal (message, quantity, time) the first good row stands: DUPLICATE where the value is the same, else CONFLICT.

    message, quantity  int32[n]; at_us int64[n]; value float64[n], not NaN where the verdict is OK; verdict uint8[n] in and out

    O(n) expected; a hash table of at least 2n places.
    """
    _same("repeated", len(at_us), message=message, quantity=quantity, value=value, verdict=verdict)
    seen = np.full(1 << max(2 * len(at_us) - 1, 1).bit_length(), -1, np.int64)
    _repeated(message, quantity, at_us, value, seen, verdict)


def warm_up() -> None:
    """Compile or load the loops before the first message waits for them."""
    verdict = np.zeros(2, np.uint8)
    numbers, whole = np.zeros(2), np.zeros(2, np.int32)
    table = np.array([[1.0, 0.0, 0.1, 10.0, -1.0, 1.0]])
    times = np.zeros(2, np.int64)
    canonical(whole, numbers, table, verdict)
    timely(times, times, times, 0, verdict)
    repeated(whole, whole, times, numbers, verdict)


def _same(where: str, length: int, **arrays: npt.NDArray[Any]) -> None:
    for name, array in arrays.items():
        if array.shape != (length,):
            raise KernelInputError(f"{where}, {name}: wanted shape ({length},), got {array.shape}")
