"""Replay a file of real readings over MQTT, at its own pace, faster, or as fast as may be.

Promises  Times go out as the file has them, or all moved by one and the same span so that the newest is now when it is sent;
          what no message can carry is counted and told with its line.
Leaves    Meaning of columns to maps.py and rows.py, words on the screen to cli/replay.py.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from runtime import clock
from runtime.errors import Unavailable
from simulators import wire
from simulators.maps import Map
from simulators.publisher import Broker, Message, Publisher
from simulators.rows import Row, Skipped, read

_WINDOW = 2_000
"""Messages on their way: what the broker has not acknowledged stays with us, where a crash shows."""
_SHOWN = 20
_ACKNOWLEDGE_S = 60.0


class Order(NamedTuple):
    """What `./kompas replay` was asked for."""

    file: Path
    shape: Map
    speed: float | None = 1.0
    """Times the file's own pace; null: as fast as `per_s` allows."""
    shift: Literal["now", "none"] = "none"
    per_s: float = 5_000.0
    """Messages a second at most, where speed is null."""
    limit: int | None = None
    """Rows at most."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent."""

    rows: int
    messages: int
    readings: int
    unreadable_times: int
    """Rows whose time went out as the text that it is."""
    without_value: int
    """Rows in which every value is missing."""
    skipped: int
    skipped_lines: list[str]
    """The first of them, with line and reason."""
    acknowledged: int
    refused: int
    shift_us: int
    took_s: float


class Span(NamedTuple):
    """What a first look at the file finds."""

    rows: int
    first_us: int
    last_us: int


Progress = Callable[[int, int], None]
"""Called with rows done and rows in all."""


def quiet(_done: int, _rows: int) -> None:
    """No progress shown."""


def look(order: Order) -> Span:
    """Count rows and find the oldest and newest time."""
    rows, first_us, last_us = 0, 2**62, -(2**62)
    for row in _limited(order):
        rows += 1
        if isinstance(row, Row) and row.at_us is not None:
            first_us, last_us = min(first_us, row.at_us), max(last_us, row.at_us)
    return Span(rows, first_us, last_us) if first_us <= last_us else Span(rows, 0, 0)


def shift_us(order: Order, span: Span, now_us: int) -> int:
    """What is added to every time: nothing, or what makes the newest one now when it is sent."""
    if order.shift == "none":
        return 0
    takes_us = 0 if order.speed is None else round((span.last_us - span.first_us) / order.speed)
    return now_us + takes_us - span.last_us


def message(row: Row, city: str, by_us: int) -> Message:
    """One row as a device would say it, in the format json."""
    when: dict[str, object] = {"time": clock.iso(row.at_us + by_us) if row.at_us is not None else row.time_text}
    if row.position is not None:
        when |= {"latitude": row.position[0], "longitude": row.position[1]}
    if len(row.values) > 1 and all(value.unit is None for value in row.values):
        body: object = when | {"values": {value.quantity: value.value for value in row.values}}
    else:
        units = [{} if value.unit is None else {"unit": value.unit} for value in row.values]
        records = [when | {"quantity": value.quantity, "value": value.value} | unit for value, unit in zip(row.values, units, strict=True)]
        body = records[0] if len(records) == 1 else records
    return Message(wire.topic(f"city/{city}/{row.device}/json"), msgspec.json.encode(body))


def replay(order: Order, broker: Broker, show: Progress = quiet) -> Report:
    """Play the file. Raises ConfigError where file or map is at fault, Unavailable where the broker is away for long."""
    span = look(order)
    publisher = Publisher(broker, f"kompas-replay-{clock.now_us():x}")
    publisher.connect()
    start_us, start_s = clock.now_us(), clock.monotonic_s()
    by_us = shift_us(order, span, start_us)
    tally = _Tally()
    try:
        for row in _limited(order):
            tally.rows += 1
            if tally.take(row) and isinstance(row, Row):
                _await(publisher, _due_s(order, row, span, tally) + start_s)
                publisher.put([message(row, order.shape.city, by_us)])
            if tally.rows % 100 == 0:
                show(tally.rows, span.rows)
        if not publisher.drain(_ACKNOWLEDGE_S):
            raise Unavailable("mqtt", "every message acknowledged within a minute", f"{publisher.waiting} are not")
    finally:
        publisher.close()
    show(tally.rows, span.rows)
    return Report(
        rows=tally.rows,
        messages=tally.messages,
        readings=tally.readings,
        unreadable_times=tally.unreadable_times,
        without_value=tally.without_value,
        skipped=tally.skipped,
        skipped_lines=tally.lines,
        acknowledged=publisher.acknowledged,
        refused=sum(publisher.refused.values()),
        shift_us=by_us,
        took_s=round(clock.monotonic_s() - start_s, 3),
    )


class _Tally:
    """Counts of one replay."""

    def __init__(self) -> None:
        self.rows = self.messages = self.readings = 0
        self.unreadable_times = self.without_value = self.skipped = 0
        self.lines: list[str] = []

    def take(self, row: Row | Skipped) -> bool:
        """Count the row; True where there is something to send."""
        if isinstance(row, Skipped):
            self.skipped += 1
            if len(self.lines) < _SHOWN:
                self.lines.append(f"line {row.line}: {row.why}")
            return False
        if not row.values:
            self.without_value += 1
            return False
        self.unreadable_times += row.at_us is None
        self.messages += 1
        self.readings += len(row.values)
        return True


def _limited(order: Order) -> Iterator[Row | Skipped]:
    for number, row in enumerate(read(order.file, order.shape)):
        if order.limit is not None and number >= order.limit:
            return
        yield row


def _due_s(order: Order, row: Row, span: Span, tally: _Tally) -> float:
    """Seconds after the start at which the row goes out."""
    if order.speed is None:
        return (tally.messages - 1) / order.per_s
    return 0.0 if row.at_us is None else (row.at_us - span.first_us) / 1e6 / order.speed


def _await(publisher: Publisher, until_s: float) -> None:
    """Pump until the row is due and there is room."""
    while True:
        left_s = until_s - clock.monotonic_s()
        if left_s <= 0 and publisher.waiting < _WINDOW:
            return
        if left_s > 0.002 or publisher.waiting >= _WINDOW:
            try:
                publisher.pump(min(max(left_s, 0.001), 0.2))
            except Unavailable:
                _reconnect(publisher)


def _reconnect(publisher: Publisher) -> None:
    for pause_s in (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0):
        try:
            publisher.connect()
        except Unavailable:
            time.sleep(pause_s)
        else:
            return
    publisher.connect()
