"""Lay the city packs that run over the catalogue: their kinds' times, their targets and owners, their own KPIs.

Promises  One catalogue for all cities that run together; where two packs contradict each other it says so instead of choosing.
Leaves    Reading packs to catalog.cities.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from catalog import check
from catalog.cities import CityPack
from catalog.errors import ConfigError, nearest
from catalog.load import Catalogue


def configured(catalogue: Catalogue, packs: Sequence[CityPack]) -> Catalogue:
    """The catalogue as these packs want it; raises ConfigError where a pack names what is not there or two disagree."""
    kinds, kpis = dict(catalogue.kinds), dict(catalogue.kpis)
    said: dict[tuple[str, str, str], tuple[str, Any]] = {}
    for pack in packs:
        where = f"cities/{pack.city.id}"
        for key, kpi in pack.kpis.items():
            if key in kpis:
                raise ConfigError(f"{where}/kpis/{key}.toml", "an id that no other KPI has", key)
            kpis[key] = kpi
    for pack in packs:
        where = f"cities/{pack.city.id}/city.toml"
        for key, kind_override in pack.kinds.items():
            kinds[key] = _overridden(kinds, key, kind_override, f"{where}: kinds", said)
        for key, kpi_override in pack.kpi_overrides.items():
            kpis[key] = _overridden(kpis, key, kpi_override, f"{where}: kpis", said)
    _refuse_strangers(kinds, packs)
    check.kinds(kinds, catalogue.quantities, "catalog/sensors")
    return Catalogue(catalogue.quantities, MappingProxyType(dict(sorted(kinds.items()))), MappingProxyType(dict(sorted(kpis.items()))))


def _overridden(records: dict[str, Any], key: str, override: Any, where: str, said: dict[tuple[str, str, str], tuple[str, Any]]) -> Any:
    if key not in records:
        raise ConfigError(f"{where}.{key}", f"one of {', '.join(sorted(records))}", key, nearest(key, records))
    changes = {name: value for name, value in msgspec.structs.asdict(override).items() if value is not None}
    for name, value in changes.items():
        before = said.setdefault((type(override).__name__, key, name), (where, value))
        if before[1] != value:
            raise ConfigError(f"{where}.{key}.{name}", f"{before[1]!r} as {before[0]} has it, because both cities run together", value)
    return msgspec.structs.replace(records[key], **changes)


def _refuse_strangers(kinds: dict[str, Any], packs: Sequence[CityPack]) -> None:
    seen: dict[str, str] = {}
    for pack in packs:
        where = f"cities/{pack.city.id}"
        for device in pack.devices.values():
            if device.kind not in kinds:
                kind = device.kind
                raise ConfigError(f"{where}/devices.csv: {device.id}: kind", f"one of {', '.join(sorted(kinds))}", kind, nearest(kind, kinds))
        for code in (*pack.areas, *pack.devices):
            if seen.setdefault(code, where) != where:
                raise ConfigError(f"{where}: {code}", f"an id that {seen[code]} does not have", code)
