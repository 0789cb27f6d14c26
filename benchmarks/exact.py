"""What exactness costs: recovery of a killed worker, workers that come and go, snapshots. `./kompas bench exact`.

Promises  Real servers on a system of its own for the first two; nothing that was sent may be lost in any of it.
Leaves    Each measurement to its file.
"""

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console

from benchmarks import recovery, report, scale, snapshots
from benchmarks.recovery import Recovered
from benchmarks.result import Verdict
from benchmarks.scale import Scaled
from benchmarks.snapshots import Snapshots
from benchmarks.system import ORDER, started

RECOVERY_S, SNAPSHOT_SHARE = 5.0, 0.05


class Exact(msgspec.Struct, frozen=True):
    """Everything measured, and what was wanted of it."""

    recovery: Recovered
    scale: Scaled
    snapshots: Snapshots
    verdicts: list[Verdict]


def run(say: Callable[[str], None]) -> Exact:
    """About six minutes."""
    with tempfile.TemporaryDirectory(prefix="kompas-bench-") as folder:
        say("servers")
        with started(Path(folder)) as bench:
            for name in ORDER:
                say(f"starting {name}")
                bench.up(name)
            say(f"worker killed at {recovery.RATE:,.0f} readings/s")
            recovered = recovery.recover(bench)
            say(f"{', '.join(map(str, scale.SIZES))} workers")
            scaled = scale.scale(bench)
    say("snapshots")
    dumped = snapshots.measure(say)
    return Exact(recovered, scaled, dumped, verdicts(recovered, scaled, dumped))


def verdicts(recovered: Recovered, scaled: Scaled, dumped: Snapshots) -> list[Verdict]:
    """Wanted and reached. Source: issue 5, "Figures to reach and print"."""
    live_s, lost = statistics.median(recovered.first_live_s), recovered.lost + scaled.lost
    spoken = ", ".join(
        f"{first:.1f} s (all partitions {every:.1f} s)" for first, every in zip(recovered.first_live_s, recovered.all_live_s, strict=True)
    )
    share = dumped.share_of_core
    too_dear = f"{dumped.bytes / 1e6:.0f} MB in {dumped.cpu_s:.2f} CPU s every {dumped.every_s:.0f} s"
    return [
        Verdict("worker killed, to live values again", f"< {RECOVERY_S:.0f} s, median", spoken, live_s < RECOVERY_S, ""),
        Verdict("lost while workers die, come and go", "0", f"{lost}", lost == 0, ""),
        Verdict(
            f"snapshots at {dumped.readings_per_s:,.0f}/s, {dumped.lateness_s:.0f} s of lateness",
            f"< {SNAPSHOT_SHARE:.0%} of a core",
            f"{share:.1%}",
            share < SNAPSHOT_SHARE,
            "" if share < SNAPSHOT_SHARE else too_dear,
        ),
    ]


def show(found: Exact, console: Console) -> None:
    """Tables for a person."""
    changes = report.plain_table(f"workers come and go at {found.scale.readings_per_s:,.0f} readings/s", "workers", "longest pause of live values, s")
    for change in found.scale.changes:
        changes.add_row(f"{change.workers_before} to {change.workers_after}", f"{change.pause_s:.1f}")
    worked = report.plain_table("a backlog worked off", "workers", "readings/s")
    for each in found.scale.worked:
        worked.add_row(str(each.workers), f"{each.readings_per_s:,.0f}")
    for table in (changes, worked, report.wanted(found.verdicts)):
        console.print(table)
        console.print()
