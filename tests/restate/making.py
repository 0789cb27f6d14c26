"""The dated catalogue of a tiny city, and its readings as the database would hand them out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from catalog.records import Area, City, Device, KpiDocument, Quantity, Record, SensorKind
from formula.dated import NEVER_US, Dated, Documents, KpiRow, Stands
from formula.outcome import Outcome
from restate.compute import Block, Computation
from restate.places import Window

Found = Sequence[tuple[str, str, Record]]
Given = Mapping[tuple[str, str], Sequence[tuple[int, float]]]


def of(found: Found, kind: type[Record]) -> dict[str, Record]:
    return {id_: record for _, id_, record in found if isinstance(record, kind)}


def numbers(found: Found) -> tuple[dict[str, int], dict[str, int]]:
    """Numbers of devices and quantities, as the database gives them: in no order of the ids."""
    devices, quantities = sorted(of(found, Device), reverse=True), sorted(of(found, Quantity), reverse=True)
    return {id_: 10 + n for n, id_ in enumerate(devices)}, {id_: 3 + n for n, id_ in enumerate(quantities)}


def dated(found: Found, stands: Stands | None = None) -> Dated:
    """Every device stands where it stands, since ever."""
    documents = Documents(of(found, City), of(found, Area), of(found, Quantity), of(found, SensorKind))  # type: ignore[arg-type]
    rows = [KpiRow(record, record.live_from_us, None) for record in of(found, KpiDocument).values() if isinstance(record, KpiDocument)]
    return Dated(documents, rows, stands or standing(found), numbers(found)[1])


def standing(found: Found) -> Stands:
    """One span a device."""
    kinds, areas = sorted(of(found, SensorKind)), sorted(of(found, Area))
    number = numbers(found)[0]
    rows = []
    for id_, device in sorted(of(found, Device).items(), key=lambda item: number[item[0]]):
        assert isinstance(device, Device)
        kind = of(found, SensorKind)[device.kind]
        assert isinstance(kind, SensorKind)
        where = number[id_], kinds.index(device.kind), areas.index(device.area)
        rows.append((*where, round(kind.cadence_s * 1e6), -NEVER_US, NEVER_US, device.due_from_us))
    columns = np.array(rows, np.int64).reshape(-1, 7).T
    return Stands(columns[0], columns[1].astype(np.int32), columns[2].astype(np.int32), *columns[3:])


def block(found: Found, given: Given) -> Block:
    """All readings, in order of time."""
    devices, quantities = numbers(found)
    rows = sorted((at, devices[device], quantities[quantity], value) for (device, quantity), some in given.items() for at, value in some)
    return Block(
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.int64),
        np.array([row[0] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.float64),
    )


def wanted(all_of_it: Block, computation: Computation) -> list[Block]:
    """What the database would hand out: the last one before where that is needed, then the span, in two halves."""
    needs = computation.needs
    mine = np.isin(all_of_it.device, needs.devices) & np.isin(all_of_it.quantity, needs.quantities)
    before = []
    for n in np.flatnonzero(mine & np.isin(all_of_it.quantity, needs.last_before) & (all_of_it.at_us < needs.from_us)).tolist():
        later = mine & (all_of_it.device == all_of_it.device[n]) & (all_of_it.quantity == all_of_it.quantity[n]) & (all_of_it.at_us < needs.from_us)
        if not (all_of_it.at_us[later] > all_of_it.at_us[n]).any():
            before.append(n)
    span = np.flatnonzero(mine & (all_of_it.at_us >= needs.from_us) & (all_of_it.at_us < needs.to_us))
    half = span.size // 2
    return [part(all_of_it, rows) for rows in (np.array(before, np.int64), span[:half], span[half:])]


def part(of_it: Block, rows: Any) -> Block:
    """Some rows of a block."""
    return Block(of_it.device[rows], of_it.quantity[rows], of_it.at_us[rows], of_it.value[rows])


def compute(catalogue: Dated, window: Window, all_of_it: Block, bases: Mapping[str, np.ndarray] | None = None) -> Outcome:
    """One window from stored readings."""
    computation = Computation(catalogue, window)
    for each in wanted(all_of_it, computation):
        computation.feed(each)
    return computation.outcome(bases or {})
