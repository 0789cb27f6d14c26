"""What a worker's partition knows of the catalogue: documents from catalogue frames, and slots for devices.

Promises  A pure function of the catalogue frames in the partition; numbers (slots, quantities, areas) are given in the
          order of first mention and never change, so arrays keyed by them survive every change.
Leaves    Compiling KPIs to lanes to stream.worker.program.
"""

from typing import TypeVar

import msgspec

from catalog.records import Area, City, Device, KpiDocument, Quantity, Record, SensorKind

R = TypeVar("R", bound=Record)
ENTITIES: dict[str, type[Record]] = {
    "city": City,
    "quantity": Quantity,
    "kind": SensorKind,
    "area": Area,
    "kpi": KpiDocument,
    "device": Device,
}


class Slot(msgspec.Struct):
    """One device in one place: a device that moves gets a new slot and keeps its number."""

    device: int
    area: str
    record: Device


class Registry:
    """The catalogue as this partition has heard it so far."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Record | None]] = {entity: {} for entity in ENTITIES}
        self.slots: list[Slot] = []
        self.slot_of: dict[str, int] = {}
        self.device_numbers: dict[str, int] = {}

    def change(self, entity: str, id_: str, record: Record | None) -> None:
        """Take one record in; None means gone."""
        self.records[entity][id_] = record
        if entity == "device":
            self._place(id_, record)

    def _place(self, id_: str, record: Record | None) -> None:
        number = self.device_numbers.setdefault(id_, len(self.device_numbers))
        if not isinstance(record, Device):
            self.slot_of.pop(id_, None)
            return
        current = self.slot_of.get(id_)
        if current is not None and self.slots[current].area == record.area and self.slots[current].record.kind == record.kind:
            self.slots[current].record = record
            return
        if current is not None:
            old = self.slots[current].record
            self.slots[current].record = msgspec.structs.replace(old, valid_to=record.valid_from or old.valid_to)
        self.slot_of[id_] = len(self.slots)
        self.slots.append(Slot(number, record.area, record))

    def city_of(self, device: str) -> str | None:
        """The city of a device, None where it is not known here."""
        slot = self.slot_of.get(device)
        return None if slot is None else self.slots[slot].record.city

    def of(self, entity: str, kind: type[R]) -> dict[str, R]:
        """The present records of one entity, sorted by id."""
        return {id_: record for id_, record in sorted(self.records[entity].items()) if isinstance(record, kind)}

    def numbers(self, entity: str) -> dict[str, int]:
        """A number for every id ever heard of, in the order of first mention."""
        return {id_: number for number, id_ in enumerate(self.records[entity])}

    def lineage(self, area: str) -> list[str]:
        """The area and what it lies in, smallest first."""
        found: list[str] = []
        seen: str | None = area
        while seen is not None and len(found) < 8:
            record = self.records["area"].get(seen)
            if not isinstance(record, Area):
                break
            found.append(seen)
            seen = record.parent
        return found

    def dump(self) -> bytes:
        """Everything, as bytes that depend on the history of changes alone."""
        records = {entity: [[id_, record] for id_, record in known.items()] for entity, known in self.records.items()}
        return msgspec.json.encode([records, self.slots, self.slot_of, self.device_numbers])

    @classmethod
    def load(cls, data: bytes) -> "Registry":
        """The inverse of dump."""
        records, slots, slot_of, numbers = msgspec.json.decode(
            data, type=tuple[dict[str, list[tuple[str, msgspec.Raw]]], list[Slot], dict[str, int], dict[str, int]]
        )
        self = cls()
        for entity, known in records.items():
            kind = ENTITIES[entity]
            self.records[entity] = {id_: msgspec.json.decode(raw, type=kind | None) for id_, raw in known}
        self.slots, self.slot_of, self.device_numbers = slots, slot_of, numbers
        return self
