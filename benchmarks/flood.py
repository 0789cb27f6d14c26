"""Publish as fast as the broker takes it: `python -m benchmarks.flood MESSAGES`, for the limit of a receiver."""

import sys
import time

from runtime.settings import MqttSettings, load, secret
from simulators import wire
from simulators.publisher import Broker, Message, Publisher

_AT_ONCE, _MOST_WAITING = 500, 5_000
_PAYLOAD = b'[{"time":1700000000000,"values":{"pm2_5":11.5,"pm10":18.4,"no2":22.1,"nox":36.0,"o3":52.3,"so2":3.1,"co":281.0}}]'


def main(messages: int) -> None:
    """Send them all at QoS 1, to topics of a few devices."""
    settings = load(MqttSettings)
    publisher = Publisher(
        Broker(settings.mqtt_host, settings.mqtt_port, settings.mqtt_user, secret(settings.mqtt_password_file)), "kompas-bench-flood"
    )
    publisher.connect()
    topics = [wire.topic(f"city/limit/limit.device-{number}/json") for number in range(100)]
    sent, end_s = 0, time.monotonic() + 120.0
    while (sent < messages or publisher.waiting) and time.monotonic() < end_s:
        if sent < messages and publisher.waiting < _MOST_WAITING:
            publisher.put([Message(topics[number % 100], _PAYLOAD) for number in range(sent, min(sent + _AT_ONCE, messages))])
            sent = min(sent + _AT_ONCE, messages)
        publisher.pump(0.05)
    publisher.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
