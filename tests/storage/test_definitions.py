"""A version number is a promise: what computes the value does not change under it."""

from typing import Any

import pytest

from catalog.records import Kpi
from runtime.errors import ConfigError
from storage.definitions import Stored, definition_hash, document, next_window_us
from tests.storage.making import NOON_US

NAMES = {"en": "Noise", "fr": "Bruit", "nl": "Geluid"}


def kpi(**changes):
    given: dict[str, Any] = {
        "id": "noise_now", "version": 1, "names": NAMES, "descriptions": NAMES, "unit": "dB", "formula": "leq(sound_level)",
        "window": "quarter_hour", "better": "lower", "owner": "environment", "steward": "lab", "source": "[noise]", "check_sql": "SELECT 1",
    }  # fmt: skip
    return Kpi(**(given | changes))


STORED = Stored(1, definition_hash(kpi()), 123, True)


@pytest.mark.parametrize("changed", [{"formula": "max(sound_level)"}, {"window": "hour"}, {"unit": "B"}, {"min_coverage": 0.5}])
def test_what_computes_the_value_does_not_change_under_a_version(changed):
    with pytest.raises(ConfigError, match=r"kpi noise_now: version: wanted 2, since formula, window, unit or min_coverage changed, got 1"):
        document(kpi(**changed), STORED, 456)


@pytest.mark.parametrize("changed", [{"owner": "mobility"}, {"names": NAMES | {"en": "Noise now"}}, {"decimals": 2}])
def test_texts_and_owners_change_freely_and_keep_the_first_window(changed):
    assert document(kpi(**changed), STORED, 456).live_from_us == 123


def test_a_new_version_begins_with_the_next_window():
    new = document(kpi(version=2, formula="max(sound_level)"), STORED, 456)
    assert (new.live_from_us, new.hash) == (456, definition_hash(kpi(formula="max(sound_level)")))


def test_a_version_does_not_go_back():
    with pytest.raises(ConfigError, match="wanted 3 or more"):
        document(kpi(version=2), Stored(3, "x", 0, True), 456)


def test_a_kpi_that_comes_back_begins_with_the_next_window():
    assert document(kpi(), STORED._replace(in_force=False), 456).live_from_us == 456


def test_the_next_window_begins_after_now_in_every_city():
    assert next_window_us(kpi(), NOON_US, ["Europe/Brussels"]) == NOON_US + 900_000_000
    day = next_window_us(kpi(window="day"), NOON_US, ["Europe/Brussels", "America/New_York"])
    assert day == NOON_US + 17 * 3_600_000_000
