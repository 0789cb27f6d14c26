"""Small integers for the ids of devices and quantities, as the tables give them.

Promises  A frame's dictionary is translated once per distinct text, not once per row; an id that no table knows stops the writer.
Leaves    Giving numbers to storage.registry.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from catalog import tables
from runtime.errors import Inconsistent
from runtime.frames import Coded
from storage.connect import Connection, world

_DEVICES = f"SELECT d.id, d.no, k.correcting FROM {tables.DEVICE_CURRENT.name} d JOIN {tables.SENSOR_KIND.name} k ON k.id = d.kind"
_QUANTITIES = f"SELECT id, no FROM {tables.QUANTITY.name}"


class Ids(NamedTuple):
    """Numbers by id, and the devices whose later word stands."""

    devices: Mapping[str, int]
    quantities: Mapping[str, int]
    correcting: frozenset[int]


EMPTY = Ids({}, {}, frozenset())


def load_ids(connection: Connection) -> Ids:
    """The tables as they are now."""
    with world():
        rows = connection.execute(_DEVICES).fetchall()
        quantities = connection.execute(_QUANTITIES).fetchall()
        connection.rollback()
    return Ids({row[0]: row[1] for row in rows}, dict(quantities), frozenset(row[1] for row in rows if row[2]))


def unknown(numbers: Mapping[str, int], columns: Iterable[Coded | None]) -> set[str]:
    """Texts of these columns without a number."""
    return {text for column in columns if column is not None for text in column.texts if text not in numbers}


def translate(column: Coded, numbers: Mapping[str, int], what: str) -> npt.NDArray[Any]:
    """int64[n]: the number of each row's text; raises Inconsistent for a text without one."""
    try:
        table = np.array([numbers[text] for text in column.texts], np.int64)
    except KeyError as error:
        raise Inconsistent(f"kompas.checked.v1: wanted a {what} of the database, got {error.args[0]!r}") from error
    return table[column.codes]
