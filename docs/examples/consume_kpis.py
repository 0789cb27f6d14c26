"""Print every KPI value of a city as it changes: python docs/examples/consume_kpis.py HOST:PORT brussels."""

import asyncio
import json
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer

newest: dict[str, tuple[str, int, int]] = {}  # per KPI, version and area: window, revision, epoch of the best value so far


async def main(bootstrap: str, city: str) -> None:
    """Read from the newest record on, without a group: nothing is committed, nobody else is disturbed."""
    async with AIOKafkaConsumer("kompas.kpis.v1", bootstrap_servers=bootstrap, auto_offset_reset="latest") as consumer:
        async for record in consumer:
            value: dict[str, Any] = json.loads(record.value)
            name = f"{value['kpi']}|{value['version']}|{value['area']}"
            epoch = int(value["epoch"].split("/")[1]) if value["revision"] == 0 else 0
            rank = (value["window_start"], value["revision"], epoch)
            if value["area"].split(".")[0] == city and rank > newest.get(name, ("", 0, 0)):  # older words may come again
                newest[name] = rank
                print(value["area"], value["kpi"], value["value"], value["unit"], value["state"], value["status"], flush=True)  # noqa: T201


asyncio.run(main(sys.argv[1], sys.argv[2]))
