"""What moves and what waits in the gateway, for its guard: the pump, the producer, the connection to the broker.

Promises  An outage of Kafka or of the broker, however long, is no standstill: the gateway outlives it. Only a client that does nothing
          although its server answers is one.
Leaves    The verdict to runtime.watchdog.
"""

import socket
from collections.abc import Callable, Collection, Mapping

from catalog.topics import READINGS
from ingest.mqtt import MqttLink
from ingest.sender import Sender
from ingest.settings import GatewaySettings
from runtime import kafka
from runtime.errors import Unavailable

PUMP, KAFKA, MQTT = "pump", "Kafka's producer", "connection to the MQTT broker"


class GatewayProgress:
    """The lanes of one gateway."""

    def __init__(self, settings: GatewaySettings, link: MqttLink, sender: Sender, turns: Callable[[], int]) -> None:
        self._settings, self._link, self._sender, self._turns = settings, link, sender, turns

    def counts(self) -> Mapping[str, int]:
        """Turns, confirmations, attempts to connect."""
        return {PUMP: self._turns(), KAFKA: self._sender.confirmations + self._sender.attempts, MQTT: self._link.attempts}

    def waiting(self, lanes: Collection[str]) -> Mapping[str, int]:
        """Records unconfirmed while Kafka answers; a connection missing while the broker listens; the pump always has to turn."""
        found = {PUMP: 1, KAFKA: 0, MQTT: 0}
        if KAFKA in lanes and self._sender.unconfirmed and self._kafka_answers():
            found[KAFKA] = self._sender.unconfirmed
        if MQTT in lanes and not self._link.connected and self._link.attempts and self._broker_listens():
            found[MQTT] = 1
        return found

    def _kafka_answers(self) -> bool:
        try:
            kafka.ends_now(self._settings.kafka, f"kompas-gw-{self._settings.ordinal}-guard", [(READINGS.name, 0)])
        except Unavailable:
            return False
        return True

    def _broker_listens(self) -> bool:
        try:
            socket.create_connection((self._settings.mqtt_host, self._settings.mqtt_port), 2.0).close()
        except OSError:
            return False
        return True
