"""Every KPI's second opinion: its check_sql, on a real database, gives what its formula gives for the same readings."""

import datetime as dt
import math
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import psycopg
import pytest

from catalog.cities import CityPack, load_city
from catalog.load import load_catalogue
from catalog.quality import Cause, Flag, good
from catalog.records import Kpi
from catalog.windows import from_us, to_us, window_of
from formula.compile import compile_kpi
from tests.oracles.aggregates import Reading, aggregate
from tests.servers import System, start_system

pytestmark = pytest.mark.integration

CATALOGUE = load_catalogue()
AT_US = to_us(dt.datetime(2026, 3, 4, 21, 30, 20, tzinfo=dt.UTC))
"""In the minute in which every device speaks; half past ten in the evening in Zwolle."""
MINUTE_US = 60_000_000


class Row(NamedTuple):
    device: str
    quantity: str
    at_us: int
    value: float
    quality: int


class Filled(NamedTuple):
    connection: psycopg.Connection[tuple[object, ...]]
    pack: CityPack
    rows: list[Row]


def readings(pack: CityPack) -> list[Row]:
    """Every device of a fifth of the city: often around AT_US, now and then over the day before and after, some of it bad."""
    rows = []
    for device in pack.devices.values():
        if zlib.crc32(device.id.encode()) % 5:
            continue
        chance = np.random.default_rng(zlib.crc32(device.id.encode()))
        near = AT_US + chance.integers(-15, 15, 4) * 1_000_000
        far = AT_US + chance.integers(-24 * 60, 6 * 60, 40) * MINUTE_US + chance.integers(0, 60_000_000, 40)
        for quantity, measured in CATALOGUE.kinds[device.kind].quantities.items():
            step = CATALOGUE.quantities[quantity].resolution
            low, high = measured.plausible
            for at_us in sorted({*near.tolist(), *far.tolist()}):
                value = round((low + chance.random() * (high - low)) / step) * step
                quality = int(
                    chance.choice([Flag.GOOD, Flag.NOT_EVALUATED, Flag.SUSPECT | Cause.PLAUSIBLE_RANGE, Flag.BAD], p=[0.7, 0.2, 0.06, 0.04])
                )
                rows.append(Row(device.id, quantity, at_us, value, quality))
    return rows


@pytest.fixture(scope="module")
def filled(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with start_system(tmp_path_factory.mktemp("check_sql"), postgres=servers.postgres) as system:
        system.migrate(cities="zwolle")
        pack = load_city("zwolle")
        rows = readings(pack)
        with psycopg.connect(system.conninfo("kompas_writer")) as connection:
            device = {row[0]: row[1] for row in connection.execute("SELECT id, no FROM device")}
            quantity = {row[0]: row[1] for row in connection.execute("SELECT id, no FROM quantity")}
            with connection.cursor().copy("COPY reading (device, quantity, measured_at, received_at, value, quality) FROM STDIN") as copy:
                for row in rows:
                    at = from_us(row.at_us)
                    copy.write_row((device[row.device], quantity[row.quantity], at, at, row.value, row.quality))
        with psycopg.connect(system.conninfo("kompas_reader")) as connection:
            yield Filled(connection, pack, rows)


def area_of(pack: CityPack, device: str, level: str) -> str:
    code = pack.devices[device].area
    while pack.areas[code].level != level:
        parent = pack.areas[code].parent
        assert parent is not None
        code = parent
    return code


def by_formula(kpi: Kpi, level: str, window: tuple[int, int], filled: Filled) -> dict[str, float]:
    plan = compile_kpi(kpi, CATALOGUE.quantities)
    inputs: dict[str, dict[str, list[Reading]]] = {}
    for row in filled.rows:
        near = window[0] - 60 * MINUTE_US <= row.at_us < window[1] + 60 * MINUTE_US
        if near and row.quantity in plan.quantities and good(row.quality):
            hold_s = CATALOGUE.kinds[filled.pack.devices[row.device].kind].max_hold_s or 0.0
            place = inputs.setdefault(area_of(filled.pack, row.device, level), {})
            place.setdefault(row.quantity, []).append(Reading(row.device, row.at_us, row.value, int(hold_s * 1_000_000)))
    found = {}
    for area, held in inputs.items():
        values = {spec.id: np.array([aggregate(spec, held.get(spec.quantity, []), window, filled.pack.city)]) for spec in plan.aggregates}
        value = float(plan.evaluate(values)[0])
        if not math.isnan(value):
            found[area] = value
    return found


CASES = [(kpi, level) for kpi in CATALOGUE.kpis.values() for level in kpi.levels]


@pytest.mark.parametrize(("kpi", "level"), CASES, ids=[f"{kpi.id}-{level}" for kpi, level in CASES])
def test_check_sql_agrees_with_the_formula(kpi: Kpi, level: str, filled: Filled) -> None:
    window = window_of(AT_US, kpi.window, filled.pack.city.time_zone)
    start, end = (from_us(edge_us) for edge_us in window)
    rows = filled.connection.execute(kpi.check_sql.encode(), {"window_start": start, "window_end": end, "level": level}).fetchall()
    by_sql = {str(area): float(value) for area, value in rows if value is not None}  # type: ignore[arg-type]
    expected = by_formula(kpi, level, window, filled)
    assert expected, "the test has no readings for this KPI"
    assert by_sql == pytest.approx(expected, rel=1e-9)
