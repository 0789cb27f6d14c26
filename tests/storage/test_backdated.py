"""Rule 4, last sentence: a change of the registry that dates back is found where it makes a device count otherwise, and nowhere else."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from catalog.records import Device
from catalog.windows import to_us
from formula.dated import Stands
from restate.places import Window
from runtime.clock import iso
from storage import spans
from storage.backdated import Stretch, stretches, touched
from storage.spans import Span
from tests.restate import making
from tests.stream.city import kpi
from tests.stream.test_formula_live import HOLD, catalogue, readings

HOUR = 3_600_000_000
NOW = to_us(datetime(2026, 3, 20, 12, tzinfo=UTC))
SINCE = NOW - 100 * HOUR
OLD = Device(id="c.a0", city="c", kind="air", area="c.1.n1", latitude=50.8, longitude=4.3)


def stored(**changes: Any) -> Span:
    (change,) = spans.changes(None, OLD, NOW - 200 * HOUR)
    return change.new._replace(no=7, **changes)


def device(**changes: Any) -> Device:
    return msgspec.structs.replace(OLD, **changes)


def found(before: Span | None, wanted: Device) -> list[Stretch]:
    return stretches(spans.changes(before, wanted, NOW), SINCE, NOW)


def test_rule_04_a_device_that_moved_earlier_than_was_known_touches_both_areas_since_then() -> None:
    moved = NOW - 10 * HOUR
    assert found(stored(), device(area="c.2.n2", valid_from=iso(moved))) == [
        Stretch("c.1.n1", "air", moved, NOW),
        Stretch("c.2.n2", "air", moved, NOW),
    ]
    # And put right once more: it moved later than was said.
    there = stored(area="c.2.n2", valid_from_us=moved, registered_at_us=NOW - 200 * HOUR)
    later = found(there, device(area="c.2.n2", valid_from=iso(moved + HOUR)))
    assert later == [Stretch("c.2.n2", "air", moved, moved + HOUR)]


def test_rule_04_what_counts_from_now_on_or_before_all_values_touches_nothing() -> None:
    assert found(stored(), device(area="c.2.n2")) == []
    assert found(stored(), device(area="c.2.n2", valid_from=iso(NOW + HOUR))) == []
    assert found(stored(), device(latitude=50.9)) == []
    assert found(None, OLD) == []
    assert stretches(spans.gone(stored(), NOW), SINCE, NOW) == []


def test_rule_04_what_was_owed_since_earlier_touches_the_coverage_of_then() -> None:
    assert found(None, device(valid_from=iso(NOW - 5 * HOUR))) == [Stretch("c.1.n1", "air", NOW - 5 * HOUR, NOW)]
    assert found(stored(), device(cadence_s=30.0, valid_from=iso(NOW - 2 * HOUR))) == [Stretch("c.1.n1", "air", NOW - 2 * HOUR, NOW)]
    assert found(stored(), device(valid_to=iso(NOW - 3 * HOUR))) == [Stretch("c.1.n1", "air", NOW - 3 * HOUR, NOW)]
    assert found(None, device(valid_from=iso(NOW - 900 * HOUR))) == [Stretch("c.1.n1", "air", SINCE, NOW)]


def test_rule_04_every_window_that_a_move_changes_is_marked() -> None:
    """Against the computation itself: all windows around the move, as the device was known to stand and as it stood."""
    kpis = [
        kpi("mean", "mean(pm2_5)", "hour", "ug/m3"),
        kpi("held", "time_mean(pm2_5)", "hour", "ug/m3"),
        kpi("grown", "increase(total)", "hour", "1"),
    ]
    catalogue_ = catalogue(kpis, (7, 19, 23), SINCE)
    start = SINCE // HOUR * HOUR
    given = readings(np.random.default_rng(5), start, 1)
    before = making.dated(catalogue_)
    number, moved, end = making.numbers(catalogue_)[0]["a0"], start + 5 * HOUR + 7 * 60_000_000, start + 9 * HOUR
    at = int(np.flatnonzero(before.stands.device == number)[0])
    columns = [np.insert(column, at + 1, column[at]) for column in before.stands[:7]]
    columns[2][at + 1] = before.areas.index("c.2.n2")
    columns[5][at], columns[4][at + 1] = moved, moved
    after = making.dated(catalogue_, Stands(*columns))  # type: ignore[arg-type]
    here = before.areas[int(before.stands.leaf[at])]
    marked = {(m.kpi, m.area, m.start_us) for m in touched(after, [Stretch(here, "air", moved, end), Stretch("c.2.n2", "air", moved, end)])}
    block, changed = making.block(catalogue_, given), 0
    for version in after.versions:
        for hour in range(start, end, HOUR):
            window = Window(version, "c", hour, hour + HOUR, np.arange(len(after.areas), dtype=np.int64))
            one, other = making.compute(before, window, block), making.compute(after, window, block)
            for n, area in enumerate(after.areas):
                if any(a[n] != b[n] and not (np.isnan(a[n]) and np.isnan(b[n])) for a, b in zip(one, other, strict=True)):
                    changed += 1
                    assert (version.kpi.id, area, hour) in marked
    assert changed > 10
    assert all(hour >= start + 5 * HOUR and hour <= end + HOLD for _, _, hour in marked)
