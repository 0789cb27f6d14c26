"""The referee knows every KPI of the catalogue, and says of each what the batch oracle of the chaos tests says: two slow forms that share no code."""

import math
import zlib

import msgspec
import numpy as np
import pandas as pd
import pytest

from catalog.records import Area, Device, Kpi, Quantity
from catalog.windows import to_us
from chaos import oracle_ground
from chaos.oracle import Oracle, Passed
from chaos.oracle_formula import Formula
from chaos.oracle_ground import FAR_US, Place
from chaos.rules import to_steps
from simulators import aggregates, referee
from simulators.ground import Ground, ground
from tests.simulators.cities import CATALOGUE, CITY

HOUR_US = 3_600_000_000
NEW_YEAR_US = to_us(pd.Timestamp("2025-01-01", tz=CITY.time_zone).to_pydatetime())
HOMES = ("n1", "n2", "n3")


def area(id_: str, level: str, parent: str | None, population: int) -> Area:
    texts = {"en": id_, "fr": id_, "nl": id_}
    found = {
        "id": id_,
        "city": "here",
        "level": level,
        "parent": parent,
        "names": texts,
        "population": population,
        "latitude": 50.5,
        "longitude": 4.5,
    }
    return msgspec.convert(found, Area)


AREAS = {
    each.id: each
    for each in (
        area("here", "city", None, 4_000),
        area("d1", "district", "here", 4_000),
        area("d2", "district", "here", 0),
        area("n1", "neighbourhood", "d1", 1_000),
        area("n2", "neighbourhood", "d1", 3_000),
        area("n3", "neighbourhood", "d2", 0),
    )
}
"""Where nobody lives there is no rate and no exposure."""
KPIS = {id_: msgspec.structs.replace(kpi, smallest_count=0, counts=()) for id_, kpi in CATALOGUE.kpis.items()}
"""What is withheld is computed first."""
LIMIT_US = NEW_YEAR_US + 800 * 24 * HOUR_US
PLACES = tuple(Place(f"{kind}.{home}", kind, home, 1_000_000, -FAR_US, FAR_US, LIMIT_US) for kind in CATALOGUE.kinds for home in HOMES)
"""Nothing is due of them, so that every window with a reading has coverage enough."""
DEVICES = {each.device: Device(id=each.device, city="here", kind=each.kind, area=each.area, latitude=50.5, longitude=4.5) for each in PLACES}
GROUND = ground(CITY, AREAS, DEVICES, CATALOGUE.kinds, KPIS)
ORACLE_GROUND = oracle_ground.Ground(CITY, AREAS, CATALOGUE.kinds, CATALOGUE.quantities, KPIS, PLACES)


def series(quantity: Quantity, device: str, kind: str, at_us: np.ndarray) -> pd.DataFrame:
    """Values around the typical one, on the steps of the resolution; the device in n2 falls silent for half of the time."""
    chance = np.random.default_rng(zlib.crc32(f"{device} {quantity.id}".encode()))
    measured = CATALOGUE.kinds[kind].quantities[quantity.id]
    low, high = measured.plausible
    middle = measured.typical if measured.typical is not None else low + 0.35 * (high - low)
    values = pd.Series(np.clip(middle + (high - low) * 0.1 * chance.standard_normal(len(at_us)), low, high))
    rows = pd.DataFrame({"device": device, "quantity": quantity.id, "at_us": at_us + chance.integers(0, HOUR_US // 10, len(at_us))})
    rows["integer"] = to_steps(values, quantity)
    rows["value"] = [float(step) * quantity.resolution for step in rows["integer"]]
    return rows[len(rows) // 2 :] if device.endswith("n2") and chance.random() < 0.5 else rows


def readings(kpi: Kpi) -> pd.DataFrame:
    """Around new year, and of KPIs that look back a week before, too."""
    length_h, step_h = {"minute": (0.5, 0.1), "quarter_hour": (2, 0.1), "hour": (6, 0.25)}.get(kpi.window, (60, 1.0))
    begins = [0.0, *(-168.0 for _ in range(referee.looks_back(kpi)))]
    at_us = np.concatenate(
        [NEW_YEAR_US + (np.arange(begin - length_h / 2, begin + length_h / 2, step_h) * HOUR_US).astype(np.int64) for begin in sorted(begins)]
    )
    quantities = Formula(kpi).quantities
    kinds = {quantity: min(kind.id for kind in CATALOGUE.kinds.values() if quantity in kind.quantities) for quantity in quantities}
    found = [
        series(CATALOGUE.quantities[quantity], f"{kinds[quantity]}.{home}", kinds[quantity], at_us)
        for quantity in sorted(quantities)
        for home in HOMES
    ]
    return pd.concat(found, ignore_index=True)


def by_oracle(kpi: Kpi, table: pd.DataFrame) -> dict[tuple[str, int], tuple[float, int]]:
    """Value (NaN: none) and devices by area and window."""
    passed = Passed(dict.fromkeys(CATALOGUE.kinds, LIMIT_US), LIMIT_US, {})
    found = Oracle(ORACLE_GROUND, table.rename(columns={"at_us": "measured_us"}), passed).judge(kpi).finals
    return {key: (math.nan if final.value is None else final.value, final.devices) for key, final in found.items() if final.devices}


@pytest.mark.parametrize("kpi", KPIS.values(), ids=lambda kpi: kpi.id)
def test_every_kpi_of_the_catalogue_is_judged_as_the_oracle_judges_it(kpi: Kpi) -> None:
    table = readings(kpi)
    found = referee.judge(kpi, table, GROUND)
    spoken = found[found["devices"] > 0]
    mine = {(row.area, int(row.window_start_us)): (row.value, int(row.devices)) for row in spoken.itertuples()}
    theirs = by_oracle(kpi, table)
    assert mine.keys() == theirs.keys()
    pairs = [(mine[key], theirs[key]) for key in sorted(mine)]
    assert [mine[1] for mine, _ in pairs] == [theirs[1] for _, theirs in pairs]
    assert [mine[0] for mine, _ in pairs] == pytest.approx([theirs[0] for _, theirs in pairs], rel=1e-9, nan_ok=True)
    assert found["value"].notna().any()
    assert found.loc[found["devices"] == 0, "value"].isna().all()


def test_a_formula_with_an_unknown_function_is_refused_with_its_kpi() -> None:
    unknown = msgspec.structs.replace(KPIS["pm2_5_now"], formula="phlogiston(mean(pm2_5))")
    with pytest.raises(aggregates.UnknownFormulaError, match="pm2_5_now"):
        referee.judge(unknown, readings(KPIS["pm2_5_now"]), GROUND)


def test_a_kpi_that_is_looked_back_at_must_be_known() -> None:
    lonely: Ground = GROUND._replace(kpis={})
    with pytest.raises(aggregates.UnknownFormulaError, match="does not know traffic_day"):
        referee.judge(KPIS["traffic_week_change"], readings(KPIS["traffic_week_change"]), lonely)
