"""Live equals replay: every indicator of the catalogue in every area, over the windows of a whole generated day, computed again from what is stored.

The day has readings that came late. What they change is marked; everything else says the same again.
"""

from datetime import timedelta

import pytest

from catalog.records import Kpi
from catalog.windows import to_us
from restate import recompute
from runtime import clock
from storage.queries import restating
from tests.day import pack
from tests.day.record import Day

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def asked(kpi: Kpi) -> recompute.Asked:
    """All of its windows; of those of a minute two hours."""
    if kpi.window == "minute":
        return recompute.Asked(kpi.id, (), to_us(pack.NOON), to_us(pack.NOON + timedelta(hours=2)))
    from_ = pack.SINCE if kpi.window in ("quarter_hour", "hour") else pack.MONTHS[0]
    return recompute.Asked(kpi.id, (), to_us(from_), to_us(pack.END))


@pytest.mark.slow  # a minute; tests/integration/test_restate.py asks the same of a smaller stretch
def test_a_finished_day_says_the_same_again_but_where_it_is_marked(day: Day) -> None:
    with day.connect() as connection:
        marked = {(*row[:3], to_us(row[3])) for row in connection.execute("SELECT kpi, version, area, window_start FROM dirty_window")}
    store = restating.Restating(day.system.conninfo())
    store.open(alone=False)
    compared, differing, unmarked = dict.fromkeys(day.catalogue.kpis, 0), 0, []
    try:
        known = store.known()
        for id_, kpi in day.catalogue.kpis.items():
            for window in recompute.windows(known, asked(kpi), store.passed(known), clock.now_us()):
                with store.snapshot() as snapshot:
                    for each in recompute.compare(snapshot, known.dated, window):
                        compared[id_] += 1
                        differing += each.differs
                        if each.differs and each.mark[:4] not in marked:
                            unmarked.append(recompute.row(each))
    finally:
        store.close()
    assert not unmarked, (len(unmarked), unmarked[:3])
    assert min(compared.values()) > 0
    assert differing > 10, "late readings change something"
    assert sum(compared.values()) > 50 * differing
