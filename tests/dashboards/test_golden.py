"""The boards in deploy/grafana/dashboards are those that the catalogue and the code make, to the byte."""

from pathlib import Path

from catalog.load import load_catalogue
from dashboards.build import OUT, Changes, compare, write
from dashboards.load import build_all, files


def test_the_boards_in_the_repository_are_not_stale() -> None:
    changes = compare(files(build_all(load_catalogue())), OUT)
    assert not changes.written, "run ./kompas dashboards build"
    assert not changes.removed, "run ./kompas dashboards build"


def test_two_builds_are_equal_to_the_byte() -> None:
    assert files(build_all(load_catalogue())) == files(build_all(load_catalogue()))


def test_writing_makes_the_folder_hold_exactly_the_boards(tmp_path: Path) -> None:
    assert write({"en/a.json": b"1\n", "fr/a.json": b"2\n"}, tmp_path) == Changes(("en/a.json", "fr/a.json"), (), ())
    assert write({"en/a.json": b"1\n", "en/b.json": b"3\n"}, tmp_path) == Changes(("en/b.json",), ("fr/a.json",), ("en/a.json",))
    assert {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.glob("*/*.json")} == {
        "en/a.json": b"1\n",
        "en/b.json": b"3\n",
    }
