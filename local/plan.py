"""One Kompas as it is to run here: folders, ports, cities, servers and addresses. Made once, before anything starts.

Promises  Reads city packs and environment only; a wrong name or port is a ConfigError.
Leaves    Doing it to supervise.py.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from catalog.cities import CityPack, load_city
from catalog.records import Device
from local import ports as port_numbers
from local.layout import Layout, layout
from local.processes import LONG_RUNNING, Addresses, Process
from local.servers.kafka import Kafka
from local.servers.mosquitto import GATEWAY, SIMULATOR, Mosquitto, device_user
from local.servers.postgres import DATABASE, Postgres


class Plan(NamedTuple):
    """What is to run."""

    layout: Layout
    ports: Mapping[str, int]
    packs: tuple[CityPack, ...]
    processes: tuple[Process, ...]

    @property
    def cities(self) -> str:
        """Names of the packs, comma-separated."""
        return ",".join(pack.city.id for pack in self.packs)

    @property
    def addresses(self) -> Addresses:
        """Where the servers listen and the secrets lie."""
        host, ports = port_numbers.HOST, self.ports
        return Addresses(f"{host}:{ports['kafka']}", host, ports["mqtt"], host, ports["database"], DATABASE, self.layout.secrets, self.cities)

    @property
    def manual_devices(self) -> tuple[Device, ...]:
        """Devices with MQTT credentials of their own."""
        return tuple(device for pack in self.packs for device in pack.devices.values() if device.manual)


def plan(cities: str, environment: Mapping[str, str] | None = None, *, demo: bool = True) -> Plan:
    """The plan for these cities, as the environment wants it; raises ConfigError."""
    environment = os.environ if environment is None else environment
    folder = Path(environment["KOMPAS_CITIES_DIR"]) if environment.get("KOMPAS_CITIES_DIR") else None
    names = [name.strip() for name in cities.split(",") if name.strip()] or ["brussels"]
    packs = tuple(load_city(name, folder) for name in dict.fromkeys(names))
    running = tuple(each for each in LONG_RUNNING if demo or each.name != "demo")
    return Plan(layout(environment), port_numbers.chosen(environment), packs, running)


class Servers(NamedTuple):
    """The three servers of a plan, in the order in which they start."""

    mosquitto: Mosquitto
    kafka: Kafka
    postgres: Postgres


def servers(of: Plan) -> Servers:
    """The servers, configured and not started."""
    places, ports, host = of.layout, of.ports, port_numbers.HOST
    mosquitto = Mosquitto(places.server("mosquitto"), places.logs / "mosquitto.log", host, ports["mqtt"], places.secrets)
    mosquitto.users = [GATEWAY, SIMULATOR, *(device_user(device.id, device.city) for device in of.manual_devices)]
    kafka_ports = (ports["kafka"], ports["kafka_controller"])
    kafka = Kafka(places.server("kafka"), places.logs / "kafka.log", places.cache, host, kafka_ports)
    postgres = Postgres(places.server("postgres"), places.logs / "postgres.log", places.cache, (host, ports["database"]), places.secrets)
    postgres.instance = places.instance
    return Servers(mosquitto, kafka, postgres)
