"""Tests of the test: a stream broken on purpose is noticed within the normal seeds."""

import pytest

from tests.simulation.judge import judge
from tests.simulation.mutants import MUTANTS
from tests.simulation.test_simulation import SEEDS
from tests.simulation.world import run


@pytest.mark.parametrize("name", MUTANTS)
def test_the_simulation_notices(name: str) -> None:
    for seed in range(len(SEEDS)):
        with pytest.MonkeyPatch.context() as patch:
            MUTANTS[name](patch)
            world = run(seed)
        if judge(world):
            return
    pytest.fail(f"{name}: {len(SEEDS)} seeds and nobody noticed")
