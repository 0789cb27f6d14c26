"""A whole Kompas of the run's own, in which everything that dies is started again as production does it.

Promises  Free ports, a temporary folder, the processes, settings and restarts of `./kompas up`, each program under a watch of its own;
          a worker keeps its static member id over its lives.
Leaves    Killing to faults.py.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from chaos import city
from chaos.plan import EXTRA
from local import processes, space
from local.child import Child
from local.errors import MachineError
from local.servers.postgres import Postgres
from local.servers.server import ServerProcess
from local.state import Part
from local.watched import Watched
from tests.servers import Running, System

OURS = ("writer", "restater", "worker", "gateway")
SERVERS = ("mosquitto", "kafka", "postgres")
_LOOK_S = 0.1


class Slot:
    """A program under watch; `watched` is touched by its thread, or under `lock`."""

    def __init__(
        self, name: str, log: Path, start: Callable[[], Child], needed_up: Callable[[], bool], hindrance: Callable[[], str | None] = lambda: None
    ) -> None:
        self.name, self.lock = name, threading.Lock()
        self.watched = Watched(Part(name, log=str(log)), start, needed_up, hindrance)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"watch {name}", daemon=True)

    @property
    def child(self) -> Child | None:
        """What runs now."""
        return self.watched.child

    @property
    def up(self) -> bool:
        """Whether it runs."""
        return self.watched.up

    def begin(self, child: Child | None = None) -> None:
        """Start it, or take over what runs already, and watch it."""
        if child is None:
            self.watched.start()
        else:
            self.watched.child, self.watched.part.state = child, "up"
        self._thread.start()

    def end(self, stopper: Callable[[], object] | None = None) -> None:
        """Let it be no longer watched, and stop it."""
        self.forget()
        self.watched.stop(stopper)

    def forget(self) -> None:
        """Watch it no longer."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._ending.wait(_LOOK_S):
            with self.lock:
                self.watched.look()


class Chaos(System):
    """System of tests/servers.py under watch."""

    def __init__(self, folder: Path, postgres: Postgres | None, session_s: float, *, brief: bool = True) -> None:
        super().__init__(folder, postgres, "kompas" if postgres is None else "kompas_chaos")
        self.broker.brief = brief
        self.session_s = session_s
        self.world = city.write(folder)
        self.slots: dict[str, Slot] = {}
        self.running: dict[str, Running] = {}
        self.settings: dict[str, Any] = {"cities": city.CITY, "cities_dir": folder / "cities", "catalog_dir": folder / "catalog"}

    def up(self) -> None:
        """Servers are watched from here on, processes started; returns when all can work."""
        for name in SERVERS if self.owns_postgres else SERVERS[:-1]:
            server = self._server(name)
            self.slots[name] = Slot(name, server.log, partial(_start, server), self._room, lambda: space.hindrance(self.disks))
            self.slots[name].begin(server.child)
        for name in OURS:
            self.launch(name)
            if name == "worker":
                # Its heartbeats start the idle times: the gateway comes when the others stand.
                self.await_ready(OURS[:-1])
        self.await_ready(OURS)

    def launch(self, name: str) -> None:
        """Start one of our processes under watch; `worker-1` is a worker with that ordinal."""
        process = name.partition("-")[0]
        needs = processes.named(process).needs
        self.slots[name] = Slot(
            name,
            self.layout.logs / f"{name}.log",
            partial(self._spawn, name, process),
            lambda: self._room() and all(self._is_up(each) for each in needs),
        )
        self.slots[name].begin()

    def await_ready(self, names: tuple[str, ...], within_s: float = 120.0) -> None:
        """Wait until they can do their job."""
        for name in names:
            self.running[name].wait_ready(within_s)

    def works(self, name: str) -> bool:
        """Whether a server runs, or one of our processes can do its job."""
        if name not in self.slots or not self.slots[name].up:
            return False
        return name in SERVERS or self.running[name].get("/readyz")[0] == 200

    def remove(self, name: str, *, kill: bool) -> None:
        """Take a process away for good."""
        slot = self.slots.pop(name)
        slot.forget()
        if slot.child is not None:
            slot.child.kill() if kill else slot.child.stop(30.0)

    def stop_process(self, name: str) -> None:
        """End one of our processes as an operator would."""
        self.slots.pop(name).end()

    def given_up(self) -> list[str]:
        """Who stays down, and why."""
        return [f"{name}: {slot.watched.part.reason}" for name, slot in self.slots.items() if slot.watched.part.state == "failed"]

    def down(self) -> None:
        """Watch nothing any more and end everything."""
        for slot in self.slots.values():
            slot.forget()
        self.slots.clear()
        self.end()

    @property
    def disks(self) -> tuple[Path, ...]:
        """Folders on disks that can be full."""
        return self.folder, self.postgres.data

    def _room(self) -> bool:
        return space.room(self.disks)

    def _is_up(self, name: str) -> bool:
        return name not in self.slots or self.slots[name].up

    def _spawn(self, name: str, process: str) -> Child:
        given = dict(self.settings)
        if process == "worker":
            given |= {"session_s": self.session_s, "ordinal": int(name == EXTRA)}
        self.running[name] = self.spawn(process, **given)
        return self.running[name].child


@contextmanager
def started(folder: Path, session_s: float, postgres: Postgres | None = None) -> Iterator[Chaos]:
    """Servers with topics and a migrated database; `up` starts the rest."""
    system = Chaos(folder, postgres, session_s)
    try:
        system.begin()
        system.migrate(**system.settings)
        yield system
    finally:
        system.down()


def _start(server: ServerProcess) -> Child:
    server.start()
    if server.child is None:
        raise MachineError(f"{server.name} did not start", f"read {server.log}")
    return server.child
