"""Commands that a person can paste, made from the addresses of the running system. Pure.

Promises  No password stands in a command: the shell reads it from its file. The example reading is valid and plausible at any moment,
          and its value moves with the clock, so that publishing it again changes the KPI again.
Leaves    Running them to the reader.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from catalog.cities import topic_of
from catalog.records import Device, Kpi, SensorKind
from catalog.topics import KPIS
from local import credentials
from local.processes import Addresses

_WINDOWS = ("minute", "quarter_hour", "hour", "day", "month", "quarter", "year")


class Example(NamedTuple):
    """A manual device, one of its quantities, and the KPI of its area that shows it first."""

    device: Device
    quantity: str
    low: int
    span: int
    kpi: str | None


def choose(devices: Iterable[Device], kinds: Mapping[str, SensorKind], kpis: Mapping[str, Kpi]) -> Example | None:
    """The manual device whose reading shows in the KPI with the shortest window; None where there is no manual device."""
    found = []
    for device in devices:
        for quantity, measured in kinds[device.kind].quantities.items():
            low, high = _whole_numbers(measured.plausible, measured.typical)
            if not device.manual or high <= low:
                continue
            kpi = _first_kpi(quantity, kpis)
            window = _WINDOWS.index(kpis[kpi].window) if kpi else len(_WINDOWS)
            found.append((window, -(high - low), device.id, Example(device, quantity, low, high - low, kpi)))
    return min(found)[3] if found else None


def _first_kpi(quantity: str, kpis: Mapping[str, Kpi]) -> str | None:
    """The KPI with the shortest window that names the quantity in a mean, which every new value moves."""
    named = [kpi for kpi in kpis.values() if re.search(rf"\b{re.escape(quantity)}\b", kpi.formula)]
    named.sort(key=lambda kpi: (_WINDOWS.index(kpi.window), f"mean({quantity})" not in kpi.formula, kpi.id))
    return named[0].id if named else None


def _whole_numbers(plausible: tuple[float, float], typical: float | None) -> tuple[int, int]:
    """A span of whole numbers well inside the plausible range, around what is typical."""
    low, high = plausible
    middle = typical if typical is not None else (low + high) / 2
    low, high = max(low, middle / 2), min(high, middle * 2 + 2)
    return -int(-low // 1), int(high // 1)


def publish(example: Example, at: Addresses) -> str:
    """One complete mosquitto_pub command."""
    device = example.device
    secret = shlex.quote(str(credentials.mqtt_file(at.secrets, device.id)))
    value = f"$(({example.low} + $(date +%s) % {example.span + 1}))"
    payload = f'"{{\\"quantity\\": \\"{example.quantity}\\", \\"value\\": {value}}}"'
    where = f'-h {at.mqtt_host} -p {at.mqtt_port} -u {device.id} -P "$(cat {secret})"'
    return f"mosquitto_pub {where} -q 1 -t {topic_of(device)} -m {payload}"


def kcat(at: Addresses) -> str:
    """Watch KPI values arrive."""
    return f"kcat -b {at.kafka} -t {KPIS.name} -C -o end -u"


def mosquitto_sub(at: Addresses) -> str:
    """Watch what the devices say, as the gateway sees it."""
    user = credentials.MQTT_GATEWAY
    secret = shlex.quote(str(credentials.mqtt_file(at.secrets, user)))
    return f"mosquitto_sub -h {at.mqtt_host} -p {at.mqtt_port} -u {user} -P \"$(cat {secret})\" -v -t 'city/#'"


def psql(at: Addresses) -> str:
    """A read-only session."""
    secret = shlex.quote(str(credentials.role_file(at.secrets, credentials.READER)))
    return f'PGPASSWORD="$(cat {secret})" psql -h {at.db_host} -p {at.db_port} -U {credentials.READER} {at.db_name}'
