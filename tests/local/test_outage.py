"""Ten minutes at a thousand messages a second fit; whatever does not fit is said, and what is said grows with what it is about."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from local.outage import PAYLOAD_BYTES, PER_S, QUEUE, WANTED_S, Queue, held, needed, problem
from local.servers.mosquitto import configuration

sizes = st.integers(20, 200_000)
queues = st.builds(Queue, st.integers(1, 10**7), st.integers(10**6, 10**11))


def test_what_is_configured_holds_what_is_wanted(tmp_path: Path) -> None:
    assert held(QUEUE).messages >= PER_S * WANTED_S == 600_000
    lines = configuration(tmp_path, "127.0.0.1", 1883).splitlines()
    assert f"max_queued_messages {QUEUE.messages}" in lines
    assert f"max_queued_bytes {QUEUE.payload_bytes}" in lines
    assert f"autosave_interval {QUEUE.autosave_s}" in lines


@given(queues, sizes)
def test_no_more_is_promised_than_either_limit_lets_in(queue: Queue, payload_bytes: int) -> None:
    found = held(queue, payload_bytes)
    assert found.messages <= queue.messages
    assert found.messages * payload_bytes <= queue.payload_bytes
    assert found.messages + 1 > queue.messages or (found.messages + 1) * payload_bytes > queue.payload_bytes
    assert found.seconds * PER_S <= found.messages
    assert found.memory_mb << 20 >= found.messages * payload_bytes


@given(queues, st.integers(0, 10_000), st.integers(0, 10_000))
def test_what_does_not_fit_is_said(queue: Queue, memory_mb: int, disk_mb: int) -> None:
    want = needed()
    fits = held(queue, PAYLOAD_BYTES).messages >= want.messages and memory_mb >= want.memory_mb and disk_mb >= want.disk_mb
    assert (problem(queue, memory_mb, disk_mb) is None) == fits
