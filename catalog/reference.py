"""The reference pages that list the catalogue: quantities, sensor kinds and KPIs, as Markdown.

Promises  Pages are a function of the catalogue; `./kompas catalog docs` writes them and a test fails when they are stale.
Leaves    Prose about how to add one to docs/developer.
"""

import re
from collections.abc import Iterable, Sequence

from catalog.load import Catalogue
from catalog.records import Kpi, QualityTests, Quantity, SensorKind

MADE = "<!-- Made by `./kompas catalog docs` from the files in catalog/: change those. -->"


def pages(catalogue: Catalogue) -> dict[str, str]:
    """File name in docs/reference/ to text."""
    quantities, kinds, kpis = catalogue.quantities.values(), catalogue.kinds.values(), catalogue.kpis.values()
    return {
        "quantities.md": _page("Quantities", _QUANTITIES, [_quantity_table(quantities), *map(_conversions, quantities)]),
        "sensors.md": _page("Sensor kinds", _SENSORS, map(_kind, kinds)),
        "kpis.md": _page("Indicators", _KPIS, [_kpi_table(kpis), *(_kpi(kpi, catalogue) for kpi in kpis)]),
    }


_QUANTITIES = (
    "What can be measured: one file each in `catalog/quantities/`. A reading's value is converted to the unit once, at the gateway, and rounded"
    " to the resolution; a value outside the possible range is rejected."
)
_SENSORS = (
    "What measures: one file each in `catalog/sensors/`. A value outside the plausible range is stored and flagged, and so is a reading"
    " that was measured further ahead of its receipt than its kind allows. Lateness is how long a window waits for readings, idle time how long a"
    " kind may be silent before its windows close without it. A city pack may set its own times."
)
_KPIS = (
    "What the city promises: one file each in `catalog/kpis/`. The formula is what computes the value; `check_sql` in the same file is the second"
    " opinion. Below the minimum coverage a value is published as not enough data."
)


def _page(title: str, intro: str, parts: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}", MADE, intro, *(part for part in parts if part)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _number(value: float) -> str:
    return f"{value:.12g}"


def _range(pair: tuple[float, float]) -> str:
    return f"{_number(pair[0])} to {_number(pair[1])}"


def _quantity_table(quantities: Iterable[Quantity]) -> str:
    rows = [
        (f"`{one.id}`", one.names["en"], one.names["fr"], one.names["nl"], one.unit, _range(one.possible), _number(one.resolution), one.source)
        for one in quantities
    ]
    return table(("id", "English", "français", "Nederlands", "unit", "possible", "resolution", "source"), rows)


def _conversions(quantity: Quantity) -> str:
    if not quantity.conversions:
        return ""
    rows = [(f"`{label}`", _number(how.scale), _number(how.offset)) for label, how in sorted(quantity.conversions.items())]
    intro = f"Other units it may come in; value in {quantity.unit} = value × scale + offset."
    return "\n\n".join([f"## {quantity.id}", intro, table(("unit", "scale", "offset"), rows)])


def _kind(kind: SensorKind) -> str:
    times = [
        ("cadence", f"{_number(kind.cadence_s)} s"),
        ("lateness", f"{_number(kind.lateness_s)} s"),
        ("suspect when ahead by more than", f"{_number(kind.ahead_s)} s"),
        ("idle time", f"{_number(kind.idle_s)} s"),
        ("oldest reading taken", f"{_number(kind.max_age_s)} s"),
        ("reports", kind.reporting.replace("_", " ") + (f", a value holds {_number(kind.max_hold_s)} s at most" if kind.max_hold_s else "")),
        ("readings kept", "without limit" if kind.retention_days is None else f"{kind.retention_days} days"),
        ("of two values for one time", "the later in the log stands" if kind.correcting else "the first in the log stands"),
        ("owner", kind.owner),
        ("source", kind.source),
    ]
    names = " · ".join(kind.names[language] for language in ("en", "fr", "nl"))
    measured = [(f"`{name}`", _range(how.plausible), how.signal) for name, how in sorted(kind.quantities.items())]
    parts = [f"## {kind.id}", names, table(("quantity", "plausible", "demo signal"), measured), table(("setting", "value"), times)]
    if kind.quality_tests:
        rows = [(f"`{name}`", _thresholds(tests)) for name, tests in sorted(kind.quality_tests.items())]
        parts.append(table(("quantity", "thresholds of the tests on closed windows"), rows))
    return "\n\n".join(parts)


def _thresholds(tests: QualityTests) -> str:
    """Those that are given, in the file's words."""
    given = {name: getattr(tests, name) for name in tests.__struct_fields__}
    if tests.neighbour_radius_m is None:
        given = {name: value for name, value in given.items() if not name.startswith("neighbour")}
    if tests.flat_suspect_s is None and tests.flat_fail_s is None:
        given.pop("flat_tolerance")
    return ", ".join(f"{name} {_number(value)}" for name, value in given.items() if value is not None)


def _kpi_table(kpis: Iterable[Kpi]) -> str:
    rows = [(f"[{one.id}](#{one.id})", one.names["en"], one.names["fr"], one.names["nl"], one.unit, one.window.replace("_", " ")) for one in kpis]
    return table(("id", "English", "français", "Nederlands", "unit", "window"), rows)


def _kpi(kpi: Kpi, catalogue: Catalogue) -> str:
    facts = [
        ("version", kpi.version),
        ("formula", f"`{kpi.formula}`"),
        ("unit", kpi.unit),
        ("window", kpi.window.replace("_", " ")),
        ("levels", ", ".join(kpi.levels)),
        ("minimum coverage", _number(kpi.min_coverage)),
        ("better", kpi.better),
        ("owner, steward", f"{kpi.owner}, {kpi.steward}"),
        ("access", kpi.access),
        ("source", kpi.source),
    ]
    if kpi.target is not None:
        facts.append(("target", f"{_number(kpi.target.value)} {kpi.unit} by {kpi.target.by}, goal {kpi.target.goal}"))
    if kpi.indicator_code:
        facts.append(("indicator code", kpi.indicator_code + ("" if kpi.indicator_verified else " (unverified)")))
    if kpi.smallest_count:
        facts.append(("smallest count that is published", kpi.smallest_count))
        facts.append(("counts", ", ".join(f"`{count}`" for count in kpi.counts)))
    inputs = [
        (f"`{one.id}`", one.unit, _number(one.resolution), ", ".join(f"`{kind}`" for kind in catalogue.kinds_of(one.id)))
        for one in catalogue.quantities.values()
        if re.search(rf"(?<![\w.:-]){re.escape(one.id)}(?![\w.:-])", " ".join((kpi.formula, *kpi.counts)))
    ]
    parts = [f"## {kpi.id}", *(kpi.descriptions[language] for language in ("en", "fr", "nl")), table(("", ""), facts)]
    parts.append(table(("reads", "unit", "resolution", "from"), inputs))
    if kpi.bands:
        rows = [
            (f"`{band.id}`", *(band.names[language] for language in ("en", "fr", "nl")), "–" if band.to is None else _number(band.to), band.colour)
            for band in kpi.bands
        ]
        parts.append(table(("band", "English", "français", "Nederlands", "up to and including", "colour"), rows))
    return "\n\n".join(parts)
