"""A chaos run on the screen."""

from rich.console import Console
from rich.table import Table

from chaos.result import Result

_NUMBERS = ("lost", "double", "wrong", "ledger", "lost_in_broker")


def show(found: Result, console: Console) -> None:
    """Faults with their recovery, the five numbers, and what was found wrong."""
    console.print(
        f"seed {found.seed}: {found.minutes:g} minutes, {found.messages:,} messages, {found.readings:,} readings, {found.broken:,} to be refused"
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("at s", "fault", "how", "lasted s", "recovered after s"):
        table.add_column(name, justify="left" if name in ("fault", "how") else "right")
    for fault in found.faults:
        recovered = "not seen" if fault.recovered_s is None else f"{fault.recovered_s:.1f}"
        table.add_row(f"{fault.at_s:.1f}", fault.fault, fault.how, f"{fault.lasted_s:.1f}", recovered)
    console.print(table)
    if found.disk:
        console.print(f"disks were filled by: {found.disk}")
    console.print("restarts: " + ", ".join(f"{name} {number}" for name, number in found.restarts.items() if number))
    console.print(f"compared: {found.windows:,} settled values; readings without a time, repeated: {found.untimed['repeated']}")
    for name in _NUMBERS:
        number = getattr(found, name)
        console.print(f"{name:>15} {number}", style="bold red" if number and name != "lost_in_broker" else "bold")
    for name, sentences in found.details.items():
        for sentence in sentences:
            console.print(f"{name}: {sentence}", style="red", markup=False)
