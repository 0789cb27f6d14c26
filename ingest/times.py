"""Times as devices write them, to µs UTC: ISO 8601 with an offset, or a number since 1970.

Promises  Exact to the microsecond; a time without offset is refused, never guessed; results fit int64 (years 1 to 9999).
Leaves    Whether the time is plausible to ingest/checks.
"""

import re
from datetime import UTC, datetime, timedelta

from catalog.reasons import Reason
from catalog.windows import to_us
from ingest.format import EARLIEST_US, LATEST_US, number
from runtime.errors import Rejected

_MILLISECONDS_FROM = 1e11
"""A number below is seconds (until the year 5138), above milliseconds (from 1973)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US = 86_400_000_000
_WANTED = "an ISO 8601 time with offset, or seconds or milliseconds since 1970"

_ISO = re.compile(
    r"(?P<date>\d{4}-?\d{2}-?\d{2})[Tt ](?P<clock>\d{2}:?\d{2}(?::?(?P<second>\d{2}))?)(?:[.,](?P<fraction>\d{1,18}))?"
    r"(?P<offset>[Zz]|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)


def aware_us(at: datetime) -> int:
    """µs since 1970 of an aware datetime, exact and quick."""
    since = at - _EPOCH
    return since.days * _DAY_US + since.seconds * 1_000_000 + since.microseconds


def time_us(value: object, where: str) -> int:
    """µs UTC of a time in any accepted form; raises Rejected with the sentence why."""
    return iso_us(value, where) if isinstance(value, str) else epoch_us(value, where)


def epoch_us(value: object, where: str) -> int:
    """µs UTC of a number: below 1e11 seconds, from there on milliseconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Rejected(Reason.MALFORMED, where, _WANTED, value)
    # the magnitude is checked before any product, so nothing overflows; a whole number stays one, so nothing is rounded
    finite = number(value, where)
    scale = 1_000_000 if finite < _MILLISECONDS_FROM else 1_000
    if not EARLIEST_US <= finite * scale < LATEST_US:
        raise Rejected(Reason.MALFORMED, where, "a time in the years 1 to 9999", value)
    return value * scale if isinstance(value, int) else round(finite * scale)


def iso_us(value: str, where: str) -> int:
    """µs UTC of an ISO 8601 text; rounded to the microsecond, halves up."""
    found = _ISO.fullmatch(value)
    if found is None:
        raise Rejected(Reason.MALFORMED, where, _WANTED, value)
    if found["offset"] is None:
        raise Rejected(Reason.MALFORMED, where, "a time with its offset from UTC, such as Z or +01:00", value)
    if found["fraction"] and not found["second"]:
        raise Rejected(Reason.MALFORMED, where, "a fraction of seconds only after seconds", value)
    fraction_us = (int((found["fraction"] or "")[:9].ljust(9, "0")) + 500) // 1_000
    leap = found["second"] == "60"
    clock = found["clock"][:-2] + "59" if leap else found["clock"]
    try:
        at = datetime.fromisoformat(f"{found['date']}T{clock}{found['offset'].upper()}")
        result = to_us(at) + fraction_us + (1_000_000 if leap else 0)
    except (ValueError, OverflowError) as error:
        raise Rejected(Reason.MALFORMED, where, f"a time that exists ({error})", value) from error
    if not EARLIEST_US <= result < LATEST_US:
        raise Rejected(Reason.MALFORMED, where, "a time in the years 1 to 9999", value)
    return result


def iso(at_us: int) -> str:
    """The shortest ISO 8601 text in UTC that `iso_us` reads back to the same microsecond."""
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat().replace("+00:00", "Z")
