"""Small integers for the ids of devices and quantities, as the tables give them.

Promises  A frame's dictionary is translated once per distinct text, not once per row; an id that no table knows stops the writer.
Leaves    Giving numbers to storage.registry.
"""

from collections.abc import Mapping
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


UNKNOWN = -1

EMPTY = Ids({}, {}, frozenset())


def load_ids(connection: Connection) -> Ids:
    """The tables as they are now."""
    with world():
        rows = connection.execute(_DEVICES).fetchall()
        quantities = connection.execute(_QUANTITIES).fetchall()
        connection.rollback()
    return Ids({row[0]: row[1] for row in rows}, dict(quantities), frozenset(row[1] for row in rows if row[2]))


def translate(column: Coded, numbers: Mapping[str, int]) -> npt.NDArray[Any]:
    """int64[n]: the number of each row's text, UNKNOWN where there is none.

    A dictionary may hold texts that no row uses: the worker drops rows, not texts. Those need no number.
    """
    table = np.array([numbers.get(text, UNKNOWN) for text in column.texts] or [UNKNOWN], np.int64)
    return table[column.codes]


def require(column: Coded, numbers: npt.NDArray[Any], what: str) -> None:
    """Raises Inconsistent, with the text, where a row has no number."""
    strange = np.flatnonzero(numbers == UNKNOWN)
    if strange.size:
        text = column.texts[column.codes[strange[0]]]
        raise Inconsistent(f"kompas.checked.v1: wanted a {what} of the database, got {text!r}")
