"""Registers that correct themselves: of two values for one device, quantity and time the later stands (rule 7).

Promises  A correction above the watermark changes every open window as if the first value had never come: extremes, last values
          and histograms, too. Readings of correcting kinds are kept as columns while a window that holds them can be open;
          nothing is kept, and nothing costs, where no kind corrects.
Leaves    Telling a correction from a conflict to kernels.arrive; late ones to the writer (it replaces) and the restater.
"""

from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from catalog.windows import from_us, window_of
from formula.parts import part_at
from kernels.arrive import CORRECTED, KEPT, NEVER_US, Rows
from kernels.int128 import split
from kernels.lanes import COUNT, ENERGY, HIGH, LAST, LAST_US, LOW, OWN, SUM_HI, SUM_LO
from stream.worker.program import WINDOWS
from stream.worker.state import Register, State, no_pending

U8 = npt.NDArray[np.uint8]


class _One(NamedTuple):
    """One reading."""

    slot: int
    quantity: int
    at_us: int
    value: int
    good: bool


def take(state: State, rows: Rows, verdicts: Any) -> None:
    """Keep what came of correcting kinds, and carry out the corrections, in the order of the rows."""
    correcting = state.program.tables.correcting
    of_register = (rows.slot >= 0) & (correcting[state.program.tables.slot_kind[rows.slot]] != 0)
    if not of_register.any():
        return
    good = _good(verdicts.quality)
    mine = np.flatnonzero(of_register & (verdicts.status == KEPT))
    new = Register(rows.slot[mine], rows.quantity[mine], rows.measured_us[mine], verdicts.integer[mine], good[mine])
    old = state.register
    state.register = Register(
        np.concatenate((old.slot, new.slot)),
        np.concatenate((old.quantity, new.quantity)),
        np.concatenate((old.at_us, new.at_us)),
        np.concatenate((old.value, new.value)),
        np.concatenate((old.good, new.good)),
    )
    for row in np.flatnonzero(verdicts.status == CORRECTED).tolist():
        one = _One(int(rows.slot[row]), int(rows.quantity[row]), int(rows.measured_us[row]), int(verdicts.integer[row]), bool(good[row]))
        _correct(state, one)
    # Only now: the frame's own corrections reach windows that were open when they came, though its last rows have closed them.
    state.register = _needed(state)


def _needed(state: State) -> Register:
    """What is kept, without what lies in closed windows only."""
    kept = state.register
    stays = np.ones(kept.slot.size, np.bool_)
    for quantity in np.unique(kept.quantity).tolist():
        passed_us = state.passed_us(list(state.program.quantity_number)[quantity])
        if passed_us in (NEVER_US, 1 << 62):
            continue
        longest = max(_lanes(state, quantity), key=lambda lane: int(state.program.lanes.window[lane]), default=None)
        from_us_ = np.full(max(1, len(state.program.time_zones)), passed_us) if longest is None else state.program.starts_of(longest, passed_us)
        here = kept.quantity == quantity
        stays[here] = kept.at_us[here] >= np.minimum(from_us_, passed_us)[state.program.lanes.slot_city[kept.slot[here]]]
    if stays.all():
        return kept
    return Register(kept.slot[stays], kept.quantity[stays], kept.at_us[stays], kept.value[stays], kept.good[stays])


def _correct(state: State, new: _One) -> None:
    device = state.program.tables.slot_device
    kept = state.register
    found = np.flatnonzero((device[kept.slot] == device[new.slot]) & (kept.quantity == new.quantity) & (kept.at_us == new.at_us))
    if not found.size:  # the first value came before its kind corrected itself: it cannot be taken back
        return
    at = int(found[-1])
    old = _One(int(kept.slot[at]), new.quantity, new.at_us, int(kept.value[at]), bool(kept.good[at]))
    new = new._replace(slot=old.slot)
    kept.value[at], kept.good[at] = new.value, new.good
    _correct_pending(state, new)
    for lane in _lanes(state, new.quantity):
        start_us = _start_in(state, lane, new)
        if start_us is not None:
            _correct_window(state, lane, start_us, new)
            _correct_pool(state, lane, start_us, (old, new))


def _correct_pending(state: State, new: _One) -> None:
    """Ordered lanes have not been fed yet: what waits is exchanged."""
    slot, quantity, at_us, _ = state.pending
    others = ~((slot == new.slot) & (quantity == new.quantity) & (at_us == new.at_us))
    one = (np.array([new.slot], np.int32), np.array([new.quantity], np.int32), np.array([new.at_us]), np.array([new.value]))
    if not (new.good and state.program.tracked[new.quantity]):
        one = no_pending()
    state.pending = (
        np.concatenate((slot[others], one[0])),
        np.concatenate((quantity[others], one[1])),
        np.concatenate((at_us[others], one[2])),
        np.concatenate((state.pending[3][others], one[3])),
    )


def _correct_window(state: State, lane: int, start_us: int, new: _One) -> None:
    """The device's row of the window, made anew from all its readings."""
    program, kept = state.program, state.register
    place = int(program.lanes.row[new.quantity, new.slot])
    if place < 0:
        return
    mine = (kept.slot == new.slot) & (kept.quantity == new.quantity) & (kept.good != 0)
    readings = [
        _One(new.slot, new.quantity, at, value, good=True) for at, value in zip(kept.at_us[mine].tolist(), kept.value[mine].tolist(), strict=True)
    ]
    inside = sorted((one for one in readings if _start_in(state, lane, one) == start_us), key=lambda one: one.at_us)
    number = next((n for n, window in state.windows.windows.items() if (window.lane, window.start_us) == (lane, start_us)), None)
    if number is None:
        if not inside:
            return
        number = state.windows.open(program, lane, start_us, int(program.lanes.slot_city[new.slot]))
    arrays = state.windows.arrays
    row = state.windows.windows[number].base + place
    cell = arrays.cell[row]
    cell[:] = 0
    cell[COUNT] = 1
    if inside:
        values = [one.value for one in inside]
        cell[COUNT], cell[LOW], cell[HIGH] = 2 * len(values) + 1, min(values), max(values)
        cell[SUM_HI], cell[SUM_LO] = split(sum(values))
        cell[LAST_US], cell[LAST] = inside[-1].at_us, values[-1]
        if program.lanes.needs[lane] & ENERGY:
            arrays.real[row, OWN] = sum(10.0 ** (value * float(program.tables.resolution[new.quantity]) / 10.0) for value in values)


def _correct_pool(state: State, lane: int, start_us: int, both: tuple[_One, _One]) -> None:
    """Histograms: one reading fewer of the old value, one more of the new."""
    if not state.program.pooled.lane[lane]:
        return
    for one, by in zip(both, (-1, 1), strict=True):
        if one.good:
            state.pool.shift((lane, int(state.program.leaf[one.slot]), one.value), start_us, by)


def _lanes(state: State, quantity: int) -> list[int]:
    """The lanes of a quantity that take readings as they come."""
    lanes = state.program.lanes
    return [int(lane) for lane in lanes.lane[lanes.of_quantity[quantity] : lanes.of_quantity[quantity + 1]]]


def _start_in(state: State, lane: int, one: _One) -> int | None:
    """Start (µs) of the lane's window that holds the reading, None where the lane's part of the day does not."""
    program = state.program
    city = int(program.lanes.slot_city[one.slot])
    part = program.part_of(lane)
    if part and part_at(from_us(one.at_us).astimezone(ZoneInfo(program.hours[city][0])).hour, program.hours[city]) != part:
        return None
    return window_of(one.at_us, WINDOWS[program.lanes.window[lane]], program.time_zones[city])[0]  # type: ignore[arg-type]


def _good(quality: npt.NDArray[np.uint16]) -> U8:
    flag = quality & 0x000F
    return np.asarray((flag == 1) | (flag == 2), np.uint8)
