"""When MQTT may be acknowledged: in order of delivery, and only what Kafka has in full.

Promises  A message comes out once, after every part of it was confirmed and after all messages delivered before it.
Leaves    Which connection the numbers belong to to ingest/mqtt: each carries its epoch.
"""

from collections import deque
from collections.abc import Sequence


class Batch:
    """Messages that were handled together, and how many Kafka records they wait for."""

    __slots__ = ("messages", "waiting")

    def __init__(self, messages: Sequence[tuple[int, int]]) -> None:
        self.messages = messages
        """(epoch, MQTT message id), in order of delivery."""
        self.waiting = 1
        """Records not yet confirmed; the one at first is the batch itself, until `AckWindow.seal`."""


class AckWindow:
    """Batches in order of delivery."""

    def __init__(self) -> None:
        self._batches: deque[Batch] = deque()
        self.unacknowledged = 0
        """Messages delivered and not yet given out by `finished`."""

    def open(self, messages: Sequence[tuple[int, int]]) -> Batch:
        """Begin a batch; it stays open for new records until `seal`."""
        batch = Batch(messages)
        self._batches.append(batch)
        self.unacknowledged += len(messages)
        return batch

    @staticmethod
    def expect(batch: Batch) -> Batch:
        """One more record that the batch waits for."""
        batch.waiting += 1
        return batch

    @staticmethod
    def confirm(batch: Batch) -> None:
        """One record less."""
        batch.waiting -= 1

    seal = confirm
    """All records of the batch are known."""

    def finished(self) -> list[tuple[int, int]]:
        """(epoch, message id) of the finished prefix, each once, in order."""
        found: list[tuple[int, int]] = []
        while self._batches and self._batches[0].waiting == 0:
            found.extend(self._batches.popleft().messages)
        self.unacknowledged -= len(found)
        return found
