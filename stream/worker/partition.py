"""The worker's steps for one input partition: take a record in, say what it gives, publish what changed.

Promises  apply() is a pure function of state and record. A record at or below state.offset changes nothing; the caller
          makes sure that the next is exactly one higher.
Leaves    Sending, committing and every clock to stream.shell; area rows to stream.worker.partials.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from catalog.reasons import Reason
from catalog.topics import READINGS
from kernels.accumulate import accumulate
from kernels.arrive import NEVER_US, Rows, Verdicts, arrive, new_verdicts
from kernels.feeding import feed, in_order, ordered_rows, split
from kernels.good import pick
from kernels.names import CORRECTING, KNOWN, POOLED, TRACKED, numbers_of, placed, traits_of
from kernels.ordered import Ground, close
from kernels.seen import with_room
from runtime.frames import DamagedFrame, Frame, decode
from stream.worker import register
from stream.worker.outputs import Outputs, checked_meta, refusal, with_rows, without_rows
from stream.worker.program import Program
from stream.worker.state import State
from stream.worker.whole import whole_catalogue, whole_heartbeat, whole_readings

I64 = npt.NDArray[np.int64]
SECOND_US = 1_000_000
AHEAD_US = 300_000_000
"""How far ahead of its receipt a reading may be measured."""


class WorkerPartition:
    """State and steps of one input partition."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.state = State()
        self.announce = True
        """True where the catalogue and the census are to be published with the next partials."""
        self._need: I64 = np.zeros(3, np.int64)
        self._fed_s = b""
        """Watermarks (whole seconds) of the kinds in ordered lanes, up to which these are fed; follows from the state."""
        self._next_us: list[int] = []
        """By track: before a watermark comes to this, nothing held reaches another window; follows from the state."""

    @property
    def offset(self) -> int:
        """Offset of the last record taken in; -1 before the first."""
        return self.state.offset

    def apply(self, value: bytes, offset: int) -> Outputs:
        """Take one record of kompas.readings.v1 in. A damaged one is refused whole and the partition moves on.

        Raises NewerSchema, with the state as it was, for a frame of a later release.
        """
        if self.state.offset < 0 < offset:
            self.state.incomplete = True
        try:
            frame = decode(value, READINGS.schema)
            outputs = self._take(frame, offset)
        except DamagedFrame as error:
            refused = refusal(value, {}, (self.partition, offset), reason=Reason.DAMAGED_FRAME, detail=str(error), row=-1, received_us=0)
            meta = checked_meta("damaged", offset, self.state.watermarks())
            outputs = without_rows(meta)._replace(refused=[refused])
        self.state.offset = offset
        return outputs

    def _take(self, frame: Frame, offset: int) -> Outputs:
        kind = frame.meta.get("kind")
        if kind == "readings":
            whole_readings(frame)
            return self._readings(frame, offset)
        if kind == "heartbeat":
            self._heartbeat(whole_heartbeat(frame.meta))
        elif kind == "catalogue":
            self._catalogue(frame)
        else:
            raise DamagedFrame(f"frame: wanted kind readings, heartbeat or catalogue, got {kind!r}")
        meta = checked_meta(kind, offset, self.state.watermarks())
        if kind == "heartbeat":
            meta |= {name: frame.meta.get(name) for name in ("gateway", "life", "seq", "clock_us", "totals", "last")}
        return without_rows(meta)

    def _readings(self, frame: Frame, offset: int) -> Outputs:
        state = self.state
        rows, traits = rows_of(frame, state.program)
        if state.incomplete and frame.rows:
            self._began(int(rows.received_us.max()))
        verdicts = new_verdicts(frame.rows)
        judge(rows, state, verdicts)
        if traits & KNOWN:
            self._count(rows, verdicts, traits)
        return with_rows(frame, verdicts, checked_meta("readings", offset, state.watermarks()), (self.partition, offset), state.registry.city_of)

    def _count(self, rows: Rows, verdicts: Any, traits: int) -> None:
        """Rows into windows and all that waits; traits: of what the frame's dictionaries name."""
        state, program = self.state, self.state.program
        if program.dated:
            from_us, to_us = program.valid_from_us[rows.slot], program.valid_to_us[rows.slot]
            outside = (rows.slot >= 0) & ((rows.measured_us < from_us) | (rows.measured_us >= to_us))
            verdicts = verdicts._replace(quality=np.where(outside, np.uint16(9), verdicts.quality).astype(np.uint16))
            pick(rows, verdicts, program.lanes.row)
        at, good = 0, verdicts.good
        while (at := accumulate(good, state.windows.ground(program.lanes), at, self._need)) < good.used[0]:
            self._open_needed()
        if traits & POOLED:
            state.pool.add(rows, verdicts, program.lanes, program.pooled, program.leaf)
        if traits & TRACKED:
            self._hold_back(rows, verdicts)
        if traits & CORRECTING:
            register.take(state, rows, verdicts)
        if program.tracks.lane.size:
            self._feed_passed()

    def _open_needed(self) -> None:
        lane, start_us, city = (int(n) for n in self._need)
        self.state.windows.open(self.state.program, lane, start_us, city)

    def _hold_back(self, rows: Rows, verdicts: Any) -> None:
        mine = ordered_rows(rows.quantity, self.state.program.tracked, verdicts.status, verdicts.quality)
        if mine.size:
            self.state.held_back.append((rows.slot[mine], rows.quantity[mine], rows.measured_us[mine], verdicts.integer[mine]))

    def _feed_passed(self) -> None:
        """Feed where a watermark has come into another second: windows end at whole seconds, so none closes or is told before."""
        seconds = self._seconds()
        if seconds != self._fed_s:
            self._fed_s = seconds
            self._feed()

    def _seconds(self) -> bytes:
        return (self.state.watermark_us[self.state.program.tracked_kinds] // SECOND_US).tobytes()

    def _feed(self) -> None:
        """Feed what the watermark has passed, in order of time; then count what is held up to the windows passed."""
        state, program = self.state, self.state.program
        slot, quantity, at_us, value = state.pending
        passed, waiting = split(slot, at_us, program.tables.slot_kind, state.watermark_us)
        if passed.size:
            rows, at = in_order(state.pending, passed), 0
            state.pending = (slot[waiting], quantity[waiting], at_us[waiting], value[waiting])
            while (at := feed(rows, self._ground(), at, self._need)) < rows[0].size:
                self._open_needed()
        self._close_tracks()

    def _ground(self) -> Ground:
        state, program = self.state, self.state.program
        return Ground(program.lanes, state.windows.arrays, program.tracks, state.held, program.hold_us)

    def _close_tracks(self) -> None:
        state, program = self.state, self.state.program
        lanes = program.tracks.lane.tolist()
        passed = {quantity: state.passed_us(quantity) for quantity in {program.lane_keys[lane][0] for lane in lanes}}
        for t, lane in enumerate(lanes):
            passed_us = passed[program.lane_keys[lane][0]]
            if passed_us in (NEVER_US, 1 << 62) or passed_us < self._next_us[t]:
                continue
            until_us, self._next_us[t] = program.starts_of(lane, passed_us), program.next_us(lane, passed_us)
            if (until_us > state.closed_to_us[t]).any():
                while not close(t, until_us, self._ground(), self._need):
                    self._open_needed()
                state.closed_to_us[t] = until_us

    def _began(self, at_us: int) -> None:
        """The first time that a log without its beginning tells: windows that begin before it may lack readings (rule 14)."""
        self.state.incomplete = False
        self.state.rebuilt_before_us = at_us + AHEAD_US

    def _heartbeat(self, meta: dict[str, Any]) -> None:
        state = self.state
        if state.incomplete:
            self._began(int(meta["clock_us"]))
        low_us = state.silence.beat(str(meta["gateway"]), int(meta["clock_us"]), bool(meta.get("last", False)))
        lateness = state.program.tables.lateness_us
        for k in state.program.active_kinds:
            if state.silence.silent(int(state.quiet_from_us[k]), int(state.program.idle_us[k])):
                state.watermark_us[k] = max(int(state.watermark_us[k]), low_us - int(lateness[k]))
        if state.program.tracks.lane.size:
            self._feed_passed()

    def _catalogue(self, frame: Frame) -> None:
        for entity, id_, record in whole_catalogue(frame):
            self.state.registry.change(entity, id_, record)
        self.state.recompile()
        self.fed_up()
        self.announce = True

    def fed_up(self) -> None:
        """After a change of the catalogue, and a load: the next feeding is due with the next second of a watermark."""
        self._fed_s = self._seconds()
        self._next_us = [NEVER_US] * self.state.program.tracks.lane.size


def rows_of(frame: Frame, program: Program) -> tuple[Rows, int]:
    """A readings frame's rows with this partition's numbers, and what holds of some of the devices and quantities that it names (kernels.names)."""
    columns, names, tables = frame.columns, program.names, program.tables
    device, quantity = columns["device"], columns["quantity"]
    slots, quantities = numbers_of(names.devices, device.texts.utf8()), numbers_of(names.quantities, quantity.texts.utf8())
    numbers = (columns[name] for name in ("measured_at", "received_at", "value", "quality"))
    traits = traits_of(slots, quantities, tables.slot_kind, tables.correcting, names.traits)
    return Rows(placed(slots, device.codes), placed(quantities, quantity.codes), *numbers), traits


def judge(rows: Rows, state: State, verdicts: Verdicts) -> None:
    """The arrival checks; changes the verdicts, what was seen, and the watermarks."""
    seen = with_room(state.seen, state.program.device_kind, state.watermark_us, rows.slot.size)
    state.seen = arrive(rows, state.program.tables, state.watermark_us, state.quiet_from_us, seen, verdicts)
