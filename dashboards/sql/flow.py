"""Whether the stream flows: what was refused, and how far the event time has passed.

Promises  Small tables only, counted per hour and per partition by the writer.
"""

from catalog import tables
from dashboards.sql.words import column
from dashboards.texts import Texts


def rejected(texts: Texts) -> str:
    """Messages and readings refused within the chosen time, by reason; with those that named no known city."""
    return f"""SELECT reason AS {column(texts("reason"))}, sum(messages)::bigint AS {column(texts("messages"))},
  sum(readings)::bigint AS {column(texts("readings_count"))}
FROM {tables.REJECTED_COUNT.name}
WHERE (city = ${{city:sqlstring}} OR city = '') AND $__timeFilter(hour)
GROUP BY 1
ORDER BY 2 DESC, 1"""


def progress(texts: Texts) -> str:
    """Per kind of sensor the event time that every partition has passed, and how many seconds that is ago."""
    return f"""SELECT kind.name_{texts.language} AS {column(texts("kind"))}, min(w.watermark) AS {column(texts("passed"))},
  round(extract(epoch FROM now() - min(w.watermark))) AS {column(texts("behind"))}
FROM {tables.WATERMARK.name} w
JOIN {tables.SENSOR_KIND.name} kind ON kind.id = w.kind
WHERE w.watermark IS NOT NULL
GROUP BY 1
ORDER BY 3 DESC, 1"""
