"""Where the tests' time goes: sums over phases, rooms, and the place before pytest's last line."""

import os
import subprocess
import sys
from pathlib import Path

from local.layout import REPOSITORY
from tests.durations import by_room, by_test, lines


def test_phases_add_up_and_the_slowest_stand_first() -> None:
    x, y, z = "tests/a/test_x.py::one", "tests/b/test_y.py::two", "tests/test_z.py::three"
    tests = by_test([(x, 1.0), (y, 5.0), (x, 2.0), (z, 0.5)])
    assert list(tests.items()) == [(y, 5.0), (x, 3.0), (z, 0.5)]
    assert by_room(tests) == {"b": (1, 5.0), "a": (1, 3.0), "tests": (1, 0.5)}


def test_ten_are_told_and_every_room() -> None:
    tests = by_test([(f"tests/room{n % 3}/test_x.py::t{n}", float(n)) for n in range(30)])
    said = lines(tests)
    assert said[0].split() == ["29.0", "s", "tests/room2/test_x.py::t29"]
    assert said.index("") == 10
    assert {line.split()[2] for line in said[11:]} == {"room0", "room1", "room2"}


def test_it_is_told_before_the_summary_line(tmp_path: Path) -> None:
    file = tmp_path / "test_some.py"
    file.write_text("def test_one(): pass\ndef test_two(): assert False\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.durations", "-p", "no:cacheprovider", "-n", "2", "--rootdir", str(tmp_path), str(file)]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False)
    said = done.stdout.splitlines()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in said[-1]
    assert any("slowest tests" in line for line in said[:-1])
    assert sum("test_some.py::test_one" in line for line in said) == 1
