"""Long inputs that a vector writes as a rule instead of a list.

Promises  The two rules there are: `x_i=(i*A) mod M, i=1..N` gives numbers, `strings P0 .. Pn` with `n` and `duplicates` gives names.
Leaves    Any other rule to nobody: it is an error that shows it.
"""

import re

import numpy as np

from kernels.errors import KernelInputError
from kernels.vectors.plain import F64, Inputs, numbers

_MODULAR = re.compile(r"^\s*x_i\s*=\s*\(\s*i\s*\*\s*(\d+)\s*\)\s*mod\s*(\d+)\s*,\s*i\s*=\s*(\d+)\s*\.\.\s*(\d+)\s*$")
_STRINGS = re.compile(r"^\s*strings\s+(?P<prefix>.*?)0\s*\.\.\s*(?P=prefix)(?P<last>-?\d+)\s*$")


def values_of(inputs: Inputs) -> F64:
    """float64[n]: the `values`, or what the `generator` says; missing is NaN."""
    if inputs.get("values") is not None:
        return numbers(inputs["values"])
    rule = str(inputs.get("generator"))
    found = _MODULAR.match(rule)
    if not found:
        raise KernelInputError("generator", "values, or x_i=(i*A) mod M, i=1..N", inputs.get("generator"))
    factor, modulus, first, last = (int(each) for each in found.groups())
    return np.array([i * factor % modulus for i in range(first, last + 1)], np.float64)


def names_of(inputs: Inputs) -> list[str]:
    """The distinct names in their order: the `items`, or n of the `generator`."""
    for key in ("items", "values", "strings"):
        if inputs.get(key) is not None:
            return [str(item) for item in inputs[key] if item is not None]
    found = _STRINGS.match(str(inputs.get("generator")))
    if not found:
        raise KernelInputError("generator", "items, or strings P0 .. Pn", inputs.get("generator"))
    count = int(inputs["n"]) if inputs.get("n") is not None else int(found["last"]) + 1
    return [f"{found['prefix']}{i}" for i in range(count)]
