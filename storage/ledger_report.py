"""The ledger as one object: what `./kompas ledger --json` prints and the writer's report carries.

Promises  Keys settled, balance, lines, gateways, partitions, writers, alarms; waiting and pending say what is only on its way.
Leaves    Printing it to cli/.
"""

from typing import Any

from storage import ledger, ledger_books
from storage.connect import Connection
from storage.ledger import Books
from storage.settled import Standing

_PARTITION = ("records", "heartbeats", "damaged", "arrived", "checked", "duplicates", "conflicts", "late", "unowned")
_WRITER = ("checked", "readings", "late", "late_duplicates", "late_conflicts", "kpi_values", "rejected_messages", "rejected_readings")


def report(connection: Connection, standing: Standing) -> dict[str, Any]:
    """The object; raises Unavailable. lines: the sums over everything, then each equation that does not hold."""
    books = ledger_books.read(connection)
    found = ledger.judge(books, caught_up=standing.caught_up)
    return {
        "settled": standing.settled,
        "balance": found.balance,
        "dropped_by_broker": books.broker_dropped,
        "lines": [ledger.as_json(line) for line in (*ledger.in_all(books), *found.lines)],
        "gateways": [{"gateway": name, **sums} for name, sums in ledger.by_gateway(books).items()],
        "partitions": _partitions(books),
        "writers": [{"writer": writer, **{name: totals.get(name, 0) for name in _WRITER}} for writer, totals in sorted(books.writers.items())],
        "alarms": found.alarms,
        "waiting": found.waiting,
        "pending": {**{f"records of {name}": number for name, number in standing.behind.items()}, **standing.due},
    }


def _partitions(books: Books) -> list[dict[str, int]]:
    return [{"partition": each.partition, **{name: getattr(each.counts, name) for name in _PARTITION}} for each in books.partitions]
