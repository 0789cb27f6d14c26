"""The plan of a KPI: what it needs, and how it is put together.

Promises  Immutable and pure; the same inputs give the same values, area by area.
Leaves    Making one from a formula to formula/compile.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from catalog.records import Kpi
from formula import tree
from formula.aggregates import describe
from formula.earlier import Base
from formula.errors import FormulaError
from formula.spec import AggregateSpec
from formula.tree import F64, Node


class Plan(NamedTuple):
    """A KPI that can be computed: what it needs, and how."""

    kpi: Kpi
    aggregates: tuple[AggregateSpec, ...]
    """Distinct, sorted by id; those of the formula, and those of the counts that it rests on."""
    quantities: tuple[str, ...]
    """Ids, sorted: the kinds that measure one of them feed the KPI."""
    root: Node
    bases: tuple[Base, ...] = ()
    """Other KPIs' earlier finals that it looks back at; distinct, sorted by id."""
    population: bool = False
    """True where it needs the people of the area, input tree.POPULATION."""
    counts: tuple[Node, ...] = ()
    """How many persons or cases a value rests on: small ones are withheld (formula/suppress)."""

    @property
    def version(self) -> int:
        """The KPI's version."""
        return self.kpi.version

    @property
    def window(self) -> str:
        """The KPI's window."""
        return self.kpi.window

    @property
    def inputs(self) -> tuple[str, ...]:
        """Ids of everything that `evaluate` wants."""
        ids = [spec.id for spec in self.aggregates] + [base.id for base in self.bases]
        return (*ids, tree.POPULATION) if self.population else tuple(ids)

    def evaluate(self, inputs: Mapping[str, F64]) -> F64:
        """The KPI for n areas at once.

        inputs  id (of AggregateSpec, of Base, tree.POPULATION) to float64[n] in its unit; NaN = missing
        ->      float64[n] in the KPI's unit; NaN where an input is missing (a function may do without) or something is divided by zero
        """
        missing = [name for name in self.inputs if name not in inputs]
        if missing:
            raise FormulaError(f"kpi {self.kpi.id}: evaluate", "an array for each input", f"none for {', '.join(missing)}")
        value = tree.evaluate(self.root, inputs, len(inputs[self.aggregates[0].id]))
        return np.where(np.isfinite(value), value, np.nan)

    def explain(self) -> list[str]:
        """Lines for people: what is read, how it is put together."""
        lines = [f"{self.kpi.id} v{self.kpi.version} [{self.kpi.unit}] per {self.kpi.window} = {tree.text(self.root)}"]
        lines += [f"  needs {spec.id}: {describe(spec)}" for spec in self.aggregates]
        lines += [f"  needs {base.id}: the final value of {base.kpi} v{base.version} for the same area" for base in self.bases]
        if self.population:
            lines.append(f"  needs {tree.POPULATION}: the people living in the area")
        if self.counts:
            shown = " or ".join(tree.text(count) for count in self.counts)
            lines.append(f"  withheld where {shown} is 1 to {self.kpi.smallest_count - 1}, or would follow from other areas or earlier values")
        return lines


def plan_of(kpi: Kpi, root: Node, counts: tuple[Node, ...] = ()) -> Plan:
    """The plan of compiled expressions."""
    leaves = [leaf for node in (root, *counts) for leaf in tree.leaves(node)]
    used = tuple(sorted({leaf.spec for leaf in leaves if isinstance(leaf, tree.Aggregate)}, key=lambda spec: spec.id))
    bases = tuple(sorted({leaf.base for leaf in leaves if isinstance(leaf, tree.Earlier)}, key=lambda base: base.id))
    population = any(isinstance(leaf, tree.Population) for leaf in leaves)
    return Plan(kpi, used, tuple(sorted({spec.quantity for spec in used})), root, bases, population, counts)
