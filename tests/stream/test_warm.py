"""Warming up compiles what the worker runs: a formula that it does not take would leave loops to compile while readings wait."""

import pytest

from formula.errors import FormulaError
from stream import warm


def test_a_formula_that_is_refused_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(warm._FORMULAS, "held", ("time_mean(level)", "minute"))  # decibels have no mean
    with pytest.raises(FormulaError, match="time_mean"):
        warm.warm()
