"""`./kompas vectors`: exit codes, what it prints, what it says of a file that it cannot read."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.layout import REPOSITORY

RIGHT = {
    "id": "did-01",
    "function": "did_2x2",
    "inputs": {"control_pre_post": [1, 2], "treated_pre_post": [1, 5]},
    "params": {},
    "expected": 3,
    "tol": 0,
}
WRONG = {**RIGHT, "id": "did-02", "expected": 4}
UNKNOWN = {**RIGHT, "id": "none-01", "function": "no_such_kernel"}
RAISES = {**RIGHT, "id": "did-03", "inputs": {}}


def run(document: Any, folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    path = folder / "vectors.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    given = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
    return subprocess.run([sys.executable, "-P", "-m", "cli", "vectors", str(path), *options], env=given, text=True, capture_output=True, check=False)


def test_all_pass(tmp_path: Path) -> None:
    done = run({"meta": {}, "mine": [RIGHT, RIGHT]}, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 passed, 0 failed" in done.stdout


def test_failures_show_wanted_and_got(tmp_path: Path) -> None:
    done = run([RIGHT, WRONG, UNKNOWN, RAISES], tmp_path)
    assert done.returncode == 1
    assert "1 passed, 3 failed" in done.stdout
    for text in ("did-02", "wanted 4", "got    3.0", "no_such_kernel", "KeyError"):
        assert text in done.stdout


def test_json_is_for_a_program(tmp_path: Path) -> None:
    done = run([RIGHT, WRONG, UNKNOWN], tmp_path, "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["passed"], found["failed"]) == (1, 2)
    assert set(found["functions"]) == {"did_2x2", "no_such_kernel"}
    one = found["functions"]["did_2x2"]
    assert (one["passed"], one["failed"]) == (1, 1)
    assert (one["failures"][0]["id"], one["failures"][0]["wanted"], one["failures"][0]["got"]) == ("did-02", 4, 3.0)


def test_json_has_no_number_that_is_none(tmp_path: Path) -> None:
    silence = {"id": "leq-01", "function": "leq", "inputs": {"levels_db": ["-Infinity"]}, "expected": "-Infinity"}
    done = run([silence, {**silence, "expected": 0, "tol": 1e-9}], tmp_path, "--json")
    assert done.returncode == 1

    def refuse(word: str) -> None:
        pytest.fail(f"{word} is not JSON")

    found = json.loads(done.stdout, parse_constant=refuse)
    assert (found["passed"], found["failed"]) == (1, 1)
    assert found["functions"]["leq"]["failures"][0]["got"] == "-Infinity"


def test_wanting_nothing_is_not_met_by_no_answer(tmp_path: Path) -> None:
    done = run([{**each, "expected": None, "tol": 1e-9} for each in (UNKNOWN, RAISES)], tmp_path)
    assert done.returncode == 1
    assert "0 passed, 2 failed" in done.stdout


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("[1, 2", "line 1, column 6: wanted JSON"),
        ([{"inputs": {}}], "vectors[0].function: wanted a value, got 'nothing'"),
        ({"meta": {}}, "wanted at least one list of vectors"),
    ],
)
def test_a_broken_file_is_code_2_and_a_sentence(document: Any, said: str, tmp_path: Path) -> None:
    done = run(document, tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_no_file_is_code_2(tmp_path: Path) -> None:
    given = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-P", "-m", "cli", "vectors", str(tmp_path / "none.json")]
    done = subprocess.run(command, env=given, text=True, capture_output=True, check=False)
    assert done.returncode == 2
    assert "wanted a readable file" in done.stderr
