"""Which Kompas of this home is meant: the one that runs, as child processes or in containers, or the one that `up` would start.

Promises  One answer for every command that speaks with a running system: its plan with its own ports and passwords, and its state.
Leaves    Starting and stopping to follow.py and docker/system.py.
"""

from typing import NamedTuple

from local import state
from local.docker import engine
from local.docker.system import DockerSystem, places
from local.layout import Layout
from local.plan import Plan, plan
from local.servers import kafka_files
from local.state import RunState


class Running(NamedTuple):
    """The plan of what is meant; `state` is None where nothing runs."""

    plan: Plan
    state: RunState | None
    in_docker: bool


def running(home: Layout) -> Running:
    """What runs in this home, or would."""
    native = state.read(home.run)
    if state.holder(home.run) is None:
        docker = DockerSystem(home).state()
        if docker is not None:
            return Running(_planned(docker, places(home)), docker, True)
        return Running(_planned(native, home), None, False)
    return Running(_planned(native, home), native, False)


def choose_docker(home: Layout) -> bool:
    """Whether `up` without a word takes Docker: an engine answers, and neither servers nor data of a native set-up are there."""
    there = (home.cache / f"kafka-{kafka_files.KAFKA}", home.cache / "postgres-root", home.server("kafka"), home.server("postgres"))
    return not any(path.exists() for path in there) and engine.answers()


def _planned(now: RunState | None, where: Layout) -> Plan:
    """As it was started, or as `up` would start it."""
    if now is None:
        return plan("brussels")._replace(layout=where)
    again = plan(now.cities, demo="demo" in now.processes)
    return again._replace(ports={**again.ports, **now.ports}, layout=where)
