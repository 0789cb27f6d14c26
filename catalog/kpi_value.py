"""One KPI value as it travels on `kompas.kpis.v1` and stands in the database.

Promises  The field names, types and order of schema kpi_value/1; AsyncAPI and SQL columns follow them.
Leaves    Computing it to stream/combiner, storing it to storage/.
"""

from typing import Literal

import msgspec

State = Literal["ok", "not_enough_data", "no_data", "suppressed"]
Status = Literal["live", "final", "restated"]


class KpiValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value of one KPI version for one area and one window [window_start, window_end).

    Who wins, for everyone: newer window_start, then higher revision, then (revision 0 only) higher epoch.
    """

    kpi: str
    version: int
    area: str
    window_start: str
    """ISO 8601 UTC with `Z`, seconds."""
    window_end: str
    value: float | None
    """Null unless state is `ok`."""
    state: State
    """`suppressed`: the number would tell about fewer persons or cases than the KPI's smallest count, and is withheld; so are all live ones."""
    band: str | None
    unit: str
    coverage: float
    """Good readings over due readings, 0 to 1; while the window is open, over what is due so far."""
    devices: int
    """Devices that gave at least one good reading."""
    revision: int
    """0 live, 1 final, 2 and up restated."""
    status: Status
    reason: str | None
    epoch: str | None
    """`<partition>/<offset>` in kompas.partials.v1 that this value rests on; orders live values of one key. Null for restated."""
    computed_at: str
    """ISO 8601 UTC, microseconds."""
