"""What an undisturbed sensor would measure: daily and weekly rhythm, weather, rush hours and events, put together.

Promises  A signal is a pure, vectorised function of local time, the city's mood and the device's character; nothing is
          random that is not a function of the device's key and the moment.
Leaves    Transport stops, meters, lights and registers to services.py; faults to faults.py; rounding and the plausible range to city.py.
"""

from collections.abc import Mapping

import numpy as np

from runtime.errors import ConfigError
from simulators import services
from simulators.chance import F64, drift, normal, uniform
from simulators.moments import Character, Moment, Scope, Signal, bell, day


def level(moment: Moment, character: Character, scope: Scope) -> F64:
    """Wanders slowly around the typical value."""
    return _around(scope, character, 0.25 * drift(character.keys, "level", moment.at_us, 3_600.0), moment)


def traffic(moment: Moment, character: Character, scope: Scope) -> F64:
    """Counts: follow the rush hours; typical is reached at a usual rush hour."""
    expected = scope.typical * character.size * moment.traffic * (1.0 - 0.2 * moment.rain)
    return np.asarray(expected + np.sqrt(np.maximum(expected, 0.0)) * normal(character.keys, "traffic", moment.at_us))


def speed(moment: Moment, character: Character, scope: Scope) -> F64:
    """Falls when traffic is dense; typical is free flow."""
    slowed = 1.0 - 0.45 * np.minimum(moment.traffic * character.size, 1.6) - 0.1 * moment.rain
    return np.asarray(scope.typical * slowed * (1.0 + 0.05 * normal(character.keys, "speed", moment.at_us)))


def pollution(moment: Moment, character: Character, scope: Scope) -> F64:
    """Concentration: traffic and a slow background, thinned by wind and washed by rain."""
    background = 0.6 + 0.3 * drift(character.keys, "background", moment.at_us, 6 * 3_600.0)
    thinned = (background + 0.8 * moment.traffic) / (0.5 + 0.5 * moment.wind) * (1.0 - 0.3 * moment.rain)
    return np.asarray(scope.typical * character.size * thinned * np.exp(0.08 * normal(character.keys, "pollution", moment.at_us)))


def ozone(moment: Moment, character: Character, scope: Scope) -> F64:
    """Made by sun and warmth, eaten by traffic."""
    made = 1.0 + 0.5 * day(moment.hour, 15.0) + 0.3 * moment.warmth - 0.3 * moment.traffic
    return np.asarray(scope.typical * made * (1.0 + 0.05 * normal(character.keys, "ozone", moment.at_us)))


def sound(moment: Moment, character: Character, scope: Scope) -> F64:
    """Sound level in dB: 10 dB for ten times the traffic, and single loud moments."""
    base = scope.typical + 8.0 * np.log10(np.maximum(moment.traffic * character.size, 0.02))
    loud = np.where(uniform(character.keys, "horn", moment.at_us) < 0.01, 9.0, 0.0)
    return np.asarray(base + loud + 1.5 * normal(character.keys, "sound", moment.at_us))


def taken(moment: Moment, character: Character) -> F64:
    """Share of a car park that is taken, 0 to 1: fills in the morning, empties in the evening, fuller on working days."""
    filled = 0.15 + 0.65 * bell(moment.hour, 13.0, 4.5) * np.where(moment.weekday < 5, 1.0, 0.75)
    own = 0.15 * drift(character.keys, "occupancy", moment.at_us, 1_800.0)
    return np.asarray(np.clip(filled + own, 0.0, 1.0))


def spaces(moment: Moment, character: Character, scope: Scope) -> F64:
    """How many places a car park has: it does not change."""
    return np.asarray(np.rint(scope.typical * character.size) * np.ones(moment.at_us.shape))


def free_spaces(moment: Moment, character: Character, scope: Scope) -> F64:
    """How many of them are free."""
    return np.asarray(spaces(moment, character, scope) * (1.0 - taken(moment, character)))


def occupancy(moment: Moment, character: Character, scope: Scope) -> F64:
    """How full a car park is, between the ends of its range."""
    return np.asarray(scope.low + (scope.high - scope.low) * taken(moment, character))


def bay(moment: Moment, character: Character, scope: Scope) -> F64:
    """One parking bay: low when free, high when taken; stays some minutes as it is."""
    wanted = 0.2 + 0.6 * bell(moment.hour, 13.0, 4.5)
    draw = 0.5 + 0.5 * drift(character.keys, "bay", moment.at_us, 1_500.0)
    return np.asarray(np.where(draw < wanted, scope.high, scope.low))


def filling(moment: Moment, character: Character, scope: Scope) -> F64:
    """A bin: fills over two to four days, faster by day, and is emptied in one go."""
    period_us = (2.0 + 2.0 * uniform(character.keys, "emptied", np.zeros_like(moment.at_us))) * 86_400e6
    begun_us = uniform(character.keys, "begun", np.zeros_like(moment.at_us)) * period_us
    share = np.mod(moment.at_us + begun_us, period_us) / period_us
    return np.asarray(scope.low + (scope.high - scope.low) * 0.95 * np.minimum(share * (0.7 + 0.3 * character.size), 1.0))


def temperature(moment: Moment, character: Character, scope: Scope) -> F64:
    """Air temperature: the day's swing, the weather's, and a slightly warmer or cooler place."""
    swing = 4.0 * day(moment.hour, 15.0) + 5.0 * moment.warmth + 1.5 * (character.size - 1.0)
    return np.asarray(scope.typical + swing + 0.1 * normal(character.keys, "temperature", moment.at_us))


def humidity(moment: Moment, character: Character, scope: Scope) -> F64:
    """High when cool or wet."""
    swing = -10.0 * day(moment.hour, 15.0) - 8.0 * moment.warmth + 20.0 * moment.rain
    return np.asarray(scope.typical + swing + normal(character.keys, "humidity", moment.at_us))


def wind(moment: Moment, character: Character, scope: Scope) -> F64:
    """Follows the city's wind, with gusts."""
    gust = 1.0 + 0.2 * normal(character.keys, "gust", moment.at_us)
    return np.asarray(scope.typical * character.size * moment.wind * gust)


def rain(moment: Moment, character: Character, scope: Scope) -> F64:
    """Mostly nothing; typical is a usual shower."""
    return np.asarray(scope.typical * 2.0 * moment.rain * character.size)


def sunshine(moment: Moment, character: Character, scope: Scope) -> F64:
    """Light or radiation: zero at night, less under rain clouds; typical is a usual noon."""
    height = np.maximum(day(moment.hour, 13.0), 0.0)
    return np.asarray(scope.typical * height * (1.0 - 0.7 * moment.rain) * (1.0 + 0.05 * normal(character.keys, "sun", moment.at_us)))


def radiant(moment: Moment, character: Character, scope: Scope) -> F64:
    """Mean radiant temperature: the air's by night, up to 30 degrees above it in the sun."""
    sun = np.maximum(day(moment.hour, 13.0), 0.0) * (1.0 - 0.8 * moment.rain)
    return np.asarray(temperature(moment, character, scope) - 2.0 + 30.0 * sun)


SIGNALS: Mapping[str, Signal] = {
    **services.SIGNALS,
    "level": level,
    "traffic": traffic,
    "speed": speed,
    "pollution": pollution,
    "ozone": ozone,
    "sound": sound,
    "occupancy": occupancy,
    "spaces": spaces,
    "free_spaces": free_spaces,
    "bay": bay,
    "filling": filling,
    "temperature": temperature,
    "humidity": humidity,
    "wind": wind,
    "rain": rain,
    "sunshine": sunshine,
    "radiant": radiant,
}
"""By the name that `signal` in catalog/sensors/<kind>.toml uses."""


def signal(name: str, where: str) -> Signal:
    """The signal of that name; raises ConfigError that lists what there is."""
    if name not in SIGNALS:
        raise ConfigError(f"{where} signal", " or ".join(sorted(SIGNALS)), name)
    return SIGNALS[name]


def _around(scope: Scope, character: Character, wander: F64, moment: Moment) -> F64:
    jitter = 0.02 * normal(character.keys, "jitter", moment.at_us)
    return np.asarray(scope.typical + scope.half * (wander + 0.2 * (character.size - 1.0) + jitter))
