"""The ledger is zero over deaths, repeats and late readings, and names the hop where a record is gone, altered or too many."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.frames import decode
from storage import ledger
from storage.ledger import GATEWAY, TO_KAFKA, TO_REJECTED, TO_WORKER, TO_WRITER, WORKER, WRITER
from tests.storage.replay import BROKEN, PARTITION, Chain, GatewayLife, message, reshaped


def ran(chain: Chain, life: GatewayLife | None = None) -> GatewayLife:
    """Three rounds: good readings of many devices, a broken message, a refused reading; confirmed, heartbeat after each."""
    life = life or chain.gateway()
    for second in range(3):
        life.deliver([message(device, second) for device in range(20)] + [BROKEN, message(1, second, 1e9)])
        life.beat()
        life.confirm()
    life.beat()
    life.confirm()
    return life


def judged(chain: Chain) -> ledger.Found:
    chain.work()
    chain.store()
    return chain.judge()


def hops(found: ledger.Found) -> set[str]:
    return {line.hop for line in found.lines}


def frame_at(chain: Chain, log: list, kind: str = "readings") -> int:
    """Place of the second frame of a kind in a partition's log."""
    return [place for place, value in enumerate(log) if value is not None and decode(value).meta["kind"] == kind][1]


def test_good_and_broken_messages_balance():
    chain = Chain()
    ran(chain)
    found = judged(chain)
    assert (found.balance, found.lines, found.waiting, found.alarms) == (0, [], [], [])
    totals = chain.books().lives[0].totals
    assert (totals["delivered"], totals["rejected_messages"], totals["rejected_readings"], totals["framed"]) == (66, 3, 3, 60)
    assert sum(each.counts.arrived for each in chain.books().partitions) == 60
    assert all(line.missing == 0 and line.expected > 0 for line in ledger.in_all(chain.books()))


def test_what_a_dead_life_had_in_hand_comes_again_and_is_not_missing():
    """It reached Kafka in part: the next life sends all of it, the worker drops what it has."""
    chain = Chain()
    first = ran(chain)
    first.deliver([message(device, 10) for device in range(20)])
    first.beat()
    first.die(reached=7)
    second = ran(chain, chain.gateway())
    second.leave()
    found = judged(chain)
    assert (found.balance, found.lines) == (0, [])
    dead, alive = chain.books().lives
    assert not dead.running
    assert not alive.running
    assert sum(each.counts.duplicates for each in chain.books().partitions) > 0
    assert chain.stored["readings"] == 4 * 20


def test_a_frame_that_a_new_producer_sends_out_of_order_is_no_hole():
    chain = Chain()
    life = ran(chain)
    life.deliver([message(device, 20) for device in range(20)])
    life.in_flight += life.pipe.flush()
    late = life.in_flight.pop(0)
    life.beat()
    assert life.in_flight
    life.resend()
    waiting = judged(chain)
    assert waiting.balance == 0
    assert any("never confirmed are sent again" in sentence for sentence in waiting.waiting)
    life.in_flight.insert(0, late)
    life.confirm()
    life.beat()
    life.confirm()
    found = judged(chain)
    assert (found.balance, found.lines, found.waiting) == (0, [], [])
    assert sum(part.repeated for part in chain.books().lives[0].parts.values()) > 0


def test_a_dead_life_whose_heartbeat_came_before_a_frame_that_never_did():
    chain = Chain()
    life = ran(chain)
    life.deliver([message(device, 30) for device in range(20)])
    life.in_flight += life.pipe.flush()
    life.in_flight.pop(0)
    life.beat()
    life.die(reached=len(life.in_flight))
    ran(chain, chain.gateway())
    found = judged(chain)
    assert (found.balance, found.lines) == (0, [])
    assert any("come again in the next life" in sentence for sentence in found.waiting)
    assert chain.stored["readings"] == 4 * 20


def lose_frame(chain: Chain) -> None:
    del chain.readings[PARTITION][frame_at(chain, chain.readings[PARTITION])]


def lose_heartbeat(chain: Chain) -> None:
    del chain.readings[PARTITION][frame_at(chain, chain.readings[PARTITION], "heartbeat")]


def lose_refusal(chain: Chain) -> None:
    chain.rejected.pop(0)


def thin_frame(chain: Chain) -> None:
    log = chain.readings[PARTITION]
    place = frame_at(chain, log)
    log[place] = reshaped(log[place] or b"", range(1, decode(log[place] or b"").rows))


def thick_frame(chain: Chain) -> None:
    log = chain.readings[PARTITION]
    place = frame_at(chain, log)
    log[place] = reshaped(log[place] or b"", [0, *range(decode(log[place] or b"").rows)])


def pass_over(chain: Chain) -> None:
    chain.readings[PARTITION][frame_at(chain, chain.readings[PARTITION])] = None


@pytest.mark.parametrize(
    ("damage", "hop", "sign"),
    [
        (lose_frame, TO_KAFKA, 1),
        (lose_heartbeat, TO_KAFKA, 1),
        (lose_refusal, TO_KAFKA, 1),
        (thin_frame, GATEWAY, 1),
        (thick_frame, GATEWAY, -1),
        (pass_over, TO_WORKER, 1),
    ],
)
def test_what_goes_wrong_before_the_worker_is_named(damage: Callable[[Chain], None], hop: str, sign: int):
    chain = Chain()
    ran(chain)
    damage(chain)
    found = judged(chain)
    assert hops(found) == {hop}, found.lines
    assert found.balance >= 1
    assert all(np.sign(line.missing) == sign for line in found.lines)
    assert found.alarms[0].startswith(f"{hop}: ")


@pytest.mark.parametrize(("rows", "sign"), [(slice(1, None), 1), (None, -1)])
def test_a_row_that_the_worker_loses_or_doubles_is_named(rows: slice | None, sign: int):
    chain = Chain()
    ran(chain)
    chain.work()
    log = chain.checked[PARTITION]
    place = frame_at(chain, log)
    there = list(range(decode(log[place]).rows))
    log[place] = reshaped(log[place], there[rows] if rows else [0, *there])
    chain.store()
    found = chain.judge()
    assert [(line.hop, line.where, line.missing) for line in found.lines if line.hop == WORKER] == [(WORKER, f"partition {PARTITION}", sign)]
    assert hops(found) <= {WORKER, WRITER}


@pytest.mark.parametrize("kind", ["readings", "heartbeat"])
def test_a_checked_record_that_is_gone_is_named(kind: str):
    chain = Chain()
    ran(chain)
    chain.work()
    chain.store(gone=(PARTITION, frame_at(chain, chain.checked[PARTITION], kind)))
    found = chain.judge()
    assert hops(found) == {TO_WRITER}, found.lines
    assert found.balance >= 1


def test_a_conflict_whose_refusal_is_gone_is_named():
    chain = Chain()
    life = ran(chain)
    life.deliver([message(0, 2, 99.0)])
    life.beat()
    life.confirm()
    assert judged(chain).balance == 0
    chain.rejected = [each for each in chain.rejected if not dict(each[1])["origin"].startswith(b"readings/")]
    found = chain.judge()
    assert [(line.hop, line.missing) for line in found.lines] == [(TO_REJECTED, 1)]
    assert ledger.judge(chain.books(), caught_up=False).balance == 0


@pytest.mark.parametrize("change", [-2, 1])
def test_rows_that_the_writer_loses_or_stores_twice_are_named(change: int):
    chain = Chain()
    ran(chain)
    judged(chain)
    chain.stored["readings"] += change
    found = chain.judge()
    assert [(line.hop, line.where, line.missing) for line in found.lines] == [(WRITER, "writer 0", -change)]


def test_a_message_that_the_gateway_forgets_is_named():
    chain = Chain()
    life = chain.gateway()
    life.pipe.totals.delivered += 1
    ran(chain, life)
    found = judged(chain)
    assert [(line.hop, line.missing) for line in found.lines] == [(GATEWAY, 1)]


def test_records_that_come_twice_are_no_surplus():
    chain = Chain()
    ran(chain)
    chain.work()
    log = chain.checked[PARTITION]
    log += log[-2:]
    chain.rejected += chain.rejected[:2]
    chain.readings[PARTITION].append(chain.readings[PARTITION][frame_at(chain, chain.readings[PARTITION])])
    found = judged(chain)
    assert (found.balance, found.lines) == (0, [])


def test_damaged_frames_are_told_and_are_in_the_topic_of_refusals():
    chain = Chain()
    ran(chain)
    log = chain.readings[PARTITION]
    place = frame_at(chain, log)
    log[place] = (log[place] or b"")[:40]
    found = judged(chain)
    assert found.balance == 0
    assert any("1 frames were damaged" in sentence for sentence in found.alarms)


def test_what_the_broker_dropped_is_an_alarm_and_not_a_reading_missing_behind_it():
    chain = Chain()
    ran(chain)
    judged(chain)
    found = ledger.judge(chain.books()._replace(broker_dropped=12), caught_up=True)
    assert found.balance == 0
    assert found.alarms == ["broker: MQTT broker: dropped_by_broker: expected 12, got 0: 12 missing (its queues were full)"]


STEP = st.sampled_from(["deliver", "deliver", "late", "beat", "confirm", "some", "resend", "die", "leave", "work", "store", "again"])


@settings(max_examples=30)
@given(st.lists(STEP, max_size=30), st.randoms(use_true_random=False))
def test_rule_25_whatever_happens_it_balances_when_settled_and_a_lost_frame_is_found(steps, random):
    chain = Chain()
    life = chain.gateway()
    for second, step in enumerate(steps):
        if step in ("deliver", "late"):
            some = [message(random.randrange(20), second // 2, random.choice([1.0, 2.0])) for _ in range(random.randrange(6))]
            life.deliver(some + [BROKEN][: second % 2])
        elif step == "beat":
            life.beat()
        elif step == "confirm":
            life.confirm()
        elif step == "some":
            life.confirm(random.randrange(len(life.in_flight) + 1))
        elif step == "resend":
            life.resend()
        elif step == "die":
            life.die(random.randrange(len(life.in_flight) + 1))
            life = chain.gateway()
        elif step == "leave":
            life.leave()
            life = chain.gateway()
        elif step == "again" and chain.checked[PARTITION]:
            chain.checked[PARTITION] += chain.checked[PARTITION][-random.randrange(1, 4) :]
        elif step == "work":
            chain.work()
        elif step == "store":
            chain.work()
            chain.store()
            assert ledger.judge(chain.books(), caught_up=False).balance == 0
    life.deliver([message(device, 40) for device in range(0, 20, 4)])
    life.beat()
    life.confirm()
    life.leave()
    found = judged(chain)
    assert found.balance == 0, found.lines
    _one_frame_less(chain, random)


def _one_frame_less(chain: Chain, random) -> None:
    """The same log again without one record that is there once and that a later heartbeat of its life counts as confirmed."""
    places, mine = [], chain.lives[-1].name
    for number, log in enumerate(chain.readings):
        metas = [decode(value or b"").meta for value in log]
        seen = [(meta["seq"], meta["kind"]) if meta.get("life") == mine else () for meta in metas]
        last = max(each[0] for each in seen if each and each[1] == "heartbeat")
        places += [(number, n) for n, each in enumerate(seen) if each and each[1] == "readings" and seen.count(each) == 1 and each[0] < last]
    assert places
    number, place = random.choice(places)
    again = Chain()
    again.lives, again.rejected = chain.lives, [each for each in chain.rejected if not dict(each[1])["origin"].startswith(b"readings/")]
    again.readings = [list(log) for log in chain.readings]
    lost = decode(again.readings[number].pop(place) or b"").rows
    found = judged(again)
    assert [(line.hop, line.missing) for line in found.lines] == [(TO_KAFKA, lost)]
