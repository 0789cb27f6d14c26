"""The consumer in the docs, as its reader runs it: on a real Kafka, in a process of its own."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from catalog.kpi_value import KpiValue
from catalog.topics import KPIS, partition_of
from runtime.kafka import producer
from stream.asyncapi import EXAMPLES
from tests.servers import System

EXAMPLE = Path(__file__).parents[2] / "docs/examples/consume_kpis.py"


def changed(value: float, epoch: str, area: str = "examplecity.a") -> KpiValue:
    return msgspec.structs.replace(EXAMPLES[0], area=area, value=value, epoch=epoch)


VALUES = [changed(1.0, "0/7"), changed(9.0, "0/6"), changed(9.0, "0/7"), changed(9.0, "0/9", "elsewhere.a"), changed(2.0, "0/8")]
FINAL = msgspec.structs.replace(changed(3.0, "0/9"), status="final", revision=1)


async def send(bootstrap: str, values: list[KpiValue]) -> None:
    async with producer(bootstrap, "test") as out:
        for value in values:
            key = f"{value.kpi}|{value.area}"
            await out.send_and_wait(KPIS.name, msgspec.json.encode(value), key=key.encode(), partition=partition_of(key))


@pytest.mark.integration
def test_the_example_prints_what_wins_and_nothing_else(servers: System, tmp_path: Path) -> None:
    printed = tmp_path / "out.txt"
    with printed.open("wb") as out, subprocess.Popen([sys.executable, str(EXAMPLE), servers.kafka, "examplecity"], stdout=out) as process:
        try:
            until_s = time.monotonic() + 60
            asked = 0
            while b"warm" not in printed.read_bytes() and time.monotonic() < until_s:
                asked += 1
                warm = msgspec.structs.replace(changed(0.0, f"0/{asked}", "examplecity.w"), kpi="warm")
                asyncio.run(send(servers.kafka, [warm]))
            asyncio.run(send(servers.kafka, [*VALUES, FINAL, VALUES[-1]]))
            while b" final" not in printed.read_bytes() and time.monotonic() < until_s:
                time.sleep(0.02)
            asyncio.run(send(servers.kafka, [msgspec.structs.replace(changed(0.0, "0/1", "examplecity.w"), kpi="end")]))
            while b"end" not in printed.read_bytes() and time.monotonic() < until_s:
                time.sleep(0.02)
        finally:
            process.terminate()
    lines = [line for line in printed.read_text().splitlines() if line.startswith("examplecity.a ")]
    assert lines == [f"examplecity.a pm2_5_now {value} ug/m3 ok {status}" for value, status in ((1.0, "live"), (2.0, "live"), (3.0, "final"))]


def test_the_example_is_as_short_as_the_docs_say() -> None:
    lines = [line for line in EXAMPLE.read_text().splitlines() if line.strip()]
    assert len(lines) <= 22
