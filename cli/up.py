"""Bring Kompas up on this machine and watch it live.

./kompas up
./kompas up --detach --city brussels,zwolle
"""

import signal
import time
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from cli._steps import Steps
from local import follow, install, measure, report, state, status, view
from local.layout import layout
from local.plan import Plan, plan
from runtime import clock

_SPAN_S = 10.0


def up(
    city: Annotated[str, typer.Option(help="City packs, comma-separated.")] = "brussels",
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when everything is up; ./kompas down stops it.")] = False,
    demo: Annotated[bool, typer.Option(help="Play the demo city.")] = True,
    install_only: Annotated[bool, typer.Option("--install-only", help="Bring the servers to this machine (needs root once) and end.")] = False,
) -> None:
    """Set up and run servers, gateway, worker, writer and the demo city.

    Ports are 21883 (MQTT), 29092 (Kafka), 25432 (PostgreSQL) and 28081 to 28084 (health of gateway, worker, writer, demo);
    KOMPAS_PORT_MQTT, _KAFKA, _KAFKA_CONTROLLER, _DATABASE, _GATEWAY, _WORKER, _WRITER and _DEMO move them.
    """
    console = Console(highlight=False)
    if install_only:
        install.everything(layout(), console.print)
        return
    what = plan(city, demo=demo)
    pid = state.holder(what.layout.run)
    if pid is not None:
        console.print(f"Kompas runs already (supervisor {pid}). ./kompas status tells how it is, ./kompas down stops it.")
        return
    started_s = clock.monotonic_s()
    supervisor = follow.start(what.layout, what.cities, demo=demo, attached=not detach)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with Steps(console) as steps:
            now = follow.begin(what.layout, supervisor, steps)
        console.print(f"Kompas is up after {clock.monotonic_s() - started_s:.1f} s.")
        troubled = [part for part in now.processes.values() if part.state != "up" or part.reason]
        for part in troubled:
            console.print(f"{part.name}: {part.state}. {part.reason}", style="red", markup=False)
        if detach:
            for name, command in status.commands(what).items():
                console.print(f"{name:16} {command}", markup=False, soft_wrap=True)
            raise typer.Exit(int(bool(troubled)))
        _watch(what, console)
    except KeyboardInterrupt:
        console.print("Stopping, in order …")
    follow.end(what.layout, lambda _: None)
    supervisor.stop(120.0)
    console.print("Everything is stopped; the data are kept for the next ./kompas up.")


def _watch(what: Plan, console: Console) -> None:
    """The live view, until Ctrl-C or the supervisor's end."""
    health = {process.name: what.ports[process.name] for process in what.processes}
    commands = status.commands(what)
    samples = [measure.sample(health, clock.monotonic_s())]
    live = Live(console=console, auto_refresh=False, screen=console.is_terminal) if console.is_terminal else None
    printed_s = clock.monotonic_s()
    try:
        if live is not None:
            live.start()
        while state.holder(what.layout.run) is not None:
            time.sleep(1.0)
            now = state.read(what.layout.run)
            samples.append(measure.sample(health, clock.monotonic_s()))
            while samples[-1].at_s - samples[1 if len(samples) > 2 else 0].at_s > _SPAN_S:
                samples.pop(0)
            if now is None:
                continue
            if live is not None:
                live.update(view.draw(now, (samples[0], samples[-1]), report.fetch(what.ports["writer"]), commands), refresh=True)
            elif clock.monotonic_s() - printed_s >= _SPAN_S:
                printed_s = clock.monotonic_s()
                console.print(view.line((samples[0], samples[-1])), markup=False, soft_wrap=True)
    finally:
        if live is not None:
            live.stop()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


COMMAND = up
