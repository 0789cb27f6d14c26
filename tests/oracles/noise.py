"""Slow and obvious: noise levels one sample at a time, hours of local days from the time zone one quarter of an hour at a time."""

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def there(level):
    return level is not None and not math.isnan(level) and level < math.inf


def leq(levels, durations=None):
    durations = [1.0] * len(levels) if durations is None else durations
    known = [(level, seconds) for level, seconds in zip(levels, durations, strict=True) if there(level) and seconds > 0]
    time_s = math.fsum(seconds for _, seconds in known)
    if not time_s:
        return None
    energy = math.fsum(seconds * 10 ** (level / 10) for level, seconds in known)
    return 10 * math.log10(energy / time_s) if energy else -math.inf


def lden(day, evening, night):
    if not (there(day) and there(evening) and there(night)):
        return None
    return 10 * math.log10((12 * 10 ** (day / 10) + 4 * 10 ** ((evening + 5) / 10) + 8 * 10 ** ((night + 10) / 10)) / 24)


def exceeded(levels, n_percent):
    """LN by walking the sorted levels."""
    ordered = sorted(level for level in levels if there(level))
    if not ordered:
        return None
    place = (len(ordered) - 1) * (100 - n_percent) / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def runs(levels, threshold):
    """Runs strictly above, as lists of indices."""
    found, run = [], []
    for index, level in enumerate(levels):
        if there(level) and level > threshold:
            run.append(index)
        elif run:
            found.append(run)
            run = []
    return [*found, run] if run else found


def part(hour):
    return "day" if 7 <= hour < 19 else "evening" if 19 <= hour < 23 else "night"


def hours_of_parts(date, zone):
    """Hours of day, evening and night on a local date."""
    there_ = ZoneInfo(zone)
    at = datetime(date.year, date.month, date.day, tzinfo=UTC) - timedelta(days=1)
    found = {"day": 0.0, "evening": 0.0, "night": 0.0}
    for _ in range(3 * 96):
        local = at.astimezone(there_)
        if local.date() == date:
            found[part(local.hour)] += 0.25
        at += timedelta(minutes=15)
    return found


def day_levels(samples, date, zone):
    """Lday, Levening, Lnight of a local date from (UTC start, level) samples, whatever is there."""
    parts = {"day": [], "evening": [], "night": []}
    for at, level in samples:
        local = at.astimezone(ZoneInfo(zone))
        if local.date() == date:
            parts[part(local.hour)].append(level)
    return {name: leq(levels) for name, levels in parts.items()}
