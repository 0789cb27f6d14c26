"""Contracts of noise: from the plain values of a vector to the kernels and back.

Leaves    The arithmetic to kernels.noise and kernels.noise_day.
"""

from collections.abc import Mapping

from kernels import noise, noise_day
from kernels.vectors.plain import Function, Inputs, Params, number, numbers, option, plain


def leq(inputs: Inputs, _: Params) -> object:
    """Energy mean of equal intervals."""
    return plain(noise.leq(numbers(inputs["levels_db"])))


def leq_weighted(inputs: Inputs, _: Params) -> object:
    """Energy mean weighted by duration."""
    return plain(noise.leq_weighted(numbers(inputs["levels_db"]), numbers(inputs["durations_s"])))


def lden(inputs: Inputs, params: Params) -> object:
    """Day-evening-night level of three levels; `hours` may give the lengths of the parts."""
    hours = option(inputs, params, "hours", default=noise.PART_HOURS)
    day, evening, night = (numbers([number(inputs[name])]) for name in ("lday", "levening", "lnight"))
    return plain(noise.lden(day, evening, night, tuple(hours))[0])


def lden_from_hours(inputs: Inputs, params: Params) -> object:
    """The four levels of a date from its 24 local hours; `starts` may give the hours at which day, evening and night begin."""
    hours = next(value for name, value in inputs.items() if name.startswith("hourly"))
    day, evening, night = option(inputs, params, "starts", default=noise_day.STARTS)
    share = float(option(inputs, params, "min_fraction", default=0.75))
    found = noise_day.lden_from_hours(numbers(hours), (day, evening, night), share)
    return dict(zip(("lday", "levening", "lnight", "lden"), plain(found), strict=True))


def ln_percentile(inputs: Inputs, params: Params) -> object:
    """The level exceeded N % of the time."""
    return plain(noise.ln_percentile(numbers(inputs["levels_db"]), float(option(inputs, params, "n_percent"))))


def noise_exceedance(inputs: Inputs, params: Params) -> object:
    """Samples and runs strictly above a threshold."""
    found = noise.noise_exceedance(numbers(inputs["levels_db"]), float(option(inputs, params, "threshold_db")))
    return plain(found._asdict())


FUNCTIONS: Mapping[str, Function] = {each.__name__: each for each in (leq, leq_weighted, lden, lden_from_hours, ln_percentile, noise_exceedance)}
