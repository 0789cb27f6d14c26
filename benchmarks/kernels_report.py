"""The kernels' figures as tables for a person.

Promises  Every figure of the JSON that decides a target is on the screen, too, and so is what was not measured, with the reason.
"""

from rich.console import Console
from rich.table import Table

from benchmarks import report
from benchmarks.kernels import Found

LIBRARIES = ("numpy", "polars", "duckdb")


def show(found: Found, console: Console) -> None:
    """Print everything, the verdicts last."""
    for table in (kernels(found), without(found), window(found), devices(found), report.wanted(found.verdicts)):
        console.print(table)
        console.print()


def kernels(found: Found) -> Table:
    """A row per hot kernel."""
    table = report.plain_table(
        f"hot kernels, ns per row (memory read {found.memory_gb_per_s:.1f} GB/s)", "kernel", "rows", "ours", *LIBRARIES, "ratio", "bandwidth"
    )
    for each in found.kernels:
        cells = []
        for library in LIBRARIES:
            side = each.rivals.get(library)
            cells.append("–" if side is None else f"{side.ns_per_row:.1f}" + ("" if side.equal else " differs"))
        ratio = f"{each.ratio:.2f}" if each.best_rival else "–"
        table.add_row(each.kernel, f"{each.rows:,}", f"{each.ns_per_row:.1f}", *cells, ratio, f"{each.share_of_read_bandwidth:.0%}")
    return table


def without(found: Found) -> Table:
    """What the rows above lack: a library, or a kernel altogether."""
    table = report.plain_table("not measured", "kernel", "beside", "why")
    table.columns[-1].justify = "left"
    for kernel, reasons in found.without_library.items():
        for library, why in reasons.items():
            table.add_row(kernel, library, why)
    for kernel, rows in found.same_loop.items():
        table.add_row(kernel, "–", f"runs no other loop than {' and '.join(rows)}")
    for kernel, why in found.without_row.items():
        table.add_row(kernel, "–", why)
    return table


def window(found: Found) -> Table:
    """The window kernel beside DuckDB."""
    table = report.plain_table(
        "window kernel beside DuckDB on one thread",
        "frames",
        "readings",
        "ours ns",
        "DuckDB ns",
        "ratio",
        "from memory ns",
        "equal",
        "whole catalogue ns",
    )
    for name, each in (("full", found.window), ("as at 50,000/s", found.window_at_load)):
        rates = (each.kernel_readings_per_s, each.duckdb_readings_per_s, each.cold_readings_per_s, each.real_readings_per_s)
        ours, theirs, cold, real = (f"{1e9 / rate:.1f}" for rate in rates)
        table.add_row(name, f"{each.readings:,}", ours, theirs, f"{each.ratio:.2f}", cold, "yes" if each.equal else "NO", real)
    return table


def devices(found: Found) -> Table:
    """State by number of devices."""
    table = report.plain_table(
        "arrival checks and accumulation by devices",
        "devices",
        "of which spoke",
        "ns, a device's first",
        "ns, its next",
        "B per device and window",
        "B per reading seen",
    )
    for each in found.by_devices:
        times = (f"{each.first_ns_per_reading:.0f}", f"{each.ns_per_reading:.0f}")
        table.add_row(f"{each.devices:,}", f"{each.spoke:,}", *times, f"{each.window_bytes_per_device:.0f}", f"{each.seen_bytes_per_reading:.0f}")
    return table
