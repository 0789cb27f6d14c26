"""Regressions from their formulas: normal equations and sums over residuals."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def least_squares(y: F64, x: F64) -> tuple[F64, F64, F64]:
    """Coefficients, residuals and the bread (X'X)^-1."""
    bread: F64 = np.asarray(np.linalg.inv(x.T @ x), np.float64)
    beta = bread @ (x.T @ y)
    return beta, y - x @ beta, bread


def newey_west(y: F64, x: F64, lags: int) -> tuple[F64, F64]:
    """Coefficients and errors, Bartlett weights, no small-sample factor."""
    beta, residuals, bread = least_squares(y, x)
    rows = residuals[:, None] * x
    meat = rows.T @ rows
    for lag in range(1, lags + 1):
        gamma = rows[lag:].T @ rows[:-lag]
        meat = meat + (1.0 - lag / (lags + 1.0)) * (gamma + gamma.T)
    return beta, np.sqrt(np.diag(bread @ meat @ bread))


def clustered(y: F64, x: F64, units: Sequence[object]) -> tuple[F64, F64]:
    """Coefficients and errors, summed by unit, with the usual factor for few units."""
    beta, residuals, bread = least_squares(y, x)
    n, k = x.shape
    names = sorted(set(map(str, units)))
    meat = np.zeros((k, k))
    for name in names:
        mine = np.array([str(unit) == name for unit in units])
        score = x[mine].T @ residuals[mine]
        meat += np.outer(score, score)
    g = len(names)
    return beta, np.sqrt(np.diag(bread @ meat @ bread) * g / (g - 1) * (n - 1) / (n - k))


def series_columns(n: int, t0: int) -> F64:
    t = np.arange(1, n + 1)
    return np.array([[1.0, float(each), float(each >= t0), float((each - t0) * (each >= t0))] for each in t])
