"""Whatever dies, stops, fills up or speaks nonsense: nothing is lost, nothing stands there twice, and every settled value is the oracle's."""

from pathlib import Path
from random import Random

import pytest

from chaos.plan import FULL, SHORT, Kind, least_s, plan, steps
from chaos.result import Result
from chaos.run import Order, run
from tests.servers import System

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

SEEDS = range(1, 21)
FULL_S = 120.0


def proven(found: Result, faults: tuple[tuple[Kind, str], ...]) -> None:
    assert (found.lost, found.double, found.wrong, found.ledger) == (0, 0, 0, 0), found.details
    assert {fault.fault for fault in found.faults} == {f"{kind} {victim}" for kind, victim in faults}
    assert all(fault.recovered_s is not None for fault in found.faults), found.recovery_s
    for kind, victim in faults:
        if kind == "kill" and victim in found.restarts and victim != "gateway":
            assert found.restarts[victim] >= 1, victim
    for fault in found.faults:
        if fault.fault.startswith("pause"):
            assert fault.lasted_s > Order(1, 1.0).session_s


def test_the_short_list_of_faults_changes_no_number(servers: System, tmp_path: Path) -> None:
    found = run(Order(1, least_s(SHORT), SHORT), tmp_path, print, servers.postgres)
    proven(found, SHORT)
    assert found.readings > 2_500
    assert found.broken > 100
    assert found.windows > 100
    assert found.lost_in_broker == 0


def verbs(seed: int, faults: tuple[tuple[Kind, str], ...]) -> set[str]:
    rng = Random(seed)
    return {step.verb for fault in plan(seed, least_s(faults), Order(seed, 1.0).session_s, faults) for step in steps(fault, rng)}


@pytest.mark.slow
def test_rule_26_only_what_a_killed_mosquitto_had_not_saved_is_gone(servers: System, tmp_path: Path) -> None:
    faults: tuple[tuple[Kind, str], ...] = (("kill", "writer"), ("kill", "mosquitto"))
    seed = next(seed for seed in range(100) if "away" in verbs(seed, faults))
    found = run(Order(seed, least_s(faults), faults), tmp_path, print, servers.postgres)
    proven(found, faults)
    assert 0 < found.lost_in_broker < found.readings / 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_full_list_of_faults_changes_no_number(tmp_path: Path, seed: int) -> None:
    found = run(Order(seed, FULL_S, FULL), tmp_path, print)
    proven(found, FULL)
    assert found.disk
