"""What was seen above the watermark: of every series (device and quantity) its readings in order of time; a table of those out of order.

A reading that is newer than all of its series before it is new without a look; it goes to the end of the series' ring. An older one is looked
for in the ring, which is sorted, and in the table. So a reading costs one cache line of its series and a quarter of one of its ring.

Promises  Exact above the watermark; what it has passed is forgotten when its place is needed. Nothing depends on sizes.
Leaves    What a find means to kernels.arrive. Where room is missing the loops stop, and `grown` makes it.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.table import FREE, Table, capacity_for, new_table, place_in

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]

KEY, TOP_US, BASE, MASK, HEAD, COUNT = range(6)
NEVER_US = -(1 << 62)
_CLASSES = 48


class Seen(NamedTuple):
    """Series by place, open addressing; rings lie in `ring`, each a power of two of places; the table of those out of order."""

    series: I64  # [p, 8] key (FREE where empty), latest time ever (µs), base, mask, head and count of the ring, two spare: a cache line
    ring: I64  # [n, 2] time (µs), value
    used: I64  # [2] series, places of `ring` handed out
    spare: I64  # [classes] first ring given back, by log2 of its places, -1 where none; the next in its first place
    late: Table


def _series(places: int) -> I64:
    """Free places: no reading is newer than what a free place has seen, so the loops need not ask whether it is free."""
    made = np.zeros((places, 8), np.int64)
    made[:, KEY], made[:, TOP_US] = FREE, 1 << 62
    return made


def new_seen(series: int = 256, ring: int = 4096) -> Seen:
    """Nothing seen; both sizes powers of two."""
    return Seen(_series(series), np.zeros((ring, 2), np.int64), np.zeros(2, np.int64), np.full(_CLASSES, -1, np.int64), new_table(1 << 12))


@jit
def series_of(series: Any, key: Any) -> Any:
    """Place of a series, or the free one where it belongs."""
    mask = series.shape[0] - 1
    h = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    i = np.int64(h >> np.uint64(32)) & mask
    while series[i, 0] != key and series[i, 0] != -1:
        i = (i + 1) & mask
    return i


@jit
def _size_class(places: int) -> Any:
    found = 0
    while (1 << found) < places:
        found += 1
    return found


@jit
def _take_ring(seen: Any, places: int) -> Any:
    """Base of a ring of so many places, -1 where there is no room."""
    ring, used, spare = seen.ring, seen.used, seen.spare
    size = _size_class(places)
    base = spare[size]
    if base >= 0:
        spare[size] = ring[base, 0]
        return base
    if used[1] + places > ring.shape[0]:
        return np.int64(-1)
    base = used[1]
    used[1] = base + places
    return base


@jit
def _widen(seen: Any, i: int, watermark_us: int) -> Any:
    """Make room in the full ring of series i: forget what the watermark has passed, else more places; False where there are none."""
    series, ring, spare = seen.series, seen.ring, seen.spare
    base, mask, head, count = series[i, 2], series[i, 3], series[i, 4], series[i, 5]
    while count > 0 and ring[base + head, 0] < watermark_us:
        head = (head + 1) & mask
        count -= 1
    series[i, 4], series[i, 5] = head, count
    if 2 * count <= mask + 1:
        return True
    places = (4 if mask < 256 else 2) * (mask + 1)
    other = _take_ring(seen, places)
    if other < 0:
        return count <= mask  # a place is free, if only one
    for n in range(count):
        at = base + ((head + n) & mask)
        ring[other + n, 0], ring[other + n, 1] = ring[at, 0], ring[at, 1]
    size = _size_class(mask + 1)
    ring[base, 0] = spare[size]
    spare[size] = base
    series[i, 2], series[i, 3], series[i, 4] = other, places - 1, 0
    return True


@jit
def begin(seen: Any, i: int, key: Any) -> Any:
    """A new series at the free place i; False where there is no room for it."""
    series, used = seen.series, seen.used
    if 2 * (used[0] + 1) > series.shape[0]:
        return False
    base = _take_ring(seen, 8)
    if base < 0:
        return False
    series[i, 0], series[i, 1], series[i, 2], series[i, 3], series[i, 4], series[i, 5] = key, -(1 << 62), base, 7, 0, 0
    used[0] += 1
    return True


@jit
def append(seen: Any, i: int, at_us: int, value: int, watermark_us: int) -> Any:
    """Put a reading that is newer than all before it at the end of series i; False where there is no room for it."""
    series, ring = seen.series, seen.ring
    if series[i, 5] > series[i, 3] and not _widen(seen, i, watermark_us):
        return False
    at = series[i, 2] + ((series[i, 4] + series[i, 5]) & series[i, 3])
    ring[at, 0], ring[at, 1] = at_us, value
    series[i, 5] += 1
    series[i, 1] = at_us
    return True


@jit
def find(series: Any, ring: Any, i: int, at_us: int) -> Any:
    """Place in `ring` of the reading of series i at at_us, -1 where it has none."""
    base, mask, head = series[i, 2], series[i, 3], series[i, 4]
    low, high = 0, series[i, 5]
    while low < high:
        middle = (low + high) >> 1
        if ring[base + ((head + middle) & mask), 0] < at_us:
            low = middle + 1
        else:
            high = middle
    at = base + ((head + low) & mask)
    return at if low < series[i, 5] and ring[at, 0] == at_us else np.int64(-1)


@jit
def _carry(old: Any, new: Any) -> None:
    """Series by their key into more places; rings stay where they are."""
    for n in range(old.shape[0]):
        if old[n, 0] != -1:
            i = series_of(new, old[n, 0])
            for k in range(8):
                new[i, k] = old[n, k]


@jit
def _keep(key: Any, at_us: Any, value: Any, device_kind: Any, watermark_us: Any, new: Any) -> None:
    keys, times_us, values, used = new.key, new.at_us, new.value, 0
    for n in range(key.size):
        if key[n] != -1 and at_us[n] >= watermark_us[device_kind[key[n] >> 16]]:
            p = place_in(keys, times_us, key[n], at_us[n])
            keys[p], times_us[p], values[p] = key[n], at_us[n], value[n]
            used += 1
    new.used[0] = used


@jit
def _count_open(key: Any, at_us: Any, device_kind: Any, watermark_us: Any) -> Any:
    n = 0
    for i in range(key.size):
        if key[i] != -1 and at_us[i] >= watermark_us[device_kind[key[i] >> 16]]:
            n += 1
    return n


@jit
def _entries(series: Any, ring: Any, places: Any, low_us: Any, late: Any, out: Any) -> Any:
    """Times and values of these series, one after the other, from low_us[j] on: of rings, which are sorted, and of sorted late ones, merged.

    late     (series' number j, time, value) of rows in order of (j, time)
    out      (number of each series' rows, times, values); returns how many rows are filled
    """
    (late_of, late_us, late_value), (many, at_us, value) = late, out
    n = m = 0
    for j in range(places.size):
        i, k, began = places[j], 0, n
        while True:
            at = series[i, 2] + ((series[i, 4] + k) & series[i, 3])
            ringed, belated = k < series[i, 5], m < late_of.size and late_of[m] == j
            if belated and not (ringed and ring[at, 0] < late_us[m]):
                at_us[n], value[n] = late_us[m], late_value[m]
                m, n = m + 1, n + 1
            elif ringed:
                at_us[n], value[n] = ring[at, 0], ring[at, 1]
                k, n = k + 1, n + (ring[at, 0] >= low_us[j])
            else:
                break
        many[j] = n - began
    return n


@jit
def _refill(key: Any, at_us: Any, value: Any, start: int, seen: Any) -> Any:
    series = seen.series
    for n in range(start, key.size):
        i = series_of(series, key[n])
        if series[i, 0] == -1 and not begin(seen, i, key[n]):
            return n
        if not append(seen, i, at_us[n], value[n], -(1 << 62)):
            return n
    return key.size


def grown(seen: Seen) -> Seen:
    """The same with twice the room for series where these are short of it, else for rings: one of the two, the other may be large."""
    series, ring = seen.series, seen.ring
    if 2 * (int(seen.used[0]) + 1) > series.shape[0]:
        more = _series(2 * series.shape[0])
        _carry(series, more)
        return seen._replace(series=more)
    longer = np.zeros((2 * ring.shape[0], 2), np.int64)
    longer[: ring.shape[0]] = ring
    return seen._replace(ring=longer)


def with_room(seen: Seen, device_kind: I32, watermark_us: I64, rows: int) -> Seen:
    """The same with room for `rows` more that come out of order; without those that the watermark has passed where it was short of it."""
    late = seen.late
    if 2 * (int(late.used[0]) + rows) <= late.key.size:
        return seen
    new = new_table(capacity_for(_count_open(late.key, late.at_us, device_kind, watermark_us) + rows))
    _keep(late.key, late.at_us, late.value, device_kind, watermark_us, new)
    return seen._replace(late=new)


def entries(seen: Seen, device_kind: I32, watermark_us: I64) -> tuple[I64, I64, I64, I64]:
    """All that lies above the watermarks, in order of (key, time), whatever came first: keys, and how many each has; times and values."""
    late, live = seen.late, np.flatnonzero(seen.series[:, KEY] != FREE)
    places = live[np.argsort(seen.series[live, KEY])]
    key = seen.series[places, KEY]
    open_ = np.flatnonzero(late.key != FREE)
    open_ = open_[late.at_us[open_] >= watermark_us[device_kind[late.key[open_] >> 16]]]
    open_ = open_[np.lexsort((late.at_us[open_], late.key[open_]))]
    most = int(seen.series[places, COUNT].sum()) + open_.size + 1  # one more: a row that has been passed is written, and written over
    out = np.zeros(places.size, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    belated = np.searchsorted(key, late.key[open_]), late.at_us[open_], late.value[open_]
    rows = _entries(seen.series, seen.ring, places, watermark_us[device_kind[key >> 16]], belated, out)
    many, there = out[0], out[0] > 0
    return key[there], many[there], out[1][:rows], out[2][:rows]


def seen_of(key: I64, many: I64, at_us: I64, value: I64) -> Seen:
    """The same from entries: what a snapshot kept. Raises ValueError where they do not fit together."""
    keys, seen, at = np.repeat(key, many), new_seen(), 0
    if not keys.size == at_us.size == value.size:
        raise ValueError(f"seen: wanted as many times and values as the series say, {keys.size}, got {at_us.size} and {value.size}")
    while (at := int(_refill(keys, at_us, value, at, seen))) < keys.size:
        seen = grown(seen)
    return seen
