"""Jit options and the place of the compile cache, in one file; a test reads the source to keep it so.

Promises  A kernel is compiled once per machine and change: its cache folder's name is a hash of all kernel files that it hangs
          together with, so a changed callee, or a changed tuple of a caller, in another file is seen, too (the compiler itself
          looks at one file only), and a change elsewhere compiles nothing anew.
"""

import hashlib
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])
_HERE = Path(__file__).parent
_IMPORTED = re.compile(r"^from kernels\.(\w+) import", re.MULTILINE)


@cache
def _imports() -> dict[str, set[str]]:
    """Kernel files and the kernel files that they import."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in _HERE.glob("*.py")}
    return {name: {each for each in _IMPORTED.findall(text) if each in texts} - {"_jit"} for name, text in texts.items() if name != "_jit"}


@cache
def _goes_with(name: str) -> frozenset[str]:
    """The kernel files that a kernel file hangs together with: what it imports, and what imports it and hands it its tuples, and so on."""
    imports = _imports()
    found, new = {"_jit"}, [name]
    while new:
        each = new.pop()
        if each not in found:
            found.add(each)
            new += [*imports.get(each, ()), *(other for other, theirs in imports.items() if each in theirs)]
    return frozenset(found)


@cache
def _cache_folder(name: str) -> str:
    """A folder below NUMBA_CACHE_DIR (or .kompas/numba) for exactly these sources."""
    digest = hashlib.sha256()
    for each in sorted(_goes_with(name)):
        digest.update((_HERE / f"{each}.py").read_bytes())
    base = os.environ.get("NUMBA_CACHE_DIR") or str(_HERE.parent / ".kompas" / "numba")
    return str(Path(base) / f"{name}-{digest.hexdigest()[:16]}")


def jit(loop: F) -> F:
    """Compile a kernel loop. Fast-math stays off: NaN is our missing value."""
    setattr(numba.config, "CACHE_DIR", _cache_folder(loop.__module__.rpartition(".")[2]))  # noqa: B010 - the module makes its names at run time
    return cast(F, numba.njit(nogil=True, fastmath=False, error_model="numpy", cache=True)(loop))
