"""The state of one input partition: a pure function of its input prefix [0, offset] (rule 6).

Promises  No wall clock, no second topic. Everything that a snapshot must hold is a field here.
Leaves    The steps to stream.worker.partition, bytes to stream.worker.snapshot.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.arrive import NEVER_US
from kernels.ordered import Held, new_held
from kernels.seen import Seen, new_seen
from stream.worker.blocks import OpenWindows
from stream.worker.pool import Pool
from stream.worker.program import Program, compile_program
from stream.worker.registry import Registry
from stream.worker.silence import Silence

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
Pending = tuple[I32, I32, I64, I64]
"""Readings of ordered lanes that the watermark has not passed: slot, quantity, time, integer value."""


class Register(NamedTuple):
    """Readings of correcting kinds in windows that can be open."""

    slot: I32
    quantity: I32
    at_us: I64
    value: I64
    good: npt.NDArray[np.uint8]
    """1 where KPIs use it."""


def no_register() -> Register:
    """None kept."""
    return Register(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint8))


def no_pending() -> Pending:
    """None held back."""
    return np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64)


class State:
    """Catalogue, watermarks, what was seen, open windows, and what waits for its turn."""

    def __init__(self) -> None:
        self.offset = -1
        self.registry = Registry()
        self.program: Program = compile_program(self.registry)
        self.watermark_us: I64 = np.zeros(0, np.int64)
        self.quiet_from_us: I64 = np.zeros(0, np.int64)
        self.silence = Silence()
        self.seen: Seen = new_seen()
        self.windows = OpenWindows(0)
        self.pool = Pool()
        self.held_back: list[Pending] = []
        """In the order of the log."""
        self.register: Register = no_register()
        self.incomplete = False
        """True until the first time is heard of a log whose beginning is gone."""
        self.rebuilt_before_us = NEVER_US
        """Windows that start before this may lack readings from before the log's start (rule 14)."""
        self.held: Held = new_held(0, 0)
        self.closed_to_us: I64 = np.zeros((0, 0), np.int64)
        """By track and city: up to where held values have been counted."""

    @property
    def pending(self) -> Pending:
        """All that is held back, as one."""
        if len(self.held_back) != 1:
            slot, quantity, at_us, value = zip(*(self.held_back or [no_pending()]), strict=True)
            self.held_back = [(np.concatenate(slot), np.concatenate(quantity), np.concatenate(at_us), np.concatenate(value))]
        return self.held_back[0]

    @pending.setter
    def pending(self, pending: Pending) -> None:
        self.held_back = [pending]

    def recompile(self) -> None:
        """Take changed documents into effect: numbers stay, open windows and watermarks are carried over."""
        old, self.program = self.program, compile_program(self.registry)
        kinds = len(self.program.kinds)
        self.watermark_us = _longer(self.watermark_us, kinds, NEVER_US)
        self.quiet_from_us = _longer(self.quiet_from_us, kinds, NEVER_US)
        self.windows = self.windows.carried(old, self.program)
        self.pool.renumber({lane: self.program.lane_number[key] for lane, key in enumerate(old.lane_keys) if key in self.program.lane_number})
        self._carry_tracks(old)

    def _carry_tracks(self, old: Program) -> None:
        new = self.program
        held, self.held = self.held, new_held(new.tracks.lane.size, len(self.registry.slots))
        closed, cities = self.closed_to_us, max(1, len(new.time_zones))
        self.closed_to_us = np.full((new.tracks.lane.size, cities), NEVER_US, np.int64)
        before = {old.lane_keys[lane]: t for t, lane in enumerate(old.tracks.lane)}
        for t, lane in enumerate(new.tracks.lane):
            was = before.get(new.lane_keys[lane])
            if was is not None:
                slots = held.at_us.shape[1]
                for target, source in zip(self.held, held, strict=True):
                    target[t, :slots] = source[was]
                self.closed_to_us[t, : closed.shape[1]] = closed[was]

    def watermarks(self) -> dict[str, int | None]:
        """Watermark (µs) of every kind that has an active device here; null where it has none yet."""
        at_us, kinds = self.watermark_us.tolist(), self.program.kinds
        return {kinds[k]: None if at_us[k] == NEVER_US else at_us[k] for k in self.program.active_kinds}

    def passed_us(self, quantity: str) -> int:
        """What every kind here that measures a quantity has passed (µs): its windows up to there are complete."""
        watermark_us = self.watermark_us
        return min([int(watermark_us[k]) for k in self.program.closing[self.program.quantity_number[quantity]]], default=1 << 62)


def _longer(array: I64, size: int, fill: int) -> I64:
    longer = np.full(size, fill, np.int64)
    longer[: array.size] = array
    return longer
