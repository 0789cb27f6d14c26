"""The MQTT side: a paho thread that puts deliveries aside and an acknowledgement that knows which connection it is for.

Promises  Nothing is acknowledged but by `acknowledge`, and never on another connection than the one that delivered it;
          memory is bounded: by the receive maximum, and by bytes (then the socket is not read).
          An exception in a callback does not end the thread.
Leaves    Order and time of acknowledgement to ingest/acks.
"""

import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest import metrics
from ingest.bulk import Publish, WideClient
from ingest.decode import Delivery
from ingest.settings import GatewaySettings
from runtime import clock, events
from runtime.settings import secret

KEEP_ALIVE_S = 30
_BLOCKED_FOR_S = 0.05
_DIGITS = 12
"""Of a number that the broker says of itself."""

TOPICS = "city/#"
"""All that anybody may write to, not only topics of the right depth: to what nobody subscribes the broker acknowledges and drops."""
DROPPED = "$SYS/broker/publish/messages/dropped"
"""Where Mosquitto says how many messages it dropped since its start, every ten seconds where that changes."""
UPTIME = "$SYS/broker/uptime"
"""Where it says how long ago its start was: `12 seconds`, every ten seconds."""
SHARED = f"$share/kompas/{TOPICS}"
"""How several gateways divide the messages. Mosquitto 2.0 forgets a shared subscription when it is restarted, until the
gateway is back: what comes in between it acknowledges and drops. One gateway alone therefore subscribes plainly."""
_EARLIER = ("city/+/+/+", "$share/kompas/city/+/+/+")
"""What earlier releases subscribed: their sessions outlive them, and would deliver by both filters."""


class MqttLink:
    """One MQTT 5 connection with a persistent session and one subscription, at QoS 1."""

    def __init__(self, settings: GatewaySettings, wake: Callable[[], None]) -> None:
        self._settings, self._wake = settings, wake
        self._queue: deque[Delivery] = deque()
        # each counter is written by one thread only
        self._bytes_in = self._bytes_out = 0
        self._epoch = 0
        self._epoch_lock = threading.Lock()
        self._last_us = 0
        self._open = True
        self._asleep = True
        self.connected = False
        self.problem: str | None = "not connected yet"
        self.broker_dropped: int | None = None
        """What the broker says that it dropped since its start; None: it has not said since we connected."""
        self.broker_began_us: int | None = None
        """When it was started, to ten seconds or so."""
        self._topic = SHARED if settings.shared else TOPICS
        # paho's thread has a context of its own, which knows nothing of the process's name in the log
        self._context = contextvars.copy_context()
        client = WideClient(f"kompas-gw-{settings.ordinal}", self._on_publishes)
        client.username_pw_set(settings.mqtt_user, secret(settings.mqtt_password_file))
        client.suppress_exceptions = True
        client.reconnect_delay_set(1, 5)
        client.on_connect, client.on_disconnect, client.on_subscribe = self._on_connect, self._on_disconnect, self._on_subscribe
        client.on_pre_connect, client.on_connect_fail = self._on_pre_connect, self._on_connect_fail
        self._client = client

    def start(self) -> None:
        """Connect, and again whenever the connection is lost; `connected` and `problem` tell."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._settings.session_expiry_s
        properties.ReceiveMaximum = self._settings.receive_maximum
        self._client.connect_async(
            self._settings.mqtt_host, self._settings.mqtt_port, keepalive=KEEP_ALIVE_S, clean_start=False, properties=properties
        )
        self._client.loop_start()

    def drain(self, limit: int) -> list[Delivery]:
        """At most `limit` deliveries, in order. When it returns none, the next delivery wakes the caller."""
        queue = self._queue
        if not queue:
            self._asleep = True
            # a delivery between the look and the line above has not woken anybody
            if not queue:
                return []
        self._asleep = False
        found = [queue.popleft() for _ in range(min(limit, len(queue)))]
        self._bytes_out += sum(len(delivery[1]) for delivery in found)
        return found

    @property
    def queued(self) -> int:
        """Deliveries not yet taken."""
        return len(self._queue)

    def acknowledge(self, messages: Iterable[tuple[int, int]]) -> None:
        """Acknowledge (epoch, id) in this order; those of a former connection are left to its redelivery."""
        # the lock keeps a new connection from beginning between the look at the epoch and the acknowledgement
        with self._epoch_lock:
            # a message published at QoS 0 has no id and wants no acknowledgement
            self._client.acknowledge([mid for epoch, mid in messages if epoch == self._epoch and mid])

    @property
    def attempts(self) -> int:
        """A number that changes with every attempt to connect."""
        return self._epoch

    def stop_reading(self) -> None:
        """Leave further deliveries unacknowledged: the broker delivers them again, to another gateway or a later life."""
        self._open = False

    def stop(self) -> None:
        """Disconnect after the acknowledgements that are queued; the session stays. Blocks until the thread ends."""
        self._open = False
        self._client.disconnect()
        self._client.loop_stop()

    def _new_epoch(self) -> None:
        with self._epoch_lock:
            self._epoch += 1

    def _on_pre_connect(self, _client: paho.Client, _userdata: Any) -> None:
        self._client.forget()
        self._new_epoch()

    def _on_connect(self, client: paho.Client, _userdata: Any, flags: paho.ConnectFlags, reason: Any, _properties: Any) -> None:
        self._new_epoch()
        if reason.is_failure:
            self._say_problem(f"refused: {reason}")
            return
        metrics.CONNECTIONS.inc()
        if not flags.session_present:
            metrics.SESSIONS_LOST.inc()
        self._context.run(events.happened, "mqtt_connected", session_present=flags.session_present)
        # it may be another broker, or one that counts from nothing
        self.broker_dropped = self.broker_began_us = None
        # at QoS 0 the broker's own word is never queued; a broker that does not give it is none the worse. Its start comes first: it tells
        # what the number of dropped messages counts from
        client.subscribe([(self._topic, SubscribeOptions(qos=1)), *((own, SubscribeOptions(qos=0)) for own in (UPTIME, DROPPED))])
        # a session of an earlier release or other settings would deliver everything twice. It is left second: between the two packets a
        # message may come twice, the other way round it would be lost
        client.unsubscribe([topic for topic in (TOPICS, SHARED, *_EARLIER) if topic != self._topic])

    def _on_subscribe(self, _client: paho.Client, _userdata: Any, _mid: int, reasons: list[Any], _properties: Any) -> None:
        refused = [str(reason) for reason in reasons[:1] if reason.is_failure]
        if refused:
            self._say_problem(f"subscription to {self._topic} refused: {', '.join(refused)}")
            return
        self.connected, self.problem = True, None

    def _on_disconnect(self, _client: paho.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._new_epoch()
        if self._open:
            self._say_problem(f"connection lost: {self._client.defect or reason}")
        self.connected = False

    def _on_connect_fail(self, _client: paho.Client, _userdata: Any) -> None:
        self._say_problem(f"no broker at {self._settings.mqtt_host}:{self._settings.mqtt_port}")

    def _say_problem(self, problem: str) -> None:
        if problem != self.problem:
            self._context.run(events.happened, "mqtt_awaited", problem=problem)
        self.connected, self.problem = False, problem

    def _on_publishes(self, publishes: list[Publish]) -> None:
        """What one piece of the stream held; runs in paho's thread."""
        if 0 in [mid for _, _, mid in publishes]:
            publishes = self._without_own_word(publishes)
        received_us = clock.now_us()
        # within one gateway no two receive times are equal: readings without a time of their own would have equal keys
        if self._last_us - 1_000_000 < received_us <= self._last_us:
            received_us = self._last_us + 1
        self._last_us = received_us + len(publishes)
        while self._bytes_in - self._bytes_out > self._settings.largest_backlog_bytes and self._open:
            self._wake()
            time.sleep(_BLOCKED_FOR_S)
        if not self._open or not publishes:
            return
        epoch = self._epoch
        self._bytes_in += sum([len(payload) for _, payload, _ in publishes])
        self._queue.extend([(topic, payload, mid, epoch, received_us + i) for i, (topic, payload, mid) in enumerate(publishes)])
        if self._asleep:
            self._asleep = False
            self._wake()

    def _dropped(self, messages: int) -> None:
        if messages > (self.broker_dropped or 0):
            self._context.run(events.failed, "broker_drops", messages_since_its_start=messages, before=self.broker_dropped)
        self.broker_dropped = messages

    def _without_own_word(self, publishes: list[Publish]) -> list[Publish]:
        """Take out what the broker says of itself, which comes at QoS 0."""
        for topic, payload, _ in publishes:
            number = payload.partition(b" ")[0]
            if not number.isdigit() or len(number) > _DIGITS:
                continue
            if topic == UPTIME:
                self.broker_began_us = clock.now_us() - 1_000_000 * int(number)
            elif topic == DROPPED:
                self._dropped(int(number))
        return [each for each in publishes if not each[0].startswith("$SYS/")]
