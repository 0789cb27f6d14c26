"""The law of acknowledgement: a finished prefix, each message once, in order."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ingest.acks import AckWindow, Batch


class Acknowledging(RuleBasedStateMachine):
    """Batches come, wait for records, and records are confirmed in any order; a model keeps count by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.window = AckWindow()
        self.batches: list[tuple[Batch, list[tuple[int, int]]]] = []
        self.open: set[int] = set()
        self.pending: list[int] = []
        """Number of the batch, once per record that is not confirmed."""
        self.delivered: list[tuple[int, int]] = []
        self.acknowledged: list[tuple[int, int]] = []

    @rule(count=st.integers(0, 4), epoch=st.integers(1, 3))
    def deliver(self, count: int, epoch: int) -> None:
        messages = [(epoch, len(self.delivered) + i) for i in range(count)]
        self.delivered += messages
        self.batches.append((self.window.open(messages), messages))
        self.open.add(len(self.batches) - 1)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), records=st.integers(1, 3))
    def expect(self, data: st.DataObject, records: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.open)))
        for _ in range(records):
            self.window.expect(self.batches[number][0])
            self.pending.append(number)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def seal(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.open)))
        self.open.remove(number)
        self.window.seal(self.batches[number][0])

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        number = self.pending.pop(data.draw(st.integers(0, len(self.pending) - 1)))
        self.window.confirm(self.batches[number][0])

    @rule()
    def acknowledge(self) -> None:
        self.acknowledged += self.window.finished()
        blocked = [number for number in range(len(self.batches)) if number in self.open or number in self.pending]
        until = blocked[0] if blocked else len(self.batches)
        assert self.acknowledged == [message for _, messages in self.batches[:until] for message in messages]

    @invariant()
    def every_message_once_and_in_order(self) -> None:
        assert self.acknowledged == self.delivered[: len(self.acknowledged)]
        assert self.window.unacknowledged == len(self.delivered) - len(self.acknowledged)


TestAcknowledging = Acknowledging.TestCase
