"""A town, a table of truth and what a platform without a fault would make of it; the tests break one thing at a time."""

from typing import Any, NamedTuple

import pandas as pd

from catalog.kpi_value import KpiValue
from catalog.records import Area, City, Device, Kpi, Measured, Quantity, SensorKind
from chaos import oracle_readings, rules
from chaos.consumer import Consumer, Settled
from chaos.oracle import Final, Oracle, Passed
from chaos.oracle_ground import FAR_US, Ground, Place
from chaos.verdict import Row
from runtime.clock import iso_s

SECOND, MINUTE = 1_000_000, 60_000_000
START = 1_700_000_040 * SECOND
"""A whole minute."""
NAMES = {"en": "x", "fr": "x", "nl": "x"}


def quantity(id_: str, resolution: float = 0.1, possible: tuple[float, float] = (-1_000.0, 1_000_000.0), **more: Any) -> Quantity:
    return Quantity(id=id_, names=NAMES, unit=more.pop("unit", "u"), possible=possible, resolution=resolution, **more)


def kpi(id_: str, formula: str, min_coverage: float = 0.5, **more: Any) -> Kpi:
    given: dict[str, Any] = {"window": "minute", "levels": ("neighbourhood", "city")} | more
    texts: dict[str, Any] = dict.fromkeys(("owner", "steward", "source", "check_sql"), "x")
    return Kpi(
        id=id_, version=1, names=NAMES, descriptions=NAMES, unit="u", formula=formula, min_coverage=min_coverage, better="neither", **texts, **given
    )


QUANTITIES = {
    each.id: each for each in (quantity("dust"), quantity("drawn", 0.001, counter=True), quantity("free", 1.0), quantity("level", unit="dB"))
}
KINDS = {
    "box": SensorKind(
        id="box", names=NAMES, quantities={"dust": Measured(plausible=(0.0, 500.0))}, cadence_s=10.0, lateness_s=2.0, idle_s=4.0, max_age_s=900.0
    ),
    "meter": SensorKind(
        id="meter",
        names=NAMES,
        quantities={name: Measured(plausible=(0.0, 1e5)) for name in ("drawn", "free", "level")},
        cadence_s=20.0,
        lateness_s=2.0,
        idle_s=4.0,
        max_hold_s=30.0,
    ),
}
KPIS = {
    each.id: each
    for each in (
        kpi("mean", "mean(dust)"),
        kpi("high", "p95(dust)"),
        kpi("grown", "increase(drawn)"),
        kpi("held", "time_mean(free)"),
        kpi("loud", "leq(level)", 0.0),
        kpi("share", "percent(ratio(sum(free), sum(dust)))"),
    )
}
CITY = City(id="town", names=NAMES, time_zone="Europe/Brussels", west=0, south=0, east=1, north=1)
AREAS = {
    each.id: each
    for each in (
        Area(id="town", city="town", level="city", parent=None, names=NAMES, population=90, latitude=0, longitude=0),
        Area(id="town.a", city="town", level="neighbourhood", parent="town", names=NAMES, population=60, latitude=0, longitude=0),
        Area(id="town.b", city="town", level="neighbourhood", parent="town", names=NAMES, population=30, latitude=0, longitude=0),
    )
}
DEVICES = {
    f"{kind}-{n}": Device(id=f"{kind}-{n}", city="town", kind=kind, area=area, latitude=0, longitude=0)
    for kind in KINDS
    for n, area in enumerate(("town.a", "town.a", "town.b"))
}
PLACES = tuple(
    Place(device.id, device.kind, device.area, round(KINDS[device.kind].cadence_s * SECOND), -FAR_US, FAR_US, START) for device in DEVICES.values()
)
GROUND = Ground(CITY, AREAS, KINDS, QUANTITIES, KPIS, PLACES)
UNTIL = START + 10 * MINUTE
PASSED = Passed({"box": START + 5 * MINUTE + 7, "meter": START + 4 * MINUTE}, UNTIL, {})


def sent_rows() -> pd.DataFrame:
    """Five minutes of readings; box-2, alone in its area, is silent in the third minute."""
    rows = []
    for n, (device, record) in enumerate(DEVICES.items()):
        step = round(KINDS[record.kind].cadence_s * SECOND)
        for k in range(5 * MINUTE // step):
            at = START + k * step + n * 137_000
            if device == "box-2" and START + 2 * MINUTE <= at < START + 3 * MINUTE:
                continue
            for q, name in enumerate(KINDS[record.kind].quantities):
                value = {"dust": 12.3 + n + (k * 7 % 11) / 10, "drawn": 5.0 + k * 0.125, "free": float(40 + k % 5), "level": 50.0 + (k + n) % 9}[name]
                rows.append((device, name, at, value, True, "", at + 20_000, at + 30_000, len(rows), q))
    columns = ["device", "quantity", "measured_us", "value", "has_time", "fault", "sent_us", "acked_us", "message", "index"]
    return pd.DataFrame(rows, columns=columns)


class Platform(NamedTuple):
    """What is stored and said when nothing goes wrong."""

    readings: pd.DataFrame
    values: list[Row]
    said: Consumer


def judged(sent: pd.DataFrame) -> pd.DataFrame:
    return rules.judge(sent, DEVICES, KINDS, QUANTITIES, UNTIL)


def oracle_of(sent: pd.DataFrame, stored: pd.DataFrame) -> Oracle:
    counted = oracle_readings.compare(judged(sent), stored).counted
    return Oracle(GROUND, counted[counted["plausible"].astype(bool)], PASSED)


def stored_of(sent: pd.DataFrame) -> pd.DataFrame:
    rows = judged(sent)
    there = rows[rows["fate"] != rules.REFUSED].drop_duplicates(oracle_readings.KEY)
    return there[[*oracle_readings.KEY, "value"]].assign(received_us=there["sent_us"] + 5_000, quality=1)


def platform(sent: pd.DataFrame) -> Platform:
    """A platform that is right because it says what the oracle says: what the tests then break."""
    stored = stored_of(sent)
    oracle = oracle_of(sent, stored)
    values = []
    for record in KPIS.values():
        answer = oracle.judge(record)
        values += [row(record.id, key[0], key[1], answer.finals[key]) for key in sorted(answer.owed)]
    said = Consumer()
    for value in values:
        said.hear(message(value))
    return Platform(stored, values, said)


def row(kpi_id: str, area: str, start_us: int, final: Final, revision: int = 1) -> Row:
    end_us = start_us + MINUTE
    return Row(kpi_id, 1, area, start_us, end_us, Settled(revision, final.value, final.state, final.coverage, final.devices, iso_s(end_us)))


def message(of: Row, **more: Any) -> KpiValue:
    """As it travels."""
    settled = of.settled
    given: dict[str, Any] = {
        "kpi": of.kpi,
        "version": of.version,
        "area": of.area,
        "window_start": iso_s(of.start_us),
        "window_end": settled.window_end,
        "value": settled.value,
        "state": settled.state,
        "band": None,
        "unit": "u",
        "coverage": settled.coverage,
        "devices": settled.devices,
        "revision": settled.revision,
        "status": "final",
        "reason": None,
        "epoch": "0/7",
        "computed_at": "",
    }
    return KpiValue(**(given | more))
