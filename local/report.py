"""The writer's /report, as the view and `status` need it.

Promises  Empty where the writer does not answer or has not asked its database yet; counts are those of the database, so they
          survive restarts.
Leaves    Counting to storage.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from local import pages


class Worst(NamedTuple):
    """One of the worst KPI values of the moment; severity 0 (best band) to 1 (worst)."""

    area: str
    kpi: str
    value: str
    band: str
    severity: float


class Ledger(NamedTuple):
    """Messages and readings that are missing or too many (0: well), messages that the broker dropped, and sentences that say where."""

    balance: int
    dropped_by_broker: int
    alarms: Sequence[str]


class Report(NamedTuple):
    """Rows stored ever, by what they are; rejections by reason; the worst values, worst first; what the ledger says."""

    counts: Mapping[str, int]
    rejected: Mapping[str, int]
    worst: Sequence[Worst]
    ledger: Ledger | None = None
    """None: not known."""


EMPTY = Report({}, {}, ())


def fetch(port: int) -> Report:
    """Ask the writer."""
    page = pages.get(port, "/report")
    if page.status != 200:
        return EMPTY
    try:
        return read(msgspec.json.decode(page.body))
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return EMPTY


def read(said: Mapping[str, Any]) -> Report:
    """From the JSON object of /report; absent parts are empty."""
    rejected = {reason: int(count["messages"]) for reason, count in said.get("rejected", {}).items()}
    worst = [
        Worst(each["area_name"], each["kpi"], f"{each['value']:,.1f} {each['unit']}", each["band"], float(each["severity"]))
        for each in said.get("worst", [])
    ]
    told = said.get("ledger")
    ledger = Ledger(int(told["balance"]), int(told["dropped_by_broker"]), list(told["alarms"])) if told else None
    return Report({name: int(count) for name, count in said.get("totals", {}).items()}, rejected, worst, ledger)
