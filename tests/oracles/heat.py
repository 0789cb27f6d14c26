"""Slow and obvious: comfort formulas with Python's own floats, the UTCI polynomial term by term, heat waves by walking the days."""

import math

from kernels.utci_coefficients import COEFFICIENTS, DEGREE


def heat_index(t_c, rh):
    t = t_c * 9 / 5 + 32
    simple = 0.5 * (t + 61.0 + (t - 68.0) * 1.2 + rh * 0.094)
    if (simple + t) / 2 < 80:
        return ((simple + t) / 2 - 32) * 5 / 9
    terms = [
        -42.379,
        2.04901523 * t,
        10.14333127 * rh,
        -0.22475541 * t * rh,
        -0.00683783 * t**2,
        -0.05481717 * rh**2,
        0.00122874 * t**2 * rh,
        0.00085282 * t * rh**2,
        -0.00000199 * t**2 * rh**2,
    ]
    found = math.fsum(terms)
    if rh < 13 and 80 <= t <= 112:
        found -= ((13 - rh) / 4) * math.sqrt((17 - abs(t - 95)) / 17)
    if rh > 85 and 80 <= t <= 87:
        found += ((rh - 85) / 10) * ((87 - t) / 5)
    return (found - 32) * 5 / 9


def humidex(t_c, rh):
    return t_c + 5 / 9 * (6.112 * 10 ** (7.5 * t_c / (237.7 + t_c)) * rh / 100 - 10)


def wbgt_shade(t_c, rh):
    return 0.567 * t_c + 0.393 * (rh / 100 * 6.105 * math.exp(17.27 * t_c / (237.7 + t_c))) + 3.94


def utci(t_c, rh, wind, radiant):
    k = t_c + 273.15
    g = [-2836.5744, -6028.076559, 19.54263612, -0.02737830188, 0.000016261698, 7.0229056e-10, -1.8680009e-13]
    vapour = math.exp(2.7150305 * math.log(k) + math.fsum(each * k ** (n - 2) for n, each in enumerate(g))) / 1000 * rh / 100
    difference = radiant - t_c
    if not (-50 <= t_c <= 50 and -30 <= difference <= 70 and 0.5 <= wind <= 17 and vapour <= 5 and 0 <= rh <= 100):
        return None
    terms, n = [t_c], 0
    for p in range(DEGREE + 1):
        for d in range(DEGREE + 1 - p):
            for v in range(DEGREE + 1 - p - d):
                for t in range(DEGREE + 1 - p - d - v):
                    terms.append(COEFFICIENTS[n] * t_c**t * wind**v * difference**d * vapour**p)
                    n += 1
    return math.fsum(terms)


def heat_waves(highest):
    found, run = [], []
    for index, top in enumerate([*highest, None]):
        if top is not None and math.isfinite(top) and top >= 25:
            run.append((index, top))
        else:
            if len(run) >= 5 and sum(each >= 30 for _, each in run) >= 3:
                found.append((run[0][0], len(run)))
            run = []
    return found
