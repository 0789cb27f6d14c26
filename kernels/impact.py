"""What a measure did: interrupted time series and difference in differences, once per report.

Promises  Ordinary least squares with errors that hold for what such data have: Newey-West for a series (no small-sample factor),
          clustered by unit for a panel (factor G / (G - 1) * (n - 1) / (n - k)). Too little data gives NaN, and says so.
Leaves    Whether the comparison is fair to the reader, who is shown the trends before.

Source: [newey-west], [cluster-robust] in docs/sources.md; the algebra is statsmodels'.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]

LEAST_EACH_SIDE = 8
FEW_CLUSTERS = 10


class Interrupted(NamedTuple):
    """Level and slope before, and how both changed; then the season's terms."""

    params: F64  # [4 + 2 * harmonics] level, slope per step, change of level, change of slope
    se: F64
    before: int
    after: int


class Season(NamedTuple):
    """Pairs of sine and cosine in the regression; 0 harmonics for none."""

    period: float = 12.0
    harmonics: int = 0


class Difference(NamedTuple):
    """An effect, its error and what it rests on."""

    effect: float
    se: float
    clusters: int
    few_clusters: bool
    """Fewer than ten: the error is too small, say so beside it."""


class Panel(NamedTuple):
    """Rows of a panel; n each."""

    unit: Sequence[object]
    time: F64
    treated: F64  # 0 or 1
    post: F64  # 0 or 1
    y: F64  # NaN = missing, the row is left out


def interrupted_series(y: F64, t0: int, lags: int | None = None, season: Season | None = None) -> Interrupted:
    """y = b0 + b1 t + b2 D + b3 (t - t0) D, D = 1 from t0 on, t = 1 .. n.

    y     float64[n], regular; NaN = missing: the row is left out, the others keep their t, and lags count rows that are there
    t0    first step under the measure, counted from 1
    lags  of the Newey-West kernel, 0 is White's; None: 4 (n / 100)^(2/9), whole
    ->    NaN in all of params and se with fewer than eight values on a side

    Errors: KernelInputError for lags below 0.
    """
    if lags is not None and lags < 0:
        raise KernelInputError("lags", "0 or more", lags)
    season = season or Season()
    there, t = np.isfinite(y), np.arange(1.0, y.size + 1.0)
    d = (t >= t0).astype(np.float64)
    columns = [np.ones(y.size), t, d, (t - t0) * d]
    for k in range(1, season.harmonics + 1):
        columns += [np.sin(2.0 * np.pi * k * t / season.period), np.cos(2.0 * np.pi * k * t / season.period)]
    x = np.column_stack(columns)
    before, after = int(np.sum(there & (d == 0.0))), int(np.sum(there & (d == 1.0)))
    if min(before, after) < LEAST_EACH_SIDE:
        nothing = np.full(x.shape[1], math.nan)
        return Interrupted(nothing, nothing.copy(), before, after)
    n = before + after
    most = math.floor(4.0 * (n / 100.0) ** (2.0 / 9.0)) if lags is None else min(lags, n - 1)
    fitted = _fit(y[there], x[there], "HAC", {"maxlags": most, "use_correction": False})
    return Interrupted(np.asarray(fitted.params), np.asarray(fitted.bse), before, after)


def did_2x2(control: tuple[float, float], treated: tuple[float, float]) -> float:
    """(treated after - before) - (control after - before); pairs are (before, after), NaN where one is missing."""
    return (treated[1] - treated[0]) - (control[1] - control[0])


def did_regression(panel: Panel) -> Difference:
    """The interaction in y ~ 1 + treated + post + treated * post, its error clustered by unit.

    -> NaN where the four means are not all there or the units are fewer than two. Errors: KernelInputError for shapes.
    """
    return _interaction(panel, panel.post)


def pre_trends(panel: Panel) -> Difference:
    """How much steeper the treated ran before the measure: the interaction in y ~ 1 + treated + time + treated * time on rows before.

    -> effect per unit of time; near 0 where the trends were parallel. NaN with fewer than two times before, or one group only.
    """
    before = panel.post == 0.0
    units = [unit for unit, each in zip(panel.unit, before.tolist(), strict=True) if each]
    rows = Panel(units, panel.time[before], panel.treated[before], panel.post[before], panel.y[before])
    return _interaction(rows, rows.time)


def _interaction(panel: Panel, other: F64) -> Difference:
    n = len(panel.unit)
    for name, column in zip(panel._fields[1:], panel[1:], strict=True):
        if column.shape != (n,):
            raise KernelInputError(f"panel.{name}", f"shape ({n},)", column.shape)
    x = np.column_stack((np.ones(n), panel.treated, other, panel.treated * other))
    there = np.isfinite(panel.y) & np.all(np.isfinite(x), axis=1)
    codes = {unit: code for code, unit in enumerate(dict.fromkeys(panel.unit))}
    cluster = np.array([codes[unit] for unit in panel.unit], np.int64)[there]
    clusters = int(np.unique(cluster).size)
    if clusters < 2 or np.sum(there) <= 4 or np.linalg.matrix_rank(x[there]) < 4:
        return Difference(math.nan, math.nan, clusters, clusters < FEW_CLUSTERS)
    fitted = _fit(panel.y[there], x[there], "cluster", {"groups": cluster})
    return Difference(float(fitted.params[3]), float(fitted.bse[3]), clusters, clusters < FEW_CLUSTERS)


def _fit(y: F64, x: F64, errors: str, options: dict[str, Any]) -> Any:
    # Imported here: it takes a second, and no process but a report's needs it
    from statsmodels.regression.linear_model import OLS

    return OLS(y, x).fit(cov_type=errors, cov_kwds=options)
