"""Laws of the invented registers: whole months in order, the same whenever asked, parts inside wholes, plausible everywhere."""

import threading
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.cities import load_city
from catalog.windows import from_us, to_us, window_of
from runtime.errors import Unavailable
from simulators.history import History
from simulators.maps import load_map
from simulators.publisher import Message
from simulators.registers import MODELS, Offices, is_register, month, months, steps
from simulators.rows import Row, read
from tests.simulators.cities import CATALOGUE

ZWOLLE = load_city("zwolle")
ZONE = ZoneInfo("Europe/Amsterdam")
DEVICES = [device for device in ZWOLLE.devices.values() if is_register(device)]


def offices(seed: int = 1, city: str = "zwolle") -> Offices:
    pack = ZWOLLE if city == "zwolle" else load_city(city)
    return Offices(pack.city, list(pack.devices.values()), pack.areas, CATALOGUE.kinds, CATALOGUE.quantities, seed)


def at(year: int, month_: int, day: int) -> int:
    return to_us(datetime(year, month_, day, tzinfo=ZONE))


def test_two_years_are_whole_months_in_order_of_time_over_all_areas():
    rows = list(months(offices(), at(2024, 1, 1), at(2026, 1, 1)))
    assert len(rows) == 24 * len(DEVICES)
    assert [row.at_us for row in rows] == sorted(row.at_us for row in rows)
    for row in rows:
        local = from_us(row.at_us).astimezone(ZONE)
        assert (local.day, local.hour, local.minute) == (1, 0, 0)
        assert set(row.values) == set(CATALOGUE.kinds[row.device.kind].quantities)
    assert set(Counter((row.device.id, row.at_us) for row in rows).values()) == {1}


@settings(max_examples=40, deadline=None)
@given(begin=st.integers(0, 800), length=st.integers(0, 400))
def test_a_month_is_there_when_it_is_over_and_not_before(begin, length):
    start_us = at(2024, 1, 1) + begin * 86_400_000_000
    end_us = start_us + length * 86_400_000_000
    found = [at_us for at_us, _ in steps(offices(), start_us, end_us)]
    assert all(start_us <= at_us and window_of(at_us, "month", ZONE.key)[1] <= end_us for at_us in found)
    assert len(found) >= length // 31 - 1


@settings(max_examples=15, deadline=None)
@given(device=st.sampled_from(DEVICES), year=st.integers(2024, 2035), number=st.integers(1, 12))
def test_a_row_does_not_depend_on_what_else_is_asked(device, year, number):
    at_us = at(year, number, 1)
    alone = month(offices()._replace(devices=[device]), device, at_us)
    assert alone == month(offices(), device, at_us)
    assert alone.values != month(offices(seed=2), device, at_us).values or device.id == "register:open-data:zwolle"


@pytest.mark.parametrize("city", ["zwolle", "brussels"])
def test_values_are_plausible_for_years_and_no_part_passes_its_whole(city):
    there = offices(city=city)
    for row in months(there, at(2024, 1, 1), at(2032, 1, 1)) if city == "zwolle" else months(there, at(2025, 1, 1), at(2026, 1, 1)):
        kind = there.kinds[row.device.kind]
        for name, value in row.values.items():
            low, high = kind.quantities[name].plausible
            step = there.quantities[name].resolution
            assert low <= value <= high, (row.device.id, name, value)
            assert value == pytest.approx(round(value / step) * step, abs=1e-9)
            whole = MODELS[name].of
            assert not whole or value <= row.values[whole], (row.device.id, name)


def test_every_quantity_of_a_register_has_a_model():
    named = {name for kind in CATALOGUE.kinds.values() if kind.correcting for name in kind.quantities}
    assert named == set(MODELS)


class Broker:
    """Stands where the publisher stands: takes messages; the database has them when it is said."""

    def __init__(self, deaf: int = 0) -> None:
        self.sent: list[tuple[str, int]] = []
        self.connected, self.waiting = False, 0
        self._deaf = deaf
        """So many messages get lost on the way."""
        self.there: dict[int, set[str]] = {}

    def connect(self) -> None:
        self.connected = True

    def close(self) -> None:
        self.connected = False

    def put(self, messages: list[Message]) -> None:
        assert self.connected
        for message in messages:
            device = message.topic[2:].decode().split("/")[2]
            at_us = msgspec.json.decode(message.payload)["time"] * 1_000
            self.sent.append((device, at_us))
            if self._deaf:
                self._deaf -= 1
            else:
                self.there.setdefault(at_us, set()).add(device)

    def drain(self, _timeout_s: float) -> bool:
        return True

    def stored(self, city: str, at_us: int) -> frozenset[str]:
        return frozenset(device for device in self.there.get(at_us, ()) if device.partition(":")[2].partition(":")[2].split(".")[0] == city)


NOW_US = at(2026, 3, 15)


def play(broker: Broker, cities: list[Offices], now_us: int = NOW_US) -> History:
    history = History(cities, broker, broker.stored)  # type: ignore[arg-type]
    history.catch_up(now_us, threading.Event())
    return history


def test_history_begins_two_whole_years_back_and_is_played_once():
    broker = Broker()
    history = play(broker, [offices()])
    times = [at_us for _, at_us in broker.sent]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (at(2024, 1, 1), at(2026, 2, 1))
    assert set(Counter(broker.sent).values()) == {1}
    before = len(broker.sent)
    assert history.catch_up(NOW_US, threading.Event()) == 0
    play(broker, [offices()])
    assert len(broker.sent) == before
    assert not broker.connected


def test_a_month_that_ends_is_played_and_a_row_that_is_missing_is_made_good():
    broker = Broker()
    history = play(broker, [offices()])
    before = len(broker.sent)
    assert history.catch_up(at(2026, 4, 1) - 1, threading.Event()) == 0
    assert history.catch_up(at(2026, 4, 1), threading.Event()) == len(DEVICES)
    assert {at_us for _, at_us in broker.sent[before:]} == {at(2026, 3, 1)}
    lost = broker.sent[5]
    broker.there[lost[1]].remove(lost[0])
    again = len(broker.sent)
    play(broker, [offices()], at(2026, 4, 1))
    assert broker.sent[again:] == [lost]


def test_cities_go_side_by_side_month_by_month():
    broker = Broker()
    play(broker, [offices(), offices(city="brussels")], at(2024, 4, 1) + 1)
    times = [at_us for _, at_us in broker.sent]
    assert times == sorted(times)
    assert {device.rpartition(":")[2].split(".")[0] for device, at_us in broker.sent if at_us == times[0]} == {"zwolle", "brussels"}


def test_what_does_not_come_to_be_stored_is_said_and_nothing_later_is_played(monkeypatch):
    monkeypatch.setattr("simulators.history._AGAIN_S", 0.3)
    broker = Broker(deaf=3)
    history = History([offices()], broker, broker.stored)  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match="3 are not"):
        history.catch_up(NOW_US, threading.Event())
    assert len({at_us for _, at_us in broker.sent}) == 1
    history.catch_up(NOW_US, threading.Event())
    assert len(broker.sent) == len(set(broker.sent)) + 3


def test_it_ends_when_asked_to():
    broker = Broker(deaf=10**6)
    stopping = threading.Event()
    history = History([offices()], broker, broker.stored)  # type: ignore[arg-type]
    thread = threading.Thread(target=history.run, args=(stopping,))
    thread.start()
    stopping.set()
    thread.join(5.0)
    assert not thread.is_alive()


def test_the_example_map_reads_a_monthly_file_in_order_of_time(tmp_path):
    file = tmp_path / "youth-care.csv"
    file.write_text(
        "month,area,clients,started,spent,budget,waiting\n2026-02,binnenstad,186,14,401000,398000,-\n2026-01,assendorp,402,30,874100,861000,61\n"
    )
    first, second = read(file, load_map(Path("docs/examples/maps/register_monthly.toml")))
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert (first.device, first.at_us) == ("register:youth-care:zwolle.assendorp", at(2026, 1, 1))
    assert (second.device, second.at_us) == ("register:youth-care:zwolle.binnenstad", at(2026, 2, 1))
    assert {first.device, second.device} <= ZWOLLE.devices.keys()
    assert {value.quantity: value.value for value in second.values} == {
        "youth_care_clients": 186.0, "youth_care_started": 14.0, "youth_care_spent": 401_000.0, "youth_care_budget": 398_000.0,
    }  # fmt: skip
