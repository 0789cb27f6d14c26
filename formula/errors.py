"""What is wrong with a formula: where, wanted, got; a configuration error like any other."""

from collections.abc import Iterable
from difflib import get_close_matches

from catalog.errors import ConfigError


class FormulaError(ConfigError):
    """A KPI's formula is at fault; found at load, before any process starts."""

    def __init__(self, where: str, wanted: str, got: object, meant: str = "") -> None:
        super().__init__(where, wanted, got)
        self.wanted = wanted
        self.got = got
        if meant:
            self.args = (f"{self.args[0]}; did you mean {meant}?",)


def nearest(got: str, names: Iterable[str]) -> str:
    """The name that was probably meant, "" where none is near."""
    return next(iter(get_close_matches(got, list(names), n=1, cutoff=0.6)), "")
