"""What was published of a window before, whatever was said since: numbers that people may know.

Promises  Reads only, in the caller's transaction.
Leaves    What follows from it to formula/suppress.
"""

from collections.abc import Sequence

from catalog import tables
from catalog.windows import from_us
from storage.connect import Connection

_NUMBERS = f"""
    SELECT DISTINCT ON (area) area, value
    FROM (
        {
    " UNION ALL ".join(
        f"SELECT area, revision, value FROM {table.name}"
        " WHERE kpi = %(kpi)s AND version = %(version)s AND window_start = %(start)s AND area = ANY(%(areas)s) AND value IS NOT NULL"
        for table in (tables.KPI_VALUE, tables.KPI_RESTATED, tables.KPI_REVISION)
    )
}
    ) every
    ORDER BY area, revision DESC
"""


def numbers(connection: Connection, kpi: tuple[str, int], start_us: int, areas: Sequence[str]) -> dict[str, float]:
    """The number that the window was published with last, by area; areas that never had one are absent."""
    given = {"kpi": kpi[0], "version": kpi[1], "start": from_us(start_us), "areas": list(areas)}
    return dict(connection.execute(_NUMBERS, given).fetchall())
