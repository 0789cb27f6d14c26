"""Between the plain JSON values of a test vector and the arrays of a kernel.

Promises  null is NaN on the way in; NaN is null on the way out, also within lists and objects; numpy's scalars become Python's.
          JSON has no infinity: `json_ready` writes one as the word "Infinity" or "-Infinity", and both ways in read the word.
Leaves    Which input feeds which argument to the subjects' files.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

Inputs = Mapping[str, Any]
"""What a kernel reads, as decoded JSON; None is missing."""
Params = Mapping[str, Any]
"""How it reads it."""
Function = Callable[[Inputs, Params], object]
"""One contract: inputs and parameters to a plain JSON value."""
F64 = npt.NDArray[np.float64]
INFINITIES: Mapping[str, float] = MappingProxyType({"Infinity": math.inf, "-Infinity": -math.inf})
"""How a document writes what JSON has no number for."""


def number(value: Any) -> float:
    """One number; missing is NaN."""
    return math.nan if value is None else float(value)


def numbers(values: Iterable[Any]) -> F64:
    """float64[n]; missing is NaN."""
    return np.array([number(value) for value in values], np.float64)


def option(inputs: Inputs, params: Params, *names: str, default: Any = None) -> Any:
    """The first of these names that params or inputs give, else the default."""
    for given in (params, inputs):
        for name in names:
            if given.get(name) is not None:
                return given[name]
    return default


def plain(value: Any) -> Any:
    """Arrays to lists, numpy's scalars to Python's, NaN to None."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def json_ready(value: Any) -> Any:
    """A plain value of which every JSON reader can read what is written: infinities as their words, NaN as null."""
    if isinstance(value, float) and not math.isfinite(value):
        return next((word for word, infinite in INFINITIES.items() if infinite == value), None)
    if isinstance(value, Mapping):
        return {key: json_ready(item) for key, item in value.items()}
    return [json_ready(item) for item in value] if isinstance(value, list) else value
