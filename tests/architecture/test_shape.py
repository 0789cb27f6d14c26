"""Size and shape of the sources: files, functions, parameters, docstrings, jit options."""

import ast
from pathlib import Path

import pytest

from tests.architecture.rooms import PLATFORM

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = (*PLATFORM, "cli", "benchmarks", "chaos")
MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS, MOST_KERNEL_PARAMETERS = 300, 40, 5, 8
WAIVED: dict[str, str] = {
    "kernels/accumulate.py:_accumulate": "2026-11-22: one pass over the rows with its window look-up in registers",
}
"""Shrink it; a new entry needs a date and a reason."""

SOURCES = sorted(path for room in ROOMS for path in (REPOSITORY / room).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_is_at_most_300_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_function_is_at_most_40_lines_and_five_parameters(path: Path) -> None:
    most = MOST_KERNEL_PARAMETERS if name_of(path).startswith("kernels/") else MOST_PARAMETERS
    wrong = []
    for node in functions(path):
        if f"{name_of(path)}:{node.name}" in WAIVED:
            continue
        positional = [arg.arg for arg in [*node.args.posonlyargs, *node.args.args] if arg.arg not in {"self", "cls"}]
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        command = name_of(path).startswith("cli/")  # typer reads a command's options from its parameters
        if lines > MOST_FUNCTION_LINES or (len(positional) > most and not command):
            wrong.append(f"{node.name}: {lines} lines, {len(positional)} parameters")
    assert not wrong


def test_waivers_are_still_needed() -> None:
    known = {f"{name_of(path)}:{node.name}" for path in SOURCES for node in functions(path)}
    assert set(WAIVED) <= known


def test_jit_options_stand_in_one_place() -> None:
    wrong = [
        name_of(path) for path in SOURCES if path.name != "_jit.py" and ("njit" in (text := path.read_text(encoding="utf-8")) or "numba.jit" in text)
    ]
    assert not wrong
    options = (REPOSITORY / "kernels" / "_jit.py").read_text(encoding="utf-8")
    assert "nogil=True, fastmath=False" in options


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_opens_with_what_it_does(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if text.strip():
        assert ast.get_docstring(ast.parse(text))


def test_the_project_speaks_of_itself_alone() -> None:
    """No path of a machine, no registry's host, no task left without a number."""
    told = ["/" + "work/", "/" + "root/", "pypi" + ".org", "files." + "pythonhosted", "TO" + "DO", "FIX" + "ME"]
    folders = [*ROOMS, "tests", "docs", "deploy", "cities"]
    paths = [p for folder in folders for p in (REPOSITORY / folder).rglob("*") if p.suffix in {".py", ".md", ".toml", ".sql", ".yml", ".yaml", ".sh"}]
    paths += [p for p in REPOSITORY.iterdir() if p.is_file() and p.suffix in {".md", ".toml", ".yml", ""} and p.name not in {"LICENSE"}]
    wrong = [f"{name_of(p)}: {word}" for p in paths for word in told if word in p.read_text(encoding="utf-8", errors="replace")]
    assert not wrong
