"""How long Kafka, or all gateways, may be away before the MQTT broker drops messages; the one place of the numbers. Pure.

Promises  What the broker's configuration says and what `status` prints come from the same `Queue`. Sizes of a message are those that
          Mosquitto 2.0.11 was measured to need (2026-11-22): 380 to 440 bytes beside the payload in memory, 123 on disk, topic included.
Leaves    Writing the configuration to local/servers/mosquitto, asking for space to local/status.
"""

from typing import NamedTuple


class Queue(NamedTuple):
    """Limits of the queue that the broker keeps for each gateway's session."""

    messages: int = 2_000_000
    payload_bytes: int = 1 << 30
    autosave_s: int = 30
    """How often the broker writes what it holds to its disk: what a SIGKILL of it may take is younger."""


QUEUE = Queue()
PAYLOAD_BYTES = 1_000
"""A message as large as this is planned for: an array of ten readings; smaller ones are more than it says."""
PER_S, WANTED_S = 1_000, 600
"""What must fit: ten minutes at a thousand messages a second."""
_MEMORY_BESIDE, _DISK_BESIDE = 450, 130
_COPIES = 2
_MB = 1 << 20


class Outage(NamedTuple):
    """What fits, and what it needs when it is full."""

    messages: int
    seconds: int
    """At PER_S messages a second."""
    memory_mb: int
    disk_mb: int
    """Two copies: the broker writes a new file before it lets the old one go."""


def held(queue: Queue = QUEUE, payload_bytes: int = PAYLOAD_BYTES) -> Outage:
    """What the queue holds of messages of this size; one gateway's session: with several, each holds its share."""
    messages = min(queue.messages, queue.payload_bytes // payload_bytes)
    return Outage(messages, messages // PER_S, _mb(messages, _MEMORY_BESIDE + payload_bytes), _mb(messages, _COPIES * (_DISK_BESIDE + payload_bytes)))


def needed(payload_bytes: int = PAYLOAD_BYTES) -> Outage:
    """What ten minutes at a thousand messages a second need."""
    return held(Queue(PER_S * WANTED_S, PER_S * WANTED_S * payload_bytes), payload_bytes)


def problem(queue: Queue, memory_free_mb: int, disk_free_mb: int) -> str | None:
    """Why ten minutes would not fit on this machine; None where they do."""
    wanted = needed()
    for what, there, want in (
        ("messages in the broker's queue", held(queue).messages, wanted.messages),
        ("MB of memory", memory_free_mb, wanted.memory_mb),
        ("MB of disk", disk_free_mb, wanted.disk_mb),
    ):
        if there < want:
            least_s = WANTED_S * there // want
            return f"an outage of {WANTED_S} s at {PER_S} messages/s wants {want:,} {what}, got {there:,}: enough for {least_s} s"
    return None


def _mb(messages: int, each_bytes: int) -> int:
    return -(-messages * each_bytes // _MB)
