"""The load as a process of its own: `python -m chaos.load SEED SECONDS FOLDER` plays the script over MQTT at QoS 1 and writes the truth.

Prints one JSON object a line: when it begins, and what is sent and unacknowledged, twice a second. It ends when FOLDER/end_us holds a time that
has passed, or after SECONDS.

Promises  Open loop: a message is handed over when it is due, whatever the system does. `acked_us` is the moment of the broker's
          acknowledgement, 0 where there was none. The truth is written when everything is acknowledged or the time for it is over.
Leaves    What is said to script.py.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pandas as pd

from chaos.script import SECOND_US, Sending, script
from runtime import clock
from runtime.settings import MqttSettings, load, secret
from simulators import wire
from simulators.payloads import Planned
from simulators.player import Player
from simulators.publisher import Broker, Message, Publisher
from simulators.wire import Packet
from simulators.worlds import world

READINGS, BROKEN, END = "readings.parquet", "broken.parquet", "end_us"
_ACKNOWLEDGE_S = 120.0
_TELL_US = SECOND_US // 2


class Tracked(Publisher):
    """Remembers when each message was acknowledged."""

    def __init__(self, broker: Broker, client_id: str) -> None:
        super().__init__(broker, client_id)
        self.acked_us: dict[int, int] = {}
        """By identity of the message."""

    def _settle(self, packet: Packet) -> None:
        message = self._sent.get(packet.number)
        super()._settle(packet)
        if message is not None and packet.reason < wire.REFUSED_FROM:
            self.acked_us[id(message)] = clock.now_us()


def say(**fields: object) -> None:
    """One line."""
    sys.stdout.write(msgspec.json.encode(fields).decode() + "\n")
    sys.stdout.flush()


def play(publisher: Tracked, sendings: Sequence[Sending], folder: Path) -> tuple[list[int], list[int]]:
    """Send them until the end; when each was handed over and acknowledged, µs (0: never)."""
    fields = {sending.topic: wire.topic(sending.topic) for sending in sendings}
    messages = [Message(fields[sending.topic], sending.payload) for sending in sendings]
    player = Player([publisher])
    player.offer((Planned(sending.due_us, message, place) for place, (sending, message) in enumerate(zip(sendings, messages, strict=True))), 0)
    while player.ahead and clock.now_us() < _ends_us(folder):
        player.play(clock.now_us() + _TELL_US)
        say(sent=player.sent, waiting=player.unacknowledged)
    player.finish(_ACKNOWLEDGE_S)
    records = player.records()
    player.close()
    sent_us = dict(zip(records.message.tolist(), records.at_us.tolist(), strict=True))
    return [sent_us.get(place, 0) for place in range(len(messages))], [publisher.acked_us.get(id(message), 0) for message in messages]


def _ends_us(folder: Path) -> int:
    """When to end, once it is known."""
    try:
        return int((folder / END).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 1 << 62


def write(folder: Path, sendings: Sequence[Sending], sent_us: Sequence[int], acked_us: Sequence[int]) -> None:
    """The truth: a row per reading, a row per refused record or message."""
    readings, broken = [], []
    for number, (sending, sent, acked) in enumerate(zip(sendings, sent_us, acked_us, strict=True)):
        device, kind = sending.topic.split("/")[2], sending.stands.kind
        for index, quantity, measured_us, value, has_time, fault in sending.said:
            readings.append((device, kind, quantity, measured_us, value, has_time, fault, sent, acked, number, index))
        broken += [(number, index, device, str(reason), sent, acked) for index, reason in sending.broken]
    columns = ["device", "kind", "quantity", "measured_us", "value", "has_time", "fault", "sent_us", "acked_us", "message", "index"]
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(readings, columns=columns).to_parquet(folder / READINGS, index=False)
    pd.DataFrame(broken, columns=["message", "index", "device", "reason", "sent_us", "acked_us"]).to_parquet(folder / BROKEN, index=False)


def main(seed: int, seconds: float, folder: Path) -> None:
    """Play the city of the settings."""
    settings = load(MqttSettings)
    there = world(settings.cities, Path(settings.cities_dir), Path(settings.catalog_dir))
    broker = Broker(settings.mqtt_host, settings.mqtt_port, settings.mqtt_user, secret(settings.mqtt_password_file))
    publisher = Tracked(broker, "kompas-chaos")
    publisher.connect()
    start_us = clock.now_us() + SECOND_US // 2
    sendings = script(seed, start_us, seconds, dict(there.catalogue.quantities))
    say(start_us=start_us)
    sent_us, acked_us = play(publisher, sendings, folder)
    write(folder, sendings, sent_us, acked_us)
    say(
        messages=len(sent_us) - sent_us.count(0),
        acknowledged=len(acked_us) - acked_us.count(0),
        unheard=publisher.unheard,
        reconnects=publisher.reconnects,
        refused=sum(publisher.refused.values()),
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
