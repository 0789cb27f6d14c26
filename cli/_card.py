"""A KPI's card as lines for the terminal."""

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from catalog.records import Target
from dashboards.card import Card


def lines(card: Card) -> Iterator[RenderableType]:
    """What to print, in order."""
    yield f"[bold]{escape(card.name)}[/]\n{escape(card.description)}\n"
    yield _table(_facts(card))
    yield "\n[bold]plan[/]"
    yield from (escape(line) for line in card.plan)
    yield "\n[bold]inputs[/]"
    yield _table(
        (one.quantity, f"in {one.unit}, to {one.resolution:g}", ", ".join(one.aggregates), "from " + ", ".join(one.kinds)) for one in card.inputs
    )
    if card.bands:
        yield "\n[bold]bands[/]"
    for band in card.bands:
        limit = "above" if band["to"] is None else f"up to {band['to']:g} {card.unit}"
        yield f"[{band['colour']}]■[/] {escape(band['name'])}, {escape(limit)}"
    yield "\n[bold]shown on[/]"
    yield _table((one.board, one.title, one.panel) for one in card.shown) if card.shown else "no board"
    yield f"\n[bold]check_sql[/]\n{escape(card.check_sql)}"


def _facts(card: Card) -> Iterator[tuple[str, str]]:
    yield "formula", card.formula
    yield "window", card.window
    yield "levels", ", ".join(card.levels)
    yield "minimum coverage", f"{card.min_coverage:g}"
    yield "better", card.better
    yield "target", _target(card, card.target)
    yield "owner, steward", f"{card.owner}, {card.steward}"
    yield "source", card.source
    verified = "" if card.indicator_verified else " (unverified)"
    yield "indicator code", card.indicator_code + verified if card.indicator_code else "none"
    yield "access", card.access + (f", counts below {card.smallest_count} are not published" if card.smallest_count else "")
    for city, there in card.cities.items():
        fed = ", ".join(f"{number} of level {level}" for level, number in there.areas.items() if number) or "no area has a device that feeds it"
        own = "" if there.target == card.target else f"; target {_target(card, there.target)}"
        yield city, f"areas: {fed}{own}" + ("" if there.owner == card.owner else f"; owner {there.owner}")


def _target(card: Card, target: Target | None) -> str:
    return "none" if target is None else f"{target.value:g} {card.unit} by {target.by} ({target.goal})"


def _table(rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table
