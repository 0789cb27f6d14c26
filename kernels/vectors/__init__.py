"""The kernels by the names of their contracts: what a file of test vectors calls.

Promises  `FUNCTIONS` has every contract once; a name that two subjects bind is an error at import.
Leaves    The arithmetic to the kernels, the way from JSON to arrays to one file per subject.
"""

from collections import Counter
from collections.abc import Mapping

from kernels.vectors import air, assets, energy, heat, impact, mobility, noise, quality, registers, space, statistics, waste
from kernels.vectors.plain import Function, Inputs, Params

__all__ = ["FUNCTIONS", "Function", "Inputs", "Params"]

_SUBJECTS = (air, assets, energy, heat, impact, mobility, noise, quality, registers, space, statistics, waste)


def _collected() -> Mapping[str, Function]:
    bound = Counter(name for subject in _SUBJECTS for name in subject.FUNCTIONS)
    if twice := sorted(name for name, times in bound.items() if times > 1):
        raise ImportError(f"kernels/vectors: wanted each function in one file, got {', '.join(twice)} in two")
    return {name: subject.FUNCTIONS[name] for name in sorted(bound) for subject in _SUBJECTS if name in subject.FUNCTIONS}


FUNCTIONS = _collected()
