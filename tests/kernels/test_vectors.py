"""The kernels against the reference's test vectors, where the folder with them is there."""

import json
import os
from pathlib import Path

import pytest

from kernels.vectors import FUNCTIONS
from kernels.vectors.run import run, vectors_of


@pytest.fixture(scope="module")
def reference() -> Path:
    named = os.environ.get("KOMPAS_REAL_DATA", "")
    if not named:
        pytest.skip("KOMPAS_REAL_DATA is not set: the vectors lie in the folder reference beside it")
    folder = Path(named).resolve().parent / "reference"
    if not (folder / "vectors-open.json").is_file():
        pytest.skip(f"no vectors-open.json in {folder}")
    return folder


def test_every_vector_passes(reference: Path) -> None:
    vectors = [each for path in sorted(reference.glob("vectors*.json")) for each in vectors_of(json.loads(path.read_text(encoding="utf-8")))]
    found = run(vectors, FUNCTIONS)
    failures = [f"{each.id}: {each.why}" for tally in found.functions.values() for each in tally.failures]
    assert not failures
    assert found.passed == len(vectors) > 200


def test_every_function_has_a_vector_and_no_other(reference: Path) -> None:
    vectors = vectors_of(json.loads((reference / "vectors-open.json").read_text(encoding="utf-8")))
    assert {each.function for each in vectors} == set(FUNCTIONS)


def test_there_are_81_contracts() -> None:
    assert len(FUNCTIONS) == 81
