"""What happens in a run: how busy the city is, what goes wrong, and where. One file in scenarios/ per scenario.

Promises  `load` finds every scenarios/<name>.py, sorted by name, and refuses a file without SCENARIO or under another name.
Leaves    What faults do to a reading to faults.py, and what traffic does to it to signals.py.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from runtime.errors import ConfigError


class Faults(NamedTuple):
    """Probabilities, each of its own: per message where it says so, else per reading or per device and quarter of an hour."""

    missing: float = 0.0
    """Per message: never sent."""
    late: float = 0.0
    """Per message: sent long after the kind's lateness."""
    duplicated: float = 0.0
    """Per message: sent twice."""
    out_of_order: float = 0.0
    """Per message: sent after a later one, well within the lateness."""
    wrong_clock: float = 0.0
    """Per message: measured times hours ahead or months back."""
    malformed: float = 0.0
    """Per message: bytes that cannot be read."""
    spike: float = 0.0
    """Per reading: possible, but implausible for the kind."""
    stuck: float = 0.0
    """Per device and quarter of an hour: repeats the value it began with."""
    drifting: float = 0.0
    """Per device and quarter of an hour: runs away from the truth."""


class Event(NamedTuple):
    """Something that draws people: traffic times `factor` for a while."""

    after_s: float
    for_s: float
    factor: float


class Outage(NamedTuple):
    """A share of the devices falls silent for a while; `every_s` repeats it (0: once)."""

    after_s: float
    for_s: float
    share: float
    every_s: float = 0.0


class Scenario(NamedTuple):
    """A run's story, told from its start."""

    name: str
    summary: str
    faults: Faults = Faults()
    traffic: float = 1.0
    at_hour: float | None = None
    """Local hour at which the city stands still, whatever the clock says; null: the clock's."""
    events: tuple[Event, ...] = ()
    outages: tuple[Outage, ...] = ()


def load() -> Mapping[str, Scenario]:
    """Every scenario by name. Raises ConfigError that names the file."""
    found: dict[str, Scenario] = {}
    package = importlib.import_module("simulators.scenarios")
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
        where = f"simulators/scenarios/{module.name}.py"
        scenario = getattr(importlib.import_module(f"simulators.scenarios.{module.name}"), "SCENARIO", None)
        if not isinstance(scenario, Scenario):
            raise ConfigError(where, "SCENARIO of type Scenario", type(scenario).__name__)
        if scenario.name != module.name:
            raise ConfigError(where, f"SCENARIO named {module.name}", scenario.name)
        found[scenario.name] = scenario
    return MappingProxyType(found)


def named(name: str) -> Scenario:
    """The scenario of that name; raises ConfigError that lists what there is."""
    scenarios = load()
    if name not in scenarios:
        raise ConfigError("--scenario", " or ".join(scenarios), name)
    return scenarios[name]
