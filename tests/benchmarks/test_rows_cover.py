"""Every kernel has a row in the benchmark, runs the loops of kernels that have one, or is named with the reason why not."""

import pytest

from benchmarks import hot
from benchmarks.kernels_report import LIBRARIES
from benchmarks.rows import NO_FORM, SAME_LOOP, SLOWER, WITHOUT
from tests.benchmarks import loops

ROWS = [row.name for row in hot.every_row()]


def test_every_kernel_is_measured_or_named() -> None:
    kernels, told = loops.kernels(), {*SAME_LOOP, *WITHOUT}
    assert kernels - set(ROWS) - told == set(), "a row in benchmarks/rows, or benchmarks.rows.SAME_LOOP or .WITHOUT with a reason"
    assert told & set(ROWS) == set(), "has a row by now"
    assert set(SAME_LOOP) & set(WITHOUT) == set()
    assert told - kernels == set(), "is no kernel any more"
    assert set(ROWS) - set(loops.public()) == set(), "a row is named after what it measures"
    assert all(reason.strip() for reason in WITHOUT.values())


@pytest.mark.parametrize("kernel", sorted(SAME_LOOP))
def test_what_stands_for_a_kernel_runs_every_loop_of_it(kernel: str) -> None:
    rows = SAME_LOOP[kernel]
    assert set(rows) <= set(ROWS)
    assert loops.run_by(kernel) <= frozenset().union(*(loops.run_by(row) for row in rows))


def test_a_kernel_without_a_row_has_a_loop_that_no_row_runs() -> None:
    """Else it belongs to SAME_LOOP, which says more than a reason."""
    measured = frozenset().union(*(loops.run_by(row) for row in ROWS))
    assert [kernel for kernel in WITHOUT if loops.run_by(kernel) <= measured] == []


def test_a_compiled_function_is_a_part_of_others() -> None:
    called = set().union(*(loops.called(f"{module}.{name}") for module, here in loops.modules().items() for name in here.defined))
    assert loops.parts() - called == set(), "called by nothing: a kernel needs a wrapper, and a row"


def test_loops_are_found_through_wrappers_and_imports() -> None:
    assert loops.run_by("degree_days.sum_heating") == {"degree_days._sum_below"}
    assert loops.run_by("flow.flow_vph") == {"ratio._ratio"}
    assert {"noise._leq", "noise._lden", "elementary.exp"} <= loops.run_by("noise_day.noise_days")
    assert loops.run_by("heat.heat_days") == set()
    assert "heat.heat_days" not in loops.kernels()


def test_every_row_has_every_library_or_says_why_not() -> None:
    lacking = {row.name: set(LIBRARIES) - set(row.rivals) for row in hot.every_row() if set(LIBRARIES) - set(row.rivals)}
    assert {row: set(reasons) for row, reasons in NO_FORM.items()} == lacking
    assert all(why.strip() for reasons in NO_FORM.values() for why in reasons.values())


def test_reasons_for_being_slower_are_of_rows() -> None:
    assert set(SLOWER) - set(ROWS) == set()
