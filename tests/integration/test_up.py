"""`./kompas up` as a person uses it: up, look, publish by hand, down, up again with the data there, Ctrl-C, and what can go wrong.

The demo city stays out, so that every count is ours. KOMPAS_HOME and ports are of this test alone.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from local import ports, processes, state
from tests.integration.up_kit import Kompas, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def kompas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kompas]:
    kompas = Kompas(tmp_path_factory.mktemp("up") / "home")
    try:
        kompas.up()
        yield kompas
    finally:
        kompas.run("down", "--purge")
        assert kompas.processes() == []


def test_status_tells_everything_and_everything_is_well(kompas: Kompas) -> None:
    eventually(kompas.well)
    code, found = kompas.status_by_command()
    assert code == 0, found
    assert found.keys() == kompas.status().keys()
    assert {"servers", "processes", "mqtt", "kafka", "database", "counts", "urls"} <= found.keys()
    assert set(found["servers"]) == {"mosquitto", "kafka", "postgres"}
    assert set(found["processes"]) == {process.name for process in processes.LONG_RUNNING} - {"demo"}
    assert {part["state"] for part in (*found["servers"].values(), *found["processes"].values())} == {"up"}
    assert found["mqtt"]["port"] == kompas.ports["mqtt"]
    assert found["mqtt"]["outage_messages"] >= 600_000
    assert found["mqtt"]["outage_s_at_1000"] >= 600
    assert min(found["mqtt"][f"outage_{what}_mb"] for what in ("memory", "disk")) > 500
    assert found["kafka"]["topics"]["kompas.readings.v1"]["partitions"] == 12
    for path in (*found["database"]["roles"].values(), *found["mqtt"]["users"].values()):
        assert Path(path).stat().st_mode & 0o777 == 0o600
    said = json.dumps(found)
    assert not [path for path in kompas.layout.secrets.iterdir() if path.read_text().strip() in said]


def test_postgres_runs_as_nobody_special(kompas: Kompas) -> None:
    pid = kompas.status()["servers"]["postgres"]["pid"]
    assert psutil.Process(pid).uids().effective != 0


def test_a_second_up_says_that_it_runs_already(kompas: Kompas) -> None:
    before = kompas.status()["pid"]
    done = kompas.run("up", "--detach")
    assert (done.returncode, kompas.status()["pid"]) == (0, before)
    assert "runs already" in done.stdout


def test_a_reading_published_by_hand_reaches_the_kpi(kompas: Kompas) -> None:
    found = kompas.status()
    command = found["urls"]["example_publish"]
    device = next(name for name in found["mqtt"]["manual_devices"] if f" -u {name} " in command)
    area = found["mqtt"]["manual_devices"][device]["area"]
    password = Path(found["database"]["roles"]["kompas_reader"]).read_text().strip()
    at = found["database"]
    asked = "SELECT coalesce(max(devices), 0) FROM kpi_latest WHERE area = %s AND slot = 'open'"
    with psycopg.connect(host=at["host"], port=at["port"], dbname=at["name"], user="kompas_reader", password=password, autocommit=True) as connection:

        def devices() -> int:
            row = connection.execute(asked, (area,)).fetchone()
            assert row is not None
            return int(row[0])

        assert devices() == 0
        subprocess.run(["sh", "-c", command], check=True, timeout=30)
        eventually(lambda: devices() == 1)
    subprocess.run(["sh", "-c", command], check=True, timeout=30)
    eventually(lambda: kompas.status()["counts"].get("readings") == 2)


def test_a_killed_process_comes_back(kompas: Kompas) -> None:
    pid = kompas.part("gateway")["pid"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: kompas.part("gateway")["pid"] not in (None, pid))
    eventually(lambda: bool(kompas.part("gateway")["ready"]))
    assert kompas.part("gateway")["restarts"] == 1


@pytest.mark.parametrize("server", ["kafka", "postgres", "mosquitto"])
def test_a_killed_server_comes_back_and_data_go_on(kompas: Kompas, server: str) -> None:
    before = kompas.status()
    pids = {name: part["pid"] for name, part in before["processes"].items()}
    os.kill(before["servers"][server]["pid"], signal.SIGKILL)
    eventually(lambda: kompas.part(server)["pid"] not in (None, before["servers"][server]["pid"]))
    told = kompas.part(server)
    assert (told["state"], told["restarts"], told["reason"]) == ("up", 1, "ended by signal 9")
    eventually(kompas.well)
    subprocess.run(["sh", "-c", before["urls"]["example_publish"]], check=True, timeout=30)
    eventually(lambda: kompas.status()["counts"].get("readings") == before["counts"]["readings"] + 1)
    # They wait for a server; only the worker's promise wants it to end where an output was not taken, and to come back.
    now = kompas.status()["processes"]
    assert {name: now[name]["pid"] for name in ("gateway", "writer")} == {name: pids[name] for name in ("gateway", "writer")}


def test_after_down_and_up_the_data_are_there(kompas: Kompas) -> None:
    counts = kompas.status()["counts"]
    done = kompas.run("down")
    assert (done.returncode, kompas.processes()) == (0, [])
    assert kompas.run("status").returncode == 1
    kompas.up()
    eventually(lambda: bool(kompas.status()["counts"]))
    assert kompas.status()["counts"]["readings"] == counts["readings"]
    assert kompas.status()["counts"]["kpi_values"] >= counts["kpi_values"]


def test_the_end_of_the_supervisor_is_the_end_of_all_and_ctrl_c_is_a_clean_one(kompas: Kompas) -> None:
    before = kompas.status()["counts"]["readings"]
    os.kill(kompas.status()["pid"], signal.SIGKILL)
    eventually(lambda: kompas.processes() == [])
    assert not kompas.status()["running"]
    in_order = [*(process.name for process in reversed(processes.LONG_RUNNING) if process.name != "demo"), "mosquitto", "kafka", "postgres"]
    stopped: list[list[str]] = []

    def look() -> None:
        now = state.read(kompas.layout.run)
        stopped.append([name for name in in_order if now is not None and {**now.processes, **now.servers}[name].state == "stopped"])

    def goes_on(said: str) -> bool:
        return "Ctrl-C stops everything in order" in said and kompas.status()["counts"].get("readings") == before

    with at_a_terminal(kompas, "up", "--no-docker", "--no-demo", "--city", "zwolle") as (up, terminal):
        assert "Kompas is up after" in read(terminal, goes_on)
        os.write(terminal, b"\x03")
        said = read(terminal, lambda _: False, look)
        assert up.wait(30) == 0, said
    assert "Stopping, in order" in said
    assert "Everything is stopped; the data are kept" in said
    assert "Traceback" not in said
    assert [each for each in stopped if each != in_order[: len(each)]] == []
    assert stopped[-1] == in_order
    last = state.read(kompas.layout.run)
    assert last is not None
    assert (last.phase, last.trouble, state.holder(kompas.layout.run)) == ("stopped", None, None)
    assert {part.pid for part in (*last.processes.values(), *last.servers.values())} == {None}
    assert (kompas.processes(), kompas.status()["running"]) == ([], False)


@contextlib.contextmanager
def at_a_terminal(kompas: Kompas, *arguments: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """A command in a session with a terminal of its own: the byte of Ctrl-C becomes SIGINT for it, as under a person's hands."""
    terminal, theirs = os.openpty()
    environment = {**kompas.environment, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    # Whoever runs the tests in the background may have SIGINT ignored, and children inherit that.
    command = ["env", "--default-signal=INT", "setsid", "--ctty", sys.executable, "-P", "-m", "cli", *arguments]
    running = subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        yield running, terminal
    finally:
        running.kill()
        running.wait()
        os.close(terminal)


def read(terminal: int, holds: Callable[[str], bool], look: Callable[[], object] = lambda: None) -> str:
    """What is written to a terminal, until it holds or whoever writes has ended; looks in between."""
    said, until_s = b"", time.monotonic() + 120.0
    while not holds(text := said.decode(errors="replace")):
        assert time.monotonic() < until_s, text[-2_000:]
        look()
        if select.select([terminal], [], [], 0.02)[0]:
            try:
                said += os.read(terminal, 65_536)
            except OSError:  # nobody has the other end open any more
                return text
    return text


def test_a_port_in_use_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    other = Kompas(tmp_path / "home")
    with socket.socket() as taken:
        taken.bind((ports.HOST, other.ports["database"]))
        taken.listen()
        done = other.run("up", "--detach", "--city", "zwolle")
    assert done.returncode == 1
    assert f"port {other.ports['database']} (database) is in use by" in done.stderr.replace("\n", " ")
    assert "KOMPAS_PORT_DATABASE" in done.stderr
    assert other.processes() == []


def test_a_city_that_is_not_there_is_bad_usage(tmp_path: Path) -> None:
    other = Kompas(tmp_path / "home")
    done = other.run("up", "--city", "atlantis")
    assert done.returncode == 2
    assert "atlantis" in done.stderr
    assert "zwolle" in done.stderr
    assert other.run("up", "--no-such-option").returncode == 2
