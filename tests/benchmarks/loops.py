"""Which compiled loops the kernels' functions run, read from the sources: what a row of the benchmark stands for."""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

KERNELS = Path(__file__).resolve().parents[2] / "kernels"


class Defined(NamedTuple):
    """A function or class of a kernel file, by what it names."""

    compiled: bool
    function: bool
    names: frozenset[str]


class Module(NamedTuple):
    defined: dict[str, Defined]
    imported: dict[str, str]
    """Name here to `module.name`, or to `module`."""


@cache
def modules() -> dict[str, Module]:
    return {path.stem: _read(ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(KERNELS.glob("*.py"))}


def _read(tree: ast.Module) -> Module:
    defined, imported = {}, {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            compiled = any(isinstance(each, ast.Name) and each.id == "jit" for each in node.decorator_list)
            defined[node.name] = Defined(compiled, isinstance(node, ast.FunctionDef), _names(node))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "kernels":
            home = (node.module or "").partition(".")[2]
            imported |= {each.asname or each.name: f"{home}.{each.name}".lstrip(".") for each in node.names}
    return Module(defined, imported)


def _names(node: ast.AST) -> frozenset[str]:
    plain = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    dotted = {f"{each.value.id}.{each.attr}" for each in ast.walk(node) if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name)}
    return frozenset(plain | dotted)


def _called(module: str, name: str) -> str | None:
    """`module.function` of a name in a module; None where it is none of the kernels'."""
    here = modules()[module]
    head, _, rest = name.partition(".")
    found = f"{module}.{name}" if name in here.defined else ".".join(filter(None, (here.imported.get(head), rest)))
    home, _, last = found.partition(".")
    return found if head and home in modules() and last in modules()[home].defined else None


def _of(kernel: str) -> Defined:
    module, _, name = kernel.partition(".")
    return modules()[module].defined[name]


def called(kernel: str) -> set[str]:
    """What `module.function` names of the kernels' functions, itself left out."""
    module = kernel.partition(".")[0]
    return {found for name in _of(kernel).names if (found := _called(module, name)) not in {None, kernel}}


@cache
def run_by(kernel: str) -> frozenset[str]:
    """Compiled functions that `module.function` runs, however many calls down."""
    found, new = {kernel}, [kernel]
    while new:
        more = called(new.pop()) - found
        found |= more
        new += more
    return frozenset(each for each in found if _of(each).compiled)


def public() -> list[str]:
    """All public functions of the kernels' files, as `module.function`."""
    return [
        f"{module}.{name}" for module, here in modules().items() for name, each in here.defined.items() if each.function and not name.startswith("_")
    ]


def kernels() -> set[str]:
    """Public functions that run a compiled loop, and are not themselves compiled: those are parts of the loops that call them."""
    return {each for each in public() if not _of(each).compiled and run_by(each)}


def parts() -> set[str]:
    """Public functions that are compiled."""
    return {each for each in public() if _of(each).compiled}
