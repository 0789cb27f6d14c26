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


SAME_LOOP: Mapping[str, tuple[str, ...]] = {
    "air_index.band": ("air_index.eaqi_2024",),
    "air_index.belaqi_daily": ("air_index.belaqi_hourly",),
    "air_index.eaqi_2017": ("air_index.eaqi_2024",),
    "air_index.eaqi_classic": ("air_index.eaqi_2024",),
    "air_limits.assess": ("air_limits.exceedances", "air_means.mean_with_capture"),
    "air_means.max_daily_8h_mean": ("air_means.running_means",),
    "assets.streetlight_availability": ("flow.flow_vph",),
    "bikeshare.bikeshare_availability": ("bikeshare.time_share",),
    "counts.weekly_profile": ("flow.flow_vph",),
    "degree_days.cooling_degree_days": ("degree_days.heating_degree_days",),
    "degree_days.sum_cooling": ("degree_days.sum_heating",),
    "energy.energy_intensity": ("flow.flow_vph",),
    "flow.flow_with_gaps": ("flow.flow_vph",),
    "flow.occupancy": ("flow.flow_vph",),
    "heat.humidex_from_dew_point": ("heat.humidex",),
    "ingest.warm_up": ("ingest.canonical", "ingest.timely", "ingest.repeated"),
    "noise.energy": ("noise.leq_weighted",),
    "noise_day.lden_from_hours": ("noise.leq", "noise.lden"),
    "noise_day.noise_days": ("noise.leq", "noise.lden"),
    "outliers.hampel_trailing": ("outliers.hampel",),
    "parking.parking_turnover": ("flow.flow_vph",),
    "ratio.above": ("degree_days.heating_degree_days",),
    "ratio.below": ("degree_days.heating_degree_days",),
    "ratio.ratio": ("flow.flow_vph",),
    "registers.budget": ("registers.rate_per",),
    "registers.delivery_vs_plan": ("registers.rate_per",),
    "registers.new_dwellings_per_1000": ("registers.rate_per",),
    "registers.rate_with_interval": ("registers.rate_per",),
    "service_level.level_of_falling": ("service_level.los_urban_street",),
    "service_level.level_of_rising": ("service_level.los_freeway_density",),
    "service_level.los_free_flow_share": ("service_level.los_urban_street",),
    "service_level.los_signal_delay": ("service_level.los_freeway_density",),
    "speed.congestion_pct": ("speed.travel_time_index", "degree_days.heating_degree_days"),
    "speed.delay_s": ("degree_days.heating_degree_days",),
    "speed.reliability": ("speed.travel_time_index",),
    "tdigest.merge": ("tdigest.add",),
    "tdigest.quantile": ("tdigest.add",),
    "transit.waiting_time": ("transit.excess_waiting_time",),
    "us_aqi.us_aqi_pm10": ("us_aqi.us_aqi_pm2_5",),
    "water.min_night_flow": ("flow.flow_vph", "degree_days.heating_degree_days"),
}
"""Functions that run no compiled loop but those of these rows: other edges, limits or columns for the same arithmetic. A test holds that."""
WITHOUT: Mapping[str, str] = {
    "accumulate.accumulate": "measured as the window kernel, and by number of devices",
    "accumulate.powers": "makes the tables of the window kernel, once",
    "arrive.arrive": "measured by number of devices; no library keeps state between frames",
    "bundle.bundle": "hands arrays on, computes nothing",
    "combine.merge": "runs per area and not per reading; measured by benchmarks.in_process",
    "combine.merge_stale": "runs per area and not per reading; measured by benchmarks.in_process",
    "combine.put": "runs per area and not per reading; measured by benchmarks.in_process",
    "feeding.feed": "goes on from one frame to the next, which no library does; measured with all KPIs",
    "good.pick": "a part of the worker's step, where devices are valid for a time only, and of the restater's; else kernels.arrive makes the list",
    "lanes.ground_of": "hands arrays on, computes nothing",
    "moments.merge": "runs per group and not per reading",
    "names.new_names": "made once per change of the catalogue",
    "names.numbers_of": "a part of the worker's step: a hundred names a frame, once; measured by benchmarks.in_process",
    "names.traits_of": "a part of the worker's step; measured by benchmarks.in_process",
    "ordered.close": "goes on from one frame to the next, which no library does; measured with all KPIs",
    "polygons.build_index": "runs per area and not per reading, once per change of areas",
    "pool.pool": "a part of the worker's step; measured with all KPIs",
    "pool.rebuild": "a part of the worker's step; measured with all KPIs",
    "reduce.reduce_block": "a part of the window kernel",
    "reduce.reduce_blocks": "a part of the window kernel",
    "seen.entries": "runs per snapshot and not per reading",
    "seen.grown": "makes room, seldom; measured by number of devices",
    "seen.seen_of": "runs once, when a snapshot is restored",
    "seen.with_room": "measured by number of devices; no library keeps state between frames",
}
"""Kernels that have no row and whose loops no row runs, and why. Functions without a compiled loop are NumPy's own and no kernels."""
NO_FORM: Mapping[str, Mapping[str, str]] = {
    "hyperloglog.hash_ids": {"duckdb": "its multiplication refuses to overflow, which the mixing of bits is made of"},
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
    "noise.ln_percentile": "sorts all that is there, where the libraries' quantiles only select: about even",
    "outliers.mad_scaled": "sorts all that is there, where the libraries' medians only select: about even",
    "speed.mean_speeds": "a division a value is what every side waits for: about even",
    "transit.excess_waiting_time": "running sums of doubles in a fixed order, against a dot product that may reorder them: about even",
    "windows.event_time_windows": "decides event by event what is late and what closes; the libraries group a finished column, and know neither",
    "tdigest.add": "merges centroids so that digests can be merged later; the libraries' exact quantiles hold all values and cannot be",
}
"""Rows whose kernel a library beats for a reason that lies in what it computes."""
