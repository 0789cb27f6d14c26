"""Rows of the kernels' benchmark: all sides compute the same, and a difference is found."""

import msgspec
import numpy as np
import pytest

from benchmarks import hot, kernels, window
from benchmarks.kernel import Compared
from benchmarks.rows import SLOWER, Columns, Row

ROWS = {row.name: row for row in hot.every_row()}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_all_sides_of_a_row_agree(name: str) -> None:
    row = ROWS[name]
    columns = row.make(30_000, 7)  # enough that every group of a row has readings
    ours = row.ours(columns)
    assert ours.size
    assert [rival for rival, side in row.rivals.items() if not hot.close(ours, side(columns), row.relative)] == []


def test_names_are_distinct() -> None:
    assert len(ROWS) == len(list(hot.every_row()))


def test_a_rival_that_computes_something_else_is_found() -> None:
    def make(rows: int, seed: int) -> Columns:
        return {"x": np.random.default_rng(seed).uniform(1.0, 2.0, rows)}

    row = Row("made.up", make, lambda c: np.array([c["x"].sum()]), {"numpy": lambda c: np.array([c["x"].sum() * (1 + 1e-6)])})
    timed = hot.timed(row, 1_000, 1, 10.0)
    assert not timed.rivals["numpy"].equal
    assert timed.best_rival == "numpy"


def test_missing_is_equal_to_missing_only() -> None:
    nan = float("nan")
    assert hot.close(np.array([1.0, nan]), np.array([1.0 + 1e-12, nan]), 1e-9)
    assert not hot.close(np.array([1.0, nan]), np.array([1.0, 0.0]), 1e-9)
    assert not hot.close(np.array([1.0]), np.array([1.0, 1.0]), 1e-9)


def test_state_by_devices_takes_every_reading() -> None:
    found = window.measure_devices(5_000)
    assert (found.devices, found.spoke) == (5_000, 5_000)
    assert found.seen_bytes_per_reading >= 16.0  # a time and a value


def test_targets_that_were_missed_say_so() -> None:
    by_kpis = window.ByKpis(kpis=50, ns_per_reading=400.0, one="pm2_5_hour", one_ns_per_reading=100.0, ratio=4.0)
    rivals = {"numpy": hot.Side(1.0, equal=True)}
    slow = hot.Timed(kernel="made.up", rows=1, ns_per_row=2.0, rivals=rivals, best_rival="numpy", ratio=0.5, share_of_read_bandwidth=0.1)
    full = Compared(
        readings=1, frames=1, groups=1, areas=1, kernel_s=1.0, duckdb_s=4.0, kernel_readings_per_s=1.0, duckdb_readings_per_s=0.25, ratio=4.0,
        equal=False, cold_readings_per_s=1.0, real_readings_per_s=1.0,
    )  # fmt: skip
    found = kernels.verdicts([slow], full, by_kpis)
    assert [verdict.met for verdict in found] == [False, False, False]
    assert "no reason is known" in found[1].why
    known = msgspec.structs.replace(slow, kernel=next(iter(SLOWER)))
    assert kernels.verdicts([known], full, by_kpis)[1].why == SLOWER[known.kernel]
    wrong = msgspec.structs.replace(known, rivals={"numpy": hot.Side(4.0, equal=False)}, ratio=2.0)
    assert "differ" in kernels.verdicts([wrong], full, by_kpis)[1].why
