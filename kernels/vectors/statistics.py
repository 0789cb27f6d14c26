"""Contracts of statistics and streaming: windows, sketches, smoothing, outliers, gaps."""

from collections.abc import Mapping

import numpy as np

from kernels import ddsketch, hyperloglog, tdigest
from kernels.gaps import impute_linear
from kernels.outliers import hampel, hampel_trailing, mad_scaled
from kernels.smoothing import ewma, ewma_irregular
from kernels.vectors.generators import names_of, values_of
from kernels.vectors.plain import F64, Function, Inputs, Params, number, numbers, option, plain
from kernels.windows import event_time_windows


def _windows(inputs: Inputs, params: Params) -> object:
    events = [(event[0], number(event[1])) for event in inputs["events_t_v_in_arrival_order"]]
    timed = [(float(t), value) for t, value in events if t is not None]
    spans = [float(option(inputs, params, name, default=0)) for name in ("size", "step", "allowed_lateness")]
    spans[1] = spans[1] or spans[0]
    # Times with a fraction are taken in millionths, so that windows are cut by integers
    scale = 1 if all(each == int(each) for each in [*spans, *(t for t, _ in timed)]) else 1_000_000
    size, step, lateness = (round(each * scale) for each in spans)
    t = np.array([round(each * scale) for each, _ in timed], np.int64)
    found = event_time_windows(t, numbers(value for _, value in timed), size, step, lateness)
    rows = [[a / scale, b / scale, n, s] for a, b, n, s in zip(*(each.tolist() for each in found[:4]), strict=True)]
    return {"emitted": rows[: found.emitted], "dropped": found.dropped + len(events) - len(timed), "open": rows[found.emitted :]}


def _sketch(like: F64, values: F64, accuracy: float) -> ddsketch.Sketch:
    """A sketch of `values` whose range holds all of `like`."""
    sizes = np.abs(like[np.isfinite(like) & (np.abs(like) >= np.finfo(np.float64).tiny)])
    sketch = ddsketch.new_sketch(accuracy, float(sizes.min(initial=1.0)), float(sizes.max(initial=1.0)))
    ddsketch.add(values, sketch)
    return sketch


def _ddsketch_quantile(inputs: Inputs, params: Params) -> object:
    values = values_of(inputs)
    accuracy = float(option(inputs, params, "relative_accuracy", default=0.01))
    return plain(ddsketch.quantile(_sketch(values, values, accuracy), float(option(inputs, params, "q"))))


def _ddsketch_merge(inputs: Inputs, params: Params) -> object:
    parts = [numbers(inputs[key]) for key in sorted(inputs) if key.startswith("values")]
    accuracy, union = float(option(inputs, params, "relative_accuracy", default=0.01)), np.concatenate(parts)
    merged = _sketch(union, union[:0], accuracy)
    for part in parts:
        ddsketch.merge(merged, _sketch(union, part, accuracy))
    return plain(ddsketch.quantile(merged, float(option(inputs, params, "q"))))


def _tdigest_quantile(inputs: Inputs, params: Params) -> object:
    digest = tdigest.new_digest(int(option(inputs, params, "delta", default=tdigest.LEAST_DELTA)))
    tdigest.add(values_of(inputs), digest)
    return plain(tdigest.quantile(digest, float(option(inputs, params, "q"))))


def _hyperloglog(inputs: Inputs, params: Params) -> object:
    hashes, p = hyperloglog.hash_names(names_of(inputs)), int(option(inputs, params, "p", default=12))
    registers, half = hyperloglog.new_registers(p), hyperloglog.new_registers(p)
    for _ in range(max(1, int(option(inputs, params, "duplicates", default=1)))):
        hyperloglog.add(hashes[::2], registers)
        hyperloglog.add(hashes[1::2], half)
    hyperloglog.merge(registers, half)
    return hyperloglog.estimate(registers)


def _ewma(inputs: Inputs, params: Params) -> object:
    return plain(ewma(numbers(inputs["values"]), float(option(inputs, params, "alpha"))))


def _ewma_irregular(inputs: Inputs, params: Params) -> object:
    return plain(ewma_irregular(numbers(inputs["t_s"]), numbers(inputs["values"]), float(option(inputs, params, "tau_s"))))


def _mad_scaled(inputs: Inputs, _params: Params) -> object:
    return plain(mad_scaled(numbers(inputs["values"])))


def _hampel_flags(inputs: Inputs, params: Params) -> object:
    window, n_sigma = int(option(inputs, params, "half_window", "window", default=3)), float(option(inputs, params, "n_sigma", default=3.0))
    test = hampel_trailing if option(inputs, params, "trailing", default=False) else hampel
    return plain(test(numbers(inputs["values"]), window, n_sigma, float(option(inputs, params, "min_scale", default=0.0))))


def _impute_linear(inputs: Inputs, params: Params) -> object:
    return plain(impute_linear(numbers(inputs["values"]), int(option(inputs, params, "max_gap")))[0])


FUNCTIONS: Mapping[str, Function] = {
    "event_time_windows": _windows,
    "ddsketch_quantile": _ddsketch_quantile,
    "ddsketch_merge": _ddsketch_merge,
    "tdigest_quantile": _tdigest_quantile,
    "hyperloglog": _hyperloglog,
    "ewma": _ewma,
    "ewma_irregular": _ewma_irregular,
    "mad_scaled": _mad_scaled,
    "hampel_flags": _hampel_flags,
    "impute_linear": _impute_linear,
}
