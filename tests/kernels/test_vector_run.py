"""Running a document of vectors: what counts as agreement, what as failure, what as a broken file."""

import math
from typing import Any

import numpy as np
import pytest

from kernels.errors import KernelInputError
from kernels.vectors.compare import as_written, difference
from kernels.vectors.generators import names_of, values_of
from kernels.vectors.plain import json_ready, number, numbers, option, plain
from kernels.vectors.run import run, vectors_of


@pytest.mark.parametrize(
    ("case", "wanted", "got", "tolerance", "agrees"),
    [
        ("equal", 1.5, 1.5, 0, True),
        ("integer and float of one value", 2, 2.0, 0, True),
        ("exact means exact", 1.0, 1.0 + 2e-16, 0, False),
        ("within the absolute tolerance", 10.0, 10.4, 0.5, True),
        ("beyond it", 10.0, 10.6, 0.5, False),
        ("relative to the wanted one", 200.0, 201.9, {"rel": 0.01}, True),
        ("relative to the wanted one, beyond", 200.0, 202.1, {"rel": 0.01}, False),
        ("relative to nothing is exact", 0.0, 1e-300, {"rel": 0.5}, False),
        ("missing is missing", None, None, 1.0, True),
        ("missing is not 0", None, 0.0, 1.0, False),
        ("0 is not missing", 0.0, None, 1.0, False),
        ("a number that is none", 0.0, math.nan, 1.0, False),
        ("infinite", math.inf, math.inf, 0, True),
        ("infinite is far", 1.0, math.inf, 9.0, False),
        ("a truth value", True, True, 0, True),
        ("a truth value is no number", True, 1, 0, False),
        ("a number is no truth value", 1, True, 0, False),
        ("texts", "A", "B", 0, False),
        ("lists, leaf by leaf", [1.0, None, [2.0]], [1.05, None, [2.05]], 0.1, True),
        ("lists of other length", [1.0], [1.0, 2.0], 9.0, False),
        ("a list for a number", 1.0, [1.0], 9.0, False),
        ("objects", {"a": 1.0, "b": [None]}, {"b": [None], "a": 1.05}, 0.1, True),
        ("an object with more", {"a": 1.0}, {"a": 1.0, "b": 2.0}, 0.1, False),
        ("an object with less", {"a": 1.0, "b": 2.0}, {"a": 1.0}, 0.1, False),
    ],
)
def test_agreement(case: str, wanted: Any, got: Any, tolerance: Any, agrees: bool) -> None:
    assert (difference(wanted, got, tolerance, {}) is None) is agrees, case


@pytest.mark.parametrize(("got", "agrees"), [(3.0, True), (2.0, True), (4.0, True), (1.0, False), (6.0, False)])
def test_a_rank_error_is_a_distance_in_rank(got: float, agrees: bool) -> None:
    inputs = {"values": [1, 2, 3, None, 4, 5], "q": 0.5}
    assert (difference(3.0, got, {"rank_error": 0.25}, inputs) is None) is agrees
    assert difference(None, got, {"rank_error": 1.0}, inputs) is not None


@pytest.mark.parametrize(
    ("wanted", "got", "tolerance", "agrees"),
    [
        (17.27272727, 190 / 11, 1e-9, True),
        (17.27272727, 17.27272737, 1e-9, False),
        ([1.0, 17.27272727], [1.0, 190 / 11], 1e-9, True),
        ({"a": 17.27272727}, {"a": 190 / 11}, {"rel": 1e-12}, True),
        (17.27272727, 190 / 11, 0, False),
        (17.27272727, None, 1e-9, False),
    ],
)
def test_a_wanted_number_is_only_as_sharp_as_it_is_written(wanted: Any, got: Any, tolerance: Any, agrees: bool) -> None:
    assert difference(wanted, got, tolerance, {}) is not None
    assert as_written(wanted, got, tolerance, {}) is agrees


def vector(**changes: Any) -> dict[str, Any]:
    return {"id": "double-01", "function": "double", "inputs": {"x": 2}, "params": {}, "expected": 4, "tol": 0, **changes}


def double(inputs: Any, params: Any) -> object:
    return np.float64(inputs["x"] * params.get("times", 2))


def test_lists_are_taken_under_any_key_and_bare() -> None:
    assert len(vectors_of({"meta": {"version": 1}, "open": [vector()], "hidden": [vector(), vector()]})) == 3
    assert len(vectors_of([vector()])) == 1
    bare = vectors_of([{"function": "double", "inputs": {}, "expected": None}])[0]
    assert (bare.id, bare.params, bare.tolerance) == ("vectors[0]", {}, 0)


def test_passed_and_failed_are_counted_per_function() -> None:
    document = [vector(), vector(params={"times": 3}), vector(inputs={}), vector(function="triple"), vector(expected=4.0000000001, tol=1e-9)]
    found = run(vectors_of(document), {"double": double})
    assert (found.passed, found.failed) == (2, 3)
    assert (found.functions["double"].passed, found.functions["double"].failed) == (2, 2)
    wrong, raised = found.functions["double"].failures
    assert (wrong.wanted, wrong.got) == (4, 6.0)
    assert "KeyError" in raised.why
    assert "triple" in found.functions["triple"].failures[0].why


def test_no_answer_is_not_the_answer_missing() -> None:
    def at_fault(inputs: Any, params: Any) -> object:
        raise KernelInputError("inputs", "something", "nothing")

    for tolerance in (0, 1e-9, {"rel": 1e-9}):
        found = run(
            vectors_of([vector(function=name, expected=None, tol=tolerance) for name in ("no_such_function", "double")]), {"double": at_fault}
        )
        assert (found.passed, found.failed) == (0, 2)
        assert found.functions["double"].as_written == []
        assert "wanted something" in found.functions["double"].failures[0].why


def test_an_infinity_is_read_and_written_as_its_word() -> None:
    assert json_ready({"a": [math.inf, -math.inf, math.nan, 1.5], "b": "x", "c": True}) == {
        "a": ["Infinity", "-Infinity", None, 1.5],
        "b": "x",
        "c": True,
    }
    assert difference(["-Infinity"], [-math.inf], 0, {}) is None
    assert difference("Infinity", -math.inf, 9.0, {}) is not None
    assert difference("Infinity", None, 9.0, {}) is not None
    assert numbers(["-Infinity", 1]).tolist() == [-math.inf, 1.0]


def test_a_kernel_that_says_nan_says_missing() -> None:
    found = run(vectors_of([vector(expected=None)]), {"double": lambda _inputs, _params: np.array([np.nan])[0]})
    assert found.passed == 1


@pytest.mark.parametrize(
    ("document", "where", "wanted"),
    [
        (7, "the file", "an object with lists of vectors"),
        ({}, "the file", "at least one list of vectors"),
        ({"meta": [vector()]}, "the file", "at least one list of vectors"),
        ([], "the file", "at least one list of vectors"),
        ({"open": [vector(), 7]}, "open[1]", "an object"),
        ({"open": [{"function": "double", "inputs": {}}]}, "open[0].expected", "a value"),
        ([vector(function=7)], "vectors[0].function", "a name"),
        ([vector(inputs=[1])], "vectors[0].inputs", "an object"),
        ([vector(params=[1])], "vectors[0].params", "an object"),
        ([vector(tol="small")], "vectors[0].tol", "a number"),
        ([vector(tol=True)], "vectors[0].tol", "a number"),
        ([vector(tol={"about": 1})], "vectors[0].tol", "a number"),
        ([vector(tol=-1)], "vectors[0].tol", "a number"),
    ],
)
def test_a_broken_document_says_where(document: Any, where: str, wanted: str) -> None:
    with pytest.raises(KernelInputError) as caught:
        vectors_of(document)
    assert str(caught.value).startswith(f"{where}: wanted {wanted}")


def test_generators_give_what_their_rule_says() -> None:
    assert values_of({"generator": "x_i=(i*3) mod 7, i=1..4"}).tolist() == [3, 6, 2, 5]
    assert values_of({"values": [1, None]})[0] == 1.0
    assert names_of({"generator": "strings s-0 .. s-2", "n": 3}) == ["s-0", "s-1", "s-2"]
    assert names_of({"generator": "strings s-0 .. s--1", "n": 0}) == []
    assert names_of({"generator": "strings bus-0 .. bus-1"}) == ["bus-0", "bus-1"]
    assert names_of({"items": ["a", None, "b"]}) == ["a", "b"]
    for unknown in ({"generator": "noise"}, {}):
        with pytest.raises(KernelInputError, match="generator"):
            values_of(unknown)
        with pytest.raises(KernelInputError, match="generator"):
            names_of(unknown)


def test_plain_values_go_both_ways() -> None:
    assert plain({"a": np.array([1.0, np.nan]), "b": np.bool_(True), "c": (np.int64(3), "x")}) == {"a": [1.0, None], "b": True, "c": [3, "x"]}
    assert math.isnan(number(None))
    assert numbers([1, None]).dtype == np.float64
    assert option({"a": 1}, {"a": 2}, "a") == 2
    assert option({"b": 0}, {}, "a", "b", default=9) == 0
    assert option({}, {}, "a", default=9) == 9
