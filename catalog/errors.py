"""The operator's fault: a setting, a file or an argument that cannot be used as it stands.

Promises  Every message says where, what was wanted and what came.
Leaves    The data's fault and the world's fault to runtime.errors, which hands this one on.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class ConfigError(Exception):
    """A setting, a file or an argument is at fault: say so before anything starts. Exit code 2."""

    def __init__(self, where: str, wanted: str, got: object, meant: str = "") -> None:
        """`meant` is the name that was probably meant, "" for none; see `nearest`."""
        shown = repr(got)
        if len(shown) > 200:
            shown = shown[:197] + "..."
        hint = f"; did you mean {meant}?" if meant else ""
        super().__init__(f"{where}: wanted {wanted}, got {shown}{hint}")
        self.where = where


def nearest(got: object, names: Iterable[object]) -> str:
    """The name that was probably meant, "" where none is near."""
    return next(iter(get_close_matches(str(got), [str(name) for name in names], n=1, cutoff=0.7)), "")
