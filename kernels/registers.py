"""Numbers of a city's registers: rates with their exact interval, budgets, deliveries, terms.

Promises  Nothing is divided by zero; a rate never comes without the interval that chance alone explains.
Leaves    Hiding small numbers to kernels.suppression, before data leave the private schema.
"""

from typing import NamedTuple

import numpy as np

from kernels.columns import F64, Column, columns, valid
from kernels.errors import KernelInputError
from kernels.ratio import ratio


class Rates(NamedTuple):
    """By row: rate and the exact Poisson interval around it, all per `per` inhabitants; NaN = missing."""

    rate: F64
    low: F64
    high: F64


class Spending(NamedTuple):
    """By row, NaN where the denominator is 0 or missing; the forecast is naive: it draws the year's line on."""

    utilisation: F64
    pace: F64
    per_client: F64
    linear_forecast: F64


class Terms(NamedTuple):
    """Days that decisions took, and the share within the legal term; NaN for none."""

    median_days: float
    p90_days: float
    within: float


def rate_per(events: Column, population: Column, per: float = 1000.0) -> F64:
    """events / population * per, float64[n]; negative events or a population <= 0 give missing. Source: [poisson-exact]."""
    return ratio(events, population, per, least=0.0)


def rate_with_interval(events: Column, population: Column, per: float = 1000.0, confidence: float = 0.95) -> Rates:
    """The rate and its exact two-sided Poisson interval: chi2(a/2; 2k) / 2 and chi2(1 - a/2; 2k + 2) / 2 events.

    events      float64[n]  >= 0; no event gives a lower end of 0 and an upper end above it
    population  float64[n]  mid-year, > 0, else missing

    O(n). Source: [poisson-exact].
    """
    if not 0.0 < confidence < 1.0:
        raise KernelInputError("confidence", "between 0 and 1", confidence)
    from scipy import stats  # heavy: once per report

    k, people = columns(events=events, population=population)
    k = np.where(np.isfinite(k) & (k >= 0.0), k, np.nan)
    tail = (1.0 - confidence) / 2.0
    low = np.where(k > 0.0, stats.chi2.ppf(tail, 2.0 * np.where(k > 0.0, k, 1.0)) / 2.0, k)
    high = stats.chi2.ppf(1.0 - tail, 2.0 * k + 2.0) / 2.0
    return Rates(ratio(k, people, per), ratio(low, people, per), ratio(high, people, per))


def budget(spent: Column, planned_year: Column, clients: Column, year_fraction: Column) -> Spending:
    """utilisation = spent / planned; pace = spent / (planned * fraction of the year); per client; spent / fraction of the year.

    money in one currency, clients > 0, year_fraction in (0, 1]; float64[n]. A pace above 1 spends faster than an even plan

    Source: [project].
    """
    paid, plan, heads, part = columns(spent=spent, planned_year=planned_year, clients=clients, year_fraction=year_fraction)
    return Spending(ratio(paid, plan), ratio(paid, np.where(plan > 0.0, plan * part, np.nan)), ratio(paid, heads), ratio(paid, part))


def delivery_vs_plan(delivered: Column, planned: Column) -> F64:
    """delivered / planned, float64[n]; missing where nothing was planned. Source: [project]."""
    return ratio(delivered, planned)


def new_dwellings_per_1000(delivered: Column, stock_jan1: Column) -> F64:
    """Newly built dwellings per 1,000 dwellings that stood on 1 January, float64[n]; missing where none did. Source: [bbv]."""
    return rate_per(delivered, stock_jan1, 1000.0)


def decision_terms(days: Column, legal_days: float) -> Terms:
    """Median and 90th percentile of the days that permits took, and the share decided within the legal term (its last day included).

    days  float64[n]  NaN = missing; percentiles by linear interpolation. Open cases are not among them: report them beside. Source: [project].
    """
    known = valid(days)
    if known.size == 0:
        return Terms(np.nan, np.nan, np.nan)
    return Terms(float(np.median(known)), float(np.percentile(known, 90)), float(np.mean(known <= legal_days)))
