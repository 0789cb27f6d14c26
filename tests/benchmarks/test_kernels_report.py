"""The kernels' report: what was not measured is said, with the reason, on the screen and in the JSON."""

import io
import json

import msgspec
from rich.console import Console

from benchmarks import kernels_report
from benchmarks.kernel import Compared
from benchmarks.kernels import Found
from benchmarks.rows import NO_FORM, SAME_LOOP, WITHOUT
from benchmarks.window import ByDevices, ByKpis


def found() -> Found:
    side = Compared(
        readings=1, frames=1, groups=1, areas=1, kernel_s=1.0, duckdb_s=4.0, kernel_readings_per_s=1.0, duckdb_readings_per_s=0.25, ratio=4.0,
        equal=True, cold_readings_per_s=1.0, real_readings_per_s=1.0,
    )  # fmt: skip
    many = ByDevices(
        devices=10_000_000, spoke=2_000_000, first_ns_per_reading=1.0, ns_per_reading=1.0, window_bytes_per_device=57, seen_bytes_per_reading=16.0
    )
    by_kpis = ByKpis(kpis=1, ns_per_reading=1.0, one="pm2_5_hour", one_ns_per_reading=1.0, ratio=1.0)
    return Found(memory_gb_per_s=10.0, kernels=[], window=side, window_at_load=side, by_devices=[many], by_kpis=by_kpis, verdicts=[])


def test_what_was_not_measured_is_said_with_its_reason() -> None:
    screen = io.StringIO()
    kernels_report.show(found(), Console(file=screen, width=250))
    shown, told = screen.getvalue(), json.loads(msgspec.json.encode(found()))
    assert told["without_row"] == WITHOUT
    assert told["without_library"] == NO_FORM
    assert told["same_loop"] == {kernel: list(rows) for kernel, rows in SAME_LOOP.items()}
    for kernel, rows in SAME_LOOP.items():
        assert any(kernel in line and all(row in line for row in rows) for line in shown.splitlines()), kernel
    for name, why in [*WITHOUT.items(), *((row, why) for row, reasons in NO_FORM.items() for why in reasons.values())]:
        assert any(name in line and why in line for line in shown.splitlines()), name


def test_devices_that_only_have_a_place_are_told_from_those_that_spoke() -> None:
    screen = io.StringIO()
    kernels_report.show(found(), Console(file=screen, width=250))
    assert any("10,000,000" in line and "2,000,000" in line for line in screen.getvalue().splitlines())
    assert json.loads(msgspec.json.encode(found()))["by_devices"][0]["spoke"] == 2_000_000
