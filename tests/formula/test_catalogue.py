"""Every KPI of the catalogue compiles against its quantities, and is fed by a sensor kind."""

import pytest

from catalog.load import load_catalogue
from formula.compile import compile_kpi

CATALOGUE = load_catalogue()


@pytest.mark.parametrize("id_", sorted(CATALOGUE.kpis))
def test_a_kpi_of_the_catalogue_compiles(id_: str) -> None:
    plan = compile_kpi(CATALOGUE.kpis[id_], CATALOGUE.quantities, CATALOGUE.kpis)
    for quantity in plan.quantities:
        assert any(quantity in kind.quantities for kind in CATALOGUE.kinds.values())
