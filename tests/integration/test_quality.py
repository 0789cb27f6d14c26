"""Rule 23 on a real database: deferred tests and flags set by hand, as the writer and the restater do them, without their processes."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from catalog import tables
from catalog.errors import ConfigError
from catalog.quality import TESTS, Cause
from catalog.windows import from_us
from restate import testing
from storage import by_hand, quality, untested
from storage.connect import connect
from tests.integration.quality_kit import GOOD, IMPLAUSIBLE, LATE, Story
from tests.oracles import deferred
from tests.storage.database import Database, registered
from tests.storage.making import NOON_US

pytestmark = pytest.mark.integration

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
SPIKE, FLAT, HAND = int(Cause.SPIKE), int(Cause.FLAT_LINE), int(Cause.BY_HAND)
DUST = "pm2_5"


@pytest.fixture(scope="module")
def database(servers: Any) -> Iterator[Database]:
    made = registered(servers, "brussels")
    yield made
    made.drop()


@pytest.fixture
def story(database: Database) -> Iterator[Story]:
    story = Story(database)
    yield story
    story.close()
    story.ask("TRUNCATE quality_inbox, quality_due, quality_word, quality_span, flag_end, dirty_window, watermark")
    story.ask("DELETE FROM reading")


@pytest.fixture(scope="module", autouse=True)
def _truncating(database: Database) -> None:
    with connect(database.conninfo(tables.OWNER_ROLE), "test") as connection:
        connection.execute(
            f"GRANT TRUNCATE ON quality_inbox, quality_due, quality_word, quality_span, flag_end, dirty_window, watermark TO {tables.WRITER_ROLE}"
        )
        connection.commit()


def minutes(device: str, values: Mapping[int, float] | Mapping[float, float], quality_: int = GOOD) -> list[tuple[str, str, int, float, int]]:
    """Readings of dust at these minutes of noon."""
    return [(device, DUST, NOON_US + round(minute * MINUTE), value, quality_) for minute, value in values.items()]


def steady(device: str, *, but: dict[int, float] | None = None, until: int = 30) -> list[tuple[str, str, int, float, int]]:
    """Half an hour that moves a little."""
    return minutes(device, {minute: 10.0 + minute % 3 for minute in range(until)} | (but or {}))


def waiting(story: Story) -> dict[str, int]:
    with connect(story.database.conninfo(tables.READER_ROLE), "test") as connection:
        return {what: number for what, number in untested.waiting(connection).items() if number}


def wish(device: str, flag: str = "bad", span: tuple[int, int] = (0, HOUR), quantity: str | None = None) -> by_hand.Wish:
    return by_hand.Wish(device, quantity, from_us(NOON_US + span[0]), from_us(NOON_US + span[1]), flag, "the fan was stuck", "test")


def put(story: Story, wanted: by_hand.Wish) -> int:
    with connect(story.database.conninfo(tables.WRITER_ROLE), "test") as connection:
        return by_hand.put(connection, wanted)


def clear(story: Story, no: int) -> None:
    with connect(story.database.conninfo(tables.WRITER_ROLE), "test") as connection:
        by_hand.clear(connection, no, "test")


def test_rule_23_a_closed_quarter_is_tested_once_all_partitions_have_passed_what_it_looks_at(story: Story) -> None:
    device = story.devices("air_quality")[0]
    story.came(*steady(device, but={7: 200.0, 14: 150.0}))
    story.passed(NOON_US + 15 * MINUTE)
    story.turn()
    assert story.ask("SELECT count(*) FROM quality_word") == [(0,)], "the minute behind the quarter may still come"
    assert waiting(story) == {}
    story.passed(NOON_US + 17 * MINUTE)
    assert sum(waiting(story).values()) == 1
    story.turn()
    assert waiting(story) == {}
    found = story.quality_of(device, DUST, NOON_US, NOON_US + HOUR)
    assert {(at - NOON_US) // MINUTE: one for at, one in found.items() if one != GOOD} == dict.fromkeys((6, 7, 8, 13, 14), 3 | SPIKE), (
        "15 lies in the next quarter, which is not due yet"
    )
    assert story.ask("SELECT test, flag, readings FROM quality_word ORDER BY starts") == [("spike", 3, 3), ("spike", 3, 2)]
    marked = story.marks()
    assert {reason for *_, reason in marked} == {"flagged"}
    assert {(id_, start) for id_, _, start, _ in marked} >= {
        ("pm2_5_hour", "03-04 12:00"),
        ("pm2_5_day", "03-03 23:00"),
        ("pm2_5_now", "03-04 12:07"),
    }
    assert ("pm2_5_now", "03-04 12:05") not in {(id_, start) for id_, _, start, _ in marked}
    story.turn()
    assert story.marks() == [], "run again, nothing changes"


def test_rule_23_a_late_reading_into_the_memory_has_its_quarters_tested_again(story: Story) -> None:
    device = story.devices("air_quality")[0]
    story.came(*[row for row in steady(device, but={14: 80.0}) if row[2] != NOON_US + 15 * MINUTE])
    story.passed(NOON_US + HOUR)
    story.turn()
    assert set(story.quality_of(device, DUST, NOON_US, NOON_US + HOUR).values()) == {GOOD}, "without a neighbour nobody can say"
    story.came((device, DUST, NOON_US + 15 * MINUTE, 10.0, LATE))
    assert "times of readings to be tested" in waiting(story)
    story.marks()
    story.turn()
    found = story.quality_of(device, DUST, NOON_US, NOON_US + HOUR)
    assert {(at - NOON_US) // MINUTE: one for at, one in found.items() if one & 15 > 2} == {14: 3 | SPIKE}
    assert ("pm2_5_hour", "03-04 12:00", "flagged") in {(id_, start, reason) for id_, _, start, reason in story.marks()}
    # And a word goes again: what stood alone turns out to be a rise.
    story.came(*minutes(device, {14.5: 80.0}, LATE))
    story.turn()
    assert {one for one in story.quality_of(device, DUST, NOON_US, NOON_US + HOUR).values() if one & SPIKE} == set()
    assert story.ask("SELECT count(*) FROM quality_word") == [(0,)]


def test_rule_23_what_stands_still_is_followed_far_back_and_what_failed_on_arrival_is_not_looked_at(story: Story) -> None:
    device = story.devices("air_quality")[0]
    still = dict.fromkeys(range(-400, 15), 10.0)
    story.came(*minutes(device, still), (device, DUST, NOON_US - 30_000_000, 900.0, IMPLAUSIBLE))
    story.passed(NOON_US - 10 * MINUTE)
    story.turn()
    story.passed(NOON_US + HOUR)
    story.turn()
    found = story.quality_of(device, DUST, NOON_US - 10 * HOUR, NOON_US + HOUR)
    flags = {(at - NOON_US) // MINUTE: one & 15 for at, one in found.items() if at != NOON_US - 30_000_000}
    assert flags == {minute: 1 if minute < -280 else 3 if minute < -40 else 4 for minute in still}
    assert found[NOON_US - 30_000_000] == IMPLAUSIBLE
    assert {row[0] for row in story.ask("SELECT DISTINCT test FROM quality_word")} == {"flat_line"}


def test_rule_23_killed_in_the_middle_nothing_is_done_by_half(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    device = story.devices("air_quality")[0]
    story.came(*steady(device, but={7: 200.0}))
    story.passed(NOON_US + 17 * MINUTE)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for where in ("flag", "done"):
        with monkeypatch.context() as broken:
            broken.setattr(quality, where, killed)
            with pytest.raises(KeyboardInterrupt):
                story.turn()
        assert set(story.quality_of(device, DUST, NOON_US, NOON_US + HOUR).values()) == {GOOD}
        assert story.ask("SELECT (SELECT count(*) FROM quality_word), (SELECT count(*) FROM dirty_window)") == [(0, 0)]
        assert sum(waiting(story).values()) > 0
    story.turn()
    assert story.ask("SELECT test, flag, readings FROM quality_word") == [("spike", 3, 3)]
    assert waiting(story) == {}


@pytest.mark.parametrize(("peak", "flagged"), [(80.0, {7}), (200.0, {6, 7, 8})])
def test_rule_23_what_is_stored_while_a_quarter_is_tested_has_it_tested_again(
    story: Story, monkeypatch: pytest.MonkeyPatch, peak: float, flagged: set[int]
) -> None:
    """Where both write nothing that the other does, and where both mark the same windows and the test is given up."""
    device = story.devices("air_quality")[0]
    story.came(*[row for row in steady(device, but={7: peak}) if row[2] != NOON_US + 8 * MINUTE])
    story.passed(NOON_US + 17 * MINUTE)
    judged = testing.judged

    def meanwhile(*given: Any) -> Any:
        monkeypatch.undo()
        story.came((device, DUST, NOON_US + 8 * MINUTE, 10.0, LATE))
        return judged(*given)

    monkeypatch.setattr(testing, "judged", meanwhile)
    for _ in range(2):  # a turn ends where a test is given up
        story.turn()
    found = story.quality_of(device, DUST, NOON_US, NOON_US + 15 * MINUTE)
    assert {(at - NOON_US) // MINUTE for at, one in found.items() if one & SPIKE} == flagged
    assert waiting(story) == {}


def test_rule_23_a_hand_set_flag_holds_for_what_comes_later_and_never_starts_a_test(story: Story) -> None:
    device, other = story.devices("air_quality")[:2]
    story.came(*steady(device, but={7: 200.0}, until=20), (device, "no2", NOON_US, 20.0, GOOD), *steady(other, until=20))
    story.passed(NOON_US + 17 * MINUTE)
    story.turn()
    words, due = story.ask("SELECT * FROM quality_word"), story.ask("SELECT * FROM quality_due")
    story.marks()
    no = put(story, wish(device, span=(5 * MINUTE, 25 * MINUTE), quantity=DUST))
    assert waiting(story) == {"flags to be applied": 1}
    story.turn()
    found = {(at - NOON_US) // MINUTE: one for at, one in story.quality_of(device, DUST, NOON_US, NOON_US + HOUR).items()}
    expected = dict.fromkeys(range(5), GOOD) | {minute: 4 | HAND | (SPIKE if minute in (6, 7, 8) else 0) for minute in range(5, 20)}
    assert found == expected
    assert story.quality_of(device, "no2", NOON_US, NOON_US + 1) == {NOON_US: GOOD}
    assert set(story.quality_of(other, DUST, NOON_US, NOON_US + HOUR).values()) == {GOOD}
    minutes_marked = {start for id_, _, start, _ in story.marks() if id_ == "pm2_5_now"}
    assert minutes_marked == {f"03-04 12:{minute:02}" for minute in range(5, 20) if minute not in (6, 7, 8)}, "those of the spike were out already"
    # What is stored later says it at once, and its windows are marked in the same transaction.
    story.came(*minutes(device, {24: 11.0, 25: 11.0}))
    assert list(story.quality_of(device, DUST, NOON_US + 24 * MINUTE, NOON_US + HOUR).values()) == [4 | HAND, GOOD]
    assert {(start, reason) for id_, _, start, reason in story.marks() if id_ == "pm2_5_now"} == {("03-04 12:24", "flagged")}
    story.came(*minutes(device, {23: 12.0}, LATE))
    assert list(story.quality_of(device, DUST, NOON_US + 23 * MINUTE, NOON_US + 24 * MINUTE).values()) == [4 | HAND | 1 << 12]
    assert story.marks() == [], "late, and in no window: nothing changes"
    story.ask("DELETE FROM quality_inbox")
    assert (story.ask("SELECT * FROM quality_word"), story.ask("SELECT * FROM quality_due")) == (words, due)
    # Cleared, arrival's word and the tests' stand again.
    clear(story, no)
    story.turn()
    found = {(at - NOON_US) // MINUTE: one for at, one in story.quality_of(device, DUST, NOON_US, NOON_US + HOUR).items()}
    assert {minute: one for minute, one in found.items() if one != GOOD} == {6: 3 | SPIKE, 7: 3 | SPIKE, 8: 3 | SPIKE, 23: LATE}
    assert ("pm2_5_now", "flagged") in {(id_, reason) for id_, _, _, reason in story.marks()}
    (span,) = list(story.ask("SELECT set_by, cleared_by, why, pending, readings FROM quality_span"))
    assert span == ("test", "test", "the fan was stuck", False, 17)


def test_of_two_spans_the_newer_stands_and_a_person_can_say_good(story: Story) -> None:
    device = story.devices("air_quality")[0]
    story.came((device, DUST, NOON_US, 900.0, IMPLAUSIBLE), (device, DUST, NOON_US + MINUTE, 10.0, 2))
    older = put(story, wish(device, "missing"))
    put(story, wish(device, "good", (0, 30 * MINUTE)))
    story.turn()
    implausible = IMPLAUSIBLE & ~15
    assert list(story.quality_of(device, DUST, NOON_US, NOON_US + HOUR).values()) == [1 | HAND | implausible, 1 | HAND | int(Cause.UNCHECKED)]
    clear(story, older)
    story.turn()
    assert list(story.quality_of(device, DUST, NOON_US, NOON_US + HOUR).values()) == [1 | HAND | implausible, 1 | HAND | int(Cause.UNCHECKED)]
    clear(story, older + 1)
    story.turn()
    assert list(story.quality_of(device, DUST, NOON_US, NOON_US + HOUR).values()) == [IMPLAUSIBLE, 2]


def test_rule_19_flag_changes_stand_or_fall_with_the_writers_transaction(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    device = story.devices("air_quality")[0]
    put(story, wish(device))

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr("storage.transaction._store_watermarks", fail)
        with pytest.raises(ZeroDivisionError):
            story.came((device, DUST, NOON_US, 10.0, GOOD))
    assert story.ask("SELECT (SELECT count(*) FROM reading), (SELECT count(*) FROM quality_inbox), (SELECT count(*) FROM dirty_window)") == [
        (0, 0, 0)
    ]
    story.came((device, DUST, NOON_US, 10.0, GOOD))
    assert story.quality_of(device, DUST, NOON_US, NOON_US + 1) == {NOON_US: 4 | HAND}
    assert story.ask("SELECT count(*) FROM quality_inbox") == [(1,)]


def test_rule_19_setting_waits_for_a_transaction_that_is_storing(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a reading could be stored without the flag, and be seen by nobody who applies it."""
    device = story.devices("air_quality")[0]
    seen: list[bool] = []

    def meanwhile(*_: object) -> None:
        with connect(story.database.conninfo(tables.WRITER_ROLE), "test") as connection:
            connection.execute("SET lock_timeout = '200ms'")
            try:
                by_hand.put(connection, wish(device))
            except Exception as error:  # noqa: BLE001 - whatever refuses it is what is looked for
                seen.append("lock timeout" in str(error))

    with monkeypatch.context() as watched:
        watched.setattr("storage.transaction._store_watermarks", meanwhile)
        story.came((device, DUST, NOON_US, 10.0, GOOD))
    assert seen == [True]


def test_rule_20_the_next_reading_of_a_counter_behind_a_flagged_one_is_marked_when_it_comes(story: Story) -> None:
    meter = story.devices("electricity_meter")[0]
    story.came((meter, "electricity_used", NOON_US, 10.0, GOOD))
    put(story, wish(meter, span=(0, 1)))
    story.turn()
    story.marks()
    assert story.ask("SELECT count(*) FROM flag_end") == [(1,)]
    assert waiting(story) == {}
    story.came((meter, "electricity_used", NOON_US + 2 * DAY, 12.0, GOOD))
    assert waiting(story) == {"counters that speak again behind a flag": 1}
    assert story.marks() == []
    story.turn()
    days = {(start, reason) for id_, _, start, reason in story.marks() if id_ == "buildings_electricity_day"}
    assert days == {("03-05 23:00", "flagged")}
    assert story.ask("SELECT count(*) FROM flag_end") == [(0,)]


@pytest.mark.parametrize("seed", range(3))
def test_rule_23_any_order_of_arrival_and_of_runs_gives_the_flags_of_the_oracle(story: Story, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = story.near("air_quality", 6)
    rows = [row for device in names for row in steady(device, until=50)]
    rows = [(*row[:3], row[3] + float(rng.choice([0.0, 90.0, 250.0], p=[0.9, 0.07, 0.03])), GOOD) for row in rows if rng.random() < 0.9]
    expected = words_of(story, [row for row in rows if row[1] == DUST])
    order = rng.permutation(len(rows)).tolist()
    # Some in time, the rest late, in batches, with tests in between that see half of it.
    early, late = order[: len(order) // 2], order[len(order) // 2 :]
    story.came(*[rows[n] for n in early])
    story.passed(NOON_US + 2 * HOUR)
    for n in range(0, len(late), 40):
        if rng.random() < 0.7:
            story.quality.take(story.store.known())
        story.came(*[(*rows[m][:4], LATE) for m in late[n : n + 40]])
    story.turn()
    numbers = dict(story.ask("SELECT id, no FROM device_current"))
    bits = {int(bit): test for test, bit in TESTS.items()}
    found, flags = set(), {}
    for device in names:
        for at, one in story.quality_of(device, DUST, NOON_US, NOON_US + HOUR).items():
            found |= {(test, numbers[device], at) for bit, test in bits.items() if one & bit}
            flags[numbers[device], at] = one & 15
    assert found == expected.keys()
    assert len({test for test, *_ in found}) >= 2
    for (_, device_no, at), flag in expected.items():
        assert flags[device_no, at] >= flag


def words_of(story: Story, rows: list[tuple[str, str, int, float, int]]) -> deferred.Words:
    known = story.store.known()
    spans = []
    for no, city, latitude, longitude in story.ask("SELECT no, city, latitude, longitude FROM device WHERE kind = 'air_quality'"):
        record = known.dated.documents.cities[city]
        spans.append(deferred.Span(no, 0, MINUTE, -(1 << 61), 1 << 61, latitude, longitude, (record.south + record.north) / 2))
    numbers = dict(story.ask("SELECT id, no FROM device_current"))
    readings = [deferred.Reading(numbers[device], at, value) for device, _, at, value, _ in rows]
    return deferred.words(known.dated.documents.kinds["air_quality"].quality_tests[DUST], spans, readings, MINUTE)


def test_quarters_that_follow_each_other_are_tested_together() -> None:
    quarter = testing.QUARTER_US
    ready = [("a", n * quarter) for n in range(20)] + [("b", 0), ("b", 2 * quarter)]
    found = testing.groups(ready)
    assert found[:3] == [("b", (0, quarter)), ("a", (0, 16 * quarter)), ("b", (2 * quarter, 3 * quarter))]
    assert found[3] == ("a", (16 * quarter, 20 * quarter))
    assert testing.groups(ready[:3], {"a": 2}) == [("a", (0, 2 * quarter)), ("a", (2 * quarter, 3 * quarter))]


@pytest.mark.parametrize(("readings", "quarters", "most"), [(0, 1, 16), (600_000, 1, 1), (600_000, 6, 10), (9_000_000, 1, 1), (16, 16, 16)])
def test_quarters_of_many_readings_are_tested_alone(readings: int, quarters: int, most: int) -> None:
    assert testing.together(quality.Changed(readings, 0, 0), (0, quarters * testing.QUARTER_US)) == most


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"device": "brussels.air-qality-0001"}, "--device: wanted the id of a device"),
        ({"quantity": "pm25"}, "--quantity: wanted one of .*did you mean pm2_5"),
        ({"flag": "wrong"}, "--flag: wanted one of good, not_evaluated, suspect, bad, missing"),
        ({"ends": datetime(2026, 3, 4, tzinfo=UTC)}, "--to: wanted a time after --from"),
        ({"why": " "}, "--why: wanted some words"),
    ],
)
def test_what_cannot_be_set_is_said(story: Story, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        put(story, wish(story.devices("air_quality")[0])._replace(**change))
    assert story.ask("SELECT count(*) FROM quality_span") == [(0,)]


def test_what_is_cleared_is_not_cleared_again(story: Story) -> None:
    no = put(story, wish(story.devices("air_quality")[0]))
    clear(story, no)
    with pytest.raises(ConfigError, match=f"number of a span that holds.*{no}, cleared"):
        clear(story, no)
    with pytest.raises(ConfigError, match="number of a span that holds"):
        clear(story, no + 1_000)
