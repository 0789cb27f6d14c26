"""Kafka topics, declared once: name, partitions, how long they keep, and which schema travels in them.

Promises  Every process takes its topic names from here; `up` creates exactly these.
Leaves    Creating them to local/, speaking to them to ingest/, stream/ and storage/.
Source: rule 5 of docs/decisions/0002-exact-stream.md
"""

import zlib
from typing import NamedTuple

PARTITIONS = 12
"""Of readings, checked, partials and kpis; fixed when the log is created."""

_DAY_MS = 86_400_000
_MIB = 1 << 20


class Topic(NamedTuple):
    """One topic as it is created: no topic is transactional, only `devices` is compacted."""

    name: str
    partitions: int
    retention_ms: int
    retention_bytes: int
    schema: str
    compacted: bool = False

    @property
    def config(self) -> dict[str, str]:
        """Topic settings as Kafka names them."""
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "retention.ms": str(self.retention_ms),
            "retention.bytes": str(self.retention_bytes),
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(4 * _MIB),
        }


READINGS = Topic("kompas.readings.v1", PARTITIONS, 7 * _DAY_MS, -1, "readings/1")
CHECKED = Topic("kompas.checked.v1", PARTITIONS, 7 * _DAY_MS, -1, "checked/1")
REJECTED = Topic("kompas.rejected.v1", PARTITIONS, 30 * _DAY_MS, -1, "rejected/1")
PARTIALS = Topic("kompas.partials.v1", PARTITIONS, 1 * _DAY_MS, -1, "partials/2")
KPIS = Topic("kompas.kpis.v1", PARTITIONS, 30 * _DAY_MS, -1, "kpi_value/1")
STATE = Topic("kompas.state.v1", 2 * PARTITIONS, -1, 256 * _MIB, "state/1")
DEVICES = Topic("kompas.devices.v1", 1, -1, -1, "devices/1", compacted=True)

WORKERS = "kompas-worker"
"""Kafka's group of the workers: what it has committed has had its effect."""

TOPICS: tuple[Topic, ...] = (READINGS, CHECKED, REJECTED, PARTIALS, KPIS, STATE, DEVICES)


def partition_of(key: str, partitions: int = PARTITIONS) -> int:
    """The partition of a device or an area: crc32 of its id, stable over processes, machines and releases."""
    return zlib.crc32(key.encode()) % partitions
