"""Check, show and document the catalogue: quantities, sensor kinds, KPIs and city packs.

./kompas catalog check
./kompas catalog check drafts/my_kpi.toml
./kompas catalog show noise_night --lang nl
./kompas catalog docs
./kompas catalog draw brussels
"""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catalog.cities import HOME as CITIES
from catalog.cities import city_names
from catalog.decode import read_toml, to_record
from catalog.errors import ConfigError
from catalog.load import load_catalogue
from catalog.records import City, Kpi

COMMAND = typer.Typer(help="Check, show and document what the city measures and promises.")
REFERENCE = Path(__file__).parent.parent / "docs" / "reference"

Language = Literal["en", "fr", "nl"]
Unchanged = Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 where a file is stale.")]


@COMMAND.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Files to check; none: the whole catalogue and every city pack.")] = None,
    city_folder: Annotated[Path | None, typer.Option(help="Folder with the city packs.")] = None,
) -> None:
    """Say exactly what is wrong where; exit 1 where something is."""
    from catalog.verify import verify_catalogue, verify_city, verify_files
    from formula.compile import compile_kpi

    out = Console(highlight=False, soft_wrap=True)
    if files:
        faults = verify_files(files, None, compile_kpi)
        checked = f"{len(files)} file{'' if len(files) == 1 else 's'}"
    else:
        faults = verify_catalogue(None, compile_kpi)
        cities = city_names(city_folder)
        checked = "the catalogue"
        if not faults:
            catalogue = load_catalogue()
            faults = [fault for name in cities for fault in verify_city(name, city_folder, catalogue, compile_kpi)]
            counted = (f"{len(catalogue.quantities)} quantities", f"{len(catalogue.kinds)} sensor kinds", f"{len(catalogue.kpis)} KPIs")
            checked = ", ".join([*counted, f"{len(cities)} city packs ({', '.join(cities)})"])
    for fault in faults:
        out.print(f"[red]wrong[/]  {escape(fault)}")
    if faults:
        raise typer.Exit(1)
    out.print(f"[green]good[/]   {checked}")


@COMMAND.command()
def show(
    kpi: Annotated[str, typer.Argument(help="Id of a KPI; `./kompas catalog list` has them.")],
    lang: Annotated[Language, typer.Option(help="Language of names and descriptions.")] = "en",
) -> None:
    """Everything that is promised about one KPI, and how it is computed."""
    from formula.compile import compile_kpi

    catalogue = load_catalogue()
    if kpi not in catalogue.kpis:
        raise ConfigError("KPI", f"one of {', '.join(catalogue.kpis)}", kpi)
    found = catalogue.kpis[kpi]
    out = Console(highlight=False, soft_wrap=True)
    out.print(f"[bold]{escape(found.names[lang])}[/]\n{escape(found.descriptions[lang])}\n")
    out.print(_facts(found))
    for line in compile_kpi(found, catalogue.quantities).explain():
        out.print(escape(line))
    for band in found.bands:
        limit = "above" if band.to is None else f"up to {band.to:g} {found.unit}"
        out.print(f"[{band.colour}]■[/] {escape(band.names[lang])}, {escape(limit)}")


@COMMAND.command(name="list")
def list_all(lang: Annotated[Language, typer.Option(help="Language of names.")] = "en") -> None:
    """All KPIs, one a line."""
    table = Table("id", "name", "unit", "window", "formula", box=None, pad_edge=False)
    for kpi in load_catalogue().kpis.values():
        table.add_row(kpi.id, kpi.names[lang], kpi.unit, kpi.window, kpi.formula)
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)


@COMMAND.command()
def docs(check: Unchanged = False) -> None:
    """Write docs/reference/{quantities,sensors,kpis}.md from the catalogue."""
    from catalog.reference import pages

    _put({REFERENCE / name: text for name, text in pages(load_catalogue()).items()}, check)


@COMMAND.command()
def draw(city: Annotated[str, typer.Argument(help="City pack with a schematic.toml.")], check: Unchanged = False) -> None:
    """Draw areas.geojson and devices.csv of a schematic city pack anew."""
    from catalog.schematic import draw as drawing

    pack = CITIES / city
    raw = {key: value for key, value in read_toml(pack / "city.toml").items() if key not in ("kinds", "kpis")}
    drawn = drawing(to_record(raw, City, f"cities/{city}/city.toml"), pack)
    _put({pack / "areas.geojson": drawn.areas, pack / "devices.csv": drawn.devices}, check)


def _facts(kpi: Kpi) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    target = "none" if kpi.target is None else f"{kpi.target.value:g} {kpi.unit} by {kpi.target.by} ({kpi.target.goal})"
    facts = (("window", kpi.window), ("levels", ", ".join(kpi.levels)), ("minimum coverage", f"{kpi.min_coverage:g}"), ("better", kpi.better))
    for name, value in (*facts, ("target", target), ("owner", kpi.owner), ("steward", kpi.steward), ("source", kpi.source), ("access", kpi.access)):
        table.add_row(name, escape(value))
    return table


def _put(texts: dict[Path, str], check: bool) -> None:
    out = Console(highlight=False, soft_wrap=True)
    stale = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path], encoding="utf-8")
        out.print(f"{'stale' if check else 'written'}  {escape(str(path))}")
    if check and stale:
        raise typer.Exit(1)
    if not stale:
        out.print("nothing to do: all files are as they should be")
