"""Migrations: forward only, one by one, never changed once they ran."""

import pytest

from catalog import tables
from runtime.errors import ConfigError
from storage import schema

WHY = "-- Somebody has to find the readings again by their device.\n"


def write(folder, *names, text=WHY + "SELECT 1;\n"):
    for name in names:
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def applied(files, *numbers):
    return {file.number: schema.Applied(file.number, file.name, file.checksum) for file in files if file.number in numbers}


def test_the_shipped_files_keep_the_rules_and_name_every_table():
    files = schema.read()
    text = "\n".join(file.sql for file in files)
    for table in tables.TABLES:
        made = f"CREATE VIEW {table.name} " if table.view else f"CREATE TABLE {table.name} "
        assert made in text or table is tables.SCHEMA_MIGRATION
        assert (f"create_hypertable('{table.name}', by_range('{table.hypertable}'" in text) is (table.hypertable is not None)


def test_what_only_the_community_edition_has_stands_only_in_its_files():
    for file in schema.read():
        reserved = ("add_compression_policy", "add_retention_policy", "timescaledb.compress", "timescaledb.continuous", "add_job")
        assert file.community or not any(word in file.sql for word in reserved)


def test_community_files_wait_for_the_community_edition(tmp_path):
    files = schema.read(write(tmp_path, "0001_a.sql", "0002_b.community.sql", "0003_c.sql"))
    assert [file.number for file in schema.pending(files, {}, community=False)] == [1, 3]
    assert [file.number for file in schema.pending(files, applied(files, 1, 3), community=True)] == [2]
    assert schema.pending(files, applied(files, 1, 2, 3), community=True) == []


def test_a_file_that_ran_may_not_change(tmp_path):
    ran = applied(schema.read(write(tmp_path, "0001_a.sql")), 1)
    write(tmp_path, "0001_a.sql", text=WHY + "SELECT 2;\n")
    with pytest.raises(ConfigError, match=r"storage/migrations/0001_a\.sql: wanted the content that ran .* add a new migration instead"):
        schema.pending(schema.read(tmp_path), ran, community=False)


def test_a_database_newer_than_the_checkout_is_refused(tmp_path):
    files = schema.read(write(tmp_path, "0001_a.sql", "0002_b.sql"))
    with pytest.raises(ConfigError, match=r"migration 0002_b\.sql: wanted a database no newer than this checkout"):
        schema.pending(files[:1], applied(files, 1, 2), community=False)


@pytest.mark.parametrize(
    ("names", "text", "said"),
    [
        (["0002_a.sql"], WHY, "wanted number 0001"),
        (["0001_a.sql", "0001_b.sql"], WHY, "wanted number 0002"),
        (["1_a.sql"], WHY, "wanted a name like"),
        (["0001_a.sql"], "SELECT 1;\n", "wanted a first line"),
        ([], WHY, "numbered .sql files"),
    ],
)
def test_a_folder_that_breaks_a_rule_is_refused(tmp_path, names, text, said):
    with pytest.raises(ConfigError, match=said):
        schema.read(write(tmp_path, *names, text=text))
