"""Grafana's boards as code: build them as files, or push them to a Grafana.

./kompas dashboards build
./kompas dashboards build --check
./kompas dashboards push --url https://grafana.example.org --token-file ~/grafana-token
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from dashboards.build import OUT
from dashboards.publication import Database, document
from runtime.errors import ConfigError

COMMAND = typer.Typer(help="Build Grafana's boards from the catalogue, or push them to a Grafana.")


@COMMAND.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder for the boards, one subfolder per language.")] = OUT,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 where a file is stale.")] = False,
) -> None:
    """Write every board in en, fr and nl as classic Grafana JSON."""
    from catalog.load import load_catalogue
    from dashboards.build import compare, write
    from dashboards.load import build_all, files

    wanted = files(build_all(load_catalogue()))
    changes = compare(wanted, out) if check else write(wanted, out)
    console = Console(highlight=False, soft_wrap=True)
    for word, paths in (("stale" if check else "written", changes.written), ("not wanted" if check else "removed", changes.removed)):
        for path in paths:
            console.print(f"{word}  {escape(path)}")
    console.print(f"{len(wanted)} boards in {escape(str(out))}, {len(changes.unchanged)} unchanged")
    if check and (changes.written or changes.removed):
        raise typer.Exit(1)


@COMMAND.command()
def push(
    url: Annotated[str, typer.Option(help="Address of Grafana.")],
    token: Annotated[str, typer.Option(envvar="KOMPAS_GRAFANA_TOKEN", help="Token of a service account with role Admin.")] = "",
    token_file: Annotated[Path | None, typer.Option(help="File that holds the token.")] = None,
    database: Annotated[str, typer.Option(help="Database as Grafana sees it, host:port; default: the one of ./kompas up on this machine.")] = "",
    boards_only: Annotated[bool, typer.Option("--boards-only", help="Leave the data source as it is.")] = False,
) -> None:
    """Create or update folders, data source and boards."""
    from catalog.load import load_catalogue
    from dashboards import environment
    from dashboards.load import build_all
    from local.layout import layout
    from runtime.settings import secret

    token = secret(str(token_file)) if token_file else token
    if not token:
        raise ConfigError("--token, --token-file or KOMPAS_GRAFANA_TOKEN", "a token of Grafana", "nothing")
    wanted = document(build_all(load_catalogue()), None if boards_only else _database(database))
    interpreter = environment.python(layout().cache / "venv-grafana")
    given = {**os.environ, "KOMPAS_GRAFANA_URL": url, "KOMPAS_GRAFANA_TOKEN": token, "PYTHONPATH": str(environment.REPOSITORY)}
    done = subprocess.run([str(interpreter), "-m", "dashboards.push"], input=json.dumps(wanted), env=given, text=True, check=False)
    raise typer.Exit(done.returncode)


def _database(address: str) -> Database:
    from local import credentials
    from local.layout import layout
    from local.running import running
    from runtime.settings import secret

    at = running(layout()).plan.addresses
    chosen = address or f"{at.db_host}:{at.db_port}"
    host, _, port = chosen.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError("--database", "host:port", address)
    password = secret(str(credentials.role_file(at.secrets, credentials.READER)))
    return Database(host, int(port), at.db_name, credentials.READER, password)
