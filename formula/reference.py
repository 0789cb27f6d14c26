"""The reference page of the formula language: aggregates, weights, parts of the day, functions, as Markdown.

Promises  A function of what the language has; `./kompas catalog docs` writes it and a test fails when it is stale.
Leaves    Quantities, sensor kinds and KPIs to catalog/reference.
"""

from catalog.reference import MADE, table
from formula.aggregates import AGGREGATES, WEIGHTED
from formula.earlier import MAX_BACK_DAYS
from formula.functions import FUNCTIONS
from formula.spec import PARTS

_INTRO = (
    "A formula is an expression of numbers, `+ - * /`, aggregates of quantities over the window, and functions of them. Units are carried along:"
    " what does not add up is refused at load. Missing is missing: what rests on a missing value is missing, unless a function says otherwise."
)
_AGGREGATES = (
    "Over the good readings of the window, first per device, then over the devices of the area. A part of the day comes last:"
    f" `leq(sound_level, night)`; the parts are {', '.join(f'`{part}`' for part in PARTS)}, at the hours of the city pack."
)
_EARLIER = (
    "`at(kpi, -7d)` is the final value of another indicator for the same area so many hours (`h`), days (`d`) or weeks (`w`) before, at most"
    f" {MAX_BACK_DAYS} days; `population()` is the number of people living in the area."
)


def page() -> str:
    """The text of docs/reference/functions.md."""
    aggregates = table(("aggregate", "what it is"), [(f"`{name}(quantity)`", does) for name, does in AGGREGATES.items()])
    weights = table(("mean by weight", "what it is"), [(f"`mean(quantity, {name})`", does) for name, does in WEIGHTED.items()])
    rows = [(f"`{one.name}`", f"`{one.arguments}`", f"`{one.unit}`", one.does, f"`{one.example}`") for one in FUNCTIONS.values()]
    functions = table(("function", "takes", "gives", "what it is", "for example"), rows)
    parts = [
        "# Functions",
        MADE,
        _INTRO,
        "## Aggregates",
        _AGGREGATES,
        aggregates,
        weights,
        "## Other values",
        _EARLIER,
        "## Functions of values",
        functions,
    ]
    return "\n\n".join(parts) + "\n"
