"""Ten and more ways to break the stream, one at a time, while a seed is lived through. The simulation must notice each."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from kernels import arrive as kernel
from kernels.arrive import KEPT, LATE
from runtime import clock
from storage import checked, standing
from stream.combiner import snapshot as combiner_snapshot
from stream.combiner.marks import Marks
from stream.combiner.panes import Panes
from stream.shell import holders
from stream.shell.outbox import Outbox
from stream.shell.owner import Owner
from stream.worker import partition as workers
from stream.worker import snapshot as worker_snapshot
from stream.worker.silence import Silence
from tests.simulation.writer import Store

Break = Callable[[pytest.MonkeyPatch], None]


def no_offset_check(patch: pytest.MonkeyPatch) -> None:
    """A record that is not the next is taken in all the same."""
    patch.setattr(Owner, "expect", lambda self, part, _offset: self.holders.get(part))


def gaps_pass(patch: pytest.MonkeyPatch) -> None:
    """Repeats are dropped, holes are not noticed."""

    def expect(self: Owner, part: Any, offset: int) -> Any:
        holder = self.holders.get(part)
        return holder if holder is not None and offset > holder.offset else None

    patch.setattr(Owner, "expect", expect)


def commit_before_outputs(patch: pytest.MonkeyPatch) -> None:
    """The commit does not wait for Kafka to have what it covers."""

    async def confirmed(self: Outbox) -> None:
        self.flush()

    patch.setattr(Outbox, "confirmed", confirmed)


def no_epoch(patch: pytest.MonkeyPatch) -> None:
    """Of two live values of a window the one that comes later stands."""
    counted = iter(range(1 << 40))
    patch.setattr(standing, "epoch_offset", lambda _: next(counted))


def forget_pending(patch: pytest.MonkeyPatch) -> None:
    """A snapshot comes back without the readings that wait for the watermark."""

    def load(partition: int, data: bytes) -> Any:
        worker = original(partition, data)
        worker.state.held_back = []
        return worker

    original = worker_snapshot.load
    patch.setattr(holders, "load", load)


def forget_seen(patch: pytest.MonkeyPatch) -> None:
    """A snapshot comes back without what was seen: duplicates count."""

    def load(partition: int, data: bytes) -> Any:
        worker = original(partition, data)
        worker.state.seen = workers.WorkerPartition(partition).state.seen
        return worker

    original = worker_snapshot.load
    patch.setattr(holders, "load", load)


def one_too_many(patch: pytest.MonkeyPatch) -> None:
    """The snapshot, and with it the commit, speaks for one record more than it holds."""

    def dump(worker: Any) -> bytes:
        worker.state.offset += 1
        try:
            return original(worker)
        finally:
            worker.state.offset -= 1

    original = worker_snapshot.dump
    patch.setattr(holders, "dump", dump)


def merge_by_arrival(patch: pytest.MonkeyPatch) -> None:
    """The combiner keeps the row that came last, whatever input offset it has."""

    def put(self: Panes, *given: Any) -> Any:
        return original(self, given[0], given[1], given[2], given[3], next(counted))

    original, counted = Panes.put, iter(range(1 << 40))
    patch.setattr(Panes, "put", put)


def late_is_welcome(patch: pytest.MonkeyPatch) -> None:
    """A late reading goes into a window that is still open."""

    def arrive(rows: Any, tables: Any, watermark_us: Any, quiet_from_us: Any, seen: Any, out: Any) -> None:
        original(rows, tables, watermark_us, quiet_from_us, seen, out)
        late = out.status == LATE
        out.status[late] = KEPT
        for at_us in rows.measured_us[late].tolist():
            out.span[0], out.span[1] = min(int(out.span[0]), at_us), max(int(out.span[1]), at_us)

    original = kernel.arrive
    patch.setattr(workers, "arrive", arrive)


def every_clock_is_right(patch: pytest.MonkeyPatch) -> None:
    """What is measured ahead of its receipt is as good as the rest."""

    def arrive(rows: Any, tables: Any, *given: Any) -> Any:
        return original(rows, tables._replace(ahead_us=tables.ahead_us + (1 << 60)), *given)

    original = kernel.arrive
    patch.setattr(workers, "arrive", arrive)


def wall_clock(patch: pytest.MonkeyPatch) -> None:
    """Watermarks of a silent kind go with the worker's clock in place of the heartbeats'."""

    def beat(self: Silence, gateway: str, clock_us: int, last: bool) -> int:
        return original(self, gateway, max(clock_us, clock.now_us()), last)

    original = Silence.beat
    patch.setattr(Silence, "beat", beat)


def close_without_all(patch: pytest.MonkeyPatch) -> None:
    """A window closes once any partition has passed it."""

    def slowest(self: Marks) -> dict[str, int]:
        found: dict[str, int] = {}
        for source in range(len(self.offsets)):
            for kind, at_us in self.of_input(source):
                if at_us is not None:
                    found[kind] = max(at_us, found.get(kind, at_us))
        return found

    patch.setattr(Marks, "slowest", slowest)


def forget_census(patch: pytest.MonkeyPatch) -> None:
    """A combiner comes back without knowing who should report."""

    def load(data: bytes, partition: int, inputs: int) -> Any:
        state = original(data, partition, inputs)
        state.census.of_input = [{} for _ in range(inputs)]
        return state

    original = combiner_snapshot.load
    patch.setattr(combiner_snapshot, "load", load)


def dump_without_publishing(patch: pytest.MonkeyPatch) -> None:
    """Rows of windows that close are dropped with the snapshot and never said."""

    def snapshot(self: holders.WorkerHolder) -> tuple[bytes, int]:
        self.publisher.take(everywhere=True)
        return worker_snapshot.dump(self.worker), self.worker.offset

    patch.setattr(holders.WorkerHolder, "snapshot", snapshot)


def finals_after_the_snapshot(patch: pytest.MonkeyPatch) -> None:
    """The combiner's snapshot knows of finals that nobody was told."""

    def snapshot(self: holders.CombinerHolder) -> tuple[bytes, int]:
        self.combiner.take(0, live=False)
        return self.combiner.snapshot(), self.combiner.offset

    patch.setattr(holders.CombinerHolder, "snapshot", snapshot)


def writer_takes_repeats(patch: pytest.MonkeyPatch) -> None:
    """The writer stores a record again that a worker told again."""
    patch.setattr(checked, "is_repeat", lambda *_, **__: False)


def former_writer_goes_on(patch: pytest.MonkeyPatch) -> None:
    """The offsets are moved without looking who moved them before."""

    def commit(self: Store, given: Any) -> None:
        given.before = {key: self.positions[key] for key in given.before if key in self.positions} | {
            key: at for key, at in given.before.items() if key not in self.positions
        }
        original(self, given)

    original = Store.commit
    patch.setattr(Store, "commit", commit)


MUTANTS: Mapping[str, Break] = {
    made.__name__: made
    for made in (
        no_offset_check, gaps_pass, commit_before_outputs, no_epoch, forget_pending, forget_seen, one_too_many, merge_by_arrival, late_is_welcome,
        every_clock_is_right, wall_clock, close_without_all, forget_census, dump_without_publishing, finals_after_the_snapshot,
        writer_takes_repeats, former_writer_goes_on,
    )
}  # fmt: skip
