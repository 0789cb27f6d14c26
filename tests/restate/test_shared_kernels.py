"""The restater runs the very kernels that the worker's warming up has compiled: it compiles nothing of its own at run time."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from catalog.windows import to_us, window_of
from kernels import accumulate, bundle, feeding, ordered, reduce
from restate.places import Window
from stream.warm import warm
from tests.restate import making
from tests.stream.test_formula_live import KPIS, catalogue, readings

LOOPS: tuple[Any, ...] = (accumulate._accumulate, bundle._bundle, feeding._feed, ordered._close, reduce._reduce)


def test_every_kernel_of_the_restater_is_warm() -> None:
    warm()
    before = [set(loop.signatures) for loop in LOOPS]
    start = to_us(datetime(2026, 6, 9, 22, tzinfo=UTC))
    found = catalogue(KPIS, (7, 19, 23), start)
    known, stored = making.dated(found), making.block(found, readings(np.random.default_rng(1), start, 2))
    for each in KPIS:
        window = window_of(start + 3_600_000_000, each.window, "Europe/Brussels")
        making.compute(known, Window(known.by_name[each.id, 1], "c", *window, np.arange(len(known.areas))), stored)
    compiled = {loop.py_func.__name__: set(loop.signatures) - was for loop, was in zip(LOOPS, before, strict=True)}
    assert not {name: signatures for name, signatures in compiled.items() if signatures}
