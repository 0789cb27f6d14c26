"""What a soak calls flat."""

import io
from typing import Any

import msgspec
import pytest
from rich.console import Console

from benchmarks import soak
from benchmarks.soak import MEMORY_GROWS, MEMORY_MB, Slice, Soak, run, verdicts

FLAT: dict[str, Any] = {
    "stored": 1_000, "lost": 0, "sustained": True, "backlog_end": 5.0, "to_kpi_p50_s": 0.8, "to_kpi_p99_s": 1.5, "to_row_p50_s": 0.4,
    "to_row_p99_s": 0.9, "cores_used": 1.0, "memory_mb": {"worker": 400.0, "writer": 100.0},
}  # fmt: skip


def slices(**last: Any) -> list[Slice]:
    """A first slice that fills caches, a second, and a last that differs in what is said."""
    return [
        Slice(from_min=0.0, **(FLAT | {"memory_mb": {"worker": 200.0, "writer": 60.0}, "to_kpi_p50_s": 0.3})),
        Slice(from_min=3.0, **FLAT),
        Slice(from_min=6.0, **(FLAT | last)),
    ]


def met(**last: Any) -> list[bool]:
    return [verdict.met for verdict in verdicts(slices(**last))]


def test_what_filled_up_in_the_first_slice_is_no_growth() -> None:
    assert met() == [True] * 5


@pytest.mark.parametrize(
    ("last", "place"),
    [
        ({"memory_mb": {"worker": 400.0 * MEMORY_GROWS + MEMORY_MB + 1.0, "writer": 100.0}}, 0),
        ({"to_kpi_p50_s": 1.1}, 1),
        ({"sustained": False}, 2),
        ({"memory_mb": {"worker": 400.0}}, 3),
        ({"lost": 1}, 4),
    ],
)
def test_each_growth_is_told_by_its_verdict_and_no_other(last: dict[str, Any], place: int) -> None:
    assert met(**last) == [n != place for n in range(5)]


def hour(**at: dict[str, Any]) -> list[Slice]:
    """Three-minute slices; `at`: what is different from a minute on."""
    found = []
    for minute in range(0, 60, 3):
        fields = dict(FLAT)
        for since, other in at.items():
            fields |= other if minute >= int(since[1:]) else {}
        found.append(Slice(from_min=float(minute), **fields))
    return found


def test_of_an_hour_the_last_quarter_is_held_against_the_second() -> None:
    """What the first quarter-hour fills is no growth, nor is one slice a judgement; what goes on growing is."""
    first = {"memory_mb": {"worker": 800.0, "writer": 300.0}, "to_kpi_p50_s": 1.2}
    assert [verdict.met for verdict in verdicts(hour(m15=first))] == [True] * 5
    assert [verdict.met for verdict in verdicts(hour(m57=first))] == [True] * 5
    assert [verdict.met for verdict in verdicts(hour(m42=first))] == [False, False, True, True, True]


def test_a_loss_in_any_slice_counts() -> None:
    first, *others = slices()
    found = verdicts([msgspec.structs.replace(first, lost=7), *others])
    assert (found[4].met, found[4].reached) == (False, "7 of 3,007")


def test_it_can_be_read() -> None:
    text = io.StringIO()
    soak.show(Soak(25_000.0, 9.0, slices(), verdicts(slices())), Console(file=text, width=200))
    assert "worker 400 to 400" in text.getvalue()


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.timeout(6_000)
def test_an_hour_at_half_of_what_is_sustained_is_flat() -> None:
    found = run(print)
    assert [verdict for verdict in found.verdicts if not verdict.met] == []
