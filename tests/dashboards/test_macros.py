"""Grafana's macros: every line of the expansion table, its traps, and what is an error."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.macros import MacroError, Range, expand, format_interval, parse_interval, rfc3339

START = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
END = datetime(2026, 11, 22, 14, 30, 0, 500_000, tzinfo=UTC)
FROM_S, TO_S = 1_795_352_400, 1_795_357_800
WITHIN = Range(START, END, interval_ms=5_000)
PLAIN = Range(START, END, interval_ms=5_000, timescale=False)


@pytest.mark.parametrize(
    ("sql", "expanded"),
    [
        ("$__time(at)", 'at AS "time"'),
        ("$__timeEpoch(at)", 'extract(epoch from at) as "time"'),
        ("$__timeFilter(v.at)", "v.at BETWEEN '2026-11-22T13:00:00Z' AND '2026-11-22T14:30:00.5Z'"),
        ("$__timeFrom()", "'2026-11-22T13:00:00Z'"),
        ("$__timeTo()", "'2026-11-22T14:30:00.5Z'"),
        ("$__timeGroup(at, '5m')", "time_bucket('300.000s',at)"),
        ("$__timeGroup(at,5m)", "time_bucket('300.000s',at)"),
        ("$__timeGroup(at,'20ms')", "time_bucket('0.020s',at)"),
        ("$__timeGroup(at,'12d', NULL)", "time_bucket('1036800.000s',at)"),
        ("$__timeGroup(at,$__interval)", "time_bucket('5.000s',at)"),
        ("$__timeGroupAlias(at,'1h')", "time_bucket('3600.000s',at) AS \"time\""),
        ("$__unixEpochFilter(at)", f"at >= {FROM_S} AND at <= {TO_S}"),
        ("$__unixEpochFrom() $__unixEpochTo()", f"{FROM_S} {TO_S}"),
        ("$__unixEpochNanoFilter(at)", f"at >= {FROM_S}000000000 AND at <= {TO_S}500000000"),
        ("$__unixEpochNanoFrom() $__unixEpochNanoTo()", f"{FROM_S}000000000 {TO_S}500000000"),
        ("$__unixEpochGroup(at,'5m')", "floor((at)/300)*300"),
        ("$__unixEpochGroupAlias(at,'5m')", 'floor((at)/300)*300 AS "time"'),
        ("$__interval_ms $__interval", "5000 5s"),
        ("$1 $$ money$ $(x)", "$1 $$ money$ $(x)"),
    ],
)
def test_each_macro_becomes_what_grafana_makes_of_it(sql: str, expanded: str) -> None:
    assert expand(sql, WITHIN) == expanded


@pytest.mark.parametrize(
    ("sql", "expanded"),
    [
        ("$__timeGroup(at,'5m')", "floor(extract(epoch from at)/300)*300"),
        ("$__timeGroup(at,'500ms')", "floor(extract(epoch from at)/0.5)*0.5"),
        ("$__timeGroupAlias(at,'5m')", 'floor(extract(epoch from at)/300)*300 AS "time"'),
    ],
)
def test_without_timescale_groups_are_arithmetic(sql: str, expanded: str) -> None:
    assert expand(sql, PLAIN) == expanded


def test_a_comma_behind_the_first_group_makes_an_alias_of_all_equal_ones() -> None:
    sql = "SELECT $__timeGroup(at,'5s'), v GROUP BY $__timeGroup(at,'5s')"
    assert expand(sql, WITHIN) == "SELECT time_bucket('5.000s',at) AS \"time\", v GROUP BY time_bucket('5.000s',at) AS \"time\""


def test_without_a_comma_behind_the_first_group_none_becomes_an_alias() -> None:
    sql = "GROUP BY $__timeGroup(at,'5s') ORDER BY $__timeGroup(at,'5s'), v"
    assert '"time"' not in expand(sql, WITHIN)


def test_arguments_end_at_the_first_bracket() -> None:
    assert expand("$__timeFilter(to_timestamp(x))", WITHIN) == ("to_timestamp(x BETWEEN '2026-11-22T13:00:00Z' AND '2026-11-22T14:30:00.5Z')")


@pytest.mark.parametrize("sql", ["$__nothing(at)", "$area(x)", "$__timeGroup(at)", "$__timeGroup(at,'soon')", "$__unixEpochGroup(at)"])
def test_what_grafana_refuses_is_refused(sql: str) -> None:
    with pytest.raises(MacroError):
        expand(sql, WITHIN)


def test_variables_are_quoted_as_sql_strings_before_anything_else() -> None:
    assert expand("id = ${area:sqlstring}", WITHIN, {"area": "l'Île $__timeFrom()"}) == "id = 'l''Île '2026-11-22T13:00:00Z''"


@pytest.mark.parametrize("sql", ["${area:sqlstring}", "${city}", "${city:raw}"])
def test_unknown_variables_and_unquoted_forms_are_refused(sql: str) -> None:
    with pytest.raises(MacroError):
        expand(sql, WITHIN, {"city": "brussels"})


@pytest.mark.parametrize(
    ("interval_ms", "text"),
    [
        (0, "1ms"),
        (1, "1ms"),
        (999, "999ms"),
        (1_000, "1s"),
        (59_999, "59s"),
        (90_000, "1m"),
        (3_600_000, "1h"),
        (86_400_000, "1d"),
        (31_536_000_000, "1y"),
    ],
)
def test_intervals_are_written_as_grafana_writes_them(interval_ms: int, text: str) -> None:
    assert format_interval(interval_ms) == text


@given(st.integers(1, 364 * 86_400_000))
def test_a_written_interval_reads_back_as_at_most_itself_and_more_than_half(interval_ms: int) -> None:
    again = parse_interval(format_interval(interval_ms))
    assert again <= interval_ms < 2 * again


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-12, 12))  # noqa: DTZ001 - made aware below
def test_times_are_utc_with_no_digit_too_many(naive: datetime, offset_h: int) -> None:
    at = naive.replace(tzinfo=timezone(timedelta(hours=offset_h)))
    text = rfc3339(at)
    assert datetime.fromisoformat(text.replace("Z", "+00:00")) == at
    assert text.endswith("Z")
    assert not text.endswith(("0Z", ".Z")) or "." not in text
