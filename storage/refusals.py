"""Records of `kompas.rejected.v1` as counts by city, reason and hour; the bytes themselves stay in Kafka. Pure.

Promises  The same refusal told twice (a gateway or worker that repeats after a crash) has the same digest and counts once.
Leaves    Remembering digests to storage.transaction.
"""

import hashlib
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from catalog.reasons import Reason
from storage.lives import NAME

_HOUR_US = 3_600_000_000
_UNREADABLE = "unreadable"
_REASONS = frozenset(Reason)
_ID = re.compile(r"^[a-z0-9._:-]{1,64}$")
_DIGITS = re.compile(r"^[0-9]{1,17}$")
"""Up to the year 5138; what a table can hold and a person can mean."""
_IDENTITY = ("origin", "gateway", "life", "received_at", "rejections")


class _Rejection(msgspec.Struct):
    index: int
    reason: str
    detail: str = ""
    count: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 1
    """For how many records it stands; a long list is cut by the gateway."""


_REJECTIONS = msgspec.json.Decoder(list[_Rejection])


class Refusal(NamedTuple):
    """One rejected record: what it counts for, and what tells it from others."""

    digest: uuid.UUID
    city: str
    hour_us: int
    messages: tuple[str, ...]
    """Distinct reasons in it."""
    readings: tuple[tuple[str, int], ...]
    """Reasons of records that were refused by their index, and how many."""
    sender: tuple[str, str, str] = ("", "", "gateway")
    """Gateway and life (empty where not told), and who refused: `gateway` or `worker`."""
    whole: bool = False
    """The message as a whole was refused."""


class Count(NamedTuple):
    """A row of rejected_count."""

    city: str
    reason: str
    hour_us: int
    messages: int
    readings: int


def read(headers: Sequence[tuple[str, bytes]], value: bytes) -> Refusal:
    """Never fails: headers that cannot be read count as reason `unreadable`, so that nothing vanishes."""
    given = {name: text.decode("utf-8", "replace") for name, text in headers if text is not None}
    try:
        rejections = _REJECTIONS.decode(given.get("rejections", ""))
    except msgspec.MsgspecError:
        rejections = []
    rejections = rejections or [_Rejection(-1, _UNREADABLE)]
    digest = hashlib.blake2b(digest_size=16)
    for name in _IDENTITY:
        digest.update(given.get(name, "").encode() + b"\x00")
    digest.update(value or b"")
    return Refusal(
        uuid.UUID(bytes=digest.digest()),
        city if _ID.match(city := given.get("city", "")) else "",
        _hour_us(given.get("received_at", "")),
        tuple(sorted({_reason(each) for each in rejections})),
        tuple((_reason(each), each.count) for each in rejections if each.index >= 0),
        _sender(given),
        rejections[0].index < 0,
    )


def by_sender(refusals: Iterable[Refusal]) -> list[tuple[str, str, str, int, int]]:
    """Gateway, life, source, messages refused as a whole, readings refused one by one; each refusal counted once."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for refusal in {each.digest: each for each in refusals}.values():
        numbers = found.setdefault(refusal.sender, [0, 0])
        numbers[0] += refusal.whole
        numbers[1] += sum(count for _, count in refusal.readings)
    return [(*sender, numbers[0], numbers[1]) for sender, numbers in sorted(found.items())]


def _sender(given: Mapping[str, str]) -> tuple[str, str, str]:
    gateway, life = given.get("gateway", ""), given.get("life", "")
    named = NAME.match(gateway) and NAME.match(life)
    source = "worker" if given.get("origin", "").startswith("readings/") else "gateway"
    return (gateway, life, source) if named else ("", "", source)


def _hour_us(received_at: str) -> int:
    at_us = int(received_at) if _DIGITS.match(received_at) else 0
    return at_us // _HOUR_US * _HOUR_US


def _reason(rejection: _Rejection) -> str:
    return rejection.reason if rejection.reason in _REASONS else _UNREADABLE


def counts(refusals: Iterable[Refusal]) -> list[Count]:
    """Sums by city, reason and hour; each refusal counted once."""
    messages: Counter[tuple[str, str, int]] = Counter()
    readings: Counter[tuple[str, str, int]] = Counter()
    for refusal in {each.digest: each for each in refusals}.values():
        messages.update((refusal.city, reason, refusal.hour_us) for reason in refusal.messages)
        for reason, count in refusal.readings:
            readings[refusal.city, reason, refusal.hour_us] += count
    return [Count(*key, messages[key], readings[key]) for key in sorted(messages)]
