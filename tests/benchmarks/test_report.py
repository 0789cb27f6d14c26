"""Tables and JSON say the same."""

import io
import math

import msgspec
from rich.console import Console

from benchmarks import report, verdicts
from benchmarks.loading import Latency, latency
from benchmarks.pipeline import QUICK, Plan
from benchmarks.result import Result
from tests.benchmarks import made


def judged() -> Result:
    found = made.result()
    return msgspec.structs.replace(found, ratios=verdicts.ratios(found), verdicts=verdicts.verdicts(found))


def printed(found: Result) -> str:
    out = io.StringIO()
    report.show(found, Console(width=240, file=out))
    return out.getvalue()


def test_every_verdict_ratio_and_process_is_on_the_screen() -> None:
    found = judged()
    text = printed(found)
    for word in [*(each.target for each in found.verdicts), *(each.what for each in found.ratios), *found.loads[0].cpu_s_per_million]:
        assert word in text
    assert "3,000,000 readings sent in all, 3,000,000 rows in the table" in text


def test_what_is_not_known_is_a_dash() -> None:
    assert report.number(math.nan) == "—"
    assert report.latency(latency([])) == "—"


def test_json_has_every_figure_and_null_for_what_is_not_known() -> None:
    found = msgspec.structs.replace(judged(), loads=[made.load(to_kpi=Latency(0.8, math.inf, 1.7, 80, 2))])
    told = msgspec.json.decode(msgspec.json.encode(found))
    assert set(told) == {field.name for field in msgspec.structs.fields(Result)}
    assert told["loads"][0]["to_kpi"]["p99_s"] is None
    assert told["loads"][0]["cpu_s_per_million"]["gateway"] == 7.0


def test_latency_counts_what_was_not_seen_as_slowest() -> None:
    found = latency([0.5, None, 0.7])
    assert (found.count, found.missing, found.longest_s, found.p99_s) == (3, 1, 0.7, math.inf)


def test_a_quick_run_is_shorter_and_leaves_the_goal_out() -> None:
    assert [order.pack for order in QUICK.loads()] == [10, 1]
    assert [order.rate for order in Plan().loads()] == [50_000.0, 5_000.0, 10_000.0]
    assert sum(order.steady_s for order in QUICK.loads()) < sum(order.steady_s for order in Plan().loads())
