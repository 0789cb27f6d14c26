"""Spellings of one unit: if the catalogue knows one of them for a quantity, all of them are read.

Promises  Only names of the very same unit stand together; a factor or an offset is the catalogue's business.
Leaves    Conversions to catalog/quantities.
Source: [rfc8428], [rfc8798] (SenML symbols), [ucum] in docs/sources.md
"""

from collections.abc import Mapping

from catalog.records import Conversion, Quantity

IDENTITY = Conversion(scale=1.0)

SAME: tuple[frozenset[str], ...] = tuple(
    frozenset(spellings.split())
    for spellings in (
        "Cel degC °C ℃ celsius Celsius",
        "degF °F ℉ [degF] fahrenheit Fahrenheit",
        "K kelvin Kelvin",
        "%RH %rh",
        "% pct percent",
        "/ 1 ratio",
        "ug/m3 µg/m3 μg/m3 ug/m³ µg/m³ μg/m³",
        "mg/m3 mg/m³",
        "dB dBA dB(A) db",
        "m/s mps m.s-1",
        "km/h kmh km/hr",
        "mm/h mm/hr",
        "hPa mbar",
        "lx lux",
        "deg degree degrees °",
        "1 count",
        "veh/h vehicles/h 1/h",
        "W/m2 W/m²",
        "m3 m³",
        "l L litre",
    )
)
"""Groups may share a spelling; they are not joined through it."""


def labels(quantity: Quantity) -> Mapping[str | None, Conversion]:
    """Every label that is read for the quantity, and its conversion; None is the label that is not there: canonical."""
    own: dict[str, Conversion] = {**quantity.conversions, quantity.unit: IDENTITY}
    found: dict[str | None, Conversion] = {None: IDENTITY}
    for label, conversion in own.items():
        for group in SAME:
            if label in group:
                for spelling in group:
                    found.setdefault(spelling, conversion)
    # what the catalogue says itself stands above any spelling
    found.update(own)
    return found
