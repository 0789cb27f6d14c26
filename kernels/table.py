"""An open-addressing table of (key, time) -> integer, in three arrays.

Promises  Linear probing; free of the order in which entries came, but for their places.
Leaves    Keeping it at most half full to the callers.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit

I64 = npt.NDArray[np.int64]
FREE = -1


class Table(NamedTuple):
    """Entries by place; the capacity is a power of two, keys are not negative."""

    key: I64  # FREE where empty
    at_us: I64
    value: I64
    used: I64  # [1] entries in use


def new_table(capacity: int) -> Table:
    """An empty table; capacity must be a power of two."""
    return Table(np.full(capacity, FREE, np.int64), np.zeros(capacity, np.int64), np.zeros(capacity, np.int64), np.zeros(1, np.int64))


def capacity_for(entries: int) -> int:
    """The smallest capacity that stays at most a quarter full."""
    return 1 << max(12, int(4 * entries - 1).bit_length())


@jit
def place(table: Any, key: Any, at_us: Any) -> Any:
    """Index of the entry, or of the free place where it belongs."""
    return place_in(table.key, table.at_us, key, at_us)


@jit
def place_in(keys: Any, times_us: Any, key: Any, at_us: Any) -> Any:
    """`place` for a loop that has the columns at hand: a tuple handed over for every row would be counted for every row."""
    mask = keys.size - 1
    h = (np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) ^ (np.uint64(at_us) * np.uint64(0xC2B2AE3D27D4EB4F))
    h ^= h >> np.uint64(29)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    i = np.int64(h >> np.uint64(20)) & mask
    while keys[i] != -1 and (keys[i] != key or times_us[i] != at_us):
        i = (i + 1) & mask
    return i


@jit
def put(table: Any, key: Any, at_us: Any, value: Any) -> None:
    """Set an entry that is not there yet."""
    p = place(table, key, at_us)
    table.key[p] = key
    table.at_us[p] = at_us
    table.value[p] = value
    table.used[0] += 1
