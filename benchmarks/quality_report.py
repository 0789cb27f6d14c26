"""The quality tests' figures as a table on the terminal.

Leaves    Measuring to benchmarks.quality_tests.
"""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.quality_tests import Result, Score

_COLUMNS = ("test", "flagged", "in labelled spans", "precision", "by chance", "anomalies", "found", "recall", "by chance")


def show(result: Result, out: Console) -> None:
    """All series together, then each; what was not measured, and why."""
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for test, score in result.tests.items():
        table.add_row(test, *_cells(score))
    out.print(table)
    for name, tests in result.series.items():
        out.print(f"\n[bold]{escape(name)}[/]")
        table = Table(*_COLUMNS, box=None, pad_edge=False, show_header=False)
        for test, score in tests.items():
            table.add_row(test, *_cells(score))
        out.print(table)
    out.print()
    for test, reason in result.not_measured.items():
        out.print(f"not measured: {escape(test)}: {escape(reason)}")


def _cells(score: Score) -> tuple[str, ...]:
    shares = [("–" if each is None else f"{each:.2f}") for each in (score.precision, score.precision_by_chance, score.recall, score.recall_by_chance)]
    counts = [f"{each:,}" for each in (score.flagged, score.flagged_in_span, score.anomalies, score.found)]
    return (counts[0], counts[1], shares[0], shares[1], counts[2], counts[3], shares[2], shares[3])
