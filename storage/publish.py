"""Tell Kafka what changed in the catalogue: frames for the worker first, then the compacted topic for the gateways.

Promises  Remembered per cluster and by content, only once Kafka has confirmed: a crash repeats, a new cluster gets everything.
Leaves    What the documents say to storage.registry, their cutting to storage.documents.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from catalog import tables
from catalog.topics import DEVICES, READINGS
from runtime import kafka
from runtime.errors import Unavailable
from storage.connect import Connection
from storage.documents import FOR_GATEWAYS, Document, by_partition, chunks, frame

_UNPUBLISHED = f"""
    SELECT d.entity, d.id, d.document, d.hash
    FROM {tables.CATALOGUE_DOCUMENT.name} d
    LEFT JOIN {tables.CATALOGUE_PUBLISHED.name} p ON p.cluster_id = %s AND p.entity = d.entity AND p.id = d.id
    WHERE p.hash IS DISTINCT FROM d.hash AND (d.document IS NOT NULL OR p.hash IS NOT NULL)
"""
_REMEMBER = f"""
    INSERT INTO {tables.CATALOGUE_PUBLISHED.name} (cluster_id, entity, id, hash) VALUES (%s, %s, %s, %s)
    ON CONFLICT (cluster_id, entity, id) DO UPDATE SET hash = excluded.hash
"""
_CONFIRM_WITHIN_S = 60.0


def unpublished(connection: Connection, cluster_id: str) -> list[Document]:
    """Documents whose present content this cluster does not have; what it never had and is gone is not among them."""
    found = [Document(*row) for row in connection.execute(_UNPUBLISHED, (cluster_id,))]
    connection.commit()
    return found


async def publish(connection: Connection, bootstrap: str, within_s: float) -> int:
    """Send what is unpublished and remember it; the number of documents. Raises Unavailable."""
    cluster_id = await cluster_of(bootstrap, within_s)
    documents = unpublished(connection, cluster_id)
    if not documents:
        return 0
    frames = [(partition, chunk) for partition, mine in enumerate(by_partition(documents)) for chunk in chunks(mine)]
    encoded = [(partition, frame(chunk, _next_seq(connection))) for partition, chunk in frames]
    producer = kafka.producer(bootstrap, "kompas-migrate")
    try:
        async with asyncio.timeout(_CONFIRM_WITHIN_S):
            await producer.start()
            await _confirmed([await producer.send(READINGS.name, value=value, partition=partition) for partition, value in encoded])
            # Confirmed first: a gateway must not send readings of a device that the worker has not met.
            await _confirmed([await _send_document(producer, document) for document in documents if document.entity in FOR_GATEWAYS])
    except (KafkaError, TimeoutError) as error:
        raise Unavailable(f"Kafka at {bootstrap}", f"{READINGS.name} and {DEVICES.name} to take the catalogue", repr(error)) from error
    finally:  # where Kafka is away it would flush for ever
        await asyncio.wait([asyncio.create_task(producer.stop())], timeout=_CONFIRM_WITHIN_S)
    with connection.cursor() as cursor:
        cursor.executemany(_REMEMBER, [(cluster_id, each.entity, each.id, each.hash) for each in documents])
    connection.commit()
    return len(documents)


async def cluster_of(bootstrap: str, within_s: float) -> str:
    """The id of the Kafka cluster; tries for `within_s`, then raises Unavailable."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        admin = kafka.admin(bootstrap, "kompas-storage")
        try:
            await admin.start()
            return str((await admin.describe_cluster())["cluster_id"])
        except (KafkaError, OSError) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(f"Kafka at {bootstrap}", "an answer", repr(error)) from error
        finally:
            await admin.close()
        await asyncio.sleep(0.3)


async def _send_document(producer: AIOKafkaProducer, document: Document) -> "asyncio.Future[Any]":
    value = None if document.text is None else document.text.encode()
    sent: asyncio.Future[Any] = await producer.send(DEVICES.name, key=f"{document.entity}/{document.id}".encode(), value=value, partition=0)
    return sent


async def _confirmed(sent: Sequence["asyncio.Future[Any]"]) -> None:
    await asyncio.gather(*sent)


def _next_seq(connection: Connection) -> int:
    row = connection.execute("SELECT nextval('catalogue_seq')").fetchone()
    connection.commit()
    if row is None:
        raise Unavailable("PostgreSQL", "a number from catalogue_seq", "none")
    return int(row[0])
