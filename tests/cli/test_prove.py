"""`./kompas test`: the servers are brought once, before any test; what is there costs nothing; slow tests come with --all alone."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import __main__ as entry
from local import install
from local.errors import MachineError
from local.layout import Layout, layout


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would run, in order: the module and its arguments, or `servers`."""
    done: list[str] = []

    def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        done.append(" ".join(command[2:]))
        return subprocess.CompletedProcess(command, 0)

    def everything(_: Layout, say: Callable[[str], None]) -> None:
        done.append("servers")
        say("Mosquitto")

    monkeypatch.setattr("cli.test.subprocess.run", run)
    monkeypatch.setattr("cli.test.install.everything", everything)
    monkeypatch.setattr("cli.test.once.compiling", lambda _: Kernels(done))
    return done


class Kernels:
    """A compile cache that is filled in no time."""

    def __init__(self, done: list[str]) -> None:
        done.append("kernels")

    def finish(self) -> None:
        """There it is."""


class Broken(Kernels):
    """One that no compiler wants."""

    def finish(self) -> None:
        raise MachineError("python -m stream.warm ended with 1: no match for float128", "read warm.log")


def test_servers_are_there_before_any_test_asks_for_them(done: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["test", "-k", "restart"]) == 0
    assert [each.split()[0] for each in done] == ["kernels", "ruff", "ruff", "mypy", "servers", "pytest"]
    assert done[-1].endswith("-m not slow -k restart")
    said = capsys.readouterr().out
    assert "./kompas up --install-only" in said
    assert "Mosquitto" in said


def test_a_kernel_that_does_not_compile_is_said_and_tested_all_the_same(
    done: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cli.test.once.compiling", lambda _: Broken(done))
    assert entry.main(["test"]) == 1
    assert done[-1].startswith("pytest")
    assert "no match for float128" in capsys.readouterr().out


def test_all_leaves_no_test_out(done: list[str]) -> None:
    assert entry.main(["test", "--all"]) == 0
    assert "slow" not in done[-1]


def test_without_servers_no_test_begins(done: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*_: object) -> None:
        raise MachineError("java is missing", "run: sudo ./kompas up --install-only")

    monkeypatch.setattr("cli.test.install.everything", refused)
    assert entry.main(["test"]) == 1
    assert "pytest" not in " ".join(done)
    assert "sudo ./kompas up --install-only" in capsys.readouterr().err


def test_what_is_there_is_not_brought_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places, said, asked = Layout(tmp_path, layout().cache), list[str](), list[str]()
    install.everything(places, said.append)

    def run(command: list[str], *_: object, **__: object) -> str:
        asked.append(" ".join(command[1:]))
        return 'openjdk version "17.0.1"'

    # Whoever is no root may only look; a program that looks is all that runs.
    monkeypatch.setattr("local.tools.run", run)
    monkeypatch.setattr("local.install.os.geteuid", lambda: 1_000)
    again: list[str] = []
    install.everything(places, again.append)
    assert asked == ["-version"]
    assert again == said
