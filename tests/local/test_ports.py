"""Ports: defaults differ, the environment moves them, a taken one is named with its holder."""

import os
import socket
import subprocess
import sys

import pytest

from catalog.errors import ConfigError
from local import ports
from local.errors import MachineError


def test_defaults_are_different_and_stay_away_from_the_servers_own() -> None:
    chosen = ports.chosen({})
    assert chosen == dict(ports.DEFAULTS)
    assert len(set(chosen.values())) == len(chosen)
    assert not {1883, 9092, 9093, 5432} & set(chosen.values())


def test_the_environment_moves_one() -> None:
    assert ports.chosen({"KOMPAS_PORT_MQTT": "1883"}) == {**ports.DEFAULTS, "mqtt": 1883}


@pytest.mark.parametrize("text", ["", "0", "65536", "abc", "-1", "1.5"])
def test_a_port_that_is_none_names_its_variable(text: str) -> None:
    with pytest.raises(ConfigError, match="KOMPAS_PORT_KAFKA: wanted a port from 1 to 65535"):
        ports.chosen({"KOMPAS_PORT_KAFKA": text})


def test_two_of_one_number_are_refused() -> None:
    with pytest.raises(ConfigError, match="a port of its own"):
        ports.chosen({"KOMPAS_PORT_KAFKA": "21883"})


def test_a_taken_port_is_named_with_its_holder_and_what_to_do() -> None:
    with socket.socket() as other:
        other.bind((ports.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        assert ports.taken(port)
        with pytest.raises(MachineError) as caught:
            ports.require_free({"mqtt": port}, ["mqtt"])
    assert f"port {port} (mqtt) is in use by" in caught.value.what
    assert f"pid {os.getpid()}" in caught.value.what
    assert "KOMPAS_PORT_MQTT=<port>" in caught.value.do
    assert not ports.taken(port)


def test_free_ports_are_free_and_different() -> None:
    found = ports.free(5)
    assert len(set(found)) == 5
    assert not any(ports.taken(port) for port in found)


def test_a_port_given_out_is_nobody_elses_before_a_server_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_FREE", ports._FREE[:400])
    mine = set(ports.free(150))
    asked = "from local import ports; ports._FREE = ports._FREE[:400]; print(*ports.free(150))"
    theirs = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert len(theirs) == 150
    assert not mine & {int(port) for port in theirs}
