"""The ledger on a board: the equations of every hop summed, and what came by gateway, partition and writer.

Promises  Small tables only, kept by the writer. What a dead gateway life framed and Kafka never confirmed is not called missing here either.
Leaves    The equations one by one, and what is on its way, to `./kompas ledger`.
"""

from catalog import tables
from dashboards.sql.words import column, literal
from dashboards.texts import Texts

_AGAIN = (
    "CASE WHEN NOT f.ended AND f.confirmed_seq >= 0 AND (f.holes -> 0 ->> 0)::bigint >= f.confirmed_seq THEN f.told - f.before ELSE f.earlier END"
)
_GATEWAY, _FRAMES, _PARTITION = tables.LEDGER_GATEWAY.name, tables.LEDGER_FRAMES.name, tables.LEDGER_PARTITION.name


def balance(texts: Texts) -> str:
    """A row per equation: what should be there, what is, and the difference."""
    rows = (
        ("ledger_messages", f"SELECT sum(delivered), sum(decoded + rejected_messages) FROM {_GATEWAY}"),
        ("ledger_decoded", f"SELECT sum(readings), sum(framed + rejected_readings + duplicates) FROM {_GATEWAY}"),
        ("ledger_framed", f"SELECT sum(f.told + f.since - {_AGAIN}), sum(f.before + f.since) FROM {_FRAMES} f"),
        ("ledger_arrived", f"SELECT sum(arrived), sum(checked + duplicates + conflicts) FROM {_PARTITION}"),
        (
            "ledger_stored",
            "SELECT sum(total) FILTER (WHERE name = 'checked'),"
            " sum(total) FILTER (WHERE name IN ('readings', 'late_duplicates', 'late_conflicts'))"
            f" FROM {tables.STORED_TOTAL.name}",
        ),
    )
    all_rows = "\n  UNION ALL ".join(f"SELECT {n}, {literal(texts(key))}, e.* FROM ({sql}) e (expected, got)" for n, (key, sql) in enumerate(rows))
    return f"""SELECT what AS {column(texts("equation"))}, coalesce(expected, 0)::bigint AS {column(texts("expected"))},
  coalesce(got, 0)::bigint AS {column(texts("got"))}, (coalesce(expected, 0) - coalesce(got, 0))::bigint AS {column(texts("missing"))}
FROM (
  {all_rows}
) line (n, what, expected, got)
ORDER BY n"""


def gateways(texts: Texts) -> str:
    """A row per gateway: its lives, what it says it took in, and how long ago its newest heartbeat was stored."""
    return f"""SELECT gateway AS {column(texts("gateway"))}, count(*) AS {column(texts("lives"))},
  sum(delivered)::bigint AS {column(texts("messages"))}, sum(rejected_messages)::bigint AS {column(texts("rejected_messages"))},
  sum(framed)::bigint AS {column(texts("readings_count"))}, sum(rejected_readings)::bigint AS {column(texts("rejected_readings"))},
  round(extract(epoch FROM now() - max(clock))) AS {column(texts("heard"))}
FROM {_GATEWAY}
GROUP BY 1
ORDER BY 1"""


def partitions(texts: Texts) -> str:
    """A row per partition: what came, what became of it, and how long ago the newest heartbeat that is stored was sent: the whole chain's lag."""
    return f"""SELECT partition AS {column(texts("partition"))}, arrived AS {column(texts("arrived"))}, checked AS {column(texts("accepted"))},
  duplicates AS {column(texts("duplicates"))}, conflicts AS {column(texts("conflicts"))}, late AS {column(texts("late"))},
  damaged AS {column(texts("damaged"))},
  CASE WHEN clock_us >= 0 THEN round(extract(epoch FROM now()) - clock_us / 1000000) END AS {column(texts("lag"))}
FROM {_PARTITION}
ORDER BY 1"""


def stored(texts: Texts) -> str:
    """A row per writer."""
    heads = ", ".join(
        f"sum(total) FILTER (WHERE name = {literal(name)})::bigint AS {column(texts(key))}"
        for name, key in (
            ("checked", "accepted"), ("readings", "stored"), ("late", "late"), ("late_duplicates", "late_duplicates"),
            ("late_conflicts", "late_conflicts"), ("kpi_values", "kpi_values"),
        )
    )  # fmt: skip
    return f"SELECT writer AS {column(texts('writer'))}, {heads}\nFROM {tables.STORED_TOTAL.name}\nGROUP BY 1\nORDER BY 1"


def waiting(texts: Texts) -> str:
    """What is not done yet, and what the broker dropped."""
    rows = (
        ("windows_to_restate", f"SELECT count(*) FROM {tables.DIRTY_WINDOW.name} WHERE window_end <= now()"),
        ("values_to_send", f"SELECT count(*) FROM {tables.KPI_OUTBOX.name}"),
        ("dropped_by_broker", f"SELECT coalesce(max(dropped), 0) FROM {tables.LEDGER_BROKER.name}"),
    )
    all_rows = "\n  UNION ALL ".join(f"SELECT {n}, {literal(texts(key))}, ({sql})::bigint" for n, (key, sql) in enumerate(rows))
    return f"""SELECT what AS {column(texts("state"))}, count AS {column(texts("number"))}
FROM (
  {all_rows}
) line (n, what, count)
ORDER BY n"""
