"""The oracle on the generated day: every indicator of the catalogue, every area and every window, as the stream published them."""

import pandas as pd
import pytest

from catalog.quality import Cause
from chaos import evidence, rules, verdict
from chaos.oracle import Oracle, Passed
from chaos.oracle_ground import Ground
from runtime import clock
from tests.day.record import Day

pytestmark = pytest.mark.integration

# Nothing restates on that day: what came late, and what was corrected after its window closed, is in no published value.
_COUNTED = f"""
    SELECT device, quantity, (extract(epoch FROM measured_at) * 1000000)::bigint, value
    FROM reading_named WHERE good(quality) AND (quality & {int(Cause.LATE)}) = 0
"""


def test_what_the_stream_published_of_a_day_is_what_the_oracle_says(day: Day) -> None:
    catalogue = day.catalogue
    kpis = {id_: kpi for id_, kpi in catalogue.kpis.items() if not kpi.smallest_count}
    with day.connect() as connection:
        good = pd.DataFrame(connection.execute(_COUNTED.encode()).fetchall(), columns=["device", "quantity", "measured_us", "value"])
        places = evidence.places_of(connection, day.there)
        rows = [row for row in evidence.values_of(connection, day.there.pack.city) if row.kpi in kpis]
        passed = Passed(evidence.watermarks_of(connection), clock.now_us(), {})
    steps = [rules.to_steps(of["value"], catalogue.quantities[str(quantity)]) for quantity, of in good.groupby("quantity")]
    ground = Ground(day.there.pack.city, day.there.pack.areas, catalogue.kinds, catalogue.quantities, catalogue.kpis, places)
    found = verdict.Findings()
    compared = verdict.of_values(Oracle(ground, good.assign(integer=pd.concat(steps)), passed), kpis, rows, found)
    assert not found.told
    assert compared == len(rows) > 30_000
    assert {row.kpi for row in rows} == set(kpis)
