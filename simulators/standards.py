"""What standards define, computed for one area and window at a time: air quality indices, the noise of a day, comfort, degree days.

Promises  Shares no code with kernels/: bands and constants are written down once more, from the same sources. None goes in where an input is
          missing, None comes out where the standard has no answer.
Leaves    Aggregates and arithmetic to referee.py.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from simulators.utci_terms import TERMS

# Source: [eaqi-2024]; hourly means
_EAQI = {
    "pm2_5": (5, 15, 50, 90, 140),
    "pm10": (15, 45, 120, 195, 270),
    "no2": (10, 25, 60, 100, 150),
    "o3": (60, 100, 120, 160, 180),
    "so2": (20, 40, 125, 190, 275),
}
# Source: [belaqi-2022], table 2
_BELAQI_HOUR = {
    "pm2_5": (3.5, 7.5, 10, 15, 20, 35, 50, 60, 75),
    "pm10": (10, 20, 35, 45, 60, 80, 95, 110, 140),
    "no2": (10, 15, 20, 30, 40, 45, 50, 60, 75),
    "o3": (30, 65, 75, 90, 110, 150, 180, 210, 240),
}
_HARDY = (-2836.5744, -6028.076559, 19.54263612, -0.02737830188, 1.6261698e-5, 7.0229056e-10, -1.8680009e-13)
"""Of the logarithm of vapour pressure: by the power of absolute temperature, from -2 on. Source: [utci]."""
_DIGITS = 9


def compute(name: str, given: Sequence[float | None]) -> float | None:
    """The function of that name in a formula; None where an input is missing that it needs."""
    # Why: a mean of tenths lies on the edge of a band as often as not, and a rounding in its last place must not move it over.
    settled = [None if value is None else round(value, _DIGITS) for value in given]
    if None in settled and name not in _WITHOUT_SOME:
        return None
    return STANDARDS[name](*settled)


def eaqi(pm2_5: float | None, pm10: float | None, no2: float | None, o3: float | None, so2: float | None) -> float | None:
    """1 good to 6 extremely poor: the worst of the pollutants that are there."""
    return _worst(_EAQI, {"pm2_5": pm2_5, "pm10": pm10, "no2": no2, "o3": o3, "so2": so2})


def belaqi(pm2_5: float | None, pm10: float | None, no2: float | None, o3: float | None) -> float | None:
    """1 excellent to 10 horrible, of an hour; not without NO2, O3 and one kind of dust."""
    if not (_there(no2) and _there(o3) and (_there(pm2_5) or _there(pm10))):
        return None
    return _worst(_BELAQI_HOUR, {"pm2_5": pm2_5, "pm10": pm10, "no2": no2, "o3": o3})


def lden(day_db: float, evening_db: float, night_db: float) -> float:
    """12 hours of day, 4 of evening at 5 dB more, 8 of night at 10 dB more. Source: [noise-directive]."""
    energy = 12 * 10 ** (day_db / 10) + 4 * 10 ** ((evening_db + 5) / 10) + 8 * 10 ** ((night_db + 10) / 10)
    return 10 * math.log10(energy / 24)


def heat_index(air_c: float, humidity_pct: float) -> float | None:
    """In degC; below 80 degF the mean of the simple formula and the air. Source: [heat-index-nws]."""
    if not _possible(air_c, humidity_pct):
        return None
    t, h = air_c * 9 / 5 + 32, humidity_pct
    simple_f = (0.5 * (t + 61.0 + (t - 68.0) * 1.2 + h * 0.094) + t) / 2
    if simple_f < 80:
        return (simple_f - 32) * 5 / 9
    found_f = -42.379 + 2.04901523 * t + 10.14333127 * h - 0.22475541 * t * h - 0.00683783 * t**2 - 0.05481717 * h**2
    found_f += 0.00122874 * t**2 * h + 0.00085282 * t * h**2 - 0.00000199 * t**2 * h**2
    if h < 13 and 80 <= t <= 112:
        found_f -= (13 - h) / 4 * math.sqrt((17 - abs(t - 95)) / 17)
    elif h > 85 and 80 <= t <= 87:
        found_f += (h - 85) / 10 * (87 - t) / 5
    return (found_f - 32) * 5 / 9


def humidex(air_c: float, humidity_pct: float) -> float | None:
    """In degC. Source: [humidex]."""
    if not _possible(air_c, humidity_pct):
        return None
    vapour_hpa = 6.112 * 10 ** (7.5 * air_c / (237.7 + air_c)) * humidity_pct / 100
    return air_c + 5 / 9 * (vapour_hpa - 10)


def wbgt(air_c: float, humidity_pct: float) -> float | None:
    """In degC, for the shade. Source: [wbgt-simple]."""
    if not _possible(air_c, humidity_pct):
        return None
    vapour_hpa = humidity_pct / 100 * 6.105 * math.exp(17.27 * air_c / (237.7 + air_c))
    return 0.567 * air_c + 0.393 * vapour_hpa + 3.94


def utci(air_c: float, humidity_pct: float, wind_m_s: float, radiant_c: float) -> float | None:
    """In degC; None outside the range that the polynomial holds for. Source: [utci]."""
    over_k = radiant_c - air_c
    if not (-50 <= air_c <= 50 and 0 <= humidity_pct <= 100 and 0.5 <= wind_m_s <= 17 and -30 <= round(over_k, _DIGITS) <= 70):
        return None
    air_k = air_c + 273.15
    logarithm = 2.7150305 * math.log(air_k) + math.fsum(each * air_k ** (power - 2) for power, each in enumerate(_HARDY))
    vapour_kpa = math.exp(logarithm) / 1000 * humidity_pct / 100
    if vapour_kpa > 5:
        return None
    terms = [
        each * vapour_kpa**vapour * over_k**radiation * wind_m_s**wind * air_c**power
        for (vapour, radiation, wind), row in TERMS.items()
        for power, each in enumerate(row)
    ]
    return air_c + math.fsum(terms)


def degree_days(mean_c: float, base_c: float) -> float:
    """Of heating, one day's. Source: [degree-days]."""
    return max(base_c - mean_c, 0.0)


def cooling_degree_days(mean_c: float, base_c: float) -> float:
    """One day's. Source: [degree-days]."""
    return max(mean_c - base_c, 0.0)


def _possible(air_c: float, humidity_pct: float) -> bool:
    return -100 < air_c < 100 and 0 <= humidity_pct <= 100


def _worst(edges: Mapping[str, Sequence[float]], said: Mapping[str, float | None]) -> float | None:
    """An upper edge belongs to the lower band."""
    bands = [1.0 + sum(value > edge for edge in edges[name]) for name, value in said.items() if value is not None and _there(value)]
    return max(bands, default=None)


def _there(concentration: float | None) -> bool:
    """A negative one has no band."""
    return concentration is not None and concentration >= 0


STANDARDS: Mapping[str, Callable[..., float | None]] = {
    function.__name__: function for function in (eaqi, belaqi, lden, heat_index, humidex, wbgt, utci, degree_days, cooling_degree_days)
}
"""By the name in a formula; arguments in its order."""
_WITHOUT_SOME = frozenset({"eaqi", "belaqi"})
"""These do without some of their inputs, and say themselves without which."""
