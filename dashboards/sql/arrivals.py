"""What came of a kind of sensor and what it was worth: verdicts and causes of the last hour, by device and by owner.

Promises  As in sql/devices: every look at table reading names device, quantity and a span of at most an hour.
Leaves    The same over the clock's last hour, for psql, to the views device_arrivals and owner_arrivals.
"""

from collections.abc import Sequence

from catalog import tables
from catalog.quality import Cause
from catalog.records import Quantity
from dashboards.sql.devices import HOUR, IN_AREA
from dashboards.sql.words import column, literal
from dashboards.texts import Texts

_COUNTS = ("readings_count", "good", "suspect", "late", "gateway_time", "duplicates", "conflicts")


def by_device(kind: str, quantities: Sequence[Quantity], texts: Texts) -> str:
    """One row per device of the kind in the chosen area that sent something, the most doubtful first."""
    heads = ", ".join(f"came.{name} AS {column(texts(name))}" for name in _COUNTS)
    return f"""SELECT came.device AS {column(texts("device"))}, came.area AS {column(texts("area"))}, came.owner AS {column(texts("owner"))}, {heads}
FROM (
{_came(kind, quantities, texts)}
) came
WHERE came.readings_count + came.duplicates + came.conflicts > 0
ORDER BY came.suspect + came.late + came.duplicates + came.conflicts DESC, 1"""


def by_owner(kind: str, quantities: Sequence[Quantity], texts: Texts) -> str:
    """One row per owner of devices of the kind in the chosen area; how many of them sent nothing."""
    heads = ", ".join(f"sum(came.{name})::bigint AS {column(texts(name))}" for name in _COUNTS)
    return f"""SELECT came.owner AS {column(texts("owner"))}, count(*) AS {column(texts("devices"))},
  count(*) FILTER (WHERE came.readings_count = 0) AS {column(texts("silent"))}, {heads}
FROM (
{_came(kind, quantities, texts)}
) came
GROUP BY came.owner
ORDER BY 1"""


def _came(kind: str, quantities: Sequence[Quantity], texts: Texts) -> str:
    ids = ", ".join(literal(quantity.id) for quantity in quantities)
    return f"""  SELECT device.id AS device, area.name_{texts.language} AS area,
    coalesce(nullif(device.owner, ''), nullif(kind.document ->> 'owner', ''), '–') AS owner,
    r.readings_count, r.good, r.readings_count - r.good AS suspect, r.late, r.gateway_time,
    coalesce(c.duplicates, 0) AS duplicates, coalesce(c.conflicts, 0) AS conflicts
  FROM {tables.DEVICE_CURRENT.name} device
  JOIN {tables.AREA.name} area ON area.id = device.area
  JOIN {tables.SENSOR_KIND.name} kind ON kind.id = device.kind
  CROSS JOIN LATERAL (
    SELECT count(*) AS readings_count, count(*) FILTER (WHERE good(r.quality)) AS good,
      count(*) FILTER (WHERE r.quality & {int(Cause.LATE)} <> 0) AS late,
      count(*) FILTER (WHERE r.quality & {int(Cause.GATEWAY_TIME)} <> 0) AS gateway_time
    FROM {tables.READING.name} r
    WHERE r.device = device.no AND r.quantity IN (SELECT no FROM {tables.QUANTITY.name} WHERE id IN ({ids}))
      AND {HOUR}
  ) r
  LEFT JOIN LATERAL (
    SELECT sum(c.duplicates)::bigint AS duplicates, sum(c.conflicts)::bigint AS conflicts FROM {tables.REPEAT_COUNT.name} c
    WHERE c.device = device.no AND c.hour > $__timeTo()::timestamptz - interval '2 hours' AND c.hour <= $__timeTo()
  ) c ON true
  WHERE device.kind = {literal(kind)} AND device.city = ${{city:sqlstring}} AND {IN_AREA}"""
