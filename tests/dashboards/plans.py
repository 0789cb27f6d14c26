"""What a query plan says about chunks: which are touched, and which are read from end to end."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]
Node = dict[str, Any]

MOST_ROWS_READ_SEQUENTIALLY = 10_000


class Chunk(NamedTuple):
    """One chunk: its hypertable, its span of time, and how many rows the analysed table has."""

    hypertable: str
    start: datetime
    end: datetime
    rows: float


_CHUNKS = """
SELECT c.chunk_name, c.hypertable_name, c.range_start, c.range_end, p.reltuples
FROM timescaledb_information.chunks c JOIN pg_class p ON p.relname = c.chunk_name
"""


def chunks(connection: Connection) -> dict[str, Chunk]:
    """Every chunk of the database by name."""
    return {name: Chunk(*rest) for name, *rest in connection.execute(_CHUNKS)}


def plan(connection: Connection, sql: str) -> Node:
    """The plan with the planner's settings as they are."""
    row = connection.execute("EXPLAIN (FORMAT JSON) " + sql).fetchone()
    assert row is not None
    return dict(row[0][0]["Plan"])


def nodes(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for child in node.get("Plans", []):
        yield from nodes(child)


def touched(tree: Node, known: dict[str, Chunk]) -> set[str]:
    """Names of the chunks in the plan."""
    return {node["Relation Name"] for node in nodes(tree) if node.get("Relation Name") in known}


def read_sequentially(tree: Node, known: dict[str, Chunk]) -> set[str]:
    """Names of the large chunks that the plan reads from end to end."""
    large = {name for name, chunk in known.items() if chunk.rows > MOST_ROWS_READ_SEQUENTIALLY}
    return {node["Relation Name"] for node in nodes(tree) if node["Node Type"].endswith("Seq Scan") and node.get("Relation Name") in large}
