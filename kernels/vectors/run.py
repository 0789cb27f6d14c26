"""Run a document of test vectors against the kernels.

Promises  Every list of vectors in the document is run, whatever its key, or the document itself where it is a list.
          An unknown function is a failure; a kernel that raises on a vector is a failure of that vector, not of the run.
          A document that holds none, or one that is no vector, is an error that says where, what was wanted and what came.
Leaves    Reading files and printing to the command.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kernels.errors import KernelInputError
from kernels.vectors.compare import as_written, difference, known
from kernels.vectors.plain import Function, plain

NEEDED = ("function", "inputs", "expected")


class Vector(msgspec.Struct, frozen=True, kw_only=True):
    """One call and its answer."""

    id: str
    function: str
    inputs: dict[str, Any]
    params: dict[str, Any]
    expected: Any
    tolerance: Any


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One vector that its kernel does not meet."""

    id: str
    wanted: Any
    got: Any
    why: str


class Tally(msgspec.Struct, kw_only=True):
    """One function's vectors."""

    passed: int = 0
    failed: int = 0
    failures: list[Failure] = msgspec.field(default_factory=list)
    as_written: list[str] = msgspec.field(default_factory=list)
    """Of the passed, those whose tolerance is finer than the digits that the wanted number is written with: equal at those."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All of them."""

    passed: int
    failed: int
    functions: dict[str, Tally]


def vectors_of(document: Any) -> list[Vector]:
    """The vectors of a decoded document; raises KernelInputError."""
    lists = list(_lists(document))
    found = [_vector(each, f"{where}[{i}]") for where, some in lists for i, each in enumerate(some)]
    if not found:
        wanted = "at least one list of vectors, bare or under a key other than meta"
        raise KernelInputError("the file", wanted, sorted(document) if isinstance(document, dict) else document)
    return found


def run(vectors: list[Vector], functions: Mapping[str, Function]) -> Report:
    """Call every vector's function and compare."""
    tallies: dict[str, Tally] = {}
    for each in vectors:
        tally = tallies.setdefault(each.function, Tally())
        failure, equal_as_written = _judged(each, functions)
        if equal_as_written:
            tally.as_written.append(each.id)
        if failure is None:
            tally.passed += 1
        else:
            tally.failed += 1
            tally.failures.append(failure)
    passed, failed = sum(tally.passed for tally in tallies.values()), sum(tally.failed for tally in tallies.values())
    return Report(passed=passed, failed=failed, functions=dict(sorted(tallies.items())))


def _judged(vector: Vector, functions: Mapping[str, Function]) -> tuple[Failure | None, bool]:
    """How the vector fails, if it does, and whether it passes only by the digits that it is written with.

    Those digits are looked at only where an answer came and differs: no answer is not the answer "missing", which a vector may want.
    """
    function = functions.get(vector.function)
    if function is None:
        return _without_answer(vector, f"no function of the name {vector.function!r}"), False
    try:
        got = plain(function(vector.inputs, vector.params))
        why = difference(vector.expected, got, vector.tolerance, vector.inputs)
        equal_as_written = why is not None and as_written(vector.expected, got, vector.tolerance, vector.inputs)
    except Exception as error:  # noqa: BLE001 - whatever a kernel raises is this vector's failure, and is shown
        return _without_answer(vector, f"{type(error).__name__}: {error}"), False
    if why is None or equal_as_written:
        return None, equal_as_written
    return Failure(id=vector.id, wanted=vector.expected, got=got, why=why), False


def _without_answer(vector: Vector, why: str) -> Failure:
    return Failure(id=vector.id, wanted=vector.expected, got=None, why=why)


def _lists(document: Any) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(document, list):
        yield "vectors", document
    elif isinstance(document, dict):
        for key, value in document.items():
            if key != "meta" and isinstance(value, list):
                yield key, value
    else:
        raise KernelInputError("the file", "an object with lists of vectors, or a list", document)


def _vector(raw: Any, where: str) -> Vector:
    if not isinstance(raw, dict):
        raise KernelInputError(where, "an object with function, inputs and expected", raw)
    for key in NEEDED:
        if key not in raw:
            raise KernelInputError(f"{where}.{key}", "a value", "nothing")
    name, inputs, params, tolerance = raw["function"], raw["inputs"], raw.get("params"), raw.get("tol")
    if not isinstance(name, str):
        raise KernelInputError(f"{where}.function", "a name", name)
    if not isinstance(inputs, dict):
        raise KernelInputError(f"{where}.inputs", "an object", inputs)
    if not isinstance(params, dict | None):
        raise KernelInputError(f"{where}.params", "an object", params)
    tolerance = 0 if tolerance is None else tolerance
    if not known(tolerance):
        raise KernelInputError(f"{where}.tol", 'a number, {"rel": r} or {"rank_error": e}, none below 0', tolerance)
    return Vector(id=str(raw.get("id", where)), function=name, inputs=inputs, params=params or {}, expected=raw["expected"], tolerance=tolerance)
