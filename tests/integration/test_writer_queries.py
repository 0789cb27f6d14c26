"""What the named read queries and the export make of the rows that the writer stored."""

import csv
import datetime as dt
import os
import subprocess
import sys

import msgspec
import pyarrow.parquet as pq
import pytest

from catalog import tables
from storage import kpis, queries
from storage.connect import connect
from tests.storage.database import registered
from tests.storage.making import kpi, live

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def database(servers):
    made = registered(servers, "brussels")
    yield made
    made.drop()


@pytest.fixture(scope="module")
def history(database):
    """Four hours of one indicator in two areas, and live values."""
    values = []
    for hour in range(4):
        for area, value in (("brussels.21004", 40.0 + 10 * hour), ("brussels.21001", 75.0)):
            start, end = (f"2026-03-04T{each:02d}:00:00Z" for each in (hour + 8, hour + 9))
            values.append(kpi(area=area, value=value, band="quiet" if value <= 50 else "very_loud", window_start=start, window_end=end))
    values.append(live(area="brussels.21004", value=65.0, band="loud", window_start="2026-03-04T12:00:00Z", window_end="2026-03-04T12:01:00Z"))
    with connect(database.conninfo(tables.WRITER_ROLE), "test") as connection:
        kpis.store(connection, values)
        connection.commit()
    return values


def test_the_worst_come_first_and_the_open_window_counts(database, history):
    with queries.reader(database.conninfo(tables.READER_ROLE), "test") as connection:
        worst = queries.worst(connection, limit=5, city="brussels")
        assert [(each.kpi, each.area, each.band, each.status) for each in worst] == [
            ("noise_now", "brussels.21001", "very_loud", "final"),
            ("noise_now", "brussels.21004", "loud", "live"),
        ]
        assert worst[0].severity == 1.0 > worst[1].severity > 0.0
        assert queries.worst(connection, level="city") == []
        names, rows = queries.latest(connection, kpi="noise_now", area="brussels.21004")
        assert [dict(zip(names, row, strict=True))["slot"] for row in rows] == ["last", "open"]


def test_who_reads_by_the_named_queries_cannot_write(database):
    with queries.reader(database.conninfo(tables.WRITER_ROLE), "test") as connection, pytest.raises(Exception, match="read-only transaction"):
        connection.execute("DELETE FROM reading")


def export(database, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KOMPAS_DB_")}
    environment |= {
        "KOMPAS_DB_HOST": database.servers.db_host, "KOMPAS_DB_PORT": str(database.servers.db_port), "KOMPAS_DB_NAME": database.name,
        "KOMPAS_DB_USER": tables.READER_ROLE, "KOMPAS_DB_PASSWORD_FILE": str(database.servers.password_file(tables.READER_ROLE)),
    }  # fmt: skip
    return subprocess.run([sys.executable, "-m", "cli", "export", *arguments], env=environment, capture_output=True, check=False)


WHEN = ("--from", "2026-03-04T09:00:00Z", "--to", "2026-03-04T11:00:00Z")


def test_csv_and_parquet_hold_what_the_table_holds(database, history, tmp_path):
    wanted = [value for value in history if value.revision and value.area == "brussels.21004" and "T09" <= value.window_start[10:13] < "T11"]
    file = tmp_path / "noise.parquet"
    done = export(database, "--kpi", "noise_now", "--area", "brussels.21004", *WHEN, "--out", str(file))
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [file]), done.stderr
    rows = pq.read_table(file).to_pylist()
    assert [(row["value"], row["coverage"], row["window_start"]) for row in rows] == [
        (value.value, value.coverage, dt.datetime.fromisoformat(value.window_start)) for value in wanted
    ]
    text = export(database, "--kpi", "noise_now", "--area", "brussels.21004", *WHEN).stdout.decode()
    lines = list(csv.DictReader(text.splitlines()))
    assert tuple(lines[0]) == tables.KPI_VALUE.columns
    assert [msgspec.convert(line["value"], float, strict=False) for line in lines] == [value.value for value in wanted]
    assert [line["window_start"] for line in lines] == [value.window_start for value in wanted]


def test_nothing_found_is_a_file_with_a_header_and_an_unknown_kpi_is_bad_usage(database, history):
    done = export(database, "--kpi", "noise_now", "--from", "2020-01-01", "--to", "2020-01-02")
    assert (done.returncode, done.stdout.decode()) == (0, ",".join(tables.KPI_VALUE.columns) + "\n")
    done = export(database, "--kpi", "noise", *WHEN)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"kpi: wanted one of" in done.stderr
