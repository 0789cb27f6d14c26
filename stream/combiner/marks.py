"""Watermarks of every input partition and kind, and what follows: how far windows may close.

Promises  Per input partition the word of the highest input offset counts, whatever the order of arrival. Only frames that
          follow the rows they speak of are heard: rows and watermarks, not catalogue and census.
Leaves    Moving watermarks to the worker (rule 8).
"""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]

UNKNOWN_US = -(1 << 62)
"""A partition has devices of the kind and no watermark yet: nothing closes."""

_ABSENT = (1 << 63) - 1


class Marks:
    """A part of the combiner's state: per kind and input partition a watermark, or that it has none, or no such device."""

    def __init__(self, inputs: int) -> None:
        self.offsets = [-1] * inputs
        """Highest input offset heard, per input partition."""
        self.clock_us = UNKNOWN_US
        """The newest gateway's clock of all input partitions."""
        self.kinds: dict[str, int] = {}
        self.table: I64 = np.full((0, inputs), _ABSENT, np.int64)

    def apply(self, source: int, offset: int, watermarks: Mapping[str, int | None]) -> bool:
        """Take what a frame says; true where the slowest of a kind moved or a partition was heard for the first time."""
        if offset < self.offsets[source]:
            return False
        first, self.offsets[source] = self.offsets[source] < 0, offset
        for kind in watermarks:
            if kind not in self.kinds:
                self.kinds[kind] = len(self.kinds)
                self.table = np.concatenate([self.table, np.full((1, len(self.offsets)), _ABSENT, np.int64)])
        before = self.table.min(axis=1)
        column = np.full(len(self.kinds), _ABSENT, np.int64)
        for kind, at_us in watermarks.items():
            column[self.kinds[kind]] = UNKNOWN_US if at_us is None else at_us
        self.table[:, source] = column
        return first or not np.array_equal(before, self.table.min(axis=1))

    def of_input(self, source: int) -> list[tuple[str, int | None]]:
        """What that input partition said last, by kind."""
        column = self.table[:, source].tolist()
        return [(kind, None if column[at] == UNKNOWN_US else column[at]) for kind, at in sorted(self.kinds.items()) if column[at] != _ABSENT]

    @property
    def complete(self) -> bool:
        """True once every input partition was heard."""
        return min(self.offsets) >= 0

    def slowest(self) -> dict[str, int]:
        """Per kind the lowest watermark over the partitions that have it; UNKNOWN_US where one has none yet."""
        lowest = self.table.min(axis=1).tolist()
        return {kind: lowest[at] for kind, at in self.kinds.items() if lowest[at] != _ABSENT}

    def known(self) -> dict[str, int]:
        """Per kind the lowest watermark over the partitions that have one."""
        lowest = np.where(self.table == UNKNOWN_US, _ABSENT, self.table).min(axis=1).tolist()
        return {kind: lowest[at] for kind, at in self.kinds.items() if lowest[at] != _ABSENT}

    def hear(self, clock_us: int | None) -> None:
        """Take the clock that a frame tells."""
        self.clock_us = max(self.clock_us, UNKNOWN_US if clock_us is None else clock_us)

    def newest_us(self) -> int:
        """The highest watermark of all; UNKNOWN_US where there is none."""
        return int(np.where(self.table == _ABSENT, UNKNOWN_US, self.table).max(initial=UNKNOWN_US))


def frontier(slowest: Mapping[str, int], kinds: Iterable[str]) -> int:
    """Up to where windows of a KPI may close: the lowest over its kinds that any partition has; UNKNOWN_US for none."""
    return min((slowest[kind] for kind in kinds if kind in slowest), default=UNKNOWN_US)
