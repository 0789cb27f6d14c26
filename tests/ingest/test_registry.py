"""Who may speak, and in which units."""

import msgspec
import pytest

from catalog.load import load_catalogue
from catalog.reasons import Reason
from catalog.topics import partition_of
from ingest.format import formats
from ingest.registry import Refused, Registry, Route
from ingest.units import SAME, labels
from kernels import ingest as kernel
from tests.ingest import city


def test_a_route_has_what_its_messages_need() -> None:
    registry = city.registry()
    route = registry.route(city.topic("weather-0003", "senml"))
    assert isinstance(route, Route)
    assert registry.device_ids[route.device] == "testville.weather-0003"
    assert route.partition == partition_of("testville.weather-0003")
    assert route.format.name == "senml"
    assert route.slots["temperature", None] >= 0
    assert route.slots["pm2_5", None] == -kernel.UNKNOWN_QUANTITY
    assert route.slots["temperature", "ug/m3"] == -kernel.WRONG_UNIT
    assert registry.boxes[route.device] == pytest.approx((3.7, 50.2, 5.0, 51.45))


def test_every_device_has_the_box_of_its_city_as_that_is_now() -> None:
    registry = city.registry()
    routes = [registry.route(f"city/testville/{device.id}/json") for device in city.DEVICES]
    assert len(routes) > 64
    assert all(registry.boxes[route.device] == pytest.approx((3.7, 50.2, 5.0, 51.45)) for route in routes if isinstance(route, Route))
    registry.apply("city/testville", msgspec.json.encode(msgspec.structs.replace(city.CITY, west=-179.9, south=-89.9, east=179.9, north=89.9)))
    moved = registry.route(city.topic())
    assert isinstance(moved, Route)
    assert registry.boxes[moved.device].tolist() == [-180.0, -90.0, 180.0, 90.0]


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("city/testville/testville.air-0000/csv", Reason.UNSUPPORTED_FORMAT),
        ("city/testville/testville.air-9999/json", Reason.UNKNOWN_DEVICE),
        ("city/atlantis/testville.air-0000/json", Reason.UNKNOWN_CITY),
        ("city/testville/testville.air-0000", Reason.MALFORMED),
        ("city/testville/testville.air-0000/json/x", Reason.MALFORMED),
        ("city", Reason.MALFORMED),
        ("city//", Reason.MALFORMED),
        ("city/testville//", Reason.UNKNOWN_DEVICE),
        ("town/testville/testville.air-0000/json", Reason.MALFORMED),
    ],
)
def test_a_topic_that_leads_nowhere_says_why(topic: str, reason: Reason) -> None:
    found = city.registry().route(topic)
    assert isinstance(found, Refused)
    assert found.refusal.reason == reason
    assert 0 <= found.partition < 12


def test_long_topics_are_not_remembered() -> None:
    registry = city.registry()
    short, long = city.topic(form="x"), city.topic(form="x" * 300)
    assert registry.route(short) is registry.route(short)
    assert registry.route(long) is not registry.route(long)


def test_a_device_of_another_city_is_unknown() -> None:
    registry = city.registry()
    other = msgspec.structs.replace(city.CITY, id="elsewhere")
    registry.apply("city/elsewhere", msgspec.json.encode(other))
    found = registry.route("city/elsewhere/testville.air-0000/json")
    assert isinstance(found, Refused)
    assert found.refusal.reason == Reason.UNKNOWN_DEVICE


def test_changes_reach_topics_that_are_remembered() -> None:
    registry, topic = city.registry(), city.topic()
    before = registry.route(topic)
    assert isinstance(before, Route)
    registry.apply("device/testville.air-0000", None)
    assert isinstance(registry.route(topic), Refused)
    registry.apply("device/testville.air-0000", dict(city.documents())["device/testville.air-0000"])
    assert registry.route(topic) == before
    kind = registry.kinds["air_quality"]
    registry.apply("kind/air_quality", msgspec.json.encode(msgspec.structs.replace(kind, max_age_s=60.0)))
    after = registry.route(topic)
    assert isinstance(after, Route)
    assert after.max_age_us == 60_000_000


def test_publishing_the_same_again_grows_nothing() -> None:
    registry = city.registry()
    registry.route(city.topic())
    slots = len(registry.table)
    for key, value in city.documents() * 3:
        registry.apply(key, value)
    kind = registry.kinds["air_quality"]
    registry.apply("kind/air_quality", msgspec.json.encode(msgspec.structs.replace(kind, max_age_s=61.0)))
    registry.route(city.topic())
    assert len(registry.table) == slots


def test_what_is_gone_or_unknown_is_no_error() -> None:
    registry = Registry(formats())
    registry.apply("device/never", None)
    registry.apply("kpi/anything", b"{}")
    with pytest.raises(msgspec.MsgspecError):
        registry.apply("device/x", b"{")
    assert registry.devices == {}


def test_every_spelling_of_a_known_unit_is_read_with_its_conversion() -> None:
    temperature = load_catalogue().quantities["temperature"]
    found = labels(temperature)
    assert found[None] == found["degC"] == found["Cel"] == found["℃"]
    assert found["K"].offset == -273.15
    assert found["kelvin"] == found["K"]
    assert "ug/m3" not in found
    assert "coulomb" not in found


def test_spellings_never_bend_what_the_catalogue_says() -> None:
    for quantity in load_catalogue().quantities.values():
        found = labels(quantity)
        assert all(found[label] == conversion for label, conversion in quantity.conversions.items() if label != quantity.unit)
        assert all(any(label in group and ({quantity.unit, *quantity.conversions} & group) for group in SAME)
                   for label in found if label not in {None, quantity.unit, *quantity.conversions})  # fmt: skip
