"""Devices and what they said last, from raw readings of at most one hour.

Promises  Every look at table reading names device, quantity and a span of at most an hour before the end of the chosen time.
Leaves    Longer spans to KPI history: no board reads raw readings over more than an hour.
"""

from collections.abc import Sequence

from catalog import tables
from catalog.quality import FLAG_MASK
from catalog.records import Quantity
from dashboards.sql.words import LONGEST_COLUMN, column, literal, values
from dashboards.texts import Texts

HOUR = "$__timeFilter(r.measured_at) AND r.measured_at > $__timeTo()::timestamptz - interval '1 hour'"
"""Within the chosen time and within its last hour; literals, so chunks outside are excluded when the query is planned."""

IN_AREA = f"""(device.area = ${{area:sqlstring}} OR device.area IN (
    SELECT below.id FROM {tables.AREA.name} below
    LEFT JOIN {tables.AREA.name} middle ON middle.id = below.parent
    WHERE below.parent = ${{area:sqlstring}} OR middle.parent = ${{area:sqlstring}}))"""


def heading(quantity: Quantity, texts: Texts) -> str:
    """Column heading of a quantity: its name and unit; as much of a long name as a heading may have."""
    unit, name = texts.unit(quantity.unit), texts.of(quantity.names)
    full = f"{name} ({unit})" if unit else name
    return full if len(full.encode()) <= LONGEST_COLUMN else name.encode()[: LONGEST_COLUMN - 3].decode(errors="ignore").rstrip() + "…"


def last_readings(kind: str, quantities: Sequence[Quantity], texts: Texts) -> str:
    """One row per device of the kind in the chosen area, with the newest reading of each quantity within the hour; silent ones first."""
    numbers = range(1, len(quantities) + 1)
    joins = "\n".join(_last_reading(f"r{n}", quantity.id) for n, quantity in zip(numbers, quantities, strict=True))
    cells = ",\n  ".join(f"r{n}.value AS {column(heading(quantity, texts))}" for n, quantity in zip(numbers, quantities, strict=True))
    newest = "greatest(" + ", ".join(f"r{n}.measured_at" for n in numbers) + ")"
    flag = "greatest(" + ", ".join(f"r{n}.quality & {FLAG_MASK}" for n in numbers) + ")"
    return f"""SELECT device.id AS {column(texts("device"))}, area.name_{texts.language} AS {column(texts("area"))},
  {newest} AS {column(texts("last_reading"))},
  {flag}::text AS {column(texts("quality"))},
  {cells}
FROM {tables.DEVICE_CURRENT.name} device
JOIN {tables.AREA.name} area ON area.id = device.area
{joins}
WHERE device.kind = {literal(kind)} AND device.city = ${{city:sqlstring}} AND {IN_AREA}
ORDER BY 3 NULLS FIRST, 1"""


def _last_reading(alias: str, quantity: str) -> str:
    return f"""LEFT JOIN LATERAL (
  SELECT r.measured_at, r.value, r.quality FROM {tables.READING.name} r
  WHERE r.device = device.no AND r.quantity = (SELECT no FROM {tables.QUANTITY.name} WHERE id = {literal(quantity)})
    AND {HOUR}
  ORDER BY r.measured_at DESC LIMIT 1
) {alias} ON true"""


def readings(quantities: Sequence[Quantity], texts: Texts) -> str:
    """Every reading of the chosen device within the hour: time, metric (the quantity's name and unit), value."""
    chosen = values("measured", ("id", "name"), [(quantity.id, heading(quantity, texts)) for quantity in quantities])
    return f"""SELECT r.measured_at AS "time", measured.name AS metric, r.value AS value
FROM {chosen}
JOIN {tables.QUANTITY.name} quantity ON quantity.id = measured.id
JOIN {tables.READING.name} r ON r.quantity = quantity.no
WHERE r.device = (SELECT no FROM {tables.DEVICE_CURRENT.name} WHERE id = ${{device:sqlstring}})
  AND {HOUR}
ORDER BY 1, 2"""
