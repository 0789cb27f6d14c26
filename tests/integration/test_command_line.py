"""What a person does with a running `up`: simulate with `--check`, and export what came of it as CSV and Parquet."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest

from tests.integration.up_kit import Kompas, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

KPI = "noise_now"


@pytest.fixture(scope="module")
def kompas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kompas]:
    kompas = Kompas(tmp_path_factory.mktemp("line") / "home")
    try:
        kompas.up()
        eventually(kompas.well)
        yield kompas
    finally:
        kompas.run("down", "--purge")


def simulated(kompas: Kompas, *arguments: str) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Exit code, the sender's report and what the check found."""
    done = kompas.run("simulate", "--city", "zwolle", "--scenario", "faulty", "--check", "--json", *arguments)
    assert len(done.stdout.splitlines()) == 2, done.stderr
    report, found = (json.loads(line) for line in done.stdout.splitlines())
    return done.returncode, report, found


@pytest.mark.slow  # a minute; the short chaos run accounts for every reading, and the next test asks the command
def test_a_short_run_is_accounted_for_to_the_reading(kompas: Kompas) -> None:
    code, report, found = simulated(kompas, "--devices", "40", "--rate", "200", "--duration", "6", "--seed", "3")
    assert report["acknowledged"] == report["messages"] > 100
    assert found["stored"] == found["expected"] > 100
    assert (found["lost"], found["altered"], found["foreign"], found["stored_against_expectation"]) == (0, 0, 0, 0), (report, found)
    assert "no window of a KPI lies wholly inside the run: play two minutes or more" in found["not_judged"]
    assert (code, found["well"]) == (0 if report["kept_up"] else 1, True)


def test_what_the_platform_does_not_take_is_told_as_lost(kompas: Kompas) -> None:
    """A city that does not run here: every message is refused, and the check says that nothing of it is stored."""
    done = kompas.run("simulate", "--city", "brussels", "--devices", "5", "--rate", "50", "--duration", "1", "--settle", "3", "--check", "--json")
    found = json.loads(done.stdout.splitlines()[1])
    assert (done.returncode, found["stored"], found["well"]) == (1, 0, False)
    assert found["lost"] == found["expected"] > 0


@pytest.mark.slow
def test_kpis_agree_with_the_truth_and_leave_as_files(kompas: Kompas, tmp_path: Path) -> None:
    code, report, found = simulated(kompas, "--rate", "300", "--duration", "150", "--seed", "4", "--settle", "240")
    assert (found["lost"], found["altered"], found["unflagged_late"], found["flagged_in_time"]) == (0, 0, 0, 0), (report, found)
    assert any(each["kpi"] == KPI and each["windows"] > 0 for each in found["kpis"])
    assert [each for each in found["kpis"] if each["missing"] or each["wrong"]] == []
    assert (code, found["well"]) == (0 if report["kept_up"] else 1, True)
    exported(kompas, tmp_path)


def exported(kompas: Kompas, folder: Path) -> None:
    """CSV and Parquet hold what the table holds; up to the newest window, which is still being written."""
    with psycopg.connect(kompas.conninfo, options="-c timezone=UTC") as connection:
        newest = connection.execute("SELECT max(window_start) FROM kpi_value WHERE kpi = %s", (KPI,)).fetchone()
        assert newest is not None
        since, until = newest[0] - timedelta(hours=1), newest[0]
        asked = "SELECT area, window_start, value, state FROM kpi_value WHERE kpi = %s AND window_start >= %s AND window_start < %s"
        rows = connection.execute(asked, (KPI, since, until)).fetchall()
    span = ("--from", since.isoformat(), "--to", until.isoformat())
    wanted = {(row[0], row[1], row[2], row[3]) for row in rows}
    assert len(wanted) > 5
    for form in ("csv", "parquet"):
        done = kompas.run("export", "--kpi", KPI, *span, "--out", str(folder / f"noise.{form}"))
        assert done.returncode == 0, done.stderr
        assert f"{len(wanted):,} values" in done.stderr
    table = pd.read_parquet(folder / "noise.parquet")
    values = [None if pd.isna(value) else value for value in table["value"]]
    assert {*zip(table["area"], table["window_start"], values, table["state"], strict=True)} == wanted
    with (folder / "noise.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    found = {(r["area"], datetime.fromisoformat(r["window_start"]), float(r["value"]) if r["value"] else None, r["state"]) for r in lines}
    assert found == wanted
    one = next(iter(wanted))[0]
    done = kompas.run("export", "--kpi", KPI, "--area", one, *span)
    assert {line["area"] for line in csv.DictReader(done.stdout.splitlines())} == {one}


@pytest.mark.parametrize(("arguments", "said"), [(("--kpi", "no_such_kpi"), "no_such_kpi"), (("--kpi", KPI, "--to", "2020-01-01"), "--to")])
def test_what_cannot_be_exported_ends_with_2_and_a_sentence(kompas: Kompas, arguments: tuple[str, ...], said: str) -> None:
    done = kompas.run("export", "--from", "2026-01-01", "--to", "2027-01-01", *arguments)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
