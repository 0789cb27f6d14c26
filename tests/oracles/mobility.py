"""Mobility the slow way: lists of numbers, None for missing, one vehicle at a time, exact fractions where they help."""

from fractions import Fraction
from statistics import mean, pstdev

Number = float | None


def good(value: Number, least: float = 0.0) -> bool:
    return value is not None and least <= value < float("inf")


def flow_vph(count: Number, interval_s: Number) -> Number:
    if count is None or interval_s is None or count < 0 or interval_s <= 0:
        return None
    return float(Fraction(count) * 3600 / Fraction(interval_s))


def flow_with_gaps(counts: list[Number], interval_s: float, share: Fraction) -> Number:
    known = [Fraction(count) for count in counts if count is not None and count >= 0]
    if not known or len(known) < share * len(counts):
        return None
    return flow_vph(float(sum(known) / len(known)), interval_s)


def mean_speeds(speeds: list[Number]) -> tuple[Number, Number, int]:
    moving = [Fraction(speed) for speed in speeds if speed is not None and speed > 0]
    if not moving:
        return None, None, 0
    return float(sum(moving) / len(moving)), float(len(moving) / sum(1 / speed for speed in moving)), len(moving)


def density(flow: Number, speed: Number) -> Number:
    if flow is None or flow < 0 or (speed is not None and speed <= 0):
        return None
    if flow == 0:
        return 0.0
    return None if speed is None else flow / speed


def level(measure: Number, edges: list[float]) -> str | None:
    if measure is None or measure < 0:
        return None
    for letter, edge in zip("ABCDE", edges, strict=True):
        if measure <= edge:
            return letter
    return "F"


def queue(arrivals: list[float], capacity: list[float], initial: float) -> list[float]:
    lengths, waiting = [], initial
    for came, could in zip(arrivals, capacity, strict=True):
        waiting = max(0.0, waiting + came - could)
        lengths.append(waiting)
    return lengths


def waiting(headways: list[Number]) -> Number:
    """Ask every second of the period how long it waits: the mean of what is left of its headway."""
    known = [Fraction(headway) for headway in headways if headway is not None and headway >= 0]
    if sum(known) == 0:
        return None
    return float(sum((headway / 2) * headway for headway in known) / sum(known))


def variation(headways: list[Number]) -> Number:
    known = [headway for headway in headways if headway is not None and headway >= 0]
    return pstdev(known) / mean(known) if known and sum(known) > 0 else None


def on_time(delays: list[Number], early: float, late: float, cancelled: int) -> Number:
    known = [delay for delay in delays if delay is not None]
    if not known and not cancelled:
        return None
    return sum(early <= delay <= late for delay in known) / (len(known) + cancelled)


def time_share(levels: list[Number], durations: list[Number], least: float) -> Number:
    pairs = [
        (level, time) for level, time in zip(levels, durations, strict=True) if level is not None and level >= 0 and time is not None and time > 0
    ]
    total = sum(Fraction(time) for _, time in pairs)
    return float(sum(Fraction(time) for level, time in pairs if level >= least) / total) if total else None


def parking(occupied: Number, capacity: Number, shut: Number) -> tuple[float, float, bool] | None:
    if occupied is None or capacity is None or shut is None or occupied < 0 or shut < 0 or capacity - shut <= 0:
        return None
    usable = capacity - shut
    return occupied / usable, max(0.0, usable - occupied), occupied > usable
