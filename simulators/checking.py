"""Compare what a run sent with what the platform stored and computed: loss, duplicates, latency, KPI error.

Promises  Counts by key (device, quantity, time), not by number; waits until what is due is there or the time is over, and
          says what is not; readings of others in the same city are counted apart.
Leaves    The right KPI to referee.py, what was sent to truth.py.
"""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from catalog.quality import FLAG_MASK, Cause, Flag
from catalog.records import Kpi
from catalog.windows import from_us, to_us, window_of
from runtime import clock
from simulators import lateness, referee, truth
from simulators.simulate import Report, Run
from simulators.truth import Truth
from simulators.worlds import World
from storage import queries

_KEY = ["device", "quantity", "stamped_us"]
_TOLERANCE = 1e-6
_LOOK_S = 1.0
SETTLE_S = 90.0


class Known(NamedTuple):
    """The truth and the world that it is about."""

    truth: Truth
    world: World


class KpiError(msgspec.Struct, frozen=True, kw_only=True):
    """How far one KPI's final values are from what they should be."""

    kpi: str
    windows: int
    """Area and window pairs compared: whole ones inside the run."""
    missing: int
    """Pairs without a final value."""
    wrong: int
    """Pairs whose value differs from that of the acceptable readings in time by more than 1e-6 of it, or who have one where those give none."""
    largest_error: float
    largest_error_to_undisturbed: float


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run."""

    expected: int
    """Distinct readings that should be stored."""
    stored: int
    lost: int
    altered: int
    """Stored with another value than sent."""
    unflagged_spikes: int
    unflagged_late: int
    """Sent when enough had come to make it late, yet not flagged."""
    flagged_in_time: int
    """Flagged as late when no watermark can have passed it."""
    stored_against_expectation: int
    """Malformed or with a wrong clock, yet stored."""
    foreign: int
    """Readings of the same devices and time that the run did not send: a demo plays beside it."""
    latency_ms_p50: float
    """From the hand-over to the connection to the gateway's receipt."""
    latency_ms_p99: float
    kpis: list[KpiError]
    not_judged: list[str]
    waited_s: float
    well: bool


def truth_of(run: Run, world: World) -> Known:
    """Readings and KPIs of a finished run."""
    table = truth.readings(run.streams, run.parts, run.sent)
    table["surely_late"] &= lateness.surely_late(table, _lateness_us(world))
    kpis, skipped = truth.judge(table, world.catalogue.kpis.values(), world.ground)
    return Known(Truth(table, kpis, skipped), world)


def keep(known: Known, path: Path) -> None:
    """Write the truth files."""
    truth.write(known.truth, path)


def check(known: Known, report: Report, conninfo: str, settle_s: float = SETTLE_S) -> Check:
    """Look into the database until everything due is there, at most `settle_s`. Raises Unavailable where there is no database."""
    begun_s = clock.monotonic_s()
    sent, expected = _expected(known.truth.readings)
    due = _due(known, report)
    connection = queries.reader(conninfo, "kompas simulate --check")
    try:
        while True:
            stored = _readings(connection, known, sent)
            finals = _finals(connection, due, known)
            complete = len(expected.merge(stored, on=_KEY)) == len(expected) and len(due.merge(finals, on=_PAIR)) == len(due)
            connection.rollback()
            if complete or clock.monotonic_s() - begun_s > settle_s:
                break
            time.sleep(_LOOK_S)
    finally:
        connection.close()
    pairs = _as_flagged(known, stored, due).merge(finals, on=_PAIR, how="left")
    found = judged(known.truth, stored, pairs, clock.monotonic_s() - begun_s)
    both = expected.merge(stored, on=_KEY)
    early = lateness.surely_in_time(both, _lateness_us(known.world)) & ((both["quality"] & int(Cause.LATE)) > 0)
    nothing = [] if len(due) else ["no window of a KPI lies wholly inside the run: play two minutes or more"]
    return msgspec.structs.replace(
        found, flagged_in_time=int(early.sum()), not_judged=[*found.not_judged, *nothing], well=found.well and not early.any()
    )


def _lateness_us(world: World) -> dict[str, int]:
    return {kind.id: round(kind.lateness_s * 1e6) for kind in world.catalogue.kinds.values()}


def _as_flagged(known: Known, stored: pd.DataFrame, due: pd.DataFrame) -> pd.DataFrame:
    """The due windows; `in_time` is what follows from the readings that are not flagged as late, for the flags are judged by themselves."""
    if due.empty:
        return due
    table = known.truth.readings
    flagged = stored[(stored["quality"] & int(Cause.LATE)) > 0][_KEY].assign(flagged=True)
    marks = table[_KEY].merge(flagged.drop_duplicates(), on=_KEY, how="left")["flagged"].eq(other=True).to_numpy()
    kpis = [known.world.catalogue.kpis[kpi] for kpi in due["kpi"].unique()]
    again, _ = truth.judge(table.assign(in_time=table["acceptable"] & ~marks), kpis, known.world.ground)
    return due.drop(columns="in_time").merge(again[[*_PAIR, "in_time"]], on=_PAIR, how="left")


_PAIR = ["kpi", "area", "window_start_us"]


def judged(known: Truth, stored: pd.DataFrame, pairs: pd.DataFrame, waited_s: float) -> Check:
    """The comparison itself.

    stored  device, quantity, stamped_us, received_us, stored_value, quality
    pairs   kpi, area, window_start_us, true, acceptable, in_time, final (NaN: none), found (bool or NaN), enough (bool or NaN)
    """
    sent, expected = _expected(known.readings)
    both = expected.merge(stored, on=_KEY)
    in_time = (both["quality"] & int(Cause.LATE)) == 0
    flags = both["quality"] & FLAG_MASK
    refused = sent[sent["fault"].isin(["malformed", "wrong_clock"])].merge(stored, on=_KEY)
    beside = stored.merge(sent[_KEY], on=_KEY, how="left", indicator=True)
    delay_ms = (both["received_us"] - both["sent_us"])[both["sent_us"] > 0] / 1e3
    kpis = [_kpi_error(str(kpi), rows) for kpi, rows in pairs.groupby("kpi")]
    altered = int((both["value"] != both["stored_value"]).sum())
    lost = len(expected) - len(both)
    spikes = int(((both["fault"] == "spike") & (flags != Flag.SUSPECT)).sum())
    unflagged_late = int((both["surely_late"] & in_time).sum())
    return Check(
        expected=len(expected),
        stored=len(both),
        lost=lost,
        altered=altered,
        unflagged_spikes=spikes,
        unflagged_late=unflagged_late,
        flagged_in_time=0,
        stored_against_expectation=len(refused),
        foreign=int((beside["_merge"] == "left_only").sum()),
        latency_ms_p50=_percentile(delay_ms, 50),
        latency_ms_p99=_percentile(delay_ms, 99),
        kpis=kpis,
        not_judged=list(known.not_judged),
        waited_s=round(waited_s, 1),
        well=not (lost or altered or spikes or unflagged_late or len(refused)) and all(not (each.missing or each.wrong) for each in kpis),
    )


def _expected(readings: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What was sent, and of that what must be stored: the acceptable and the implausible."""
    sent = readings[readings["sent_us"] > 0]
    return sent, sent[sent["acceptable"] | (sent["fault"] == "spike")]


def _kpi_error(kpi: str, rows: pd.DataFrame) -> KpiError:
    error = (rows["final"] - rows["in_time"]).abs()
    wrong = (error > _TOLERANCE * rows["in_time"].abs().clip(lower=1.0)) | (rows["final"].isna() & rows["found"].eq(other=True) & rows["enough"])
    none = rows["in_time"].isna() & rows["acceptable"].isna()
    wrong |= none & rows["final"].notna()
    missing = rows["found"].ne(other=True)
    return KpiError(
        kpi=kpi,
        windows=len(rows),
        missing=int(missing.sum()),
        wrong=int((wrong & ~missing).sum()),
        largest_error=_largest(error),
        largest_error_to_undisturbed=_largest((rows["final"] - rows["true"]).abs()),
    )


def _due(known: Known, report: Report) -> pd.DataFrame:
    """Truth of the windows that lie wholly between the first and the last second of the run, with a number and without one."""
    table = known.truth.kpis
    kpis, zone = known.world.catalogue.kpis, known.world.pack.city.time_zone
    last_us = report.start_us + round(_duration_us(known.truth.readings, report))
    inside = [
        start_us >= report.start_us and window_of(start_us, kpis[kpi].window, zone)[1] <= last_us
        for kpi, start_us in zip(table["kpi"], table["window_start_us"].astype("int64"), strict=True)
    ]
    return said_in_time(table[np.array(inside, np.bool_)], kpis)


def said_in_time(table: pd.DataFrame, kpis: Mapping[str, Kpi]) -> pd.DataFrame:
    """Of the truth's windows those that readings in time say something of: a number, or that there is none."""
    told = table.dropna(subset=["devices"])
    back = told["kpi"].map({kpi: referee.looks_back(kpis[kpi]) for kpi in told["kpi"].unique()}).eq(other=True)
    # Why: late readings may have been restated, and a database may know more of the past than the run does.
    return told[told["in_time"].notna() | (told["acceptable"].isna() & ~back)]


def _duration_us(readings: pd.DataFrame, report: Report) -> int:
    return int(readings["measured_us"].max()) - report.start_us if len(readings) else 0


def _readings(connection: Any, known: Known, sent: pd.DataFrame) -> pd.DataFrame:
    honest = sent[sent["fault"] != "wrong_clock"]["stamped_us"]
    if honest.empty:
        return _frame([], ["device", "quantity", "stamped_us", "received_us", "stored_value", "quality"])
    span = (from_us(int(honest.min())), from_us(int(honest.max()) + 1))
    blocks = queries.readings(connection, known.world.pack.city.id, span)
    rows = [(row[0], row[1], to_us(row[2]), to_us(row[3]), row[4], row[5]) for _, block in blocks for row in block]
    found = _frame(rows, ["device", "quantity", "stamped_us", "received_us", "stored_value", "quality"])
    return found[found["device"].isin(set(sent["device"]))]


def _finals(connection: Any, due: pd.DataFrame, known: Known) -> pd.DataFrame:
    rows = []
    if len(due):
        span = (from_us(int(due["window_start_us"].min())), from_us(int(due["window_start_us"].max()) + 1))
        for kpi in due["kpi"].unique():
            rows += [_pair(names, row) for names, block in queries.history(connection, str(kpi), None, span) for row in block]
            connection.rollback()
    found = _frame(rows, [*_PAIR, "final", "found", "enough"])
    return found[found["area"].isin(set(known.world.pack.areas))]


def _pair(names: Iterable[str], row: tuple[Any, ...]) -> tuple[Any, ...]:
    by = dict(zip(names, row, strict=True))
    value = np.nan if by["value"] is None else by["value"]
    return by["kpi"], by["area"], to_us(by["window_start"]), value, True, by["state"] == "ok"


def _frame(rows: list[tuple[Any, ...]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns) if rows else pd.DataFrame({name: pd.Series(dtype=_DTYPES.get(name, "object")) for name in columns})


_DTYPES = {
    "stamped_us": "int64",
    "received_us": "int64",
    "window_start_us": "int64",
    "stored_value": "float64",
    "final": "float64",
    "quality": "int64",
}


def _percentile(values: "pd.Series[float]", rank: float) -> float:
    return round(float(np.percentile(values, rank)), 3) if len(values) else 0.0


def _largest(errors: "pd.Series[float]") -> float:
    return float(errors.max()) if errors.notna().any() else 0.0
