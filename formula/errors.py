"""What is wrong with a formula: where, wanted, got; a configuration error like any other."""

from catalog.errors import ConfigError, nearest

__all__ = ["FormulaError", "nearest"]


class FormulaError(ConfigError):
    """A KPI's formula is at fault; found at load, before any process starts."""

    def __init__(self, where: str, wanted: str, got: object, meant: str = "") -> None:
        super().__init__(where, wanted, got, meant)
        self.wanted = wanted
        self.got = got
