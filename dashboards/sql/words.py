"""Literals, column names and lists of values inside a panel's SQL.

Promises  What comes from the catalogue or the texts arrives quoted and cannot be taken for a macro.
"""

from collections.abc import Iterable, Sequence

from runtime.errors import ConfigError

Cell = str | int | float

LONGEST_COLUMN = 63
"""Bytes of a column heading that PostgreSQL keeps."""


def literal(value: Cell) -> str:
    """A value as an SQL literal."""
    if isinstance(value, str):
        _plain(value)
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def column(name: str) -> str:
    """A column heading as a quoted identifier; PostgreSQL would cut longer ones, so they are refused."""
    _plain(name)
    if len(name.encode()) > LONGEST_COLUMN:
        raise ConfigError(f"column heading {name!r}", f"at most {LONGEST_COLUMN} bytes", len(name.encode()))
    return '"' + name.replace('"', '""') + '"'


def values(name: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table inside the query: (VALUES …) AS name (columns)."""
    lines = ",\n    ".join("(" + ", ".join(literal(cell) for cell in row) + ")" for row in rows)
    return f"(VALUES\n    {lines}\n  ) AS {name} ({', '.join(columns)})"


def choice(subject: str, cases: Iterable[tuple[str, str]]) -> str:
    """CASE subject WHEN … END over pairs of values and texts; NULL where none fits."""
    whens = " ".join(f"WHEN {literal(value)} THEN {literal(text)}" for value, text in cases)
    return f"CASE {subject} {whens} END" if whens else "NULL"


def _plain(text: str) -> None:
    for sign in ("$", "--", "/*"):
        if sign in text:
            raise ConfigError(f"text {text!r}", f"no {sign} (Grafana would take it for a macro or a comment)", sign)
