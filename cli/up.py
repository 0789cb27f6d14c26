"""Bring Kompas up on this machine and watch it live.

./kompas up
./kompas up --detach --city brussels,zwolle
./kompas up --docker
"""

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from cli._steps import Steps
from local import follow, install, measure, report, state, status, view
from local.docker.system import DockerSystem
from local.layout import layout
from local.plan import Plan, plan
from local.running import choose_docker, running
from local.state import RunState
from runtime import clock

_SPAN_S = 10.0
_LOOK_S, _LOOK_IN_DOCKER_S = 1.0, 3.0


def up(
    city: Annotated[str, typer.Option(help="City packs, comma-separated.")] = "brussels",
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when everything is up; ./kompas down stops it.")] = False,
    demo: Annotated[bool, typer.Option(help="Play the demo city.")] = True,
    docker: Annotated[
        bool | None,
        typer.Option("--docker/--no-docker", help="Run docker-compose.yml; without a word: where an engine answers and nothing else is set up."),
    ] = None,
    install_only: Annotated[bool, typer.Option("--install-only", help="Bring the servers to this machine (needs root once) and end.")] = False,
) -> None:
    """Set up and run servers, gateway, worker, writer, restater and the demo city.

    Ports are 21883 (MQTT), 29092 (Kafka), 25432 (PostgreSQL) and 28081 to 28085 (health of gateway, worker, writer, demo, restater);
    KOMPAS_PORT_MQTT, _KAFKA, _KAFKA_CONTROLLER, _DATABASE, _GATEWAY, _WORKER, _WRITER, _RESTATER and _DEMO move them. With --docker there is Grafana
    on 23000, too, which KOMPAS_PORT_GRAFANA moves.
    """
    console = Console(highlight=False)
    if install_only:
        install.everything(layout(), console.print)
        return
    here = running(layout())
    if here.state is not None:
        who = "in containers" if here.in_docker else f"supervisor {here.state.pid}"
        console.print(f"Kompas runs already ({who}). ./kompas status tells how it is, ./kompas down stops it.")
        return
    what = plan(city, demo=demo)
    signal.signal(signal.SIGTERM, _interrupt)
    if choose_docker(what.layout) if docker is None else docker:
        _in_docker(what, console, detach=detach)
    else:
        _as_children(what, console, detach=detach, demo=demo)


def _as_children(what: Plan, console: Console, *, detach: bool, demo: bool) -> None:
    """Servers and processes of this machine, under a supervisor."""
    started_s = clock.monotonic_s()
    supervisor = follow.start(what.layout, what.cities, demo=demo, attached=not detach)
    try:
        with Steps(console) as steps:
            now = follow.begin(what.layout, supervisor, steps)
        _say_up(console, now, started_s)
        if detach:
            raise typer.Exit(_say_commands(console, now, status.commands(what)))
        _watch(what, console, lambda: state.read(what.layout.run) if state.holder(what.layout.run) is not None else None)
    except KeyboardInterrupt:
        console.print("Stopping, in order …")
    follow.end(what.layout, lambda _: None)
    supervisor.stop(120.0)
    console.print("Everything is stopped; the data are kept for the next ./kompas up.")


def _in_docker(what: Plan, console: Console, *, detach: bool) -> None:
    """The containers of docker-compose.yml."""
    started_s = clock.monotonic_s()
    system = DockerSystem(what.layout)
    what = what._replace(layout=system.layout)
    try:
        with Steps(console) as steps:
            now = system.begin(what, steps)
        _say_up(console, now, started_s)
        if detach:
            raise typer.Exit(_say_commands(console, now, status.commands(what, in_docker=True)))
        _watch(what, console, system.state, in_docker=True)
    except KeyboardInterrupt:
        console.print("Stopping, in order …")
    system.end()
    console.print("Everything is stopped; the data are kept for the next ./kompas up.")


def _say_up(console: Console, now: RunState, started_s: float) -> None:
    console.print(f"Kompas is up after {clock.monotonic_s() - started_s:.1f} s.")
    for part in _troubled(now):
        console.print(f"{part.name}: {part.state}. {part.reason}", style="red", markup=False)


def _troubled(now: RunState) -> list[state.Part]:
    return [part for part in now.processes.values() if part.state != "up" or part.reason]


def _say_commands(console: Console, now: RunState, commands: dict[str, str]) -> int:
    for name, command in commands.items():
        console.print(f"{name:16} {command}", markup=False, soft_wrap=True)
    return int(bool(_troubled(now)))


def _watch(what: Plan, console: Console, look: Callable[[], RunState | None], *, in_docker: bool = False) -> None:
    """The live view, until Ctrl-C or until nothing runs any more."""
    health = {process.name: what.ports[process.name] for process in what.processes}
    commands = status.commands(what, in_docker=in_docker)
    samples = [measure.sample(health, clock.monotonic_s())]
    live = Live(console=console, auto_refresh=False, screen=console.is_terminal) if console.is_terminal else None
    printed_s = clock.monotonic_s()
    try:
        if live is not None:
            live.start()
        while (now := look()) is not None:
            time.sleep(_LOOK_IN_DOCKER_S if in_docker else _LOOK_S)
            samples.append(measure.sample(health, clock.monotonic_s()))
            while samples[-1].at_s - samples[1 if len(samples) > 2 else 0].at_s > _SPAN_S:
                samples.pop(0)
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
