"""Catalogue documents on their way to Kafka: which partition gets which, cut into frames. Pure.

Promises  Every partition gets cities, quantities, kinds, areas and KPIs; a device goes to its own partition alone;
          what a document refers to comes before it; no frame is larger than Kafka likes.
Leaves    What is already there to storage.publish.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from catalog.topics import PARTITIONS, READINGS, partition_of
from runtime.frames import Coded, encode

ORDER = ("city", "quantity", "kind", "area", "kpi", "device")
"""What a document refers to comes before it."""

FOR_GATEWAYS = ("city", "quantity", "kind", "area", "device")
"""What `kompas.devices.v1` carries; KPIs are nothing to a gateway."""

FRAME_BYTES = 400_000


class Document(NamedTuple):
    """The record of one entity as JSON; None: gone."""

    entity: str
    id: str
    text: str | None
    hash: str


def by_partition(documents: Iterable[Document]) -> list[list[Document]]:
    """The documents of each partition, in an order in which they can be understood."""
    partitions: list[list[Document]] = [[] for _ in range(PARTITIONS)]
    for document in sorted(documents, key=lambda each: (ORDER.index(each.entity), each.id)):
        receivers = (partition_of(document.id),) if document.entity == "device" else range(PARTITIONS)
        for partition in receivers:
            partitions[partition].append(document)
    return partitions


def chunks(documents: Sequence[Document], limit_bytes: int = FRAME_BYTES) -> Iterator[list[Document]]:
    """Consecutive documents of at most `limit_bytes` together; one that is larger goes alone."""
    chunk: list[Document] = []
    size = 0
    for document in documents:
        bytes_ = len(document.id) + len((document.text or "").encode())
        if chunk and size + bytes_ > limit_bytes:
            yield chunk
            chunk, size = [], 0
        chunk.append(document)
        size += bytes_
    if chunk:
        yield chunk


def frame(documents: Sequence[Document], seq: int) -> bytes:
    """One catalogue frame of `kompas.readings.v1`."""
    codes = np.array([ORDER.index(document.entity) for document in documents], np.int32)
    return encode(
        {"schema": READINGS.schema, "kind": "catalogue", "seq": seq},
        {"entity": Coded(codes, ORDER), "id": [document.id for document in documents], "document": [document.text for document in documents]},
    )
