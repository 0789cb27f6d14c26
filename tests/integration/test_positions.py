"""Positions of readings in a real database: those of devices that move, on time or late, and of nobody else."""

import numpy as np
import pytest

from catalog import tables
from catalog.topics import CHECKED
from runtime.frames import decode, encode
from storage.batch import Batch
from storage.connect import connect
from storage.positions import Key
from storage.transaction import Database as Writer
from tests.storage.database import registered
from tests.storage.making import NOON_US, checked

pytestmark = pytest.mark.integration

LATE = 1 | 1 << 12
KEY = Key(CHECKED.name, 3)


@pytest.fixture(scope="module")
def database(servers):
    made = registered(servers, "brussels")
    yield made
    made.drop()


def placed(value: bytes, positions: list[tuple[float, float] | None]) -> bytes:
    """The same checked record with positions."""
    frame = decode(value)
    degrees = np.array([(np.nan, np.nan) if one is None else one for one in positions], np.float64)
    return encode(frame.meta, {**frame.columns, "latitude": degrees[:, 0], "longitude": degrees[:, 1]})


def test_a_position_is_stored_with_its_reading_and_only_there(database):
    device, other = (row[0] for row in database.ask("SELECT id FROM device_current WHERE kind = 'noise' ORDER BY no LIMIT 2"))
    here, there = (50.85, 4.35), (50.875, 4.3)
    frames = [
        placed(
            checked(
                0,
                [(device, "sound_level", NOON_US, 60.0, 1), (other, "sound_level", NOON_US, 61.0, 1), (device, "sound_level", NOON_US + 1, 62.0, 1)],
            ),
            [here, None, there],
        ),
        checked(1, [(other, "sound_level", NOON_US + 1, 63.0, 1)]),
        placed(checked(2, [(device, "sound_level", NOON_US - 1, 64.0, LATE), (other, "sound_level", NOON_US - 1, 65.0, LATE)]), [there, None]),
        placed(checked(3, [(device, "sound_level", NOON_US - 1, 66.0, LATE)]), [here]),
    ]
    writer = Writer(database.conninfo(tables.WRITER_ROLE))
    batch = Batch(writer.open([KEY], "test"))
    for offset, value in enumerate(frames):
        batch.feed(KEY, offset, value)
        if offset in (1, 3):
            written = writer.store(batch).written
            batch = Batch(batch.positions)
    writer.close()
    assert (written.stored, written.late, written.conflicts) == (2, 3, 1)
    found = database.ask("SELECT device, value, latitude, longitude FROM reading_named WHERE device = ANY(%s) ORDER BY value", [device, other])
    assert found == [
        (device, 60.0, *here),
        (other, 61.0, None, None),
        (device, 62.0, *there),
        (other, 63.0, None, None),
        (device, 64.0, *there),
        (other, 65.0, None, None),
    ]


def test_a_corrected_register_takes_the_later_position(database):
    (device,) = database.ask("SELECT id FROM device_current WHERE kind = 'parking' ORDER BY no LIMIT 1")[0]
    with connect(database.conninfo(tables.OWNER_ROLE), "test") as owner:
        owner.execute("UPDATE sensor_kind SET correcting = true WHERE id = 'parking'")
    key = Key(CHECKED.name, 4)
    writer = Writer(database.conninfo(tables.WRITER_ROLE))
    batch = Batch(writer.open([key], "test"))
    for offset, (value, position) in enumerate([(1.0, (50.8, 4.3)), (2.0, None), (3.0, (50.9, 4.4))]):
        batch.feed(key, offset, placed(checked(offset, [(device, "parking_free", NOON_US, value, 1)]), [position]))
        writer.store(batch)
        batch = Batch(batch.positions)
        wanted = (None, None) if position is None else position
        assert database.ask("SELECT value, latitude, longitude FROM reading_named WHERE device = %s", device) == [(value, *wanted)]
    writer.close()
