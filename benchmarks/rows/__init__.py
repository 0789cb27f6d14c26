"""Rows of `./kompas bench kernels`: one file per subject, each with `ROWS`, a kernel beside the libraries.

Promises  A row makes its own columns from a seed; every side computes the same result, which is compared in the run.
Leaves    Timing and comparing to benchmarks.hot.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Columns = Mapping[str, npt.NDArray[Any]]
"""Named arrays of one length: what every side reads."""
Answer = npt.NDArray[np.float64]
"""float64[k]: what every side gives, in the same order."""


class Row(NamedTuple):
    """One hot kernel beside its rivals."""

    name: str
    """The kernel, as `module.function`."""
    make: Callable[[int, int], Columns]
    """(readings, seed) to columns."""
    ours: Callable[[Columns], Answer]
    rivals: Mapping[str, Callable[[Columns], Answer]]
    """By `numpy`, `polars` or `duckdb`: the plainest fast form in that library, on one thread."""
    relative: float = 1e-9
    """How far two answers may lie apart, relative to the larger; 0 to the bit."""
