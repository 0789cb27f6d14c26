"""What a settled run left behind, held against what the oracle says: lost, double, wrong. Pure.

Promises  Every difference is counted and the first twenty of each sort are told. Counts, sums, extremes and percentiles are compared exactly, means
          to a relative 1e-12, the rest to 1e-9 (rule 27); coverage and devices exactly. Readings without a time are told apart.
Leaves    Reading the database and Kafka to chaos.evidence.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from catalog.quality import FLAG_MASK
from catalog.records import Kpi
from chaos import oracle_readings
from chaos.consumer import Consumer, Settled, named
from chaos.oracle import Final, Oracle
from chaos.oracle_sums import Key
from chaos.rules import REFUSED
from runtime.clock import iso_s

MOST_TOLD = 20
_SMALL = 1e-12
"""Where a relative difference is allowed, so is this absolute one: values around zero are differences of larger ones."""


class Verdict(NamedTuple):
    """The outcome of a run; all but `lost_in_broker`, `untimed`, `readings`, `windows` and `details` have to be zero."""

    lost: int
    """Readings, and refusals, that must be there and are not."""
    double: int
    """Settled values said with two values at one revision or stored twice; readings stored that nobody sent or that had to be refused; rows told as
    stored and not there, or the other way round."""
    wrong: int
    """Settled values that are missing, too many or another; readings stored with another value or flag."""
    ledger: int
    lost_in_broker: int
    """Rule 26: lost, but acknowledged shortly before the broker was killed, and in no topic."""
    details: dict[str, list[str]]
    """The first twenty sentences of each sort."""
    readings: int
    """Readings with a time that must be stored."""
    windows: int
    """Settled values that were compared."""
    untimed: dict[str, int]
    """Readings without a time: lost, repeated. Such readings are at least once, so repeated ones are no fault; lost ones are in `lost`, too."""

    @property
    def well(self) -> bool:
        """Nothing is lost, doubled or wrong, and the ledger balances."""
        return not (self.lost or self.double or self.wrong or self.ledger)


class Findings:
    """Counts and sentences by sort."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.told: dict[str, list[str]] = {}

    def add(self, sort: str, sentences: Iterable[str]) -> None:
        """Count each, keep the first."""
        for sentence in sentences:
            self.counts[sort] += 1
            if self.counts[sort] <= MOST_TOLD:
                self.told.setdefault(sort, []).append(sentence)


class Row(NamedTuple):
    """A settled value as the database has it."""

    kpi: str
    version: int
    area: str
    start_us: int
    end_us: int
    settled: Settled


def of_readings(found: oracle_readings.Found, in_broker: "pd.Series[bool]", killed_us: Sequence[tuple[int, int]], into: Findings) -> int:
    """Lost, surplus and altered readings; how many lost ones rule 26 excuses.

    in_broker  which rows of found.lost it does; killed_us: spans of acknowledgements that the broker may have forgotten
    """
    untimed, forgotten = found.untimed_lost, within(found.untimed_lost["acked_us"], killed_us)
    into.add("lost", (f"{_reading(row)}: acknowledged and not stored" for row in found.lost[~in_broker].itertuples()))
    into.add(
        "lost", (f"{row.device} {row.quantity} {row.value}: without a time, acknowledged and not stored" for row in untimed[~forgotten].itertuples())
    )
    into.add("double", (f"{_reading(row)}: stored as {row.value}: {row.why}" for row in found.surplus.itertuples()))
    into.add("wrong", (f"{_reading(row)}: sent as {row.value}, stored as {row.stored_value}" for row in found.altered.itertuples()))
    return int(in_broker.sum()) + int(forgotten.sum())


def of_flags(counted: pd.DataFrame, stored: pd.DataFrame, into: Findings) -> None:
    """The flag of every stored reading against its own: counted has KEY and flag; stored KEY and quality."""
    both = counted.merge(stored[[*oracle_readings.KEY, "quality"]], on=oracle_readings.KEY)
    off = both[(both["quality"] & FLAG_MASK) != both["flag"]]
    into.add("wrong", (f"{_reading(row)}: wanted flag {row.flag}, stored with quality {row.quality}" for row in off.itertuples()))


def of_refusals(
    judged: pd.DataFrame, broken: pd.DataFrame, came: Mapping[tuple[str, str], int], excused_us: Sequence[tuple[int, int]], into: Findings
) -> int:
    """Records that must be refused, by device and reason, against what came in the topic of refusals, at least once each. How many rule 26 excuses.

    judged  chaos.rules.judge; broken  device, reason, acked_us; came  records by device and reason
    """
    columns = ["device", "reason", "acked_us"]
    own = judged[(judged["fate"] == REFUSED) & (judged["acked_us"] > 0)].drop_duplicates(["device", "quantity", "measured_us", "value", "reason"])
    wanted = pd.concat([own[columns], broken[broken["acked_us"] > 0][columns]])
    excused = 0
    for (device, reason), rows in wanted.groupby(["device", "reason"]):
        missing = len(rows) - came.get((str(device), str(reason)), 0)
        if missing > 0:
            soft = min(missing, int(within(rows["acked_us"], excused_us).sum()))
            excused += soft
            into.add("lost", [f"{device}: {missing - soft} of {len(rows)} refusals as {reason} never came"] * (missing - soft))
    return excused


def within(at_us: "pd.Series[int]", spans: Sequence[tuple[int, int]]) -> "pd.Series[bool]":
    """Which moments lie in one of the spans, ends included."""
    inside = pd.Series(data=False, index=at_us.index, dtype=bool)
    for low, high in spans:
        inside |= (at_us >= low) & (at_us <= high)
    return inside


def of_values(oracle: Oracle, kpis: Mapping[str, Kpi], rows: Sequence[Row], into: Findings) -> int:
    """Every settled value of the database against the oracle; how many were compared."""
    stored: dict[str, dict[Key, Row]] = {kpi: {} for kpi in kpis}
    for row in rows:
        where = _window(row.kpi, row.area, row.start_us)
        if row.kpi not in kpis or kpis[row.kpi].version != row.version:
            into.add("wrong", [f"{where}: surplus: no such KPI in version {row.version}"])
        elif (row.area, row.start_us) in stored[row.kpi]:
            into.add("double", [f"{where}: stored twice"])
        else:
            stored[row.kpi][row.area, row.start_us] = row
    compared = 0
    for kpi in sorted(kpis):
        there = stored[kpi]
        known = {key for key in there if key[0] in oracle.ground.areas}
        judged = oracle.judge(kpis[kpi], known)
        into.add("wrong", (f"{_window(kpi, *key)}: missing, wanted {judged.finals[key]}" for key in sorted(judged.owed - known)))
        surplus = set(there) - judged.owed - judged.allowed
        into.add("wrong", (f"{_window(kpi, *key)}: surplus, got {there[key].settled}" for key in sorted(surplus)))
        both = sorted(set(there) - surplus)
        compared += len(both)
        for key in both:
            end_us = oracle.ground.window(key[1], kpis[kpi].window)[1]
            if not same(judged.finals[key], there[key].settled, judged.formula.tolerance) or there[key].end_us != end_us:
                into.add("wrong", [f"{_window(kpi, *key)}: wanted {judged.finals[key]} until {iso_s(end_us)}, got {there[key].settled}"])
    return compared


def same(wanted: Final, got: Settled, tolerance: float) -> bool:
    """State, devices and coverage exactly; the value as exactly as its formula allows."""
    if (wanted.state, wanted.devices, wanted.coverage) != (got.state, got.devices, got.coverage):
        return False
    if wanted.value is None or got.value is None:
        return wanted.value is got.value
    return wanted.value == got.value or (tolerance > 0.0 and math.isclose(wanted.value, got.value, rel_tol=tolerance, abs_tol=_SMALL))


def of_consumer(said: Consumer, rows: Sequence[Row], closed_us: int, into: Findings) -> None:
    """What the topic says against what is stored; windows that end after closed_us may be on their way."""
    stored = {(row.kpi, row.version, row.area, iso_s(row.start_us)): row for row in rows}
    into.add("double", said.doubled)
    into.add("wrong", said.skipped())
    into.add("wrong", (f"{named(window)}: stored and never said" for window in sorted(stored.keys() - said.settled.keys())))
    for window, settled in sorted(said.settled.items()):
        row = stored.get(window)
        if row is None:
            if settled.window_end <= iso_s(closed_us):
                into.add("wrong", [f"{named(window)}: said as {settled} and not stored"])
        elif row.settled != settled:
            into.add("wrong", [f"{named(window)}: said as {settled}, stored as {row.settled}"])


def _reading(row: object) -> str:
    device, quantity, at_us = (getattr(row, name) for name in oracle_readings.KEY)
    return f"{device} {quantity} {pd.Timestamp(at_us, unit='us', tz='UTC').isoformat()}"


def _window(kpi: str, area: str, start_us: int) -> str:
    return f"{kpi} {area} {iso_s(start_us)}"
