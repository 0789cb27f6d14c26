"""The demo process at set-up: it plays the registers' months beside the sensors, and a second start plays none of them again."""

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from catalog.cities import load_city
from catalog.load import load_catalogue
from catalog.windows import from_us, to_us
from runtime import clock
from simulators.history import YEARS
from simulators.registers import Offices, steps
from tests.pipeline import Pipeline
from tests.servers import System, start_system

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]

_ROWS = "SELECT count(*), count(DISTINCT device), min(measured_at), max(measured_at) FROM reading_named WHERE starts_with(device, 'register:')"
_LIVE = "SELECT count(*) FROM reading_named WHERE NOT starts_with(device, 'register:') AND received_at > %s"


def _speaks(pipeline: Pipeline, since: datetime) -> bool:
    return bool(pipeline.value(_LIVE, since) > 200)


def test_the_demo_plays_the_months_once(servers: System, tmp_path_factory: pytest.TempPathFactory) -> None:
    pack, catalogue = load_city("zwolle"), load_catalogue()
    zone = ZoneInfo(pack.city.time_zone)
    now_us = clock.now_us()
    first = datetime(from_us(now_us).astimezone(zone).year - YEARS, 1, 1, tzinfo=zone)
    offices = Offices(pack.city, list(pack.devices.values()), pack.areas, catalogue.kinds, catalogue.quantities, 1)
    due = list(steps(offices, to_us(first), now_us))
    expected = sum(len(catalogue.kinds[device.kind].quantities) for _, devices in due for device in devices)
    with start_system(tmp_path_factory.mktemp("demo"), postgres=servers.postgres) as system, Pipeline(system, cities="zwolle") as pipeline:
        for _ in range(2):
            since = from_us(clock.now_us())
            demo = system.spawn("demo", cities="zwolle").wait_ready(60.0)
            pipeline.until(
                lambda: pipeline.value("SELECT count(*) FROM reading_named WHERE starts_with(device, 'register:')") >= expected, 300.0, "rows"
            )
            pipeline.until(partial(_speaks, pipeline, since), 60.0, "live readings")
            assert pipeline.rows(_ROWS) == [(expected, len(due[0][1]), from_us(due[0][0]), from_us(due[-1][0]))]
            demo.stop()
        assert pipeline.value("SELECT coalesce(sum(total), 0)::bigint FROM stored_total WHERE name IN ('late_duplicates', 'late_conflicts')") == 0
        assert pipeline.value("SELECT coalesce(sum(messages), 0)::bigint FROM rejected_count") == 0
        assert pipeline.value("SELECT count(*) FROM kpi_value WHERE kpi = 'open_data_fresh' AND state = 'ok'") >= 12 * YEARS - 1
