"""The guard ends a process whose loop or work stands, or that keeps the interpreter to itself; no other."""

import json
import subprocess
import sys
from typing import Any

import pytest

from runtime.guard import EXIT_WEDGED


def run(how: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, events and everything that a guarded process says."""
    ended = subprocess.run([sys.executable, "-m", "tests.runtime.guarded", how], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout == "up\n"
    return ended.returncode, [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")], ended.stderr


@pytest.mark.parametrize(("how", "stands"), [("loop", "event loop (1 waiting"), ("lane", "work (3 waiting")])
def test_what_stands_is_said_and_ends_the_process_with_the_stacks_of_its_threads(how: str, stands: str) -> None:
    code, said, text = run(how)
    assert code == EXIT_WEDGED
    assert [each["event"] for each in said] == ["no_progress", "wedged"]
    assert all(stands in each["why"] and each["process"] == "guarded" for each in said)
    assert "guarded.py" in text.partition("most recent call first")[2]


def test_a_call_that_keeps_the_interpreter_is_ended_from_outside_of_it() -> None:
    code, _, text = run("kernel")
    assert code == 1
    assert "Timeout" in text
    assert "guarded.py" in text


@pytest.mark.parametrize("how", ["well", "away"])
def test_who_works_or_waits_for_a_server_ends_when_it_likes(how: str) -> None:
    code, said, _ = run(how)
    assert code == 0
    assert [each["event"] for each in said] == (["server_awaited"] if how == "away" else [])


def test_a_server_that_goes_away_is_told_and_said_once_and_once_more_when_it_is_back() -> None:
    code, said, _ = run("back")
    assert code == 0
    assert [each["event"] for each in said] == ["server_awaited", "told", "server_answers"]
    assert said[0]["problem"] == "server 7: wanted an answer, got none"
    assert said[1]["awaited"] == "server 7: awaited for 0 s: wanted an answer, got none"
    assert said[1]["problem"] is None
    assert said[2]["awaited_s"] >= 0
