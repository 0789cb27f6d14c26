"""What a device's row in a city pack means for its dated spans in the database. Pure.

Promises  At any moment a device is in one place: a change of kind, area or cadence closes the old span where the new one begins;
          a device gone from the pack is closed, not forgotten; the same pack twice changes nothing.
Leaves    Reading and writing the rows to storage.registry.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from catalog.records import Device
from catalog.windows import to_us
from runtime.clock import iso
from runtime.errors import ConfigError


class Span(NamedTuple):
    """One row of table `device`; times are µs UTC, None is unbounded."""

    no: int | None
    id: str
    city: str
    kind: str
    area: str
    latitude: float
    longitude: float
    manual: bool
    cadence_s: float | None
    valid_from_us: int | None
    valid_to_us: int | None
    registered_at_us: int
    owner: str = ""

    @property
    def due_from_us(self) -> int:
        """From when readings are due: since it is known here, or since the city says that it stands there."""
        return self.registered_at_us if self.valid_from_us is None else min(self.registered_at_us, self.valid_from_us)


class Change(NamedTuple):
    """`old` is replaced by `new`; None on one side: a span begins, or (never today) vanishes."""

    old: Span | None
    new: Span


def changes(stored: Span | None, wanted: Device, now_us: int) -> list[Change]:
    """What has to be written so that the device's newest span says what the pack says."""
    fresh = _span(wanted, stored.no if stored else None, now_us)
    if stored is None:
        return [Change(None, fresh)]
    if _closed(stored, now_us) and not _closed(fresh, now_us):
        return [Change(None, fresh._replace(valid_from_us=_after(stored, fresh, now_us)))]
    if _place(stored) == _place(fresh):
        kept = fresh._replace(
            valid_from_us=stored.valid_from_us if fresh.valid_from_us is None else fresh.valid_from_us,
            registered_at_us=stored.registered_at_us,
        )
        return [] if kept == stored else [Change(stored, kept)]
    since_us = fresh.valid_from_us if fresh.valid_from_us is not None else now_us
    if stored.valid_from_us is not None and since_us <= stored.valid_from_us:
        return [Change(stored, fresh._replace(valid_from_us=since_us, registered_at_us=stored.registered_at_us))]
    return [Change(stored, stored._replace(valid_to_us=since_us)), Change(None, fresh._replace(valid_from_us=since_us))]


def gone(stored: Span, now_us: int) -> list[Change]:
    """The device is no longer in its city's pack."""
    return [] if _closed(stored, now_us) else [Change(stored, stored._replace(valid_to_us=now_us))]


def record(span: Span) -> Device:
    """The span as the record that is published."""
    return Device(
        id=span.id,
        city=span.city,
        kind=span.kind,
        area=span.area,
        latitude=span.latitude,
        longitude=span.longitude,
        manual=span.manual,
        cadence_s=span.cadence_s,
        valid_from=None if span.valid_from_us is None else iso(span.valid_from_us),
        valid_to=None if span.valid_to_us is None else iso(span.valid_to_us),
        due_from_us=span.due_from_us,
        owner=span.owner,
    )


def _span(device: Device, no: int | None, now_us: int) -> Span:
    from_us, to_us_ = _instant(device, device.valid_from), _instant(device, device.valid_to)
    if from_us is not None and to_us_ is not None and from_us >= to_us_:
        raise ConfigError(f"device {device.id}: valid_to", f"a time after valid_from ({device.valid_from})", device.valid_to)
    return Span(
        no, device.id, device.city, device.kind, device.area, device.latitude, device.longitude, device.manual, device.cadence_s,
        from_us, to_us_, now_us, device.owner,
    )  # fmt: skip


def _instant(device: Device, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"device {device.id}: valid_from, valid_to", "ISO 8601 times", text) from error
    return to_us(at if at.tzinfo else at.replace(tzinfo=UTC))


def _place(span: Span) -> tuple[str, str, str, float | None]:
    return span.city, span.kind, span.area, span.cadence_s


def _closed(span: Span, now_us: int) -> bool:
    return span.valid_to_us is not None and span.valid_to_us <= now_us


def _after(stored: Span, fresh: Span, now_us: int) -> int:
    """A device that comes back begins when the pack says, or now; never before its earlier span ended."""
    wanted = now_us if fresh.valid_from_us is None else fresh.valid_from_us
    return max(wanted, stored.valid_to_us or wanted)
