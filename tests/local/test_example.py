"""The example reading: plausible at any second, and no password in any command."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from catalog.cities import CityPack, city_names, load_city
from catalog.load import Catalogue, load_catalogue
from catalog.packs import configured
from local import example
from local.processes import Addresses

AT = Addresses("127.0.0.1:9", "127.0.0.1", 18, "127.0.0.1", 54, "kompas", Path("/a folder/secrets"))


@pytest.fixture(scope="module", params=city_names())
def city(request: pytest.FixtureRequest) -> tuple[CityPack, Catalogue]:
    pack = load_city(request.param)
    return pack, configured(load_catalogue(), [pack])


def test_the_example_is_plausible_at_any_second(city: tuple[CityPack, Catalogue]) -> None:
    pack, catalogue = city
    chosen = example.choose(pack.devices.values(), catalogue.kinds, catalogue.kpis)
    assert chosen is not None
    assert chosen.device.manual
    low, high = catalogue.kinds[chosen.device.kind].quantities[chosen.quantity].plausible
    assert low <= chosen.low < chosen.low + chosen.span <= high


def test_no_kpi_of_a_manual_device_has_a_shorter_window(city: tuple[CityPack, Catalogue]) -> None:
    pack, catalogue = city
    chosen = example.choose(pack.devices.values(), catalogue.kinds, catalogue.kpis)
    assert chosen is not None
    quantities = {name for device in pack.devices.values() if device.manual for name in catalogue.kinds[device.kind].quantities}
    named = [kpi for kpi in catalogue.kpis.values() if set(re.findall(r"\w+", kpi.formula)) & quantities]
    shortest = min(example._WINDOWS.index(kpi.window) for kpi in named)
    assert chosen.kpi is not None
    assert example._WINDOWS.index(catalogue.kpis[chosen.kpi].window) == shortest


def test_the_shell_makes_valid_json_of_it(city: tuple[CityPack, Catalogue]) -> None:
    pack, catalogue = city
    chosen = example.choose(pack.devices.values(), catalogue.kinds, catalogue.kpis)
    assert chosen is not None
    command = example.publish(chosen, AT)
    assert command.startswith("mosquitto_pub -h 127.0.0.1 -p 18 ")
    assert "$(cat '/a folder/secrets/mqtt-" in command
    payload = command.partition(" -m ")[2]
    said = subprocess.run(["sh", "-c", f"printf %s {payload}"], capture_output=True, text=True, check=True).stdout
    reading = json.loads(said)
    assert set(reading) == {"quantity", "value"}
    assert chosen.low <= reading["value"] <= chosen.low + chosen.span


def test_a_city_without_manual_device_has_none() -> None:
    assert example.choose([], {}, {}) is None


@pytest.mark.parametrize("command", [example.kcat(AT), example.psql(AT), example.mosquitto_sub(AT)])
def test_commands_are_whole_for_the_shell(command: str) -> None:
    assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0
    assert "127.0.0.1" in command
