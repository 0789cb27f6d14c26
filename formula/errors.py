"""What is wrong with a formula: where, wanted, got; a configuration error like any other."""

from catalog.errors import ConfigError


class FormulaError(ConfigError):
    """A KPI's formula is at fault; found at load, before any process starts."""

    def __init__(self, where: str, wanted: str, got: object) -> None:
        super().__init__(where, wanted, got)
        self.wanted = wanted
        self.got = got
