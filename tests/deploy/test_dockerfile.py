"""The Dockerfile: what it copies and runs exists, it is enough to import every process, and nothing runs as root."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from local.layout import REPOSITORY
from tests.deploy import compose

TEXT = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [line.split(maxsplit=1) for line in re.sub(r"\\\n\s*", "", TEXT).splitlines() if line and not line.startswith("#")]


def _of(name: str) -> list[str]:
    return [rest for instruction, rest in INSTRUCTIONS if instruction == name]


def _copied() -> list[str]:
    return [source for rest in _of("COPY") if not rest.startswith("--from") for source in rest.split()[:-1]]


def test_everything_copied_is_there_and_not_ignored() -> None:
    kept = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")}
    for source in _copied():
        assert (REPOSITORY / source).exists()
        assert source.split("/")[0] in kept
    assert kept == {source.split("/")[0] for source in _copied()}


def test_what_is_copied_is_enough_to_import_every_process(tmp_path: Path) -> None:
    for source in _copied():
        if (REPOSITORY / source).is_dir():
            shutil.copytree(REPOSITORY / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    modules = [compose.module(service) for service in compose.ours().values()]
    mains = [f"{name}.__main__" if importlib.util.find_spec(f"{name}") and (REPOSITORY / name).is_dir() else name for name in modules]
    program = f"import importlib\nfor name in {[*mains, 'deploy.probe']!r}: importlib.import_module(name)\n"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_packages_come_from_the_lock_with_hashes_as_in_the_launcher() -> None:
    (install,) = [rest for rest in _of("RUN") if "pip install" in rest]
    words = set(shlex.split(install))
    launcher = (REPOSITORY / "kompas").read_text(encoding="utf-8")
    (line,) = [each for each in launcher.splitlines() if "-m pip install" in each]
    assert {word for word in shlex.split(line) if word.startswith("--")} <= words
    assert "requirements/main.lock" in words


def test_the_compile_cache_is_filled_by_the_step_of_the_local_set_up() -> None:
    instruction, warm = INSTRUCTIONS[-2]
    assert instruction == "RUN"
    assert warm.startswith("python -m ")
    module = warm.split()[2]
    assert f'"{module}"' in (REPOSITORY / "local" / "once.py").read_text(encoding="utf-8")
    assert importlib.util.find_spec(module) is not None


def test_nothing_runs_as_root_and_the_compile_cache_can_be_written() -> None:
    assert _of("USER") == ["kompas"]
    assert INSTRUCTIONS.index(["USER", "kompas"]) < len(INSTRUCTIONS) - 2
    (environment,) = _of("ENV")
    given = dict(word.split("=", 1) for word in environment.split())
    (made,) = [rest for rest in _of("RUN") if "useradd" in rest]
    assert given["NUMBA_CACHE_DIR"] in made
    assert "chown -R kompas:kompas /opt/kompas" in made
    for target in compose.volume_targets().values():
        assert target in made


def test_the_python_is_the_project_s() -> None:
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        wanted = tomllib.load(file)["project"]["requires-python"]
    versions = {rest.split(":")[1].split("-")[0] for rest in _of("FROM")}
    assert versions == {"3.11"}
    assert wanted.startswith(">=3.11")


def test_the_stages_are_those_that_compose_builds() -> None:
    stages = [rest.split(" AS ")[1] for rest in _of("FROM")]
    assert len(stages) > 1
    for service in compose.ours().values():
        assert service["build"]["target"] in stages
