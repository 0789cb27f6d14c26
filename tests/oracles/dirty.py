"""Which windows a late reading touches, slow and obvious: one reading, one KPI, one area, one window at a time."""

from collections.abc import Sequence

from catalog.records import KpiDocument
from catalog.windows import window_of
from formula.spec import AggregateSpec


def touched(kpi: KpiDocument, specs: Sequence[AggregateSpec], at_us: int, hold_us: int, next_us: int | None, time_zone: str) -> set[tuple[int, int]]:
    """Windows of the KPI whose value a late reading at at_us can change; next_us: the device's next good reading."""
    moments = {at_us}
    for spec in specs:
        if spec.function in ("time_mean", "time_share"):
            # Held minute by minute: no window is shorter.
            moments |= {*range(at_us, at_us + hold_us, 60_000_000), at_us + hold_us - 1}
        if spec.function == "increase" and next_us is not None:
            # It lies in the window of the later, but all between are looked at, too: they hold no reading and change nothing.
            moments |= {*range(at_us, next_us, 3_600_000_000), next_us}
    return {window_of(moment, kpi.window, time_zone) for moment in moments}
