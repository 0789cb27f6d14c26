"""Every record is confirmed once, in order, whatever producers do; with producers played by hand."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, OutOfOrderSequenceNumber
from hypothesis import given
from hypothesis import strategies as st

from ingest import sender as module
from ingest.pipeline import Outgoing
from ingest.sender import Sender
from runtime import kafka


class Played:
    """A producer that writes to a shared log, and does to each record what the script says."""

    def __init__(self, log: list[bytes], script: list[str]) -> None:
        self.log, self.script = log, script
        self.lost = False
        self.held: list[asyncio.Future[object]] = []

    async def start(self) -> None:
        if self.script and self.script[0] == "unreachable":
            self.script.pop(0)
            raise KafkaConnectionError

    async def stop(self) -> None:
        for future in self.held:
            if not future.done():
                future.set_result(None)

    async def send(self, _topic: str, value: bytes, **_more: object) -> "asyncio.Future[object]":
        todo = self.script.pop(0) if self.script else "ok"
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if todo == "full":
            raise KafkaTimeoutError
        if todo == "refuse":
            raise KafkaConnectionError
        # the broker takes nothing of this producer after a number that it did not get
        self.lost = self.lost or todo == "lose"
        if self.lost:
            future.set_exception(OutOfOrderSequenceNumber())
            return future
        self.log.append(value)
        if todo == "hold":
            # in the log, but its confirmation comes only when the producer is stopped
            self.held.append(future)
        elif todo == "written, then lost":
            self.lost = True
            future.set_exception(OutOfOrderSequenceNumber())
        else:
            future.set_result(None)
        return future


def record(number: int) -> Outgoing:
    return Outgoing("t", 0, b"%d" % number, [], [])


async def drive(count: int) -> tuple[list[int], int]:
    """What was confirmed, and the bytes left."""
    confirmed: list[int] = []
    sender = Sender("nowhere", "test", lambda done: confirmed.append(int(done.value)))
    task = asyncio.create_task(sender.run())
    for number in range(count):
        sender.put([record(number)])
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await sender.flushed()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return confirmed, sender.backlog_bytes


def play(monkeypatch: pytest.MonkeyPatch, script: list[str]) -> list[bytes]:
    """Producers made from now on follow the script, one after the other; returns the log that they write."""
    log: list[bytes] = []

    def make(bootstrap: str, client_id: str) -> Played:
        return Played(log, script)

    monkeypatch.setattr(kafka, "producer", make)
    monkeypatch.setattr(module, "_RETRY_S", 0.0)
    return log


STEP = st.sampled_from(["ok", "ok", "hold", "full", "refuse", "lose", "written, then lost", "unreachable"])


@given(st.integers(0, 12), st.lists(STEP, max_size=20))
def test_rule_24_all_are_confirmed_once_and_the_log_holds_them_in_order(count: int, steps: list[str]) -> None:
    # a record that is held waits until its producer is stopped, so something must break that producer later
    script = [*steps, "lose"] if "hold" in steps else steps
    total = count + len(script)
    with pytest.MonkeyPatch.context() as monkeypatch:
        log = play(monkeypatch, list(script))
        confirmed, left = asyncio.run(drive(total))
    assert sorted(confirmed) == list(range(total))
    assert left == 0
    assert list(dict.fromkeys(int(value) for value in log)) == list(range(total))
