"""Every command is one file with COMMAND and an example; what is missing is named; errors are sentences with an exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.errors import ConfigError
from cli import __main__ as entry
from cli import _loader
from local.errors import MachineError
from local.layout import REPOSITORY
from runtime.errors import Unavailable


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    given = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200", **environment}
    return subprocess.run([sys.executable, "-P", "-m", "cli", *arguments], env=given, text=True, capture_output=True, check=False)


@pytest.mark.parametrize("name", _loader.names())
def test_every_command_has_help_with_an_example(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"./kompas {name}" in done.stdout


def test_all_of_them_are_in_the_general_help() -> None:
    done = run("--help")
    assert done.returncode == 0, done.stderr
    for name in _loader.names():
        assert name in done.stdout
    assert {"up", "down", "status", "test"} <= set(_loader.names())


def test_bad_usage_is_code_2() -> None:
    assert run("nonsense").returncode == 2
    assert run("up", "--nonsense").returncode == 2


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('"""No example."""\ndef COMMAND(): ...\n', "an example that starts with ./kompas broken"),
        ('"""x\n\n./kompas broken\n"""\n', "cli/broken.py: COMMAND: wanted a function"),
        ("import nothing_of_that_name\n", "cli/broken.py: wanted a file that imports"),
    ],
)
def test_a_broken_command_is_named(text: str, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text(text)
    monkeypatch.setattr("cli.__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "cli.broken", raising=False)
    with pytest.raises(ConfigError) as caught:
        _loader.load("broken")
    assert wanted in str(caught.value)
    monkeypatch.delitem(sys.modules, "cli.broken", raising=False)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("cities/x", "a city pack", "nothing"), 2),
        (MachineError("port 1 is in use", "stop it"), 1),
        (Unavailable("Kafka", "an answer", "nothing"), 1),
        (PermissionError(13, "Permission denied", "/x/run"), 1),
        (KeyboardInterrupt(), 130),
        (SystemExit(7), 7),
    ],
)
def test_what_a_person_can_mend_is_a_sentence(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(entry, "build", lambda _arguments: fails)
    assert entry.main(["up"]) == code
    said = capsys.readouterr().err
    assert "Traceback" not in said
    if isinstance(error, ConfigError | MachineError | Unavailable | PermissionError):
        assert str(error).splitlines()[0] in said
