"""A pytest plugin that tells where the time goes: the ten slowest tests, and the sum by room, before pytest's summary line.

`./kompas test` loads it (`-p tests.durations`). A test's time is that of its set-up, call and tear-down, so what a fixture costs counts for the
first test that asks for it; with two workers the sum is about twice what the clock says.
"""

from collections.abc import Iterable, Mapping

import pytest

SLOWEST = 10
PHASES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed", "")
"""The groups of reports that pytest keeps; set-up and tear-down stand in the one without a name."""


def by_test(reports: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Seconds by test, over its phases, the slowest first."""
    sums: dict[str, float] = {}
    for name, took_s in reports:
        sums[name] = sums.get(name, 0.0) + took_s
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def by_room(tests: Mapping[str, float]) -> dict[str, tuple[int, float]]:
    """Number of tests and their seconds by the folder below tests/, the longest first."""
    sums: dict[str, tuple[int, float]] = {}
    for name, took_s in tests.items():
        parts = name.split("::")[0].split("/")
        room = parts[1] if len(parts) > 2 else parts[0]
        number, sum_s = sums.get(room, (0, 0.0))
        sums[room] = number + 1, sum_s + took_s
    return dict(sorted(sums.items(), key=lambda item: (-item[1][1], item[0])))


def lines(tests: Mapping[str, float]) -> list[str]:
    """What is printed."""
    rooms = by_room(tests)
    said = [f"{took_s:8.1f} s  {name}" for name, took_s in list(tests.items())[:SLOWEST]]
    return [*said, "", *(f"{took_s:8.1f} s  {room} ({number} tests)" for room, (number, took_s) in rooms.items())]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for phase in PHASES for report in terminalreporter.stats.get(phase, []) if isinstance(report, pytest.TestReport)]
    tests = by_test((report.nodeid, report.duration) for report in reports)
    if tests:
        terminalreporter.write_sep("=", "slowest tests, and seconds by room")
        for line in lines(tests):
            terminalreporter.write_line(line)
