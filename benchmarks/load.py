"""The load as a process of its own: `python -m benchmarks.load RATE PACK SECONDS SEED`, the open-loop simulator on a calm day.

Prints one JSON object a line: how many messages were handed over at which moment, five times a second, and the report at the end.

Promises  Nothing goes wrong in it on purpose, so every reading sent is to be stored.
Leaves    Everything about the load itself to simulators/.
"""

import sys
from pathlib import Path

import msgspec

from runtime import clock
from runtime.settings import MqttSettings, load, secret
from simulators.publisher import Broker
from simulators.simulate import Order, simulate
from simulators.worlds import world


def say(**fields: object) -> None:
    """One line."""
    sys.stdout.write(msgspec.json.encode(fields).decode() + "\n")
    sys.stdout.flush()


def _tell(since_s: float, sent: int, waiting: int) -> None:
    now_s = clock.now_us() / 1e6
    say(at_s=now_s, start_s=now_s - since_s, sent=sent, waiting=waiting)


def main(rate: float, pack: int, seconds: float, seed: int) -> None:
    """Play it."""
    settings = load(MqttSettings)
    broker = Broker(settings.mqtt_host, settings.mqtt_port, settings.mqtt_user, secret(settings.mqtt_password_file))
    there = world(settings.cities, Path(settings.cities_dir))
    order = Order(rate=rate, scenario="calm", seed=seed, duration_s=seconds, per_message=pack)
    done = simulate(order, broker, there, _tell)
    say(report=done.report)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
