"""Watermarks of every input partition and kind, and what follows: how far windows may close.

Promises  Per input partition the word of the highest input offset counts, whatever the order of arrival. Only frames that
          follow the rows they speak of are heard: rows and watermarks, not catalogue and census.
Leaves    Moving watermarks to the worker (rule 8).
"""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from stream.combiner.catalogue import NEVER_US

I64 = npt.NDArray[np.int64]

UNKNOWN_US = -(1 << 62)
"""A partition has devices of the kind and no watermark yet: nothing closes."""


class Marks:
    """A part of the combiner's state."""

    def __init__(self, inputs: int) -> None:
        self.offsets = [-1] * inputs
        """Highest input offset heard, per input partition."""
        self.of_input: list[Mapping[str, int | None]] = [{} for _ in range(inputs)]

    def apply(self, source: int, offset: int, watermarks: Mapping[str, int | None]) -> bool:
        """Take what a frame says; true where it says something new."""
        if offset < self.offsets[source]:
            return False
        first = self.offsets[source] < 0
        changed = first or self.of_input[source] != watermarks
        self.offsets[source] = offset
        self.of_input[source] = dict(watermarks)
        return changed

    @property
    def complete(self) -> bool:
        """True once every input partition was heard."""
        return min(self.offsets) >= 0

    def slowest(self) -> dict[str, int]:
        """Per kind the lowest watermark over the partitions that have it; UNKNOWN_US where one has none yet."""
        found: dict[str, int] = {}
        for watermarks in self.of_input:
            for kind, at_us in watermarks.items():
                found[kind] = min(found.get(kind, NEVER_US), UNKNOWN_US if at_us is None else at_us)
        return found

    def known(self) -> dict[str, int]:
        """Per kind the lowest watermark over the partitions that have one."""
        found: dict[str, int] = {}
        for watermarks in self.of_input:
            for kind, at_us in watermarks.items():
                if at_us is not None:
                    found[kind] = min(found.get(kind, NEVER_US), at_us)
        return found

    def newest_us(self) -> int:
        """The highest watermark of all, the clock of the log; UNKNOWN_US where there is none."""
        return max((at_us for marks in self.of_input for at_us in marks.values() if at_us is not None), default=UNKNOWN_US)


def frontier(slowest: Mapping[str, int], kinds: Iterable[str]) -> int:
    """Up to where windows of a KPI may close: the lowest over its kinds that any partition has; UNKNOWN_US for none."""
    return min((slowest[kind] for kind in kinds if kind in slowest), default=UNKNOWN_US)
