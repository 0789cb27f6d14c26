"""Between lists with None for missing, as the slow versions take them, and float64 columns with NaN, as the kernels do."""

import math

import numpy as np
import pytest


def array(values: list) -> np.ndarray:
    return np.array([math.nan if v is None else v for v in values], np.float64)


def maybe(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def same(got: float, wanted: float | None, relative: float = 1e-12, absolute: float = 1e-12) -> None:
    """Missing where missing is wanted, else the same number within a tolerance."""
    assert maybe(got) == (None if wanted is None else pytest.approx(wanted, rel=relative, abs=absolute))
