"""Targets: met and not met, with a reason."""

import math

import msgspec
import pytest

from benchmarks import verdicts
from benchmarks.loading import Latency
from benchmarks.result import Result, Verdict
from tests.benchmarks import made


def judged(found: Result) -> dict[str, Verdict]:
    return {verdict.target: verdict for verdict in verdicts.verdicts(found)}


def test_a_good_run_meets_everything_and_gives_no_reasons() -> None:
    found = judged(made.result())
    assert all(verdict.met and not verdict.why for verdict in found.values())
    assert len(found) == 7


@pytest.mark.parametrize(
    ("case", "changes", "said"),
    [
        ("lost", {"lost": 3}, "3 readings were sent"),
        ("backlog grows", {"sustained": False, "backlog_slope_per_s": 4_000.0}, "1.50 cores in use: gateway 0.35"),
        ("sender behind", {"sent_per_s": 30_000.0, "sustained": False}, "the sender itself came to 30,000/s"),
        ("asked for less", {"wanted_readings_per_s": 10_000.0, "stored_per_s": 10_000.0, "sent_per_s": 10_000.0}, "the run asked for 10,000/s only"),
    ],
)
def test_a_rate_is_not_met_for_a_reason_that_is_said(case: str, changes: dict[str, object], said: str) -> None:
    verdict = judged(made.result(loads=[made.load(**changes)]))["readings/s, ten a message"]
    assert not verdict.met
    assert said in verdict.why


def test_ten_thousand_single_messages_are_the_goal() -> None:
    goal = made.load(name="goal", wanted_readings_per_s=10_000.0, readings_per_message=1, stored_per_s=9_950.0)
    verdict = judged(made.result(loads=[goal]))["messages/s of one reading (goal)"]
    assert verdict.met
    assert verdict.wanted.startswith("10,000/s")


def test_a_shot_that_was_never_seen_fails_the_latency() -> None:
    late = made.load(to_kpi=Latency(0.8, math.inf, 1.7, 80, 2))
    verdict = judged(made.result(loads=[late]))["publish to live KPI, ten readings a message"]
    assert not verdict.met
    assert "2 of 80 not seen" in verdict.reached


def test_a_fast_kernel_with_another_result_is_not_met() -> None:
    other = msgspec.structs.replace(made.result().kernel, equal=False)
    verdict = judged(made.result(kernel=other))["kernel : DuckDB on one thread"]
    assert not verdict.met
    assert verdict.why == "the two results differ"


def test_a_writer_without_a_limit_is_not_met() -> None:
    limits = msgspec.structs.replace(made.result().limits, copy_rows_per_s=math.nan)
    verdict = judged(made.result(limits=limits))["writer : server-side COPY"]
    assert not verdict.met


def test_ratios_are_ours_over_the_limit() -> None:
    for ratio in verdicts.ratios(made.result()):
        assert ratio.ratio == pytest.approx(ratio.ours / ratio.limit)
