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


WITHOUT: Mapping[str, str] = {
    "accumulate": "measured as the window kernel, and by number of devices",
    "arrive": "measured by number of devices; no library keeps state between frames",
    "bundle": "hands arrays on, computes nothing",
    "calendar": "a part of the window kernel",
    "combine": "runs per area and not per reading; measured by benchmarks.in_process",
    "elementary": "functions of one number inside other kernels, which have rows",
    "feeding": "goes on from one frame to the next, as ordered",
    "ingest": "runs in the gateway per frame; measured by the pipeline bench",
    "lanes": "a part of the window kernel",
    "names": "a part of the worker's step: a hundred names a frame, once; measured by benchmarks.in_process",
    "neighbours": "runs in the restater on closed windows",
    "ordered": "goes on from one frame to the next, which no library does; measured with all KPIs",
    "pool": "a part of the worker's step; measured with all KPIs",
    "ratio": "a part of kernels that have rows",
    "reduce": "a part of the window kernel",
    "seen": "measured by number of devices; no library keeps state between frames",
    "standstill": "runs in the restater on closed windows",
    "table": "a part of what is measured by number of devices",
    "wide": "arithmetic of the window kernel",
}
"""Modules with compiled loops that have no row, and why."""
NO_FORM: Mapping[str, Mapping[str, str]] = {
    "hyperloglog.add": {"duckdb": "its own sketch does not show its registers, and it counts no leading zeros"},
    "outliers.hampel": {"duckdb": "medians of medians are lists made and sorted for each row, as in Polars' form, which is far behind"},
    "polygons.locate": {
        "polars": "knows no areas; every edge of every area as an expression is NumPy's form again",
        "duckdb": "areas are in an extension that it loads from the network; without it as Polars",
    },
    "smoothing.ewma": {
        "numpy": "each value hangs on the one before: no form but a loop in Python",
        "duckdb": "each value hangs on the one before: no window function carries its own result on",
    },
    "smoothing.ewma_irregular": {
        "numpy": "each value hangs on the one before: no form but a loop in Python",
        "duckdb": "each value hangs on the one before: no window function carries its own result on",
    },
}
"""Rows that lack a library, and why."""
SLOWER: Mapping[str, str] = {
    "speed.mean_speeds": "a division a value is what every side waits for: about even",
    "transit.excess_waiting_time": "running sums of doubles in a fixed order, against a dot product that may reorder them: about even",
    "windows.event_time_windows": "decides event by event what is late and what closes; the libraries group a finished column, and know neither",
    "tdigest.add": "merges centroids so that digests can be merged later; the libraries' exact quantiles hold all values and cannot be",
}
"""Rows whose kernel a library beats for a reason that lies in what it computes."""
