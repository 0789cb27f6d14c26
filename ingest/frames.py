"""Open frames, one per partition, in buffers made once; and the rule that says when each is closed.

Promises  Rows leave in the order in which they came, each once; a frame closes when it is full, when its oldest row
          has waited as long as the load allows, or when it is told to.
Leaves    Bytes and sequence numbers to ingest/pipeline. Time is an argument.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.acks import AckWindow, Batch
from ingest.checks import Judged

SHORTEST_S, LONG_S, LONGEST_S = 0.005, 0.2, 0.34
_WAITS = (500.0, 4_000.0, 40_000.0), (SHORTEST_S, LONG_S, LONGEST_S)
"""Readings a second, and how long a frame waits at these. A heartbeat ends a frame once a second, so 340 ms are three a second and 300 ms four."""

_COLUMNS = {
    "device": np.int32,
    "quantity": np.int32,
    "measured_at": np.int64,
    "received_at": np.int64,
    "value": np.float64,
    "quality": np.uint16,
    "latitude": np.float64,
    "longitude": np.float64,
}


def waiting_s(readings_per_s: float) -> float:
    """How long a frame may wait: 5 ms up to 500 readings/s, 200 ms at 4,000, 340 ms from 40,000 on, linear between."""
    return float(np.interp(readings_per_s, *_WAITS))


class Pace:
    """Readings of the last full second, or of the second that runs where they are more by now: a load that begins is one at once."""

    def __init__(self) -> None:
        self._second, self._count = 0, 0
        self._before = 0

    @property
    def per_s(self) -> float:
        """Readings a second."""
        return float(max(self._before, self._count))

    def note(self, rows: int, now_s: float) -> None:
        """Count `rows` readings at `now_s` (monotonic)."""
        second = int(now_s)
        if second != self._second:
            self._before = self._count if second == self._second + 1 else 0
            self._second, self._count = second, 0
        self._count += rows


class Closed(NamedTuple):
    """A frame's rows, and the batches that wait for it."""

    partition: int
    columns: dict[str, npt.NDArray[Any]]
    rows: int
    batches: list[Batch]


class _Open:
    __slots__ = ("batches", "columns", "opened_s", "placed", "rows")

    def __init__(self, size: int) -> None:
        self.columns = {name: np.zeros(size, kind) for name, kind in _COLUMNS.items()}
        self.rows, self.opened_s, self.placed = 0, 0.0, False
        self.batches: list[Batch] = []


class Frames:
    """The open frames of all partitions."""

    def __init__(self, partitions: int, size: int) -> None:
        self._size = size
        self._open = [_Open(size) for _ in range(partitions)]
        self.pace = Pace()

    @property
    def wait_s(self) -> float:
        """How long a frame may wait now."""
        return waiting_s(self.pace.per_s)

    def add(self, judged: Judged, batch: Batch, now_s: float) -> list[Closed]:
        """Put the rows into the frames of their partitions; returns those that became full."""
        self.pace.note(len(judged.value), now_s)
        if not len(judged.value):
            return []
        order = np.argsort(judged.partition, kind="stable")
        sorted_partition = judged.partition[order]
        edges = np.flatnonzero(np.diff(sorted_partition)) + 1
        starts, ends = [0, *edges.tolist()], [*edges.tolist(), len(order)]
        sources = {name: column[order] for name in _COLUMNS if (column := getattr(judged, name)) is not None}
        closed: list[Closed] = []
        for start, end in zip(starts, ends, strict=True):
            closed += self._fill(int(sorted_partition[start]), sources, (start, end), (batch, now_s))
        return closed

    def _fill(self, partition: int, sources: dict[str, npt.NDArray[Any]], span: tuple[int, int], by: tuple[Batch, float]) -> list[Closed]:
        """Copy the rows `span` of `sources` into one partition's frame."""
        frame, closed = self._open[partition], []
        (start, end), (batch, now_s) = span, by
        while start < end:
            if not frame.rows:
                frame.opened_s = now_s
            take = min(end - start, self._size - frame.rows)
            into, out = slice(frame.rows, frame.rows + take), slice(start, start + take)
            for name, column in frame.columns.items():
                column[into] = sources[name][out] if name in sources else np.nan
            frame.placed = frame.placed or "latitude" in sources
            frame.rows, start = frame.rows + take, start + take
            if not frame.batches or frame.batches[-1] is not batch:
                frame.batches.append(AckWindow.expect(batch))
            if frame.rows == self._size:
                closed.append(self._close(partition))
        return closed

    def due(self, now_s: float) -> list[Closed]:
        """Close the frames whose oldest row has waited long enough."""
        limit_s = now_s - self.wait_s
        return [self._close(partition) for partition, frame in enumerate(self._open) if frame.rows and frame.opened_s <= limit_s]

    def all(self) -> list[Closed]:
        """Close every frame that has rows."""
        return [self._close(partition) for partition, frame in enumerate(self._open) if frame.rows]

    def next_due_s(self) -> float | None:
        """When `due` will have something to close, None where all frames are empty."""
        opened = [frame.opened_s for frame in self._open if frame.rows]
        return min(opened) + self.wait_s if opened else None

    def _close(self, partition: int) -> Closed:
        frame = self._open[partition]
        names = [name for name in _COLUMNS if frame.placed or name not in ("latitude", "longitude")]
        columns = {name: frame.columns[name][: frame.rows].copy() for name in names}
        found = Closed(partition, columns, frame.rows, frame.batches)
        frame.rows, frame.placed, frame.batches = 0, False, []
        return found
