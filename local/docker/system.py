"""One Kompas in containers: start it, see how it is, stop it. docker-compose.yml is what runs; nothing of it is repeated here.

Promises  `begin` returns when every container is healthy, or stops what it started and raises MachineError with the words of the service that
          failed. Passwords are made in the containers' volume and copied to files that only their owner reads. One home, one project.
Leaves    The words of `status` to local/status.py, the picture to local/view.py.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec

from local import ports, state, tools
from local.docker import engine, parts
from local.errors import MachineError
from local.layout import REPOSITORY, Layout
from local.plan import Plan
from local.processes import LONG_RUNNING
from local.state import RunState, Step
from runtime import clock

FILE = REPOSITORY / "docker-compose.yml"
STEPS = ("images of the servers", "image of our processes", "servers and processes, until all are healthy", "passwords")
PUBLISHED = ("mqtt", "kafka", "database", "gateway", "worker", "writer", "restater", "demo", "grafana")
SECRETS_OF = ("writer", "/secrets/kompas")
"""A service that sees all passwords, and where."""

_HEALTHY_WITHIN_S = 300
_INSIDE_ONLY = ("KOMPAS_CITIES_DIR", "KOMPAS_CATALOG_DIR")

Show = Callable[[RunState], None]


def places(of: Layout) -> Layout:
    """Where the Docker side of a home keeps its passwords, log and state."""
    return Layout(of.home / "docker", of.cache)


class DockerSystem:
    """The containers of one home; `home` is the home's own layout."""

    def __init__(self, home: Layout) -> None:
        self.home, self.layout = home, places(home)
        default = home.home == REPOSITORY / ".kompas"
        self.project = "kompas" if default else f"kompas-{home.instance}"

    @property
    def exists(self) -> bool:
        """Whether it was ever started here and not purged since."""
        return self.layout.home.exists()

    def kept(self) -> RunState | None:
        """What was started and not stopped: cities, ports, when. None where nothing was."""
        return state.read(self.layout.run)

    def state(self) -> RunState | None:
        """How it is now; None where it was not started, or was stopped."""
        known = self.kept()
        if known is None:
            return None
        containers = self._containers(known)
        names = [each.name for each in LONG_RUNNING if each.name in known.processes]
        known.servers = parts.servers(known.ports, containers)
        known.processes = parts.processes(names, known.ports, containers)
        return known

    def begin(self, what: Plan, show: Show) -> RunState:
        """Build, start, wait until healthy, copy the passwords; MachineError with everything stopped where it fails."""
        refuse_folders(os.environ)
        engine.require()
        demo = any(each.name == "demo" for each in what.processes)
        ports.require_free(what.ports, [name for name in PUBLISHED if demo or name != "demo"])
        self.layout.make()
        names = {each.name: state.Part(each.name, port=what.ports[each.name]) for each in what.processes}
        now = RunState(0, clock.now_us(), what.cities, dict(what.ports), steps=[Step(name) for name in STEPS], processes=names)
        up = ["up", "--detach", "--wait", "--wait-timeout", str(_HEALTHY_WITHIN_S), *([] if demo else ["--scale", "demo=0"])]
        work = (["pull", "--ignore-buildable"], ["build"], up, ["cp", f"{SECRETS_OF[0]}:{SECRETS_OF[1]}/.", str(self.layout.secrets)])
        try:
            for step, arguments in zip(now.steps, work, strict=True):
                with state.during(step, partial(show, now)):
                    self._run(arguments, now)
        except BaseException:
            self._stop(now)
            raise
        self._close_secrets()
        now.phase = "running"
        state.write(self.layout.run, now)
        return self.state() or now

    def end(self, *, purge: bool = False) -> bool:
        """Stop and remove the containers, with `purge` data and passwords as well; False where nothing ran."""
        known = self.kept()
        if known is None and not (purge and self.exists):
            return False
        engine.require()
        self._run(["down", *(["--volumes"] if purge else [])], known)
        (self.layout.run / "state.json").unlink(missing_ok=True)
        if purge:
            shutil.rmtree(self.layout.home)
        return known is not None

    def command(self, arguments: Sequence[str]) -> list[str]:
        """Arguments of docker."""
        return ["compose", "--project-name", self.project, "--file", str(FILE), *arguments]

    def _run(self, arguments: Sequence[str], known: RunState | None) -> None:
        log = self.layout.logs / "docker.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [tools.find("docker") or "docker", *self.command(arguments)]
        with log.open("ab") as file:
            start = file.tell()
            code = subprocess.run(command, env=variables(known), stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False).returncode
        if code != 0:
            with log.open("rb") as file:
                file.seek(start)
                said = file.read().decode(errors="replace")
            raise MachineError(f"docker compose {arguments[0]} ended with {code}: {self._why(said, known)}", f"read {log}; {tools.hint(said)}")

    def _why(self, said: str, known: RunState | None) -> str:
        """The last words of the services that failed, else those of docker."""
        failed = parts.culprits(self._containers(known)) if known is not None else []
        words = [f"{name}:\n    " + _tail(self._ask(["logs", "--no-color", "--tail", "6", name], known).text) for name in failed]
        return "\n  ".join(words) or _tail(said)

    def _containers(self, known: RunState | None) -> dict[str, parts.Container]:
        listed = self._ask(["ps", "--all", "--quiet"], known)
        ids = listed.text.split()
        if listed.code != 0 or not ids:
            return {}
        said = engine.ask(["inspect", *ids])
        try:
            return parts.by_service(msgspec.json.decode(said.text))
        except (msgspec.DecodeError, KeyError, TypeError):
            return {}

    def _ask(self, arguments: Sequence[str], known: RunState | None) -> engine.Said:
        return engine.ask(self.command(arguments), 20.0, variables(known))

    def _stop(self, known: RunState) -> None:
        code = engine.ask(self.command(["down"]), 120.0, variables(known)).code
        if code == 0:
            (self.layout.run / "state.json").unlink(missing_ok=True)

    def _close_secrets(self) -> None:
        for path in self.layout.secrets.iterdir():
            path.chmod(0o600)


def refuse_folders(environment: Mapping[str, str]) -> None:
    """MachineError where the environment names a folder that no container sees."""
    for name in _INSIDE_ONLY:
        if environment.get(name):
            raise MachineError(f"{name} is set, and a container sees only what is in its image", f"unset {name}, or run ./kompas up without --docker")


def variables(known: RunState | None) -> dict[str, str]:
    """What docker-compose.yml is filled in with."""
    if known is None:
        return dict(os.environ)
    chosen = {f"KOMPAS_PORT_{name.upper()}": str(known.ports[name]) for name in PUBLISHED if name in known.ports}
    return {**os.environ, **chosen, "KOMPAS_CITIES": known.cities}


def _tail(text: str, lines: int = 6) -> str:
    return "\n    ".join(text.strip().splitlines()[-lines:]) or "it said nothing"
