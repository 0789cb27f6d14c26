"""Jit options and the place of the compile cache, in one file; a test reads the source to keep it so.

Promises  A kernel is compiled once per machine and change: the cache folder's name is a hash of all kernel sources, so
          a changed callee in another file is seen, too (the compiler itself looks at one file only).
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def _cache_folder() -> str:
    """A folder below NUMBA_CACHE_DIR (or .kompas/numba) for exactly these sources."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for source in sorted(here.glob("*.py")):
        digest.update(source.read_bytes())
    base = os.environ.get("NUMBA_CACHE_DIR") or str(here.parent / ".kompas" / "numba")
    return str(Path(base) / digest.hexdigest()[:16])


setattr(numba.config, "CACHE_DIR", _cache_folder())  # noqa: B010 - the module makes its names at run time


def jit(loop: F) -> F:
    """Compile a kernel loop. Fast-math stays off: NaN is our missing value."""
    return cast(F, numba.njit(nogil=True, fastmath=False, error_model="numpy", cache=True)(loop))
