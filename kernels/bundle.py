"""A bundle: many arrays handed to a kernel as one argument.

An array costs 0.1 µs to hand over, and the worker's state is thirty of them; a bundle made once costs 0.3 µs a call, whatever is in it.

Promises  A bundle holds exactly the tuple that it was made of: whoever replaces an array makes a new one.
Leaves    What is in the tuple to the kernel.
"""

from typing import Any, cast

from numba import types
from numba.experimental import structref

from kernels._jit import jit


@structref.register
class _BundleType(types.StructRef):
    """The compiler's type of a bundle."""


class Bundle(structref.StructRefProxy):
    """A tuple of arrays on the kernels' side; within a loop: `bundle.arrays`."""


structref.define_proxy(Bundle, _BundleType, ["arrays"])  # type: ignore[no-untyped-call]


@jit
def _bundle(arrays: Any) -> Any:
    return Bundle(arrays)  # type: ignore[no-untyped-call]


def bundle(arrays: tuple[Any, ...]) -> Bundle:
    """Make a bundle of a (named) tuple of arrays; a hundred µs, once per change of the tuple."""
    return cast(Bundle, _bundle(arrays))
