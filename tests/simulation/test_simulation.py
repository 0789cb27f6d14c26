"""Seeds lived through and judged. One seed again: KOMPAS_SIMULATION_SEED=17 pytest tests/simulation."""

import os
from collections import Counter

import pytest

from tests.simulation.judge import judge
from tests.simulation.world import World, run

NORMAL = 24
"""Seeds of every test run: about half a second of a core each."""
ONE = os.environ.get("KOMPAS_SIMULATION_SEED")
SEEDS = [int(ONE)] if ONE else list(range(NORMAL))
MORE = [] if ONE else [range(first, first + 100) for first in range(1000, 4000, 100)]


MET: dict[int, tuple[Counter[str], int]] = {}
"""What happened in the seeds that were lived through, and how many commits were refused."""


def lived(seed: int) -> World:
    """One run, remembered."""
    world = run(seed)
    MET[seed] = world.happened, world.broker.refused_commits
    return world


def verdict(seed: int) -> str:
    """Empty, or everything that the seed brought to light."""
    world = lived(seed)
    found = judge(world)
    if not found:
        return ""
    told = "\n  ".join(found[:20])
    return f"seed {seed} (again with KOMPAS_SIMULATION_SEED={seed}), {len(found)} differences; {dict(world.happened)}\n  {told}"


@pytest.mark.parametrize("seed", SEEDS)
def test_rules_06_to_21_hold_whatever_dies_repeats_or_comes_late(seed: int) -> None:
    assert verdict(seed) == ""


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seeds", MORE, ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_rules_06_to_21_hold_in_thousands_of_interleavings(seeds: range) -> None:
    assert [found for seed in seeds if (found := verdict(seed))] == []


def trace(world: World) -> list[tuple[object, ...]]:
    """Everything that was said, in order: who said what where."""
    logs = world.broker.logs.items()
    return [(part, [(record.key, record.value) for record in log if part[0] != "kompas.state.v1"]) for part, log in sorted(logs)]


@pytest.mark.parametrize("seed", [3])
def test_a_seed_is_the_same_run_every_time(seed: int) -> None:
    one, other = run(seed), run(seed)
    assert one.happened == other.happened
    assert trace(one) == trace(other)


def test_the_normal_seeds_meet_every_kind_of_trouble() -> None:
    """So that a green run means something: crashes, refused commits, torn snapshots, gaps, failed sends all happen."""
    wanted = {"exit 137", "exit 75", "exit 70", "exit 3", "snapshot_missing", "snapshot_of_another_layout", "send_failed", "offset_gap"}
    for seed in range(NORMAL):
        if seed not in MET:
            lived(seed)
        if wanted <= {name for happened, _ in MET.values() for name in happened} and any(refused for _, refused in MET.values()):
            return
    pytest.fail(f"wanted {sorted(wanted)} and refused commits, got {[(sorted(happened), refused) for happened, refused in MET.values()]}")
