"""Everything between a batch of MQTT messages and Kafka records, as one object without any I/O.

Promises  Every message of a batch waits for all records that hold a part of it; frames are numbered without holes per
          partition and life; delivered = decoded + rejected messages, readings = framed + rejected + duplicates.
Leaves    Sending to ingest/sender, acknowledging to ingest/mqtt. Time is an argument.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np

from catalog import topics
from ingest.acks import AckWindow, Batch
from ingest.checks import judge
from ingest.decode import Decoded, Delivery, decode_batch
from ingest.format import WHOLE_MESSAGE
from ingest.frames import Closed, Frames
from ingest.registry import Registry
from ingest.rejected import Headers, rejected
from runtime.frames import Coded, encode


class Outgoing(msgspec.Struct):
    """One Kafka record, and the batches that wait for it."""

    topic: str
    partition: int
    value: bytes
    headers: Headers
    batches: list[Batch]
    rows: int = 0
    seq: int = -1
    """Number of a frame or heartbeat in its partition; -1 for what is refused."""


class Totals(msgspec.Struct):
    """Running totals of this life, as heartbeats carry them."""

    delivered: int = 0
    decoded: int = 0
    """Messages that could be read, if only in part."""
    rejected_messages: int = 0
    """Messages refused as a whole."""
    readings: int = 0
    """Readings in the messages that could be read: framed + rejected_readings + duplicates."""
    rejected_readings: int = 0
    duplicates: int = 0
    """Readings that repeat an earlier one of the same message."""
    framed: int = 0
    confirmed: int = 0
    """Messages of which Kafka has every part."""


class Pipeline:
    """The gateway's state between MQTT and Kafka."""

    def __init__(self, registry: Registry, gateway: str, life: str, frame_rows: int, largest_bytes: int) -> None:
        self.registry = registry
        self._gateway, self._life, self._largest_bytes = gateway, life, largest_bytes
        self.window = AckWindow()
        self.frames = Frames(topics.PARTITIONS, frame_rows)
        self._seq = [0] * topics.PARTITIONS
        self._framed = [0] * topics.PARTITIONS
        self._unconfirmed: list[set[int]] = [set() for _ in range(topics.PARTITIONS)]
        self.totals = Totals()
        self.reasons: Counter[str] = Counter()
        """Refusals by reason; the shell takes and clears them for the metrics."""

    def take(self, deliveries: Sequence[Delivery], now_s: float) -> tuple[list[Outgoing], list[str]]:
        """Handle a batch: the records that are ready now, and what decoders failed at that they should not."""
        batch = self.window.open([(epoch, mid) for _, _, mid, epoch, _ in deliveries])
        decoded = decode_batch(deliveries, self.registry, self._largest_bytes)
        judged = judge(decoded, deliveries, self.registry)
        records = self._closed(self.frames.add(judged, batch, now_s))
        records += self._rejected(decoded, deliveries, batch)
        self.window.seal(batch)
        refused = sum(1 for found in decoded.refusals.values() for refusal in found if refusal.index != WHOLE_MESSAGE)
        whole = sum(1 for found in decoded.refusals.values() if found[0].index == WHOLE_MESSAGE)
        totals = self.totals
        totals.delivered += len(deliveries)
        totals.decoded += len(deliveries) - whole
        totals.rejected_messages += whole
        totals.readings += judged.decoded + refused - judged.refused
        totals.rejected_readings += refused
        totals.duplicates += judged.duplicates
        return records, decoded.defects

    def due(self, now_s: float) -> list[Outgoing]:
        """Frames that have waited long enough."""
        return self._closed(self.frames.due(now_s))

    def flush(self) -> list[Outgoing]:
        """All open frames."""
        return self._closed(self.frames.all())

    def beat(self, clock_us: int, last: bool = False, broker: tuple[int | None, int | None] = (None, None)) -> list[Outgoing]:
        """Each partition's open frame, and then its heartbeat; `last` ends this life.

        broker   how many messages the broker says it dropped since its start, and when that was (µs); None where it does not say
        """
        records = self.flush()
        ending = {"last": True} if last else {}
        dropped = {name: said for name, said in zip(("broker_dropped", "broker_began_us"), broker, strict=True) if said is not None}
        for partition in range(topics.PARTITIONS):
            here = {"framed_here": self._framed[partition], "confirmed_here": min(self._unconfirmed[partition], default=self._seq[partition])}
            totals = {**msgspec.structs.asdict(self.totals), **here, **dropped}
            meta = {**self._meta("heartbeat", partition), "clock_us": clock_us, "totals": totals, **ending}
            records.append(Outgoing(topics.READINGS.name, partition, encode(meta, {}), [], [], seq=self._seq[partition] - 1))
        return records

    def confirmed(self, record: Outgoing) -> None:
        """Kafka has this record."""
        if record.seq >= 0:
            self._unconfirmed[record.partition].discard(record.seq)

    def finished(self) -> list[tuple[int, int]]:
        """What may be acknowledged now, in order: epochs and message ids."""
        found = self.window.finished()
        self.totals.confirmed += len(found)
        return found

    def _closed(self, closed: Iterable[Closed]) -> list[Outgoing]:
        records = []
        for frame in closed:
            self._framed[frame.partition] += frame.rows
            self.totals.framed += frame.rows
            columns: dict[str, Any] = dict(frame.columns)
            for name, names in (("device", self.registry.device_ids), ("quantity", self.registry.quantity_ids)):
                numbers, codes = np.unique(columns[name], return_inverse=True)
                columns[name] = Coded(codes.astype(np.int32), [names[number] for number in numbers.tolist()])
            value = encode(self._meta("readings", frame.partition), columns)
            records.append(Outgoing(topics.READINGS.name, frame.partition, value, [], frame.batches, frame.rows, self._seq[frame.partition] - 1))
        return records

    def _meta(self, kind: str, partition: int) -> dict[str, object]:
        seq = self._seq[partition]
        self._seq[partition] += 1
        self._unconfirmed[partition].add(seq)
        return {"schema": topics.READINGS.schema, "kind": kind, "gateway": self._gateway, "life": self._life, "seq": seq}

    def _rejected(self, decoded: Decoded, deliveries: Sequence[Delivery], batch: Batch) -> list[Outgoing]:
        records = []
        for message, refusals in decoded.refusals.items():
            topic, payload, _, _, received_at_us = deliveries[message]
            route = decoded.routes[message]
            self.reasons.update(refusal.reason.value for refusal in refusals)
            value, headers = rejected(payload, topic, received_at_us, refusals, (self._gateway, self._life, route.city))
            records.append(Outgoing(topics.REJECTED.name, route.partition, value, headers, [AckWindow.expect(batch)]))
        return records
