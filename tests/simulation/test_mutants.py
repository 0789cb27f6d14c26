"""Tests of the test: a stream broken on purpose is noticed within the normal seeds."""

import pytest

from tests.simulation.judge import judge
from tests.simulation.mutants import MUTANTS
from tests.simulation.test_simulation import NORMAL
from tests.simulation.world import run

FIRST = {"forget_seen": 16}
"""A seed that is known to notice, tried before the others: to save time, not to find more."""


@pytest.mark.parametrize("name", MUTANTS)
def test_the_simulation_notices(name: str) -> None:
    for seed in sorted(range(NORMAL), key=lambda seed: seed != FIRST.get(name)):
        with pytest.MonkeyPatch.context() as patch:
            MUTANTS[name](patch)
            world = run(seed)
        if judge(world):
            return
    pytest.fail(f"{name}: {NORMAL} seeds and nobody noticed")
