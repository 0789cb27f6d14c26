"""A small faulty city through the whole pipeline, judged by the referee: nothing lost, nothing altered, KPIs right."""

from collections.abc import Iterator

import pytest

from simulators import checking
from simulators.simulate import Order, simulate
from simulators.worlds import worlds
from tests.packs import Box, DeviceRow, write_catalogue, write_city
from tests.pipeline import Pipeline
from tests.servers import System, start_system

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]

KINDS = ("air_quality", "noise", "traffic_loop", "parking", "waste_bin", "weather", "bicycle_counter")
QUICK = {kind: {"lateness_s": 2.0, "idle_s": 4.0} for kind in KINDS}


@pytest.fixture(scope="module")
def system(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with start_system(tmp_path_factory.mktemp("simulate"), postgres=servers.postgres) as found:
        yield found


def test_a_faulty_city_is_stored_flagged_and_counted_as_the_truth_says(system, tmp_path):
    rows = [DeviceRow(f"mini.{kind.replace('_', '-')}-{number:02d}", kind) for kind in KINDS for number in range(6)]
    write_city(tmp_path / "cities", "mini", Box(4.3, 50.8, 4.4, 50.9), "Europe/Brussels", rows, QUICK)
    kpis = ["noise_now", "traffic_flow", "pm2_5_now", "traffic_speed", "parking_free_now", "temperature_now"]
    catalogue = write_catalogue(tmp_path, kpis)
    there = worlds(["mini"], tmp_path / "cities", catalogue)[0]
    with Pipeline(system, cities="mini", cities_dir=tmp_path / "cities", catalog_dir=catalogue) as pipeline:
        run = simulate(Order(rate=300.0, scenario="faulty", seed=5, duration_s=125.0, per_message=4), pipeline.broker(), there)
        assert run.report.acknowledged == run.report.messages
        assert not run.report.refused
        known = checking.truth_of(run, there)
        found = checking.check(known, run.report, system.conninfo())
    assert found.lost == 0, found
    assert found.altered == 0
    assert found.unflagged_spikes == 0
    assert found.unflagged_late == 0
    assert found.stored_against_expectation == 0
    assert found.foreign == 0
    assert {each.kpi for each in found.kpis} == set(kpis)
    assert all(each.windows >= 3 and not each.missing and not each.wrong for each in found.kpis), found.kpis
    assert found.well
