"""Check, show and document the catalogue: quantities, sensor kinds, KPIs and city packs.

./kompas catalog check
./kompas catalog check drafts/my_kpi.toml
./kompas catalog show noise_night --lang nl
./kompas catalog show noise_night --json
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
from catalog.load import load_catalogue
from catalog.records import City

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
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Everything that is promised about one KPI: how it is computed, from what, for which areas, where it is shown."""
    import msgspec

    from catalog.cities import load_city
    from catalog.errors import ConfigError, nearest
    from cli._card import lines
    from dashboards.card import card

    catalogue = load_catalogue()
    if kpi not in catalogue.kpis:
        meant = nearest(kpi, catalogue.kpis)
        wanted = "an id that `./kompas catalog list` shows" if meant else "one of " + ", ".join(catalogue.kpis)
        raise ConfigError("KPI", wanted, kpi, meant)
    found = card(catalogue.kpis[kpi], catalogue, [load_city(name) for name in city_names()], lang)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        return
    out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
    for line in lines(found):
        out.print(line)


@COMMAND.command(name="list")
def list_all(lang: Annotated[Language, typer.Option(help="Language of names.")] = "en") -> None:
    """All KPIs, one a line."""
    table = Table("id", "name", "unit", "window", "formula", box=None, pad_edge=False)
    for kpi in load_catalogue().kpis.values():
        table.add_row(kpi.id, kpi.names[lang], kpi.unit, kpi.window, kpi.formula)
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)


@COMMAND.command()
def docs(check: Unchanged = False) -> None:
    """Write docs/reference/{quantities,sensors,kpis,functions}.md from the catalogue and the formula language."""
    from catalog.reference import pages
    from formula.reference import page

    texts = {**pages(load_catalogue()), "functions.md": page()}
    _put({REFERENCE / name: text for name, text in texts.items()}, check)


@COMMAND.command()
def draw(city: Annotated[str, typer.Argument(help="City pack with a schematic.toml.")], check: Unchanged = False) -> None:
    """Draw areas.geojson and devices.csv of a schematic city pack anew."""
    from catalog.schematic import draw as drawing

    pack = CITIES / city
    raw = {key: value for key, value in read_toml(pack / "city.toml").items() if key not in ("kinds", "kpis")}
    drawn = drawing(to_record(raw, City, f"cities/{city}/city.toml"), pack)
    _put({pack / "areas.geojson": drawn.areas, pack / "devices.csv": drawn.devices}, check)


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
