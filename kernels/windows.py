"""Event-time windows over one partition's events, as they arrive: what closes, what is late.

Windows are [start, end), end = start + size, start a multiple of step. The watermark is the largest time seen minus the allowed
lateness, set after each event; a window is emitted, once, when its end is at or below it.

Promises  A pure function of the events in their order. Every event is in a window that is emitted or open, or counted as dropped.
Leaves    Several partitions, idle ones and calendar windows to the platform's own rules (kernels.arrive, kernels.calendar).
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


class Windows(NamedTuple):
    """k windows in order of their start; the first `emitted` have been emitted, the rest are open."""

    start: I64
    end: I64
    events: I64
    total: F64
    emitted: int
    dropped: int


@jit
def _add(start: Any, count: Any, total: Any, used: int, begin: int, value: float) -> int:
    at = used
    while at > 0 and start[at - 1] > begin:
        at -= 1
    if at == 0 or start[at - 1] != begin:
        for i in range(used, at, -1):
            start[i], count[i], total[i] = start[i - 1], count[i - 1], total[i - 1]
        start[at], count[at], total[at] = begin, 0, 0.0
        used += 1
    else:
        at -= 1
    count[at] += 1
    total[at] += value
    return used


@jit
def _run(t: Any, values: Any, rule: Any, start: Any, count: Any, total: Any) -> Any:
    size, step, lateness = rule
    used, emitted, dropped, began = 0, 0, 0, False
    watermark, first = np.int64(0), np.int64(0)
    for i in range(t.size):
        at = t[i]
        if not first <= at < first + step:  # most events follow another of their window: no division
            first = at // step * step
        begin = first
        while begin > at - size:
            begin -= step
        fits = False
        begin += step
        while begin <= first:
            if not began or begin + size > watermark:
                fits = True
                if not np.isnan(values[i]):
                    used = _add(start, count, total, used, begin, values[i])
            begin += step
        if not fits:
            dropped += 1
        if not began or at - lateness > watermark:
            watermark, began = at - lateness, True
        while emitted < used and start[emitted] + size <= watermark:
            emitted += 1
    return used, emitted, dropped


def event_time_windows(t: I64, values: F64, size: int, step: int, lateness: int = 0) -> Windows:
    """Count and sum per window.

    t         int64[n]    event times in order of arrival, in one unit with size, step and lateness; any sign
    values    float64[n]  NaN = missing: moves the watermark, is in no count and no sum, opens no window
    size      > 0; step > 0: equal to size tumbling, smaller hopping, larger leaves gaps whose events are dropped
    lateness  >= 0
    ->        Windows; an event none of whose windows is open any more is dropped, one with some open windows enters those

    O(n * size / step). Errors: KernelInputError for a shape or a parameter that is none.
    """
    if t.shape != values.shape:
        raise KernelInputError("values", f"shape {t.shape} like t", values.shape)
    for name, given, least in (("size", size, 1), ("step", step, 1), ("lateness", lateness, 0)):
        if given < least:
            raise KernelInputError(name, f"at least {least}", given)
    room = t.size * -(-size // step) + 1
    start, count, total = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    used, emitted, dropped = _run(t, values, (size, step, lateness), start, count, total)
    return Windows(start[:used], start[:used] + size, count[:used], total[:used], emitted, dropped)
