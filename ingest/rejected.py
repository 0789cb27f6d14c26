"""What could not go in, as a record of `kompas.rejected.v1`: the original bytes, and headers that say why.

Promises  The payload is kept once and untouched (above 3 MiB its beginning, and header `truncated` says how long it was);
          however many records are refused, the record fits into Kafka.
Leaves    Sending it to ingest/sender.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from catalog import topics
from ingest.format import Refusal

PAYLOAD_MAX_BYTES = 3 << 20
LISTED_MAX = 500
"""Refusals listed one by one; the rest of a message is summed up by reason."""

Headers = list[tuple[str, bytes]]


def rejected(payload: bytes, topic: str, received_at_us: int, refusals: Sequence[Refusal], by: tuple[str, str, str]) -> tuple[bytes, Headers]:
    """Value and headers; `by` is gateway, life and city (empty where the city is unknown)."""
    gateway, life, city = by
    headers = [
        ("kompas.schema", topics.REJECTED.schema),
        ("origin", f"mqtt:{topic}"),
        ("gateway", gateway),
        ("life", life),
        ("received_at", str(received_at_us)),
    ]
    if city:
        headers.append(("city", city))
    if len(payload) > PAYLOAD_MAX_BYTES:
        headers.append(("truncated", str(len(payload))))
    encoded = [(name, value.encode("utf-8", "backslashreplace")) for name, value in headers]
    return payload[:PAYLOAD_MAX_BYTES], [*encoded, ("rejections", rejections(refusals))]


def rejections(refusals: Sequence[Refusal]) -> bytes:
    """JSON list of index, reason and detail; beyond LISTED_MAX one entry per reason carries `count` for the rest."""
    listed: list[dict[str, Any]] = [
        {"index": refusal.index, "reason": refusal.reason.value, "detail": _plain(refusal.detail)} for refusal in refusals[:LISTED_MAX]
    ]
    rest = refusals[LISTED_MAX:]
    first: dict[str, int] = {}
    for refusal in rest:
        first.setdefault(refusal.reason.value, refusal.index)
    for reason, count in Counter(refusal.reason.value for refusal in rest).items():
        listed.append({"index": first[reason], "reason": reason, "detail": f"{count} more from record {first[reason]} on", "count": count})
    return msgspec.json.encode(listed)


def _plain(detail: str) -> str:
    """Text that every JSON reader takes: half of a surrogate pair is written out."""
    return detail.encode("utf-8", "backslashreplace").decode()[:400]
