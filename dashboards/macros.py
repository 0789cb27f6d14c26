"""Grafana's SQL macros and variables, expanded as Grafana does it, so that a panel's SQL can run without Grafana.

Promises  The PostgreSQL data source's text replacement, step by step and with its traps (an unknown macro is an
          error, `$__timeGroup(…),` becomes an alias everywhere, arguments end at the first `)`).
Leaves    Filling gaps (third argument of $__timeGroup) to Grafana, which does it after the query.
Source: [grafana-sql-macros] in docs/sources.md
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

_CALL = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}")
_INTERVAL = re.compile(r"(\d+)(ms|s|m|h|d|w|M|y)")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_YEAR_MS = 365 * 86_400_000


class MacroError(Exception):
    """What Grafana would answer to a macro or a variable it cannot expand."""


class Range(NamedTuple):
    """The time range of a query, its interval, and whether the data source is set to TimescaleDB."""

    start: datetime
    end: datetime
    interval_ms: int = 60_000
    timescale: bool = True


def expand(sql: str, within: Range, variables: Mapping[str, str] | None = None) -> str:
    """SQL as it reaches the database: the browser's variables first, then the global words, then the macros."""
    sql = _VARIABLE.sub(lambda match: _variable(match, variables or {}), sql)
    sql = sql.replace("$__interval_ms", str(within.interval_ms)).replace("$__interval", format_interval(within.interval_ms))
    sql = sql.replace("$__unixEpochFrom()", str(_seconds(within.start))).replace("$__unixEpochTo()", str(_seconds(within.end)))

    def call(match: re.Match[str]) -> str:
        name = match[1]
        after = sql.find(match[0]) + len(match[0])
        if name == "__timeGroup" and sql[after : after + 1] == ",":
            name = "__timeGroupAlias"
        return _macro(name, [argument.strip(" ") for argument in match[2].split(",")], within)

    return _CALL.sub(call, sql)


def _variable(match: re.Match[str], variables: Mapping[str, str]) -> str:
    name, form = match[1], match[2]
    if name not in variables:
        raise MacroError(f"variable {name}: wanted one of {sorted(variables)}")
    if form != "sqlstring":
        raise MacroError(f"variable {name}: wanted the form ${{{name}:sqlstring}}, got {match[0]}")
    quoted = variables[name].replace("'", "''")
    return f"'{quoted}'"


def _macro(name: str, arguments: list[str], within: Range) -> str:
    column = arguments[0]
    if name in ("__timeGroup", "__timeGroupAlias", "__unixEpochGroup", "__unixEpochGroupAlias"):
        return _group(name, arguments, within)
    table = {
        "__time": lambda: f'{column} AS "time"',
        "__timeEpoch": lambda: f'extract(epoch from {column}) as "time"',
        "__timeFilter": lambda: f"{column} BETWEEN '{rfc3339(within.start)}' AND '{rfc3339(within.end)}'",
        "__timeFrom": lambda: f"'{rfc3339(within.start)}'",
        "__timeTo": lambda: f"'{rfc3339(within.end)}'",
        "__unixEpochFilter": lambda: f"{column} >= {_seconds(within.start)} AND {column} <= {_seconds(within.end)}",
        "__unixEpochNanoFilter": lambda: f"{column} >= {_nanos(within.start)} AND {column} <= {_nanos(within.end)}",
        "__unixEpochNanoFrom": lambda: str(_nanos(within.start)),
        "__unixEpochNanoTo": lambda: str(_nanos(within.end)),
    }
    if name not in table:
        raise MacroError(f'unknown macro "{name}"')
    return table[name]()


def _group(name: str, arguments: list[str], within: Range) -> str:
    if len(arguments) < 2:
        raise MacroError(f"macro {name} needs time column and interval and optional fill value")
    column, seconds = arguments[0], parse_interval(arguments[1].strip("'")) / 1000
    plain = f"{seconds:g}" if seconds != int(seconds) else str(int(seconds))
    if name.startswith("__unixEpoch"):
        text = f"floor(({column})/{plain})*{plain}"
    elif within.timescale:
        text = f"time_bucket('{seconds:.3f}s',{column})"
    else:
        text = f"floor(extract(epoch from {column})/{plain})*{plain}"
    return text + ' AS "time"' if name.endswith("Alias") else text


def parse_interval(text: str) -> int:
    """Milliseconds of an interval such as `90s`, `5m` or `1d`; months and years depend on the calendar and are refused."""
    match = _INTERVAL.fullmatch(text)
    if match is None or match[2] not in _UNIT_MS:
        raise MacroError(f"error parsing interval {text}")
    return int(match[1]) * _UNIT_MS[match[2]]


def format_interval(interval_ms: int) -> str:
    """An interval as Grafana writes it: the largest unit that fits, cut to a whole number of it."""
    if interval_ms >= _YEAR_MS:
        return f"{interval_ms // _YEAR_MS}y"
    for unit in ("d", "h", "m", "s"):
        if interval_ms >= _UNIT_MS[unit]:
            return f"{interval_ms // _UNIT_MS[unit]}{unit}"
    return f"{max(interval_ms, 1)}ms"


def rfc3339(at: datetime) -> str:
    """UTC with `Z` and no more fraction digits than needed."""
    text = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return text + "Z"


def _seconds(at: datetime) -> int:
    return int(at.timestamp() // 1)


def _nanos(at: datetime) -> int:
    elapsed = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000_000 + elapsed.microseconds * 1_000
