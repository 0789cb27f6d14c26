"""Queues from arrivals and capacity, interval by interval.

Promises  A queue is never negative, and what is unknown stays unknown: after a missing interval the queue is missing to the end.
Leaves    Stopping and starting waves: this is a queue without length on the road.
"""

from typing import Any, NamedTuple

import numpy as np

from kernels._jit import jit
from kernels.columns import F64, Column, columns


class Queue(NamedTuple):
    """The queue at the end of each interval, vehicles, and its largest known value (NaN where none is known)."""

    end: F64
    longest: float


@jit
def _queue(arrivals: Any, capacity: Any, initial: float, out: Any) -> Any:
    waiting, longest = initial, np.nan
    for i in range(out.size):
        waiting += arrivals[i] - capacity[i]
        waiting = max(waiting, 0.0)
        out[i] = waiting
        if not waiting <= longest and not np.isnan(waiting):
            longest = waiting
    return longest


def queue(arrivals: Column, capacity: Column, initial: float = 0.0) -> Queue:
    """Q = max(0, Q before + arrivals - capacity).

    arrivals, capacity  float64[n]  vehicles per interval
    initial             float       vehicles that wait at the start
    ->                  float64[n] and the longest; n = 0 gives an empty queue and NaN

    O(n). Source: [traffic-relations].
    """
    came, could = columns(arrivals=arrivals, capacity=capacity)
    came, could = np.where(np.isfinite(came), came, np.nan), np.where(np.isfinite(could), could, np.nan)
    out = np.empty_like(came)
    return Queue(out, float(_queue(came, could, float(initial), out)))
