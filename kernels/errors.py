"""The one error of a kernel's wrapper: arrays or parameters that its loop could not bear.

Promises  Raised before a loop runs; says which argument, what was wanted and what came.
Leaves    Bad data to the kernels' own rules: a missing or impossible value is answered, not raised.
"""


class KernelInputError(ValueError):
    """An argument of a kernel is at fault, not the data in it."""

    def __init__(self, where: str, wanted: str, got: object) -> None:
        shown = repr(got)
        if len(shown) > 200:
            shown = shown[:197] + "..."
        super().__init__(f"{where}: wanted {wanted}, got {shown}")
        self.where, self.wanted, self.got = where, wanted, got
