"""The devices of the cities: id, kind, area and MQTT topic.

./kompas devices list --city brussels
./kompas devices list --json
"""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from catalog.cities import city_names, load_city, topic_of
from catalog.errors import ConfigError

COMMAND = typer.Typer(help="The devices that a city has.")


@COMMAND.callback()
def devices() -> None:
    """The devices that a city has."""


@COMMAND.command(name="list")
def list_all(
    city: Annotated[str, typer.Option(help="City packs, comma-separated, or `all`.")] = "brussels",
    kind: Annotated[str, typer.Option(help="Only this sensor kind.")] = "",
    manual: Annotated[bool, typer.Option("--manual", help="Only devices that the demo does not play.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON array of objects with id, kind, area, topic and more.")] = False,
    city_folder: Annotated[Path | None, typer.Option(help="Folder with the city packs.")] = None,
) -> None:
    """Each device with its kind, area and topic."""
    names = city_names(city_folder) if city == "all" else [name.strip() for name in city.split(",") if name.strip()]
    if not names:
        raise ConfigError("--city", "names of city packs", city)
    every = (device for name in names for device in load_city(name, city_folder).devices.values())
    found = [one for one in every if (not kind or one.kind == kind) and (one.manual or not manual)]
    if as_json:
        rows = [
            {
                "id": one.id,
                "city": one.city,
                "kind": one.kind,
                "area": one.area,
                "topic": topic_of(one),
                "latitude": one.latitude,
                "longitude": one.longitude,
                "manual": one.manual,
            }
            for one in found
        ]
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")
        return
    table = Table("id", "kind", "area", "topic", "", box=None, pad_edge=False)
    for one in found:
        table.add_row(one.id, one.kind, one.area, topic_of(one), "manual" if one.manual else "")
    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(table)
