"""A batch of MQTT messages to columns: find the route, decode, keep what is refused beside it.

Promises  Every message of the batch ends as rows, as refusals or as both; nothing that a payload holds raises.
Leaves    Judging the rows to ingest/checks.
"""

from array import array
from collections.abc import Sequence
from typing import NamedTuple

from catalog.reasons import Reason
from ingest.format import WHOLE_MESSAGE, Columns, Refusal, shown
from ingest.registry import Refused, Registry, Route
from runtime.errors import Rejected

Delivery = tuple[str, bytes, int, int, int]
"""Topic, payload, MQTT message id, epoch of the connection, received at (µs UTC)."""


class Decoded(NamedTuple):
    """n rows of m messages, not yet judged."""

    columns: Columns
    slots: "array[int]"
    """Per row: slot of the conversion, or minus the verdict that says why there is none."""
    counts: "array[int]"
    """Per message: its rows."""
    routes: list[Route | Refused]
    """Per message."""
    refusals: dict[int, list[Refusal]]
    """Message to what is refused of it so far."""
    defects: list[str]
    """Decoders that failed in a way that they should not; the message is refused all the same."""


def decode_batch(deliveries: Sequence[Delivery], registry: Registry, largest_bytes: int) -> Decoded:
    """Decode every message; a payload above `largest_bytes` is refused unread."""
    columns, slots, counts = Columns(), array("i"), array("i")
    routes: list[Route | Refused] = []
    refusals: dict[int, list[Refusal]] = {}
    defects: list[str] = []
    quantity, unit = columns.quantity, columns.unit
    for message, (topic, payload, _, _, _) in enumerate(deliveries):
        route = registry.route(topic)
        routes.append(route)
        if isinstance(route, Refused):
            refusals[message] = [Refusal(WHOLE_MESSAGE, route.refusal.reason, str(route.refusal))]
            counts.append(0)
            continue
        first = len(quantity)
        try:
            if len(payload) > largest_bytes:
                raise Rejected(Reason.TOO_LARGE, "payload", f"at most {largest_bytes} bytes", f"{len(payload)} bytes")
            route.format.decode(payload, columns)
            # the lookup of all rows runs in C; a dict without the key answers with the negative verdict
            found = list(map(route.slots.__getitem__, zip(quantity[first:], unit[first:], strict=True)))
        except Rejected as refusal:
            columns.cut(first, 0)
            refusals[message] = [Refusal(WHOLE_MESSAGE, refusal.reason, str(refusal))]
        except Exception as error:  # noqa: BLE001 - a decoder's defect must not stop the gateway
            columns.cut(first, 0)
            defects.append(f"{topic}: {error!r}")
            refusals[message] = [Refusal(WHOLE_MESSAGE, Reason.MALFORMED, f"payload: the decoder failed with {shown(repr(error))} [malformed]")]
        else:
            if columns.refusals:
                refusals[message], columns.refusals = columns.refusals, []
            slots.extend(found)
        counts.append(len(quantity) - first)
    return Decoded(columns, slots, counts, routes, refusals, defects)
