"""Set everything up, keep it running, stop it in order: the one process that is the parent of all others.

Promises  Whatever ends it (a signal, a failed step, a fault of its own), all that it started is stopped, in order, before it ends.
          run/state.json tells at any moment what is true.
Leaves    Showing it to the command line.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from types import FrameType

from catalog.errors import ConfigError
from local import credentials, once, pages, ports, processes, space, state, tools, topics
from local.child import Child, with_parent
from local.errors import MachineError
from local.plan import Plan, servers
from local.servers.server import ServerProcess
from local.state import Part, RunState, Step
from local.watched import Watched
from runtime import clock, events

_READY_WITHIN_S = 90.0
_LOOK_EVERY_S = 0.2
SETTING_UP = (
    "Mosquitto",
    "Apache Kafka",
    "PostgreSQL with TimescaleDB",
    "start Mosquitto",
    "start Kafka",
    "start PostgreSQL",
    "topics",
    "kernels' compile cache",
    "database layout, registry and catalogue",
    "gateway, worker, writer, restater and demo",
)


class Stopped(BaseException):
    """A signal asked to stop."""


class Supervisor:
    """Runs one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.servers = plan, servers(plan)
        self.watched: dict[str, Watched] = {}
        self._warming: once.Warming | None = None
        logs = plan.layout.logs
        self.state = RunState(os.getpid(), clock.now_us(), plan.cities, dict(plan.ports), steps=[Step(name) for name in SETTING_UP])
        for server in self.servers:
            part = self.state.servers[server.name] = Part(server.name, port=getattr(server, "port", 0), log=str(server.log))
            self.watched[server.name] = Watched(part, partial(_start_server, server), self._room, self._no_room)
        for process in plan.processes:
            log = logs / f"{process.name}.log"
            part = self.state.processes[process.name] = Part(process.name, port=plan.ports[process.name], log=str(log))
            self.watched[process.name] = Watched(part, partial(self._start_process, process), partial(self._all_up, process.needs))

    def run(self) -> int:
        """Until a signal comes or set-up fails; returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _stop)
        code = 0
        try:
            self.set_up()
            self.state.phase = "running"
            self._tell()
            self.keep()
        except Stopped:
            events.happened("stop_asked")
        except (MachineError, ConfigError, OSError) as error:
            code, self.state.trouble = 1, _trouble(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is said, and what was started is stopped
            events.failed("supervisor_failed", problem=repr(error), exc_info=True)
            code = 1
            self.state.trouble = state.Trouble(f"the supervisor failed: {error!r}", f"read {self.plan.layout.logs / 'supervisor.log'}")
        finally:
            self.stop()
        return code

    def set_up(self) -> None:
        """Every step once, in order; raises MachineError or ConfigError at the first that fails."""
        places = self.plan.layout
        names = ("mqtt", "kafka", "kafka_controller", "database", *(each.name for each in self.plan.processes))
        ports.require_free(self.plan.ports, names)
        tools.require_space(places.home, space.LOW_MB)
        # The kernels are compiled while servers are fetched: the one needs the processor, the other the network.
        self._warming = once.compiling(places)
        work: list[Callable[[], object]] = [server.install for server in self.servers]
        work += [partial(self._begin, server) for server in self.servers]
        work += [self._topics, self._warming.finish, self._migrate, self._processes]
        for step, each in zip(self.state.steps, work, strict=True):
            with state.during(step, self._tell):
                each()

    def keep(self) -> None:
        """See what ended and start it again, until a signal comes."""
        while True:
            changed = [each.look() for each in self.watched.values()]
            if any(changed):
                self._tell()
            time.sleep(_LOOK_EVERY_S)

    def stop(self) -> None:
        """Processes in the order of the flow, then the servers; not to be interrupted."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self.state.phase = "stopping"
        self._tell()
        if self._warming is not None:
            self._warming.stop()
        for process in reversed(self.plan.processes):
            self._end(process.name)
        for server in self.servers:
            self._end(server.name, server.stop)
        self.state.phase = "failed" if self.state.trouble else "stopped"
        self._tell()

    def _end(self, name: str, stopper: Callable[[], object] | None = None) -> None:
        with contextlib.suppress(Exception):  # one that cannot be stopped must not keep the others running
            self.watched[name].stop(stopper)
        self._tell()

    def _begin(self, server: ServerProcess) -> None:
        users = [user.name for user in self.servers.mosquitto.users]
        credentials.ensure_all(self.plan.layout.secrets, users)
        self.watched[server.name].start()

    def _topics(self) -> None:
        topics.create(self.servers.kafka.bootstrap)
        self.servers.postgres.create_database()

    def _migrate(self) -> None:
        places = self.plan.layout
        given = processes.settings(processes.MIGRATE, self.plan.addresses)
        once.run_module(processes.MIGRATE.module, processes.environment(given, places.cache / "numba"), places.logs / "migrate.log", places.run)

    def _processes(self) -> None:
        for process in self.plan.processes:
            self.watched[process.name].start()
        waiting = {process.name: self.plan.ports[process.name] for process in self.plan.processes}
        until_s = clock.monotonic_s() + _READY_WITHIN_S
        while waiting and clock.monotonic_s() < until_s:
            for each in self.watched.values():
                each.look()
            self._tell()
            waiting = {name: port for name, port in waiting.items() if self._not_yet(name, port)}
            time.sleep(_LOOK_EVERY_S)
        for name in (process.name for process in self.plan.processes if process.name not in waiting):
            if self.watched[name].up:
                self.state.processes[name].reason = ""
        for name in waiting:
            self.state.processes[name].reason = f"not ready after {_READY_WITHIN_S:.0f} s"

    def _not_yet(self, name: str, port: int) -> bool:
        return self.state.processes[name].state != "failed" and pages.get(port, "/readyz").status != 200

    def _start_process(self, process: processes.Process) -> Child:
        places = self.plan.layout
        given = processes.settings(process, self.plan.addresses, self.plan.ports[process.name])
        environment = processes.environment(given, places.cache / "numba")
        log = places.logs / f"{process.name}.log"
        # When the supervisor dies the servers go, too; without them ours cannot end politely, and a kill loses nothing of what they promise.
        return Child(with_parent([sys.executable, "-m", process.module], "KILL"), log, environment, cwd=places.run)

    def _all_up(self, names: tuple[str, ...]) -> bool:
        return self._room() and all(self.watched[name].up for name in names)

    def _room(self) -> bool:
        return space.room(space.folders(self.plan.layout))

    def _no_room(self) -> str | None:
        return space.hindrance(space.folders(self.plan.layout))

    def _tell(self) -> None:
        with contextlib.suppress(OSError):  # a full disk must not stop the supervisor from stopping what it started
            state.write(self.plan.layout.run, self.state)


def _start_server(server: ServerProcess) -> Child:
    server.start()
    if server.child is None:
        raise MachineError(f"{server.name} did not start", f"read {server.log}")
    return server.child


def _trouble(error: MachineError | ConfigError | OSError) -> state.Trouble:
    """What to tell the person who started us."""
    if isinstance(error, MachineError):
        return state.Trouble(error.what, error.do)
    return state.Trouble(str(error), tools.hint(str(error)))


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped
