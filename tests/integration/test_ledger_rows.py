"""The ledger's tables on a real TimescaleDB: numbers survive a restart, old lives are added up, the broker's counter may start anew."""

import datetime as dt
from collections.abc import Iterator

import pytest

from catalog import tables
from storage import ledger, ledger_books, ledger_rows
from storage.connect import Connection, connect
from storage.migrate import migrate
from storage.positions import Key, load
from storage.tally import Tally
from tests.storage.database import Database
from tests.storage.replay import BROKEN, Chain, message

pytestmark = pytest.mark.integration

LATER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def writer(servers) -> Iterator[Connection]:
    database = Database(servers)
    with connect(database.conninfo(tables.OWNER_ROLE), "test") as owner:
        migrate(owner)
    with connect(database.conninfo(tables.WRITER_ROLE), "test") as connection:
        load(connection, [Key("kompas.checked.v1", partition) for partition in range(12)], "test")
        yield connection
    database.drop()


def ran() -> Chain:
    """A life that dies with frames in flight, and the next one, which stays."""
    chain = Chain()
    for lives in range(2):
        life = chain.gateway()
        for second in range(3):
            life.deliver([message(device, second + 10 * lives) for device in range(20)] + [BROKEN])
            life.beat()
            life.confirm()
        life.deliver([message(device, 90) for device in range(20)])
        life.in_flight += life.pipe.flush()
        if not lives:
            life.in_flight.pop(0)
            life.beat()
            life.die(reached=len(life.in_flight))
    life.beat()
    life.confirm()
    life.beat()
    life.confirm()
    chain.work()
    chain.store()
    return chain


def keep(connection: Connection, chain: Chain, tally: Tally) -> None:
    """The chain's books into the tables, as one transaction of a writer."""
    books = chain.books()
    ledger_rows.keep(connection, tally)
    ledger_rows.keep_rejected(connection, [(*key, *numbers) for key, numbers in books.rejected.items()])
    for each in books.partitions:
        moved = (each.next_offset, each.log_offset, each.partition)
        connection.execute("UPDATE stream_offset SET next_offset = %s, log_offset = %s WHERE partition = %s", moved)
    for name, total in chain.stored.items():
        connection.execute("INSERT INTO stored_total VALUES (0, %s, %s)", (name, total))
    connection.commit()


def test_numbers_come_back_as_they_were_kept_and_the_books_say_what_the_chain_says(writer):
    chain = ran()
    parts, counts, wanted = dict(chain.tally.parts), dict(chain.tally.counts), chain.judge()
    keep(writer, chain, chain.tally)
    again = ledger_rows.load(writer, range(12))
    assert (again.parts, again.counts) == (parts, counts)
    assert ledger_rows.load(writer, [3]).counts.keys() == {3}
    found = ledger.judge(ledger_books.read(writer), caught_up=True)
    assert found == wanted
    assert found.balance == 0
    assert any("come again in the next life" in sentence for sentence in found.waiting)


def test_old_lives_are_added_up_and_the_balance_stays(writer):
    chain = ran()
    keep(writer, chain, chain.tally)
    before = ledger.by_gateway(ledger_books.read(writer))["gw-0"]
    assert ledger_rows.fold(writer, dt.datetime(2000, 1, 1, tzinfo=dt.UTC)) == 0
    assert ledger_rows.fold(writer, LATER) == 2
    assert ledger_rows.fold(writer, LATER) == 0
    writer.commit()
    books = ledger_books.read(writer)
    assert [life.life for life in books.lives] == ["earlier"]
    assert ledger_rows.load(writer, range(12)).parts == {}
    found = ledger.judge(books, caught_up=True)
    assert (found.lines, found.alarms) == ([], [])
    after = ledger.by_gateway(books)["gw-0"]
    assert {**after, "lives": 2, "confirmed": 0, "after_last_heartbeat": 0} == {**before, "confirmed": 0, "after_last_heartbeat": 0}


def test_a_loss_is_still_told_when_its_life_is_old(writer):
    chain = ran()
    key = next(key for key, part in chain.tally.parts.items() if part.before > 5 and part.ended is False and not part.holes)
    chain.tally.parts[key].before -= 5
    keep(writer, chain, chain.tally)
    assert ledger_rows.fold(writer, LATER) == 2
    writer.commit()
    found = ledger.judge(ledger_books.read(writer), caught_up=True)
    assert [(line.hop, line.missing) for line in found.lines] == [(ledger.GATEWAY, 5)]


def test_what_the_broker_drops_is_added_up_over_its_restarts(writer):
    for said in (0, 5, 5, 9, 2, 3):
        tally = Tally()
        tally.broker_dropped = {"gw-0": said}
        ledger_rows.keep(writer, tally)
    writer.commit()
    assert writer.execute("SELECT said, dropped FROM ledger_broker").fetchall() == [(3, 12)]
    assert ledger_books.read(writer).broker_dropped == 12


def test_a_broker_that_dropped_more_after_its_restart_than_before_is_not_taken_for_the_same(writer):
    minute_us = 60_000_000
    for said, began_us in (
        (5, 0),
        (5, 9_000_000),
        (8, None),
        (8, 3_000_000),
        (9, 5 * minute_us),
        (9, 5 * minute_us + 9_000_000),
        (9, 9 * minute_us),
        (12, 9 * minute_us),
    ):
        tally = Tally()
        tally.broker_dropped, tally.broker_began_us = {"gw-0": said}, {"gw-0": began_us}
        ledger_rows.keep(writer, tally)
    writer.commit()
    assert ledger_books.read(writer).broker_dropped == 8 + 9 + 12
