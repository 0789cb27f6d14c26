"""Tests of the test: a stream broken on purpose is noticed within the normal seeds."""

import pytest

from tests.simulation.judge import judge
from tests.simulation.mutants import MUTANTS
from tests.simulation.test_simulation import NORMAL
from tests.simulation.world import run

FIRST = {
    "no_offset_check": 3,
    "gaps_pass": 3,
    "commit_before_outputs": 1,
    "no_epoch": 1,
    "merge_by_arrival": 1,
    "forget_census": 2,
    "former_writer_goes_on": 6,
}
"""Where seed 0 does not notice: one that is known to, tried before the others. To save time, not to find more."""


@pytest.mark.parametrize("name", MUTANTS)
def test_the_simulation_notices(name: str) -> None:
    for seed in sorted(range(NORMAL), key=lambda seed: seed != FIRST.get(name)):
        with pytest.MonkeyPatch.context() as patch:
            MUTANTS[name](patch)
            world = run(seed)
        if judge(world):
            return
    pytest.fail(f"{name}: {NORMAL} seeds and nobody noticed")
