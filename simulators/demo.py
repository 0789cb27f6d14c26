"""The demo city: `python -m simulators.demo` plays the devices of the running city packs until it is asked to stop.

With a database to ask (KOMPAS_DB_*), it plays the registers' months, too: see history.py.

Promises  Manual devices are left alone; each kind keeps its own cadence; while the broker is away nothing is measured, and
          afterwards the city goes on as if it had been. Ends on SIGTERM with everything sent acknowledged.
Leaves    Starting and restarting it to local/.
"""

import asyncio
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated

from msgspec import Meta
from prometheus_client import Counter, Gauge

from catalog.windows import from_us
from runtime import clock, events
from runtime.errors import ConfigError, Unavailable
from runtime.health import HealthServer
from runtime.settings import MqttSettings, Port, load, secret
from simulators import city, payloads, registers, scenario
from simulators.city import Play, Streams
from simulators.history import History
from simulators.player import Player
from simulators.publisher import Broker, Publisher
from simulators.registers import Offices
from simulators.stretch import stretch
from simulators.worlds import World, worlds
from storage import queries

STRETCH_US = 500_000
_STALL_S = 10.0
_BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)

MESSAGES = Counter("kompas_demo_messages_total", "Messages that the demo handed to the broker.")
READINGS = Counter("kompas_demo_readings_total", "Readings in them.")
BACKLOG = Gauge("kompas_demo_unacknowledged", "Messages that the broker has not acknowledged.")


class DemoSettings(MqttSettings, frozen=True, kw_only=True):
    """Settings of the demo city."""

    demo_seed: Annotated[int, Meta(ge=0, description="The city's chance: the same seed, the same city.")] = 1
    demo_scenario: Annotated[str, Meta(description="One of simulators/scenarios/.")] = "demo"
    db_host: Annotated[str, Meta(description="PostgreSQL host, to ask which months of the registers are stored.")] = "127.0.0.1"
    db_port: Annotated[Port, Meta(description="PostgreSQL port.")] = 5432
    db_name: Annotated[str, Meta(description="Database.")] = "kompas"
    db_user: Annotated[str, Meta(description="Role that may read.")] = "kompas_reader"
    db_password_file: Annotated[str, Meta(description="File that holds the role's password; empty: registers are not played.")] = ""

    @property
    def conninfo(self) -> str:
        """libpq connection string, password included: never log it."""
        return f"host={self.db_host} port={self.db_port} dbname={self.db_name} user={self.db_user} password={secret(self.db_password_file)}"


class Demo:
    """Plays streams in a thread of its own, while the event loop answers for its health."""

    def __init__(self, publisher: Publisher, cities: Sequence[Streams], history: History | None = None) -> None:
        self._history = history
        self._publisher, self._player = publisher, Player([publisher], self._changed)
        self._cities = [(each, payloads.topics(each)) for each in cities]
        self._stopping = threading.Event()
        self._looked_s = clock.monotonic_s()
        self.error: BaseException | None = None

    def stop(self) -> None:
        """Ask it to end."""
        self._stopping.set()

    def alive(self) -> str | None:
        """What is wrong with its progress, if anything."""
        silent_s = clock.monotonic_s() - self._looked_s
        return f"no progress for {silent_s:.0f} s" if silent_s > _STALL_S else None

    def ready(self) -> str | None:
        """What keeps it from sending, if anything."""
        return None if self._publisher.connected else "not connected to the MQTT broker"

    def run(self) -> None:
        """Connect and play until asked to stop; what ends it by error is kept in `error`."""
        months = threading.Thread(target=self._history.run, args=(self._stopping,), name="registers") if self._history is not None else None
        try:
            self._connect()
            if months is not None:
                months.start()
            self._play()
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which ends the process with it
            self.error = error
        finally:
            self._stopping.set()
            self._player.close()
            if months is not None and months.ident is not None:
                months.join(5.0)

    def _connect(self) -> None:
        for attempt in range(sys.maxsize):
            if self._stopping.is_set():
                return
            self._looked_s = clock.monotonic_s()
            try:
                self._publisher.connect()
            except Unavailable as error:
                if attempt == 0:
                    events.happened("broker_awaited", said=str(error))
                self._stopping.wait(_BACK_OFF_S[min(attempt, len(_BACK_OFF_S) - 1)])
            else:
                devices = {each.city.id: len(each.devices) for each, _ in self._cities}
                events.happened("demo_started", devices=devices)
                return

    def _play(self) -> None:
        made_us = clock.now_us()
        while not self._stopping.is_set():
            self._looked_s = clock.monotonic_s()
            connected = self._player.connected
            made_us = self._measure(made_us) if connected else clock.now_us()
            self._player.play(min(made_us, clock.now_us() + STRETCH_US) - STRETCH_US // 4)
            if not connected:
                self._player.play(clock.now_us() + STRETCH_US // 4)
        self._player.finish(3.0)

    def _changed(self, connected: bool) -> None:
        events.happened("broker_found" if connected else "broker_lost", unacknowledged=self._player.unacknowledged)

    def _measure(self, made_us: int) -> int:
        """Make the next half second; whatever lies further back than a second is not made up for."""
        now_us = clock.now_us()
        from_us = max(made_us, now_us - 1_000_000)
        until_us = max(from_us, now_us) + STRETCH_US
        readings = 0
        for streams, fields in self._cities:
            part = stretch(streams, from_us, until_us)
            self._player.offer(payloads.planned(streams, fields, part), 0)
            readings += len(part.readings.value)
        MESSAGES.inc(self._player.sent)
        READINGS.inc(readings)
        BACKLOG.set(self._player.unacknowledged)
        self._player.forget()
        return until_us


def prepare(settings: DemoSettings) -> Demo:
    """Read the packs and make their streams; raises ConfigError."""
    names = [name.strip() for name in settings.cities.split(",") if name.strip()]
    folder = Path(settings.cities_dir) if settings.cities_dir else None
    there = worlds(names, folder, Path(settings.catalog_dir) if settings.catalog_dir else None)
    play = Play(settings.demo_seed, scenario.named(settings.demo_scenario), clock.now_us())
    cities = [
        city.streams(
            one.pack.city, city.choose(list(one.pack.devices.values()), None, one.pack.city.id), one.catalogue.kinds, one.catalogue.quantities, play
        )
        for one in there
    ]
    broker = Broker(settings.mqtt_host, settings.mqtt_port, settings.mqtt_user, secret(settings.mqtt_password_file))
    return Demo(Publisher(broker, f"kompas-demo-{settings.ordinal}"), cities, _history(settings, broker, there))


def _history(settings: DemoSettings, broker: Broker, there: Sequence[World]) -> History | None:
    if not settings.db_password_file:
        events.happened("registers_not_played", said="no database to ask what is stored (KOMPAS_DB_PASSWORD_FILE)")
        return None
    offices = [
        Offices(one.pack.city, list(one.pack.devices.values()), one.pack.areas, one.catalogue.kinds, one.catalogue.quantities, settings.demo_seed)
        for one in there
    ]
    return History(offices, Publisher(broker, f"kompas-registers-{settings.ordinal}"), partial(_stored, settings))


def _stored(settings: DemoSettings, city_id: str, at_us: int) -> frozenset[str]:
    with closing(queries.reader(settings.conninfo, "kompas registers")) as connection:
        return queries.said(connection, city_id, registers.PREFIX, from_us(at_us))


async def serve(settings: DemoSettings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    demo = prepare(settings)
    health = HealthServer(settings.health_host, settings.health_port, {"progress": demo.alive}, {"broker": demo.ready})
    await health.start()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, demo.stop)
    await asyncio.to_thread(demo.run)
    await health.stop()
    if isinstance(demo.error, ConfigError):
        raise demo.error
    if demo.error is not None:
        events.failed("demo_ended", said=repr(demo.error))
        return 1
    events.happened("demo_stopped")
    return 0


def main() -> int:
    """Exit code 0: asked to stop; 1: own error; 2: bad settings."""
    try:
        settings = load(DemoSettings)
        events.configure("demo", settings.log_level)
        return asyncio.run(serve(settings))
    except ConfigError as error:
        events.failed("settings_refused", said=str(error))
        return 2


if __name__ == "__main__":
    sys.exit(main())
