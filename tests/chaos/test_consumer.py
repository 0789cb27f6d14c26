"""The consumer that follows rule 21: the same, in whatever order and however often it hears the records."""

import random

import msgspec
import pytest

from catalog.kpi_value import KpiValue
from chaos.consumer import Consumer
from chaos.oracle import Final
from tests.chaos.made import MINUTE, START, message, row

FINAL = Final(12.5, "ok", 1.0, 2)


def said(start_us: int = START, revision: int = 1, value: float = 12.5, **more: object) -> KpiValue:
    return message(row("mean", "town", start_us, FINAL._replace(value=value), revision), **more)


def heard(values: list[KpiValue]) -> Consumer:
    consumer = Consumer()
    for value in values:
        consumer.hear(value)
    return consumer


STORY = [
    said(revision=0, value=1.0, epoch="0/5"),
    said(revision=0, value=2.0, epoch="0/9"),
    said(revision=1, value=3.0, epoch="0/10"),
    said(START + MINUTE, revision=0, value=4.0, epoch="0/12"),
    said(revision=2, value=5.0, epoch=None, status="restated"),
    said(START + MINUTE, revision=1, value=6.0, epoch="0/14"),
    said(START + 2 * MINUTE, revision=0, value=7.0, epoch="0/100"),
    said(START + 2 * MINUTE, revision=0, value=8.0, epoch="0/99"),
]


@pytest.mark.parametrize("seed", range(20))
def test_rule_21_neither_order_nor_repetition_decides_who_wins(seed: int) -> None:
    shuffled = STORY + random.Random(seed).choices(STORY, k=5)
    random.Random(seed).shuffle(shuffled)
    consumer = heard(shuffled)
    assert consumer.latest["mean", 1, "town"] == STORY[6]
    assert {window[3]: settled.value for window, settled in consumer.settled.items()} == {STORY[2].window_start: 5.0, STORY[3].window_start: 6.0}
    assert not consumer.doubled
    assert not consumer.skipped()


def test_two_values_at_one_revision_are_a_double_final() -> None:
    consumer = heard([said(value=3.0), said(value=3.0), said(value=4.0)])
    assert len(consumer.doubled) == 1
    assert "revision 1" in consumer.doubled[0]
    assert heard([said(), msgspec.structs.replace(said(), coverage=0.5)]).doubled
    assert not heard([said(), msgspec.structs.replace(said(), computed_at="later", epoch="0/8")]).doubled


def test_what_a_rebuilt_window_says_anew_is_no_double() -> None:
    assert not heard([said(value=3.0), said(value=4.0, reason="rebuilt")]).doubled


@pytest.mark.parametrize(("revisions", "whole"), [([1, 2, 3], True), ([2, 3], True), ([1, 3], False), ([3], False), ([1], True)])
def test_revisions_follow_each_other(revisions: list[int], whole: bool) -> None:
    assert (not heard([said(revision=number) for number in revisions]).skipped()) is whole
