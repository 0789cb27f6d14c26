"""What a city's services would measure undisturbed: stops, shared bicycles, travel times, meters, lights, gauges, antennas.

Promises  As in signals.py: pure, vectorised, nothing random that is not a function of the device and the moment. Quantities of
          one device agree with each other (bicycles and docks, departures and those on time): they share the device's own key.
Leaves    Streets, air and weather to signals.py; the months of registers to registers.py.
"""

from collections.abc import Mapping

import numpy as np

from simulators.chance import F64, U64, drift, normal, uniform
from simulators.moments import Character, Moment, Scope, Signal, bell, day

_YEAR_US = 31_556_952_000_000
_SINCE_US = 1_577_836_800_000_000
"""Meters were put in at the beginning of 2020."""


def footfall(moment: Moment, character: Character, scope: Scope) -> F64:
    """People on foot: noon and late afternoon, Saturdays most, fewer in the rain."""
    busy = 0.04 + 0.7 * bell(moment.hour, 12.5, 2.0) + 0.8 * bell(moment.hour, 17.0, 2.5)
    expected = scope.typical * character.size * busy * np.where(moment.weekday == 5, 1.4, 1.0) * (1.0 - 0.5 * moment.rain)
    return np.asarray(expected + np.sqrt(np.maximum(expected, 0.0)) * normal(character.keys, "footfall", moment.at_us))


def bikes(moment: Moment, character: Character, scope: Scope) -> F64:
    """Bicycles in a station: some stations empty in the morning, others then fill up."""
    return np.asarray(np.rint(_racks(character, scope) * _parked(moment, character)))


def docks(moment: Moment, character: Character, scope: Scope) -> F64:
    """Free docks of the same station: all that hold no bicycle."""
    return np.asarray(_racks(character, scope) - bikes(moment, character, scope))


def departures(moment: Moment, character: Character, scope: Scope) -> F64:
    """Planned departures of an interval: the timetable, so nothing by chance; none in the small hours."""
    served = np.where((moment.hour >= 1.0) & (moment.hour < 5.0), 0.0, 0.35 + 0.65 * np.minimum(_peaks(moment), 1.0))
    return np.asarray(np.rint(scope.typical * character.size * served))


def departures_on_time(moment: Moment, character: Character, scope: Scope) -> F64:
    """Of the same departures those on time: fewer in dense traffic and rain."""
    share = np.clip(0.96 - 0.22 * moment.traffic - 0.1 * moment.rain + 0.05 * drift(_own(character), "stop", moment.at_us, 3_600.0), 0.3, 1.0)
    return np.asarray(np.floor(departures(moment, character, scope) * share))


def delay(moment: Moment, character: Character, scope: Scope) -> F64:
    """Grows with traffic and rain; typical is a usual rush hour's."""
    usual = scope.typical * (0.2 + 0.8 * moment.traffic + 0.5 * moment.rain)
    return np.asarray(usual + 25.0 * drift(_own(character), "stop", moment.at_us, 3_600.0) + 8.0 * normal(character.keys, "delay", moment.at_us))


def waiting_planned(moment: Moment, character: Character, scope: Scope) -> F64:
    """Half the headway of the timetable, shorter at a large stop; typical is a rush hour's."""
    return np.asarray(scope.typical / np.sqrt(character.size) / (0.35 + 0.65 * np.minimum(_peaks(moment), 1.0)))


def waiting(moment: Moment, character: Character, scope: Scope) -> F64:
    """Longer than planned where vehicles bunch."""
    bunched = 1.0 + 0.05 * uniform(character.keys, "bunched", moment.at_us) + 0.15 * moment.traffic + 0.1 * moment.rain
    return np.asarray(waiting_planned(moment, character, scope._replace(typical=scope.typical * 0.86)) * bunched)


def section_time_free(moment: Moment, character: Character, scope: Scope) -> F64:
    """Free-flow time of a section of road: its own, it does not change."""
    return np.asarray(scope.typical * character.size * np.ones(moment.at_us.shape))


def section_time(moment: Moment, character: Character, scope: Scope) -> F64:
    """Up to twice the free-flow time in a usual rush hour."""
    slowed = 1.02 + 0.7 * moment.traffic + 0.15 * moment.rain + 0.05 * normal(character.keys, "section", moment.at_us)
    return np.asarray(section_time_free(moment, character, scope) * np.maximum(slowed, 0.9))


def constant(moment: Moment, character: Character, scope: Scope) -> F64:
    """The device's own, it does not change."""
    return np.asarray(np.rint(scope.typical * character.size) * np.ones(moment.at_us.shape))


def load(moment: Moment, character: Character, scope: Scope) -> F64:
    """Power of a building: the slope of `energy_used`, with some noise."""
    return np.asarray(_draw(moment, character, scope, 14.0, 0.55) * (1.0 + 0.03 * normal(character.keys, "load", moment.at_us)))


def energy_used(moment: Moment, character: Character, scope: Scope) -> F64:
    """A meter's total; typical is the mean power in kW."""
    return _total(moment, character, scope, 14.0, 0.55)


def energy_made(moment: Moment, character: Character, scope: Scope) -> F64:
    """Total of a roof's panels, most at noon, nothing at night to speak of; typical is the mean power in kW."""
    return _total(moment, character, scope, 13.0, 1.0)


def water_flow(moment: Moment, character: Character, scope: Scope) -> F64:
    """Flow into a zone: the slope of `water_used`; what runs at night is mostly leakage."""
    return np.asarray(_draw(moment, character, scope, 15.0, 0.7) * (1.0 + 0.02 * normal(character.keys, "flow", moment.at_us)))


def water_used(moment: Moment, character: Character, scope: Scope) -> F64:
    """A meter's total; typical is the mean flow in m³/h."""
    return _total(moment, character, scope, 15.0, 0.7)


def water_level(moment: Moment, character: Character, scope: Scope) -> F64:
    """Rises with the rain, wanders slowly."""
    own = 0.25 * drift(character.keys, "level", moment.at_us, 86_400.0)
    return np.asarray(scope.typical * character.size + own + 1.4 * moment.rain)


def lamp_working(moment: Moment, character: Character, scope: Scope) -> F64:
    """One in thirty is out of order, for days on end."""
    week = moment.at_us // (5 * 86_400_000_000)
    return np.asarray(np.where(uniform(_own(character), "lamp", week) < 0.033, scope.low, scope.high))


def lamp_power(moment: Moment, character: Character, scope: Scope) -> F64:
    """Full at dusk and dawn, dimmed in the dead of night, a controller's own watt by day; nothing more where it is out of order."""
    dark = day(moment.hour, 13.0) < -0.1
    dimmed = np.where((moment.hour >= 0.5) & (moment.hour < 5.0), 0.6, 1.0)
    lit = scope.typical * character.size * dimmed * lamp_working(moment, character, Scope(0.0, 1.0, 1.0))
    return np.asarray(np.where(dark, lit, 1.0))


def packet_loss(moment: Moment, character: Character, scope: Scope) -> F64:
    """A few of a hundred, more in heavy rain."""
    own = 1.0 + 0.6 * drift(character.keys, "loss", moment.at_us, 7_200.0)
    return np.asarray(scope.typical * character.size * own * (1.0 + moment.rain))


def battery(moment: Moment, character: Character, scope: Scope) -> F64:
    """Falls over a year and a half, is then exchanged; a little lower by night."""
    since = np.mod(moment.at_us / (1.5 * _YEAR_US) + uniform(_own(character), "battery", np.zeros_like(moment.at_us)), 1.0)
    return np.asarray(scope.high - 2.0 - 70.0 * since + 1.0 * day(moment.hour, 15.0))


def register(moment: Moment, character: Character, scope: Scope) -> F64:
    """A month's figure of a register, for load tests that want one every second; registers.py makes the real months."""
    return np.asarray(scope.typical * character.size * np.ones(moment.at_us.shape))


SIGNALS: Mapping[str, Signal] = {
    "footfall": footfall,
    "bikes": bikes,
    "docks": docks,
    "departures": departures,
    "departures_on_time": departures_on_time,
    "delay": delay,
    "waiting": waiting,
    "waiting_planned": waiting_planned,
    "section_time": section_time,
    "section_time_free": section_time_free,
    "constant": constant,
    "load": load,
    "energy_used": energy_used,
    "energy_made": energy_made,
    "water_flow": water_flow,
    "water_used": water_used,
    "water_level": water_level,
    "lamp_working": lamp_working,
    "lamp_power": lamp_power,
    "packet_loss": packet_loss,
    "battery": battery,
    "register": register,
}
"""By the name that `signal` in catalog/sensors/<kind>.toml uses."""


def _own(character: Character) -> U64:
    """One key per device, the same for all of its quantities."""
    return np.asarray(np.ascontiguousarray(character.size).view(np.uint64))


def _peaks(moment: Moment) -> F64:
    return np.asarray(bell(moment.hour, 8.2, 1.6) + bell(moment.hour, 17.2, 2.0) + 0.5 * bell(moment.hour, 13.0, 4.0))


def _racks(character: Character, scope: Scope) -> F64:
    return np.asarray(np.rint(scope.typical * character.size))


def _parked(moment: Moment, character: Character) -> F64:
    """Share of a station's docks that hold a bicycle: homes empty by day, workplaces by night."""
    leaning = np.where(uniform(_own(character), "leaning", np.zeros_like(moment.at_us)) < 0.5, 1.0, -1.0)
    wander = 0.35 * drift(_own(character), "bikes", moment.at_us, 2_700.0)
    return np.asarray(np.clip(0.45 - 0.35 * leaning * day(moment.hour, 13.0) + wander, 0.0, 1.0))


def _draw(moment: Moment, character: Character, scope: Scope, top_hour: float, swing: float) -> F64:
    """What a meter's total grows by in an hour; hours of UTC, so that the total is smooth over clock changes."""
    hours = (moment.at_us - _SINCE_US) / 3_600e6
    return np.asarray(scope.typical * character.size * (1.0 + swing * np.cos((hours - top_hour) * (2.0 * np.pi / 24.0))))


def _total(moment: Moment, character: Character, scope: Scope, top_hour: float, swing: float) -> F64:
    """The integral of `_draw`: it never falls, because swing is at most 1."""
    hours, turn = (moment.at_us - _SINCE_US) / 3_600e6, 2.0 * np.pi / 24.0
    return np.asarray(scope.typical * character.size * (hours + swing / turn * np.sin((hours - top_hour) * turn)))
