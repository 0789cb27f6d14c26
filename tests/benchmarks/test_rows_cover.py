"""Every compiled loop of the kernels has a row in the benchmark, or is named with the reason why not."""

from pathlib import Path

from benchmarks import hot
from benchmarks.kernels_report import LIBRARIES
from benchmarks.rows import NO_FORM, WITHOUT

COMPILED = {path.stem for path in Path("kernels").glob("*.py") if "\n@jit" in path.read_text(encoding="utf-8")}


def test_every_compiled_kernel_is_measured_or_named() -> None:
    measured = {row.name.split(".")[0] for row in hot.every_row()}
    assert COMPILED - measured - set(WITHOUT) == set(), "a row in benchmarks/rows, or a reason in benchmarks.rows.WITHOUT"
    assert set(WITHOUT) & measured == set(), "has a row by now"
    assert set(WITHOUT) - COMPILED == set(), "is no kernel any more"
    assert all(reason.strip() for reason in WITHOUT.values())


def test_every_row_has_every_library_or_says_why_not() -> None:
    lacking = {row.name: set(LIBRARIES) - set(row.rivals) for row in hot.every_row() if set(LIBRARIES) - set(row.rivals)}
    assert {row: set(reasons) for row, reasons in NO_FORM.items()} == lacking
    assert all(why.strip() for reasons in NO_FORM.values() for why in reasons.values())
