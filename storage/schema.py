"""Numbered SQL files and what they say about themselves; pure but for reading its own folder.

Promises  `NNNN_name.sql` runs on both editions of TimescaleDB, `NNNN_name.community.sql` on the community edition only;
          each opens with one sentence on why; numbers go up one by one; a file that ran never changes.
Leaves    Running them to storage.migrate.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from runtime.errors import ConfigError

FOLDER = Path(__file__).parent / "migrations"
_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+(\.community)?\.sql$")
_SENTENCE = re.compile(r"^-- \S.{15,}\.$")


class Migration(NamedTuple):
    """One file, ready to run."""

    number: int
    name: str
    sql: str
    checksum: str
    community: bool


class Applied(NamedTuple):
    """One row of schema_migration."""

    number: int
    name: str
    checksum: str


def read(folder: Path = FOLDER) -> list[Migration]:
    """The migrations of a folder, in order; ConfigError names the file that breaks a rule."""
    found = [_read_one(path) for path in sorted(folder.glob("*.sql"))]
    for wanted, migration in enumerate(found, start=1):
        if migration.number != wanted:
            raise ConfigError(str(folder / migration.name), f"number {wanted:04d}, one after the file before it", f"{migration.number:04d}")
    if not found:
        raise ConfigError(str(folder), "numbered .sql files", "none")
    return found


def pending(files: Sequence[Migration], applied: Mapping[int, Applied], *, community: bool) -> list[Migration]:
    """What is still to run, in order. A file that ran must be there unchanged; nothing runs behind what ran already."""
    known = {migration.number: migration for migration in files}
    for number, row in sorted(applied.items()):
        file = known.get(number)
        if file is None:
            raise ConfigError(f"database, migration {row.name}", "a database no newer than this checkout", "a migration that this checkout lacks")
        if file.checksum != row.checksum:
            raise ConfigError(
                f"storage/migrations/{file.name}",
                f"the content that ran on this database (sha256 {row.checksum[:12]}…); add a new migration instead",
                f"sha256 {file.checksum[:12]}…",
            )
    to_run = [migration for migration in files if migration.number not in applied and (community or not migration.community)]
    last = max((number for number in applied if not known[number].community), default=0)
    for migration in to_run:
        if migration.number < last and not migration.community:
            raise ConfigError(f"storage/migrations/{migration.name}", f"a number above {last:04d}, which ran already", f"{migration.number:04d}")
    return to_run


def _read_one(path: Path) -> Migration:
    match = _NAME.match(path.name)
    if match is None:
        raise ConfigError(str(path), "a name like 0007_why.sql or 0007_why.community.sql", path.name)
    sql = path.read_text(encoding="utf-8")
    first = sql.split("\n", 1)[0]
    if not _SENTENCE.match(first):
        raise ConfigError(str(path), "a first line `-- One sentence on why.`", first)
    return Migration(int(match[1]), path.name, sql, hashlib.sha256(sql.encode()).hexdigest(), match[2] is not None)
