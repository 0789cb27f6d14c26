"""One chaos run: a system of its own, load and faults at once, then peace, then the comparison with the oracle.

Promises  Everything that was started is stopped and removed, however it ends. What the truth is stands in the run's folder before
          anything is judged: `truth/readings.parquet`, `broken.parquet` and `faults.json`.
Leaves    Judging to compare.py, words on the screen to report.py.
"""

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pandas as pd

from catalog.windows import from_us
from chaos import disk, load
from chaos.compare import compare
from chaos.disk import Disks
from chaos.faults import Done, Faults
from chaos.plan import FULL, SHORT, TAIL_S, Kind, least_s, plan
from chaos.recovery import Recovery, by_name, took
from chaos.result import Happened, Result
from chaos.script import SECOND_US
from chaos.system import Chaos, started
from local.child import tail
from local.errors import MachineError
from local.servers.postgres import Postgres
from runtime import clock
from storage import ledger_report, queries, settled
from tests.servers import Running

MINUTE_US = 60 * SECOND_US
_LOAD_ENDS_S, _LONGER_S = 180.0, 420.0
_RECOVERED_S, _CLOSED_S, _SETTLED_S = 60.0, 120.0, 240.0
_LOOK_S = 0.25
_DETAILS = 20
_WATERMARK = "SELECT min(watermark) >= %s FROM watermark"

Say = Callable[[str], None]


class Order(NamedTuple):
    """What was asked for; `seconds` is the least length of the load, which goes on to the end of its minute."""

    seed: int
    seconds: float
    faults: tuple[tuple[Kind, str], ...] = FULL
    session_s: float = 6.0


class Played(NamedTuple):
    """The load is over: when it began, the end of its last whole minute, messages sent, and where the truth lies."""

    start_us: int
    end_us: int
    messages: int
    truth: Path


def order(seed: int, minutes: float) -> Order:
    """The full list where there is time for it, else the short one; raises ConfigError where there is not even time for that."""
    seconds = 60.0 * minutes
    faults = FULL if seconds >= least_s(FULL) else SHORT
    asked = Order(seed, seconds, faults)
    plan(seed, seconds, asked.session_s, faults)
    return asked


def run(asked: Order, folder: Path, say: Say, postgres: Postgres | None = None) -> Result:
    """Do it all in `folder`; with `postgres`, in a fresh database of that cluster, which is then not killed. Raises Unavailable, MachineError."""
    faults = plan(asked.seed, asked.seconds, asked.session_s, asked.faults)
    with ExitStack() as undo:
        system, disks = undo.enter_context(_system(asked, folder, postgres, say))
        doing = Faults(system, disks, faults, asked.seed)
        recovery = Recovery(system, doing.done)
        undo.callback(recovery.end)
        played = _play(system, doing, recovery, asked, say)
        say("waiting until everything has found its place")
        report, unsettled = _settle(system, played.end_us)
        recovery.end()
        say("comparing with the oracle")
        verdict = compare(played.truth, system.world, system.conninfo(), system.kafka)
        restarts = {name: slot.watched.part.restarts for name, slot in system.slots.items()}
        details = {name: list(found)[:_DETAILS] for name, found in verdict.details.items()}
        details["ledger"] = [*unsettled, *report.get("alarms", []), *system.given_up()][:_DETAILS]
        readings, broken = (pd.read_parquet(played.truth / name) for name in (load.READINGS, load.BROKEN))
        return Result(
            seed=asked.seed,
            minutes=round((played.end_us - played.start_us) / MINUTE_US, 2),
            messages=played.messages,
            readings=int((readings["sent_us"] > 0).sum()),
            broken=int((broken["sent_us"] > 0).sum()),
            windows=verdict.windows,
            lost=verdict.lost,
            double=verdict.double,
            wrong=verdict.wrong,
            ledger=max(abs(int(report["balance"])), verdict.ledger, len(unsettled)),
            lost_in_broker=verdict.lost_in_broker,
            untimed=verdict.untimed,
            faults=[_happened(done, played.start_us) for done in doing.done],
            recovery_s=by_name(doing.done),
            disk=disks.how if any(done.kind == "fill" for done in doing.done) else "",
            restarts=restarts,
            details={name: found for name, found in details.items() if found},
        )


@contextmanager
def _system(asked: Order, folder: Path, postgres: Postgres | None, say: Say) -> Iterator[tuple[Chaos, Disks]]:
    """Everything up and ready, on small disks where the list fills them."""
    fills = any(kind == "fill" for kind, _ in asked.faults)
    with ExitStack() as undo:
        places: dict[str, Path] = {}
        home, data = folder / "system", folder / "data"
        if fills and undo.enter_context(disk.small(home, disk.HOME_MB)) and undo.enter_context(disk.small(data, disk.DATA_MB)):
            places = {"kafka": home}
            undo.callback(shutil.copytree, home / "log", folder / "log")  # the disk in memory goes, its logs stay
        say("starting servers and processes")
        system = undo.enter_context(started(home, asked.session_s, postgres))
        if places and system.owns_postgres:
            system.postgres.stop()
            disk.move(system.postgres.data, data)
            undo.callback(disk.give_back, system.postgres.data)
            undo.callback(system.down)
            system.postgres.start()
            places["postgres"] = data
        system.up()
        yield system, Disks(system, places)


def _play(system: Chaos, doing: Faults, recovery: Recovery, asked: Order, say: Say) -> Played:
    """Load and faults. The load goes on until the system has come back from the last fault, and to the end of a minute."""
    truth = system.folder.parent / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    sender = system.spawn("simulator", "chaos.load", (str(asked.seed), str(asked.seconds + _LONGER_S), str(truth)), **system.settings)
    start_us = int(_line(sender, "start_us", 60.0)["start_us"])
    recovery.start()
    say("load and faults: " + ", ".join(f"{fault.at_s:.0f} s {fault.name}" for fault in doing.faults))
    doing.run(start_us)
    recovery.wait(_RECOVERED_S)
    least_us = max(clock.now_us() + round(TAIL_S * SECOND_US), start_us + round(asked.seconds * SECOND_US))
    whole_us = -(-least_us // MINUTE_US) * MINUTE_US
    end_us = whole_us + SECOND_US
    part = truth / f"{load.END}.part"
    part.write_text(str(end_us), encoding="ascii")
    part.replace(truth / load.END)
    say(f"the last fault is over; load until {from_us(end_us):%H:%M:%S} UTC")
    told = _line(sender, "acknowledged", (end_us - clock.now_us()) / SECOND_US + _LOAD_ENDS_S)
    (truth / "faults.json").write_bytes(msgspec.json.encode(doing.done))
    return Played(start_us, whole_us, int(told["messages"]), truth)


def _settle(system: Chaos, end_us: int) -> tuple[dict[str, Any], list[str]]:
    """Wait until the windows before end_us are closed, stop the gateway, wait until nothing moves; the ledger's report and what did not settle."""
    problems: list[str] = []
    until_s = time.monotonic() + _CLOSED_S
    while not _closed(system, end_us):
        if time.monotonic() > until_s:
            problems.append(f"not closed within {_CLOSED_S:g} s: watermarks before {from_us(end_us):%H:%M:%S}")
            break
        time.sleep(_LOOK_S)
    system.stop_process("gateway")

    async def look() -> Mapping[str, Any]:
        with queries.reader(system.conninfo(), "kompas chaos") as connection:
            async with settled.Look(system.kafka, connection) as looking:
                try:
                    standing = await looking.wait(_SETTLED_S, lambda _: None)
                except TimeoutError as error:
                    problems.append(str(error))
                    standing = await looking.once()
            return ledger_report.report(connection, standing)

    return dict(asyncio.run(look())), problems


def _closed(system: Chaos, end_us: int) -> bool:
    with queries.reader(system.conninfo(), "kompas chaos") as connection:
        row = connection.execute(_WATERMARK, (from_us(end_us),)).fetchone()
        return row is not None and row[0] is True


def _line(sender: Running, key: str, within_s: float) -> dict[str, Any]:
    """The sender's line with this key, once it has said it."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        ended = sender.child.returncode is not None
        for line in sender.log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("{") and line.endswith("}") and key in (told := json.loads(line)):
                return dict(told)
        if ended:
            break
        time.sleep(_LOOK_S)
    raise MachineError(f"the load said no {key} within {within_s:.0f} s:\n    {tail(sender.log, 20)}", f"read {sender.log}")


def _happened(done: Done, start_us: int) -> Happened:
    at_s, lasted_s = (done.at_us - start_us) / 1e6, (done.until_us - done.at_us) / 1e6
    return Happened(fault=done.name, how=done.how, at_s=round(at_s, 2), lasted_s=round(lasted_s, 2), recovered_s=took(done))
