"""Who may speak and in which quantities: the registry as the gateway knows it from `kompas.devices.v1`.

Promises  `apply` takes the topic's records in any order; `route` answers for a topic with everything that its messages
          need, or with the reason why none can go in. Slots and numbers once given stay for the life of the process.
Leaves    Reading the topic to ingest/follow; formats to ingest/format.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from catalog.reasons import Reason
from catalog.records import City, Device, Quantity, SensorKind
from catalog.topics import partition_of
from ingest.format import Format, shown
from ingest.units import labels
from kernels import ingest as kernel
from runtime.errors import Rejected

ROUTES_MAX = 200_000
"""Topics remembered; beyond, all are forgotten and looked up again."""

_REMEMBERED_CHARACTERS = 256
"""A longer topic is looked up each time: MQTT allows 65,535 bytes, and what anybody makes up must not fill the memory."""
_FOREVER_US = 1 << 60
_BOXES_AT_FIRST = 64


class Slots(dict[tuple[str, str | None], int]):
    """(quantity, unit label) of one sensor kind to the slot of its conversion; what is not there is a negative verdict."""

    def __init__(self, found: Mapping[tuple[str, str | None], int], quantities: frozenset[str]) -> None:
        super().__init__(found)
        self.quantities = quantities

    def __missing__(self, key: tuple[str, str | None]) -> int:
        return -kernel.WRONG_UNIT if key[0] in self.quantities else -kernel.UNKNOWN_QUANTITY


class Route(NamedTuple):
    """What the messages of one topic need."""

    device: int
    """Number of the device in `Registry.device_ids`."""
    city: str
    partition: int
    format: Format
    slots: Slots
    max_age_us: int


class Refused(NamedTuple):
    """A topic whose messages cannot go in, and why."""

    city: str
    partition: int
    refusal: Rejected


class Registry:
    """Cities, quantities, kinds and devices, and the conversion table made of them."""

    def __init__(self, formats: Mapping[str, Format], margin_degrees: float = 0.5) -> None:
        self._formats, self._margin = formats, margin_degrees
        self.cities: dict[str, City] = {}
        self.quantities: dict[str, Quantity] = {}
        self.kinds: dict[str, SensorKind] = {}
        self.devices: dict[str, Device] = {}
        self._homes: dict[str, tuple[dict[str, Any], Any]] = {
            "city": (self.cities, City),
            "quantity": (self.quantities, Quantity),
            "kind": (self.kinds, SensorKind),
            "device": (self.devices, Device),
        }
        self.device_ids: list[str] = []
        self.quantity_ids: list[str] = []
        self._device_numbers: dict[str, int] = {}
        self._quantity_numbers: dict[str, int] = {}
        self._routes: dict[str, Route | Refused] = {}
        self._kind_slots: dict[str, Slots] = {}
        self._slot_of: dict[tuple[int, tuple[float, ...]], int] = {}
        self._stale = True
        self.table: npt.NDArray[np.float64] = np.zeros((0, 6))
        """float64[slots, 6] for kernels.ingest.canonical."""
        self.quantity_of_slot: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self.boxes: npt.NDArray[np.float64] = np.zeros((_BOXES_AT_FIRST, 4))
        """float64[at least devices, 4]: west, south, east, north of where a device's position is plausible, degrees; no wider than the globe."""

    def apply(self, key: str, document: bytes | None) -> None:
        """One record of the topic: key `<entity>/<id>`, its JSON or None where it is gone. Raises msgspec.MsgspecError for a damaged one."""
        entity, _, name = key.partition("/")
        if entity not in self._homes:
            return
        home, kind = self._homes[entity]
        record = None if document is None else msgspec.json.decode(document, type=kind | None)
        if record == home.get(name):
            return
        if record is None:
            del home[name]
        else:
            home[name] = record
        self._routes.clear()
        self._stale = self._stale or entity in ("quantity", "kind")

    def route(self, topic: str) -> Route | Refused:
        """What the messages of `topic` need, remembered until the registry changes."""
        found = self._routes.get(topic)
        if found is None:
            if len(self._routes) >= ROUTES_MAX:
                self._routes.clear()
            try:
                found = self._find(topic)
            except Rejected as refusal:
                parts = topic.split("/")
                city = parts[1] if len(parts) > 1 and parts[1] in self.cities else ""
                found = Refused(city, partition_of(parts[2] if len(parts) > 2 else topic), refusal)
            if len(topic) <= _REMEMBERED_CHARACTERS:
                self._routes[topic] = found
        return found

    def _find(self, topic: str) -> Route:
        parts = topic.split("/")
        if len(parts) != 4 or parts[0] != "city":
            raise Rejected(Reason.MALFORMED, "topic", "city/<city>/<device>/<format>", topic)
        _, city_id, device_id, format_name = parts
        city, device = self.cities.get(city_id), self.devices.get(device_id)
        if city is None:
            raise Rejected(Reason.UNKNOWN_CITY, f"topic {shown(topic)}", f"one of {', '.join(sorted(self.cities)) or 'none yet'}", city_id)
        if device is None or device.city != city_id:
            raise Rejected(Reason.UNKNOWN_DEVICE, f"topic {shown(topic)}", f"a registered device of {city_id}", device_id)
        kind = self.kinds.get(device.kind)
        if kind is None:
            raise Rejected(Reason.UNKNOWN_DEVICE, f"device {device_id}", f"the registered kind {device.kind}", "nothing")
        if format_name not in self._formats:
            raise Rejected(Reason.UNSUPPORTED_FORMAT, f"topic {shown(topic)}", f"one of {', '.join(self._formats)}", format_name)
        max_age_us = int(min(kind.max_age_s * 1e6, _FOREVER_US))
        number = _number(device_id, self._device_numbers, self.device_ids)
        self._box(number, city)
        return Route(number, city_id, partition_of(device_id), self._formats[format_name], self._slots_of(kind), max_age_us)

    def _box(self, device: int, city: City) -> None:
        if device >= len(self.boxes):
            self.boxes = np.concatenate([self.boxes, np.zeros_like(self.boxes)])
        around = self._margin
        west, south, east, north = city.west - around, city.south - around, city.east + around, city.north + around
        self.boxes[device] = max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)

    def _slots_of(self, kind: SensorKind) -> Slots:
        if self._stale:
            self._kind_slots.clear()
            self._stale = False
        if kind.id not in self._kind_slots:
            known = [self.quantities[name] for name in kind.quantities if name in self.quantities]
            found = {(quantity.id, label): self._slot(quantity, label) for quantity in known for label in labels(quantity)}
            self._kind_slots[kind.id] = Slots(found, frozenset(quantity.id for quantity in known))
            self.table = np.array([row for _, row in self._slot_of], np.float64).reshape(-1, 6)
            self.quantity_of_slot = np.array([number for number, _ in self._slot_of], np.int32)
        return self._kind_slots[kind.id]

    def _slot(self, quantity: Quantity, label: str | None) -> int:
        conversion = labels(quantity)[label]
        per_one = round(1.0 / quantity.resolution)
        whole = per_one if per_one >= 1 and abs(per_one * quantity.resolution - 1.0) < 1e-9 else 0
        row = (conversion.scale, conversion.offset, quantity.resolution, float(whole), *quantity.possible)
        number = _number(quantity.id, self._quantity_numbers, self.quantity_ids)
        return self._slot_of.setdefault((number, row), len(self._slot_of))


def _number(name: str, numbers: dict[str, int], names: list[str]) -> int:
    """The number of a name, given at its first appearance."""
    if name not in numbers:
        numbers[name] = len(names)
        names.append(name)
    return numbers[name]
