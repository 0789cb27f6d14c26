"""The gateway as a process: MQTT in, Kafka out, and the order in which it comes up and goes down.

Promises  MQTT is acknowledged only after Kafka has everything of the message and of those before it. Deliveries wait in
          bounded memory. A task that ends by itself ends the process.
Leaves    Every decision to ingest/pipeline.
"""

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Coroutine
from typing import Any

from ingest import metrics
from ingest.acks import AckWindow, Batch
from ingest.follow import Follower
from ingest.format import formats
from ingest.mqtt import MqttLink
from ingest.pipeline import Outgoing, Pipeline
from ingest.progress import GatewayProgress
from ingest.registry import Registry
from ingest.sender import Sender
from ingest.settings import GatewaySettings
from kernels import ingest as kernel
from runtime import clock, events
from runtime.errors import Inconsistent
from runtime.guard import Guard
from runtime.health import HealthServer

_BATCH_MAX = 2_000
_TURN_S = 0.5
_GATHER_LEAST_S, _GATHER_MOST_S = 0.001, 0.02
_BEAT_S = 1.0
_STUCK_S = 10.0
_NOT_READY_S = 5.0
_FLUSH_S, _LAST_S, _LEAVE_S, _CANCEL_S = 4.0, 1.0, 1.5, 2.5
"""Shares of the ten seconds in which a process ends."""


class Gateway:
    """One gateway; `run` returns when `stop` was called, or raises."""

    def __init__(self, settings: GatewaySettings) -> None:
        name = f"gw-{settings.ordinal}"
        self._settings = settings
        self._wake, self._stopping = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        registry = Registry(formats(), settings.position_margin_degrees)
        self._pipeline = Pipeline(registry, name, secrets.token_hex(8), settings.frame_rows, settings.largest_message_bytes)
        self._follower = Follower(settings.kafka, f"kompas-{name}", registry)
        self._sender = Sender(settings.kafka, f"kompas-{name}", self._confirmed)
        self._link = MqttLink(settings, self._wake_from_thread)
        self._turned_s = clock.monotonic_s()
        self._beat = Batch(())
        AckWindow.confirm(self._beat)
        self._ack_due = False
        self._silent: str | None = None
        self._turns = 0
        self._guard = Guard(GatewayProgress(settings, self._link, self._sender, lambda: self._turns), settings.watchdog_s, self._loop)
        alive = {"pump": self._pump_problem}
        waits = {"registry": self._follower.waits_for, "mqtt": lambda: self._link.problem, "kafka": self._kafka_problem}
        ready = {**waits, "progress": self._guard.problem}
        self.health = HealthServer(settings.health_host, settings.health_port, alive, ready)

    def stop(self) -> None:
        """End cleanly; may be called from a signal handler."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop`; raises what ended a task."""
        kernel.warm_up()
        await self.health.start()
        self._guard.start()
        events.happened("gateway_started", health_port=self.health.port, formats=sorted(formats()))
        tasks = [self._task("registry", self._follower.run()), self._task("kafka", self._sender.run())]
        try:
            if await self._until_ready(tasks):
                self._link.start()
                tasks += [self._task("pump", self._pump()), self._task("heartbeat", self._beats()), self._task("stop", self._stopping.wait())]
                await _first(tasks)
                await self._leave(tasks)
        finally:
            self._guard.stop()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_CANCEL_S)
            await self.health.stop()
            events.happened("gateway_stopped", unacknowledged=self._pipeline.window.unacknowledged)

    async def _until_ready(self, tasks: list["asyncio.Task[Any]"]) -> bool:
        """Wait for the registry and Kafka before the first message is asked for; False where `stop` came first."""
        while not (self._follower.loaded and self._sender.connected):
            self._turned_s, self._turns = clock.monotonic_s(), self._turns + 1
            for task in tasks:
                if task.done():
                    await task
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 0.05)
                return False
        return True

    async def _pump(self) -> None:
        """Take deliveries in batches; while frames wait, close those that are due."""
        pipeline = self._pipeline
        while not self._stopping.is_set():
            now_s = self._turned_s = clock.monotonic_s()
            self._turns += 1
            taken = self._take() if self._sender.backlog_bytes < self._settings.largest_backlog_bytes else 0
            self._send(pipeline.due(now_s))
            self._measure()
            if taken:
                # under load messages gather here, so that a batch is worth its fixed cost
                await asyncio.sleep(min(max(pipeline.frames.wait_s / 8, _GATHER_LEAST_S), _GATHER_MOST_S))
                continue
            due_s = pipeline.frames.next_due_s()
            self._wake.clear()
            if not self._link.queued or self._sender.backlog_bytes >= self._settings.largest_backlog_bytes:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _TURN_S if due_s is None else max(min(due_s - now_s, _TURN_S), 0.0))

    def _take(self) -> int:
        deliveries = self._link.drain(_BATCH_MAX)
        if deliveries:
            records, defects = self._pipeline.take(deliveries, clock.monotonic_s())
            self._send(records)
            metrics.MESSAGES.inc(len(deliveries))
            for defect in defects:
                metrics.DEFECTS.inc()
                events.failed("decoder_failed", error=defect)
        return len(deliveries)

    def _send(self, records: list[Outgoing]) -> None:
        self._sender.put(records)
        for record in records:
            if record.rows:
                metrics.FRAMES.inc()
                metrics.READINGS.inc(record.rows)
                metrics.FRAME_ROWS.observe(record.rows)
        for reason, count in self._pipeline.reasons.items():
            metrics.REJECTED.labels(reason).inc(count)
        self._pipeline.reasons.clear()

    def _confirmed(self, record: Outgoing) -> None:
        """Kafka has the record: durable first, forgotten second; a crash between the two repeats and never loses."""
        self._pipeline.confirmed(record)
        for batch in record.batches:
            AckWindow.confirm(batch)
        if not self._ack_due:
            self._ack_due = True
            self._loop.call_soon(self._acknowledge)

    def _acknowledge(self) -> None:
        self._ack_due = False
        self._link.acknowledge(self._pipeline.finished())
        self._wake.set()

    async def _beats(self) -> None:
        """A heartbeat a second, while MQTT is connected and Kafka has confirmed the one before."""
        while True:
            await asyncio.sleep(_BEAT_S)
            if self._link.connected and self._sender.connected and self._beat.waiting == 0:
                self._put_beat(last=False)

    def _put_beat(self, last: bool) -> None:
        records = self._pipeline.beat(clock.now_us(), last, (self._link.broker_dropped, self._link.broker_began_us))
        self._beat = Batch(())
        for record in records:
            record.batches.append(AckWindow.expect(self._beat))
        AckWindow.seal(self._beat)
        self._send(records)

    async def _leave(self, tasks: list["asyncio.Task[Any]"]) -> None:
        """Stop reading, flush, confirm, acknowledge, say goodbye; raises what a task raised."""
        for task in tasks:
            if task.done() and not self._stopping.is_set():
                await task
                raise Inconsistent(f"task {task.get_name()}: wanted it to run until the gateway is stopped, it ended by itself")
        self._link.stop_reading()
        tasks[2].cancel()
        while self._take():
            pass
        self._send(self._pipeline.flush())
        try:
            await asyncio.wait_for(self._sender.flushed(), _FLUSH_S)
            self._put_beat(last=True)
            await asyncio.wait_for(self._sender.flushed(), _LAST_S)
        except TimeoutError:
            events.failed("stopped_before_confirmed", kafka_lag_s=round(self._sender.lag_s(), 1), unacknowledged=self._pipeline.window.unacknowledged)
        self._acknowledge()
        left = asyncio.Event()
        # a thread of its own and not the loop's: where paho hangs in a connection, the process still ends
        threading.Thread(target=self._disconnect, args=(left,), daemon=True).start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(left.wait(), _LEAVE_S)

    def _disconnect(self, left: asyncio.Event) -> None:
        self._link.stop()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(left.set)

    def _measure(self) -> None:
        metrics.UNACKNOWLEDGED.set(self._pipeline.window.unacknowledged + self._link.queued)
        metrics.KAFKA_LAG.set(self._sender.lag_s())
        metrics.KAFKA_BACKLOG.set(self._sender.backlog_bytes)
        metrics.FRAME_WAIT.set(self._pipeline.frames.wait_s)
        silent = self._kafka_problem()
        if (silent is None) != (self._silent is None):
            held = self._pipeline.window.unacknowledged
            events.happened("kafka_answers" if silent is None else "kafka_silent", problem=silent, unacknowledged=held)
        self._silent = silent

    def _pump_problem(self) -> str | None:
        silent_s = clock.monotonic_s() - self._turned_s
        return f"the pump has not turned for {silent_s:.0f} s" if silent_s > _STUCK_S else None

    def _kafka_problem(self) -> str | None:
        if not self._sender.connected:
            return f"no producer at {self._settings.kafka}"
        lag_s = self._sender.lag_s()
        return f"the oldest record has waited {lag_s:.1f} s for Kafka" if lag_s > _NOT_READY_S else None

    def _wake_from_thread(self) -> None:
        with contextlib.suppress(RuntimeError):
            # the loop may be closed already when paho's last delivery comes
            self._loop.call_soon_threadsafe(self._wake.set)

    @staticmethod
    def _task(name: str, coroutine: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        return asyncio.create_task(coroutine, name=name)


async def _first(tasks: list["asyncio.Task[Any]"]) -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
