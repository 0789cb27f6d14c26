"""The comparison finds each thing that can be wrong, one at a time, and nothing where all is right."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from catalog.kpi_value import KpiValue
from catalog.load import Catalogue
from chaos import compare as comparing
from chaos import oracle_readings
from chaos.compare import Judged, Truth, conclude
from chaos.consumer import Consumer
from chaos.evidence import Evidence, keys_of, refusals_of
from chaos.oracle import Final
from chaos.verdict import MOST_TOLD, Row, Verdict
from runtime import frames
from simulators.worlds import World
from storage.ledger import Found, Line
from tests.chaos.made import (
    GROUND,
    KINDS,
    KPIS,
    MINUTE,
    PASSED,
    PLACES,
    QUANTITIES,
    SECOND,
    START,
    judged,
    message,
    platform,
    row,
    sent_rows,
)

SENT = sent_rows()
RIGHT = platform(SENT)
BROKEN = pd.DataFrame(
    [
        (9_000 + n, "box-0", reason, START, acked)
        for n, (reason, acked) in enumerate([("malformed", 1), ("malformed", 1), ("wrong_unit", 1), ("malformed", 0)])
    ],
    columns=["message", "device", "reason", "sent_us", "acked_us"],
)
CAME = Counter({("box-0", "malformed"): 2, ("box-0", "wrong_unit"): 1, ("ghost", "unknown_device"): 3})


class Case(NamedTuple):
    """What a test breaks."""

    sent: pd.DataFrame = SENT
    readings: pd.DataFrame = RIGHT.readings
    values: list[Row] = RIGHT.values
    said: list[Row] | None = None
    """What the topic says; None: what is stored."""
    refused: Counter[tuple[str, str]] = CAME
    rows: int = 7
    ledger: Found = Found([], [], [])
    unsettled: str = ""
    in_broker: tuple[int, ...] = ()
    broken: pd.DataFrame = BROKEN
    killed_us: tuple[tuple[int, int], ...] = ()
    consumer: type[Consumer] = Consumer


def verdict(case: Case) -> Verdict:
    said = case.consumer()
    for value in case.values if case.said is None else case.said:
        said.hear(message(value))
    told = Evidence(PASSED, START + 4 * MINUTE, PLACES, case.readings, case.values, [], case.rows, 7, case.ledger, case.unsettled, said, case.refused)
    rows = judged(case.sent)
    found = oracle_readings.compare(rows, case.readings)
    lost = pd.Series([n in case.in_broker for n in range(len(found.lost))], found.lost.index, dtype=bool)
    there = World(None, Catalogue(QUANTITIES, KINDS, KPIS), None)  # type: ignore[arg-type]  # only read by compare()
    return conclude(Judged(rows, found, GROUND, there), lost, Truth(case.sent, case.broken, case.killed_us), told)


def numbers(found: Verdict) -> tuple[int, int, int, int, int]:
    return found.lost, found.double, found.wrong, found.ledger, found.lost_in_broker


def changed(kpi: str, area: str, start_us: int, **settled: Any) -> list[Row]:
    """The right values with one of them said otherwise."""
    place = next(n for n, each in enumerate(RIGHT.values) if (each.kpi, each.area, each.start_us) == (kpi, area, start_us))
    values = list(RIGHT.values)
    values[place] = values[place]._replace(settled=values[place].settled._replace(**settled))
    return values


def ok(kpi: str) -> Row:
    """A window of the city with a number."""
    return next(each for each in RIGHT.values if each.kpi == kpi and each.area == "town" and each.settled.state == "ok")


def test_where_all_is_right_nothing_is_found() -> None:
    found = verdict(Case())
    assert numbers(found) == (0, 0, 0, 0, 0), found.details
    assert found.well
    assert found.readings == len(SENT)
    assert found.windows == len(RIGHT.values) > 75
    assert not found.details


@pytest.mark.parametrize("place", [0, len(RIGHT.values) // 2, len(RIGHT.values) - 1])
def test_a_missing_window_is_wrong(place: int) -> None:
    gone = RIGHT.values[:place] + RIGHT.values[place + 1 :]
    found = verdict(Case(values=gone))
    assert numbers(found) == (0, 0, 1, 0, 0)
    assert "missing" in found.details["wrong"][0]


@pytest.mark.parametrize(
    ("case", "surplus"),
    [
        ("before any device was due", row("mean", "town", START - MINUTE, Final(None, "no_data", 0.0, 0))),
        ("that has not ended", row("mean", "town", START + 10 * MINUTE, Final(None, "no_data", 0.0, 0))),
        ("of no known area", row("mean", "town.c", START, Final(None, "no_data", 0.0, 0))),
        ("of no known KPI", row("median", "town", START, Final(None, "no_data", 0.0, 0))),
        ("of another version", row("mean", "town", START, Final(None, "no_data", 0.0, 0))._replace(version=2)),
        ("that is no window", row("mean", "town", START + SECOND, Final(None, "no_data", 0.0, 0))),
    ],
)
def test_a_surplus_window_is_wrong(case: str, surplus: Row) -> None:
    found = verdict(Case(values=[*RIGHT.values, surplus]))
    assert numbers(found) == (0, 0, 1, 0, 0), case


def test_a_window_that_closed_after_the_watermarks_were_read_may_be_there_and_must_be_right() -> None:
    # The meters' watermark has not passed the fifth minute, of which their readings are there.
    fifth = row("grown", "town.a", START + 4 * MINUTE, Final(0.75, "ok", 1.0, 2))
    assert numbers(verdict(Case(values=[*RIGHT.values, fifth]))) == (0, 0, 0, 0, 0)
    off = fifth._replace(settled=fifth.settled._replace(value=0.751))
    assert verdict(Case(values=[*RIGHT.values, off])).wrong == 1


@pytest.mark.parametrize("kpi", ["high", "grown"])
def test_a_value_off_by_one_unit_in_the_last_place_is_wrong(kpi: str) -> None:
    right = ok(kpi)
    step = {"high": 0.1, "grown": 0.001}[kpi]
    assert right.settled.value is not None
    for value in (right.settled.value + step, right.settled.value * (1 + 2e-16) + 1e-15):
        found = verdict(Case(values=changed(kpi, "town", right.start_us, value=value)))
        assert numbers(found) == (0, 0, 1, 0, 0), "exact where the formula allows it"


@pytest.mark.parametrize(("kpi", "allowed"), [("mean", 1e-12), ("loud", 1e-9), ("held", 1e-9), ("share", 1e-9)])
def test_means_may_differ_by_a_rounding_and_by_no_more(kpi: str, allowed: float) -> None:
    right = ok(kpi)
    assert right.settled.value is not None
    near = changed(kpi, "town", right.start_us, value=right.settled.value * (1 + allowed / 2))
    far = changed(kpi, "town", right.start_us, value=right.settled.value * (1 + 4 * allowed))
    assert (verdict(Case(values=near)).wrong, verdict(Case(values=far)).wrong) == (0, 1)


@pytest.mark.parametrize("other", [{"coverage": 0.99}, {"devices": 2}, {"state": "not_enough_data", "value": None}, {"value": None}])
def test_state_coverage_and_devices_are_compared(other: dict[str, object]) -> None:
    found = verdict(Case(values=changed("mean", "town", START, **other)))
    assert numbers(found) == (0, 0, 1, 0, 0)


def test_a_window_that_ends_elsewhere_is_wrong() -> None:
    values = [RIGHT.values[0]._replace(end_us=RIGHT.values[0].end_us + MINUTE), *RIGHT.values[1:]]
    assert verdict(Case(values=values)).wrong == 1


def test_a_lost_reading_is_lost_and_its_windows_are_wrong() -> None:
    stored = RIGHT.readings.drop(index=RIGHT.readings.index[3])
    found = verdict(Case(readings=stored))
    assert numbers(found) == (1, 0, 0, 0, 0), "what was published counts it"
    left = platform(SENT.drop(index=SENT.index[3]))
    found = verdict(Case(readings=stored, values=left.values))
    assert found.lost == 1
    assert found.wrong > 0, "what was published does not count it"


def test_rule_26_what_the_broker_forgot_is_told_apart_and_enters_no_window() -> None:
    stored = RIGHT.readings.drop(index=RIGHT.readings.index[3])
    left = platform(SENT.drop(index=SENT.index[3]))
    assert numbers(verdict(Case(readings=stored, values=left.values, in_broker=(0,)))) == (0, 0, 0, 0, 1)


def test_a_reading_that_was_never_acknowledged_may_be_there_or_not() -> None:
    sent = SENT.copy()
    sent.loc[3, "acked_us"] = 0
    assert numbers(verdict(Case(sent=sent))) == (0, 0, 0, 0, 0)
    left = platform(SENT.drop(index=3))
    assert numbers(verdict(Case(sent=sent, readings=left.readings, values=left.values))) == (0, 0, 0, 0, 0)
    assert verdict(Case(sent=sent, values=left.values)).wrong > 0, "it is stored, and so it counts"


@pytest.mark.parametrize(
    ("case", "sent", "at_us"),
    [
        ("nobody sent it", SENT, START + 11),
        ("too old", pd.concat([SENT, SENT.iloc[[0]].assign(measured_us=START - 3_600 * SECOND)]), START - 3_600 * SECOND),
    ],
)
def test_a_stored_reading_too_many_is_double(case: str, sent: pd.DataFrame, at_us: int) -> None:
    more = RIGHT.readings.iloc[[0]].assign(measured_us=at_us)
    refused = CAME + Counter({("box-0", "time_too_old"): 1})
    found = verdict(Case(sent=sent, readings=pd.concat([RIGHT.readings, more]), refused=refused))
    assert numbers(found) == (0, 1, 0, 0, 0), case


def test_a_reading_stored_with_another_value_is_wrong() -> None:
    stored = RIGHT.readings.copy()
    stored.loc[stored.index[5], "value"] += 0.1
    assert numbers(verdict(Case(readings=stored))) == (0, 0, 1, 0, 0)


@pytest.mark.parametrize(("ahead_us", "right"), [(60 * SECOND, 1), (60 * SECOND + 1, 3 | 1 << 5), (-2 * SECOND, 1)])
def test_the_flag_of_a_reading_whose_clock_runs_ahead_is_compared(ahead_us: int, right: int) -> None:
    at = START + 9 * MINUTE  # in a window that is not closed
    sent = pd.concat([SENT, SENT.iloc[[0]].assign(measured_us=at, sent_us=at - ahead_us - 9 * SECOND, message=8_000)])
    for quality in (1, 3 | 1 << 5):
        more = RIGHT.readings.iloc[[0]].assign(measured_us=at, received_us=at - ahead_us, quality=quality)
        assert verdict(Case(sent=sent, readings=pd.concat([RIGHT.readings, more]))).wrong == int(quality != right)


def test_a_repetition_counts_once() -> None:
    again = SENT.assign(sent_us=SENT["sent_us"] + 1, acked_us=0)
    assert numbers(verdict(Case(sent=pd.concat([SENT, again])))) == (0, 0, 0, 0, 0)


def test_of_two_values_for_one_time_the_stored_one_stands() -> None:
    other = SENT.iloc[[5]].assign(value=SENT["value"].iloc[5] + 1.0)
    both = pd.concat([SENT, other])
    assert numbers(verdict(Case(sent=both))) == (0, 0, 0, 0, 0)
    turned = SENT.copy()
    turned.loc[5, "value"] += 1.0
    other_way = platform(turned)
    assert numbers(verdict(Case(sent=both, readings=other_way.readings, values=other_way.values))) == (0, 0, 0, 0, 0)
    assert verdict(Case(sent=both, readings=other_way.readings)).wrong > 0


def test_readings_without_a_time_are_told_apart() -> None:
    untimed = SENT.iloc[[0, 0]].assign(has_time=False, measured_us=0, value=444.0)
    sent, there = pd.concat([SENT, untimed]), RIGHT.readings.iloc[[0]].assign(value=444.0)
    outside = [there.assign(measured_us=START + 9 * MINUTE + n) for n in range(3)]  # in a window that is not closed
    for n, (lost, repeated) in enumerate([(2, 0), (1, 0), (0, 0), (0, 1)]):
        found = verdict(Case(sent=sent, readings=pd.concat([RIGHT.readings, *outside[:n]])))
        assert numbers(found) == (lost, 0, 0, 0, 0)
        assert found.untimed == {"lost": lost, "repeated": repeated}
    forgotten = verdict(Case(sent=sent, killed_us=((START, START + SECOND),)))
    assert numbers(forgotten) == (0, 0, 0, 0, 2)


def test_a_refusal_that_never_came_is_lost_unless_the_broker_forgot_it() -> None:
    fewer = CAME - Counter({("box-0", "malformed"): 1})
    assert numbers(verdict(Case(refused=fewer))) == (1, 0, 0, 0, 0)
    assert numbers(verdict(Case(refused=fewer, killed_us=((0, 5),)))) == (0, 0, 0, 0, 1)
    more = CAME + Counter({("box-0", "malformed"): 4})
    assert numbers(verdict(Case(refused=more))) == (0, 0, 0, 0, 0), "delivered again, refused again"


def test_a_double_final_on_the_topic_is_found() -> None:
    twice = [*RIGHT.values, changed("mean", "town", START, value=1.0)[[each.kpi for each in RIGHT.values].index("mean")]]
    other = next(each for each in changed("high", "town", START, value=1.0) if (each.kpi, each.area, each.start_us) == ("high", "town", START))
    assert numbers(verdict(Case(said=[*RIGHT.values, other]))) == (0, 1, 0, 0, 0)
    assert numbers(verdict(Case(said=twice[: len(RIGHT.values)]))) == (0, 0, 0, 0, 0)


def test_a_value_that_is_stored_twice_is_double() -> None:
    assert numbers(verdict(Case(values=[*RIGHT.values, RIGHT.values[4]], said=RIGHT.values))) == (0, 1, 0, 0, 0)


def test_rows_and_what_the_writers_tell_are_compared() -> None:
    assert numbers(verdict(Case(rows=9))) == (0, 2, 0, 0, 0)
    assert numbers(verdict(Case(rows=6))) == (0, 1, 0, 0, 0)


class LowestWins(Consumer):
    """A consumer that keeps the lower revision."""

    def hear(self, value: KpiValue) -> None:
        before = dict(self.settled)
        super().hear(value)
        self.settled.update({window: settled for window, settled in before.items() if settled.revision < self.settled[window].revision})


@pytest.mark.parametrize(("consumer", "wrong"), [(Consumer, 0), (LowestWins, 1)])
def test_a_consumer_that_keeps_the_lower_revision_is_found(consumer: type[Consumer], wrong: int) -> None:
    restated = changed("mean", "town", START, revision=2)
    first = [each for each in changed("mean", "town", START, value=1.0) if each.settled.value == 1.0]
    assert numbers(verdict(Case(values=restated, said=[*first, *restated], consumer=consumer))) == (0, 0, wrong, 0, 0)


def test_what_was_said_and_not_stored_and_the_other_way_round_is_wrong() -> None:
    assert numbers(verdict(Case(said=RIGHT.values[1:]))) == (0, 0, 1, 0, 0)
    late = row("mean", "town", START + 4 * MINUTE, Final(None, "no_data", 0.0, 0))
    without = [each for each in RIGHT.values if (each.kpi, each.area, each.start_us) != ("mean", "town", late.start_us)]
    assert verdict(Case(values=without, said=RIGHT.values)).wrong == 1, "on its way to the table, and owed"
    early = [each for each in RIGHT.values if each != ok("mean")]
    assert verdict(Case(values=early, said=RIGHT.values)).wrong == 2, "missing, and said"


def test_the_ledger_is_in_the_verdict() -> None:
    line = Line("writer", "writer 0", "rows", 5, 3)
    assert numbers(verdict(Case(ledger=Found([line], [], ["writer: 2 missing"])))) == (0, 0, 0, 2, 0)
    assert numbers(verdict(Case(unsettled="not settled: 3 dirty windows"))) == (0, 0, 0, 1, 0)


def test_many_findings_are_counted_and_the_first_are_told() -> None:
    found = verdict(Case(readings=RIGHT.readings.iloc[50:]))
    assert found.lost == 50
    assert len(found.details["lost"]) == MOST_TOLD


def test_the_truth_is_read_with_the_deaths_of_the_broker(tmp_path: Path) -> None:
    SENT.to_parquet(tmp_path / comparing.READINGS)
    BROKEN.to_parquet(tmp_path / comparing.BROKEN)
    assert not comparing.read(tmp_path).broker_killed_us
    faults = [{"name": "kill mosquitto", "kind": "kill", "victim": "mosquitto", "at_us": 50_000_000}, {"kind": "kill", "victim": "kafka", "at_us": 7}]
    (tmp_path / comparing.FAULTS).write_text(json.dumps(faults), encoding="utf-8")
    known = comparing.read(tmp_path)
    assert known.broker_killed_us == [(20_000_000, 52_000_000)]
    assert len(known.readings) == len(SENT)


def test_a_frame_says_which_readings_it_holds() -> None:
    columns: dict[str, Any] = {
        "device": frames.Coded(np.array([0, 1, 0], np.int32), ["a", "b"]),
        "quantity": frames.Coded(np.array([1, 0, 0], np.int32), ["dust", "level"]),
        "measured_at": np.array([5, 6, 7], np.int64),
    }
    assert keys_of(frames.encode({"schema": "readings/1", "kind": "readings"}, columns)) == [("a", "level", 5), ("b", "dust", 6), ("a", "dust", 7)]
    assert not keys_of(frames.encode({"schema": "readings/1", "kind": "heartbeat"}, columns))
    assert not keys_of(b"not a frame")


def test_refusals_are_counted_by_device_and_reason() -> None:
    rejections = b'[{"index": 0, "reason": "wrong_unit"}, {"index": -1, "reason": "malformed", "count": 7}, {"index": 2, "reason": "wrong_unit"}]'
    headers = [("origin", b"mqtt:city/town/box-0/json"), ("rejections", rejections)]
    assert refusals_of(headers) == {("box-0", "wrong_unit"): 2, ("box-0", "malformed"): 7}
    assert refusals_of([("origin", b"readings/3/77"), ("rejections", b'[{"index": 0, "reason": "conflict"}]')]) == {("", "conflict"): 1}
