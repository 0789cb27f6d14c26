"""A small registry for gateway tests: one city, devices of four kinds of the catalogue."""

from functools import cache

import msgspec

from catalog.load import load_catalogue
from catalog.records import City, Device, Record
from ingest.format import formats
from ingest.registry import Registry

NAMES = {"en": "Testville", "fr": "Testville", "nl": "Testville"}
CITY = City(id="testville", names=NAMES, time_zone="Europe/Brussels", west=4.2, south=50.7, east=4.5, north=50.95)
KINDS = {"air": "air_quality", "weather": "weather", "noise": "noise", "street": "street_sensor"}
DEVICES = [
    Device(id=f"testville.{name}-{number:04d}", city="testville", kind=kind, area="testville.centre", latitude=50.85, longitude=4.35)
    for name, kind in KINDS.items()
    for number in range(20)
]


@cache
def documents() -> list[tuple[str, bytes]]:
    """Key and value of the records of `kompas.devices.v1`, in the order in which storage writes them."""
    catalogue = load_catalogue()
    kinds = [catalogue.kinds[kind] for kind in KINDS.values()]
    quantities = sorted({name for kind in kinds for name in kind.quantities})
    records: list[tuple[str, Record]] = [("city/testville", CITY)]
    records += [(f"quantity/{name}", catalogue.quantities[name]) for name in quantities]
    records += [(f"kind/{kind.id}", kind) for kind in kinds]
    records += [(f"device/{device.id}", device) for device in DEVICES]
    return [(key, msgspec.json.encode(record)) for key, record in records]


def registry() -> Registry:
    """The registry made of `documents`."""
    made = Registry(formats())
    for key, value in documents():
        made.apply(key, value)
    return made


def topic(device: str = "air-0000", form: str = "json", city: str = "testville") -> str:
    """The MQTT topic of a device."""
    return f"city/{city}/{city}.{device}/{form}"
