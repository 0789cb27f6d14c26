"""The live view and the report: what is not known is a dash, what is wrong is said."""

import io

import pytest
from rich.console import Console

from local import report, view
from local.measure import Sample
from local.state import Part, RunState

SAID = {
    "totals": {"readings": 1234, "kpi_values": 5},
    "rejected": {"malformed": {"messages": 2, "readings": 0}},
    "worst": [{"area_name": "Evere", "kpi": "noise_now", "value": 71.123, "unit": "dB", "band": "very_loud", "severity": 1.0}],
}


def drawn(of: RunState, said: report.Report, samples: tuple[Sample, Sample]) -> str:
    console = Console(file=io.StringIO(), width=150, highlight=False)
    console.print(view.draw(of, samples, said, {"kcat": "kcat -b x"}))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def state() -> RunState:
    state = RunState(42, 0, "brussels,zwolle", {})
    state.servers["kafka"] = Part("kafka", "up")
    state.processes["worker"] = Part("worker", "failed", restarts=4, reason="ended with code 3, 5 times within a minute")
    return state


def test_before_anything_answered_everything_is_a_dash(state: RunState) -> None:
    text = drawn(state, report.EMPTY, (Sample(0.0, {}), Sample(1.0, {})))
    assert text.count("—") >= 8
    assert "no KPI value yet" in text
    assert "receipt → KPI p50/p99   — / —   receipt → row p50/p99   — / —" in text
    assert "kcat -b x" in text


def test_trouble_is_said(state: RunState) -> None:
    text = drawn(state, report.EMPTY, (Sample(0.0, {}), Sample(1.0, {})))
    assert "worker restarted 4x" in text
    assert "worker: ended with code 3, 5 times within a minute" in text


def test_rates_rejections_and_worst_are_shown(state: RunState) -> None:
    name = ("kompas_gateway_readings_total", ())
    samples = (Sample(0.0, {"gateway": {name: 100.0}}), Sample(10.0, {"gateway": {name: 50_100.0}}))
    text = drawn(state, report.read(SAID), samples)
    assert "5,000" in text
    assert "malformed 2" in text
    assert "readings 1,234" in text
    assert "Evere" in text
    assert "71.1 dB" in text


def test_what_is_restated_is_shown(state: RunState) -> None:
    said = {"kompas_restater_changed_total": 1_234.0, "kompas_restater_dirty_windows": 7.0, "kompas_restater_outbox": 0.0}
    sample = Sample(1.0, {"restater": {(name, ()): value for name, value in said.items()}})
    assert "restated: values changed 1,234   windows marked 7   not sent 0" in drawn(state, report.EMPTY, (sample, sample))


def test_a_report_without_its_parts_is_empty() -> None:
    assert report.read({"problem": "no database"}) == report.EMPTY._replace(worst=[])


@pytest.mark.parametrize(("value", "text"), [(None, "—"), (0.0, "0.0"), (12.34, "12.3"), (4_567.8, "4,568")])
def test_numbers(value: float | None, text: str) -> None:
    assert view.number(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "—"), (0.0851, "85 ms"), (1.2, "1.20 s")])
def test_seconds(value: float | None, text: str) -> None:
    assert view.seconds(value) == text
