"""Who should report: groups of devices per area and kind, and how many readings are due of them.

Promises  Due of a whole window is exactly the contract's: overlap * 10^6 // cadence, per device. While a window is open, only
          whole readings are due, up to how far the kind is known: coverage moves when a reading is due, not every second.
Leaves    What came (`good_due`) to the worker.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
MILLION = 1_000_000
_SAFE_CADENCE_US = 9 * 10**12


class Group(NamedTuple):
    """Devices of one kind in one area that are due alike; spans in µs UTC."""

    area: str
    kind: str
    cadence_us: int
    from_us: int
    """The later of due_from and valid_from."""
    to_us: int


class Census:
    """The newest census of each input partition; a part of the combiner's state."""

    def __init__(self, inputs: int) -> None:
        self.offsets = [-1] * inputs
        self.of_input: list[dict[Group, int]] = [{} for _ in range(inputs)]
        self.groups: list[Group] = []
        self.table = np.zeros((5, 0), np.int64)
        """Area slot, cadence, from, to, devices; a column per group of `groups`."""

    def apply(self, source: int, offset: int, groups: Mapping[Group, int]) -> bool:
        """Replace what that input partition said; true where it changed."""
        if offset < self.offsets[source]:
            return False
        changed = self.of_input[source] != groups
        self.offsets[source] = offset
        self.of_input[source] = dict(groups)
        return changed

    def index(self, area_slot: Mapping[str, int]) -> None:
        """Add the input partitions up, equal groups together."""
        total: dict[Group, int] = {}
        for groups in self.of_input:
            for group, devices in groups.items():
                total[group] = total.get(group, 0) + devices
        self.groups = sorted(total)
        rows = [(area_slot[group.area], group.cadence_us, group.from_us, group.to_us, total[group]) for group in self.groups]
        self.table = np.ascontiguousarray(np.array(rows, np.int64).reshape(-1, 5).T)

    def of_kinds(self, kinds: Iterable[str]) -> I64:
        """Columns of the table whose kind is one of `kinds`."""
        wanted = frozenset(kinds)
        return np.array([at for at, group in enumerate(self.groups) if group.kind in wanted], np.int64)


def due(groups: I64, spans: Iterable[tuple[int, int]], known_us: I64, slots: int) -> I64:
    """Millionths of a reading that are due per area.

    groups    int64[5, g]  columns of Census.table
    spans     [from, to) in µs UTC inside the window
    known_us  int64[g]     how far the group's kind is known; past a span's end the span counts in full
    ->        int64[slots] by area slot
    """
    out = np.zeros(slots, np.int64)
    area, cadence, begin, end, devices = groups
    whole = np.zeros(area.size, np.int64)
    open_ = np.zeros(area.size, bool)
    for low, high in spans:
        stop = np.minimum(np.minimum(high, end), known_us)
        whole += np.maximum(stop - np.maximum(low, begin), 0)
        open_ |= known_us < high
    each = np.where(open_, whole // cadence * MILLION, _millionths(whole, cadence))
    np.add.at(out, area, each * devices)
    return out


def _millionths(span_us: I64, cadence_us: I64) -> I64:
    """span * 10^6 // cadence without overflow."""
    whole, rest = np.divmod(span_us, cadence_us)
    if cadence_us.size and int(cadence_us.max()) > _SAFE_CADENCE_US:
        part = np.array([left * MILLION // every for left, every in zip(rest.tolist(), cadence_us.tolist(), strict=True)], np.int64)
    else:
        part = rest * MILLION // cadence_us
    return whole * MILLION + part
