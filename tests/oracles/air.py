"""Slow and obvious: air quality indices, means and counts, one value at a time, in fractions where it matters."""

import math
from fractions import Fraction

EAQI_2024 = {
    "pm2_5": [5, 15, 50, 90, 140],
    "pm10": [15, 45, 120, 195, 270],
    "no2": [10, 25, 60, 100, 150],
    "o3": [60, 100, 120, 160, 180],
    "so2": [20, 40, 125, 190, 275],
}
BELAQI_HOURLY = {
    "pm2_5": [3.5, 7.5, 10, 15, 20, 35, 50, 60, 75],
    "pm10": [10, 20, 35, 45, 60, 80, 95, 110, 140],
    "no2": [10, 15, 20, 30, 40, 45, 50, 60, 75],
    "o3": [30, 65, 75, 90, 110, 150, 180, 210, 240],
}
PM2_5_2024 = [
    ("0", "9.0", 0, 50),
    ("9.1", "35.4", 51, 100),
    ("35.5", "55.4", 101, 150),
    ("55.5", "125.4", 151, 200),
    ("125.5", "225.4", 201, 300),
    ("225.5", "325.4", 301, 500),
]


def there(value):
    return value is not None and math.isfinite(value)


def band(edges, concentration):
    if not there(concentration) or concentration < 0:
        return None
    for number, edge in enumerate(edges, start=1):
        if concentration <= edge:
            return number
    return len(edges) + 1


def worst(table, concentrations):
    bands = {name: band(table[name], value) for name, value in concentrations.items()}
    known = [each for each in bands.values() if each is not None]
    return (max(known), {name for name, each in bands.items() if each == max(known)}) if known else (None, set())


def us_aqi_pm2_5(tenths):
    """Index of a concentration given in whole tenths."""
    c = Fraction(tenths, 10)
    for low, high, index_low, index_high in PM2_5_2024:
        if Fraction(low) <= c <= Fraction(high):
            exact = Fraction(index_high - index_low) / (Fraction(high) - Fraction(low)) * (c - Fraction(low)) + index_low
            return math.floor(exact + Fraction(1, 2))
    return 500


def nowcast(hours):
    """hours: latest first."""
    hours = hours[:12]
    if sum(there(each) for each in hours[:3]) < 2:
        return None
    known = [(ago, Fraction(each)) for ago, each in enumerate(hours) if there(each)]
    low, high = min(each for _, each in known), max(each for _, each in known)
    weight = max(1 - (high - low) / high, Fraction(1, 2)) if high > 0 else Fraction(1, 2)
    return float(sum(weight**ago * each for ago, each in known) / sum(weight**ago for ago, _ in known))


def mean(values, min_fraction):
    known = [Fraction(each) for each in values if there(each)]
    if not known or len(known) < math.ceil(Fraction(str(min_fraction)) * len(values)):
        return None
    return float(sum(known) / len(known))


def max_daily_8h_mean(hours):
    means = [mean(hours[end - 7 : end + 1], 0.75) for end in range(7, len(hours))]
    known = [each for each in means if each is not None]
    return max(known) if len(known) >= math.ceil(0.75 * len(means)) else None
