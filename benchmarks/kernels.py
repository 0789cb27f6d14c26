"""`./kompas bench kernels`: all hot kernels, the window kernel, and what they are to reach.

Promises  One object with everything measured in this run; a target that was not reached says so.
Source: issue 4, "Figures to reach and print"
"""

from collections.abc import Callable

import msgspec

from benchmarks import hot
from benchmarks.kernel import Compared
from benchmarks.limits import memory_gb_per_s
from benchmarks.result import Verdict
from benchmarks.rows import NO_FORM, SAME_LOOP, SLOWER, WITHOUT
from benchmarks.window import FULL_FRAME_US, LOAD_FRAME_US, ByDevices, ByKpis, beside_duckdb, measure_devices, measure_kpis

ROWS, SEED = 200_000, 1
DEVICES = (10_000, 1_000_000, 10_000_000)
WINDOW_RATIO, KPIS_RATIO = 3.0, 3.0


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of `./kompas bench kernels --json`."""

    memory_gb_per_s: float
    kernels: list[hot.Timed]
    window: Compared
    """Frames as full as they get."""
    window_at_load: Compared
    """Frames as cut at 50,000 readings/s."""
    by_devices: list[ByDevices]
    by_kpis: ByKpis
    verdicts: list[Verdict]
    without_row: dict[str, str] = msgspec.field(default_factory=lambda: dict(WITHOUT))
    """Kernels whose loops no row measures, and why."""
    same_loop: dict[str, list[str]] = msgspec.field(default_factory=lambda: {kernel: list(rows) for kernel, rows in SAME_LOOP.items()})
    """Kernels without a row of their own, and the rows that run their loops."""
    without_library: dict[str, dict[str, str]] = msgspec.field(default_factory=lambda: {row: dict(why) for row, why in NO_FORM.items()})
    """Rows that lack a library, and why."""


def run(say: Callable[[str], None], *, quick: bool = False) -> Found:
    """Measure; quick: fewer rows and no ten million devices."""
    size, devices = (20_000, DEVICES[:2]) if quick else (ROWS, DEVICES)
    memory = memory_gb_per_s()
    timed = []
    for row in hot.every_row():
        say(row.name)
        timed.append(hot.timed(row, size, SEED, memory))
    say("window kernel beside DuckDB")
    full, at_load = beside_duckdb(FULL_FRAME_US), beside_duckdb(LOAD_FRAME_US)
    by_devices = []
    measure_devices(10_000)  # compiles what is not in the cache
    for count in devices:
        say(f"{count:,} devices")
        by_devices.append(measure_devices(count))
    say("all KPIs beside one")
    by_kpis = measure_kpis()
    return Found(
        memory_gb_per_s=memory,
        kernels=timed,
        window=full,
        window_at_load=at_load,
        by_devices=by_devices,
        by_kpis=by_kpis,
        verdicts=verdicts(timed, full, by_kpis),
    )


def verdicts(timed: list[hot.Timed], full: Compared, by_kpis: ByKpis) -> list[Verdict]:
    """Targets against figures."""
    reached = f"{full.ratio:.2f} times, results {'equal' if full.equal else 'DIFFER'}"
    found = [Verdict("window kernel beside DuckDB", f"{WINDOW_RATIO:.0f} times", reached, full.equal and full.ratio >= WINDOW_RATIO)]
    for each in timed:
        wrong = [name for name, side in each.rivals.items() if not side.equal]
        if each.rivals:
            reached = f"{each.ratio:.2f} times {each.best_rival}" + (f", differs from {', '.join(wrong)}" if wrong else "")
            met = each.ratio > 1.0 and not wrong
            found.append(Verdict(each.kernel, "faster than the best library", reached, met, "" if met else _why(each, wrong)))
    reached = (
        f"{by_kpis.ratio:.2f} times ({by_kpis.kpis} KPIs {by_kpis.ns_per_reading:.0f} ns, {by_kpis.one} alone {by_kpis.one_ns_per_reading:.0f} ns)"
    )
    found.append(Verdict("cost per reading, all KPIs beside one", f"at most {KPIS_RATIO:.0f} times", reached, by_kpis.ratio <= KPIS_RATIO))
    return found


def _why(each: hot.Timed, wrong: list[str]) -> str:
    """Why a row missed its target: a reason that is known, or that none is."""
    if wrong:
        return "the results differ: a kernel or a library's form is wrong"
    return SLOWER.get(each.kernel, "no reason is known: measure it on an idle machine, then make it faster or say why in benchmarks.rows.SLOWER")
