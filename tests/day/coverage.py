"""Coverage and devices of a KPI from stored readings, slow and obvious: what was due of whom, what came, window by window.

Promises  Shares no code with the combiner: devices, spans of validity and readings come from the database's tables.
Leaves    Values to check_sql.
"""

from datetime import datetime
from typing import NamedTuple

import numpy as np
import pandas as pd

from catalog.load import Catalogue
from catalog.windows import to_us
from formula.compile import Plan
from formula.spec import ORDERED
from tests.day import pack
from tests.day.check import Connection, Key

_HOUR_US = 3_600_000_000
_READINGS = """
    SELECT device, quantity, (extract(epoch FROM measured_at) * 1000000)::bigint AS at_us FROM reading_named WHERE good(quality)
"""
_DEVICES = """
    SELECT x.id, x.kind, coalesce(x.cadence_s, k.cadence_s) AS cadence_s, (extract(epoch FROM x.valid_from) * 1000000)::bigint AS from_us,
           max(a.id) FILTER (WHERE a.level = 'neighbourhood') AS n,
           max(a.id) FILTER (WHERE a.level = 'district') AS d, max(a.id) FILTER (WHERE a.level = 'city') AS c
    FROM device x JOIN sensor_kind k ON k.id = x.kind JOIN area own ON own.id = x.area LEFT JOIN area above ON above.id = own.parent
    JOIN area a ON a.id IN (own.id, own.parent, above.parent)
    GROUP BY x.id, x.kind, x.cadence_s, k.cadence_s, x.valid_from
"""


class Stored(NamedTuple):
    """Good readings in time (device, quantity, at_us), and devices (id, kind, cadence_s, from_us; areas in n, d, c)."""

    readings: pd.DataFrame
    devices: pd.DataFrame


class Expected(NamedTuple):
    """What a final must say."""

    coverage: float
    devices: int


def stored(connection: Connection) -> Stored:
    """Read everything once, from a connection that leaves out late readings."""
    return Stored(_frame(connection, _READINGS), _frame(connection, _DEVICES))


def expected(plan: Plan, catalogue: Catalogue, held: Stored, spans: list[tuple[datetime, datetime]]) -> dict[Key, Expected]:
    """Coverage and devices of every window in which somebody said something.

    Of each quantity and part of the day: sum over devices of min(good, due) over the sum of due; a device that said nothing
    counts among the due. Devices: the largest number over the aggregates; those that hold over from before are not known here.
    """
    starts = np.array([to_us(start) for start, _ in spans])
    stops = np.array([to_us(stop) for _, stop in spans])
    found: dict[Key, Expected] = {}
    inputs = {(spec.quantity, spec.part) for spec in plan.aggregates}
    counted = [_of_input(held, _kinds(catalogue, quantity), (quantity, part), (starts, stops)) for quantity, part in sorted(inputs)]
    for level in plan.kpi.levels:
        for area in sorted(held.devices[level[0]].dropna().unique()):
            rows = [one.in_area(level[0], area) for one in counted]
            met, due = np.sum([row[0] for row in rows], axis=0), np.sum([row[1] for row in rows], axis=0)
            devices = np.max([row[2] for row in rows], axis=0)
            for at in np.flatnonzero(devices > 0).tolist():
                found[area, spans[at][0]] = Expected(min(met[at] / due[at], 1.0) if due[at] > 0 else 1.0, int(devices[at]))
    return found


def holds_over(plan: Plan) -> bool:
    """True where a value from before the window counts, so that more devices may be said than spoke."""
    return any(spec.function in ORDERED for spec in plan.aggregates)


class _Counted(NamedTuple):
    """One quantity in one part: devices by windows."""

    devices: pd.DataFrame
    met: np.ndarray
    due: np.ndarray
    spoke: np.ndarray

    def in_area(self, level: str, area: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        inside = (self.devices[level] == area).to_numpy()
        return self.met[inside].sum(axis=0), self.due[inside].sum(axis=0), self.spoke[inside].sum(axis=0)


def _of_input(held: Stored, kinds: set[str], what: tuple[str, str], edges: tuple[np.ndarray, np.ndarray]) -> _Counted:
    quantity, part = what
    starts, stops = edges
    devices = held.devices[held.devices["kind"].isin(kinds)].reset_index(drop=True)
    place = {id_: at for at, id_ in enumerate(devices["id"])}
    said = held.readings[(held.readings["quantity"] == quantity) & held.readings["device"].isin(list(place))]
    at_us = said["at_us"].to_numpy()
    window = np.searchsorted(starts, at_us, side="right") - 1
    inside = (window >= 0) & (at_us < stops[np.maximum(window, 0)]) & _in_part(at_us, part)
    good = np.zeros((len(devices), starts.size))
    np.add.at(good, (said["device"].map(place).to_numpy()[inside], window[inside]), 1)
    cadence_us = devices["cadence_s"].to_numpy(dtype=float) * 1e6
    from_us = devices["from_us"].to_numpy()
    due = np.stack([_length(starts, stops, since_us, part) for since_us in from_us]) / cadence_us[:, None]
    return _Counted(devices, np.minimum(good, due), due, good > 0)


def _length(starts: np.ndarray, stops: np.ndarray, since_us: int, part: str) -> np.ndarray:
    """How much of each window lies in the part and after `since_us`."""
    if not part:
        return np.maximum(stops - np.maximum(starts, since_us), 0)
    hours = [np.arange(max(start, since_us), stop, _HOUR_US) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
    return np.array([_in_part(begin, part).sum() * _HOUR_US for begin in hours])


def _in_part(at_us: np.ndarray, part: str) -> np.ndarray:
    if not part:
        return np.ones(at_us.shape, bool)
    hour = pd.DatetimeIndex(pd.to_datetime(at_us, unit="us", utc=True)).tz_convert(pack.ZONE.key).hour
    day, evening = (hour >= 7) & (hour < 19), (hour >= 19) & (hour < 23)
    return np.asarray({"day": day, "evening": evening, "night": ~(day | evening)}[part])


def _kinds(catalogue: Catalogue, quantity: str) -> set[str]:
    return {kind.id for kind in catalogue.kinds.values() if quantity in kind.quantities}


def _frame(connection: Connection, sql: str) -> pd.DataFrame:
    cursor = connection.execute(sql.encode())
    return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description or ()])
