"""Wanted against got, within the tolerance that a vector states.

Promises  A tolerance holds for every number in the value: a plain number is absolute, `{"rel": r}` relative to the wanted one, 0 exact;
          `{"rank_error": e}` accepts any answer whose rank among the inputs lies within e of the quantile asked for.
          Missing equals missing only; a truth value is no number; an object has the wanted keys and no other.
          A wanted number is written to ten digits: where that is coarser than the tolerance, `as_written` finds what it stands for.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from kernels.vectors.generators import values_of
from kernels.vectors.plain import INFINITIES, Inputs

TOLERANCES = ("rel", "rank_error", "abs")
DIGITS = 10
"""Significant digits to which test vectors write what they want."""


def known(tolerance: object) -> bool:
    """True for a tolerance that `difference` understands."""
    if isinstance(tolerance, Mapping):
        return bool(tolerance) and all(key in TOLERANCES and _is_number(each) and each >= 0 for key, each in tolerance.items())
    return _is_number(tolerance) and float(str(tolerance)) >= 0


def as_written(wanted: Any, got: Any, tolerance: Any, inputs: Inputs) -> bool:
    """True where every number of `got` is within the tolerance or, rounded to the ten digits of `wanted`, is it; never for tolerance 0.

    For an answer that `difference` found to differ: asked of anything else, it is True of what agrees anyway, null and null among it.
    """
    return tolerance != 0 and difference(wanted, _like(wanted, got), tolerance, inputs) is None


def difference(wanted: Any, got: Any, tolerance: Any, inputs: Inputs) -> str | None:
    """Where the two differ, as a path into the value with both sides; None where they agree."""
    if isinstance(tolerance, Mapping) and "rank_error" in tolerance and _is_number(wanted) and _is_number(got):
        return _by_rank(got, float(tolerance["rank_error"]), inputs)
    return _at(wanted, got, tolerance, "value")


def _at(wanted: Any, got: Any, tolerance: Any, path: str) -> str | None:
    if isinstance(wanted, Mapping):
        if not isinstance(got, Mapping) or set(got) != set(wanted):
            return f"{path}: wanted {_kind(wanted)}, got {_kind(got)}"
        return _first(_at(wanted[key], got[key], tolerance, f"{path}.{key}") for key in wanted)
    if isinstance(wanted, list):
        if not isinstance(got, list) or len(got) != len(wanted):
            return f"{path}: wanted {_kind(wanted)}, got {_kind(got)}"
        return _first(_at(left, right, tolerance, f"{path}[{i}]") for i, (left, right) in enumerate(zip(wanted, got, strict=True)))
    if _is_number(got) and isinstance(wanted, str) and wanted in INFINITIES:
        wanted = INFINITIES[wanted]
    if _is_number(wanted) and _is_number(got):
        return None if _close(wanted, got, tolerance) else f"{path}: wanted {wanted!r}, got {got!r}"
    same = type(wanted) is type(got) and wanted == got
    return None if same else f"{path}: wanted {wanted!r}, got {got!r}"


def _close(wanted: float, got: float, tolerance: Any) -> bool:
    if wanted == got:
        return True
    if not (math.isfinite(wanted) and math.isfinite(got)):
        return False
    apart = abs(wanted - got)
    if isinstance(tolerance, Mapping):
        return apart <= max(float(tolerance.get("rel", 0.0)) * abs(wanted), float(tolerance.get("abs", 0.0)))
    return apart <= float(tolerance)


def _by_rank(got: float, most: float, inputs: Inputs) -> str | None:
    values = values_of(inputs)
    values = values[~np.isnan(values)]
    asked = float(inputs["q"])
    low, high = float(np.mean(values < got)), float(np.mean(values <= got))
    apart = max(low - asked, asked - high, 0.0)
    return None if apart <= most else f"value: wanted a rank within {most:g} of {asked:g}, got {got!r} of rank {low:g} to {high:g}"


def _like(wanted: Any, got: Any) -> Any:
    """`got` with the wanted number in the place of each that is equal to it at ten digits."""
    if isinstance(wanted, Mapping) and isinstance(got, Mapping):
        return {key: _like(wanted[key], each) if key in wanted else each for key, each in got.items()}
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        return [_like(left, right) for left, right in zip(wanted, got, strict=True)]
    if _is_number(wanted) and _is_number(got) and float(f"{got:.{DIGITS}g}") == wanted:
        return wanted
    return got


def _first(found: Any) -> str | None:
    return next((each for each in found if each is not None), None)


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"an object with {', '.join(sorted(value))}"
    return f"a list of {len(value)}" if isinstance(value, list) else repr(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
