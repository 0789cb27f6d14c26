"""DuckDB's answer to what the aggregation kernel computes: one thread, the good readings as one table in its own memory.

Promises  The statement in its plainest form, devices first and areas from them; the time is CPU seconds of both statements, best of some rounds.
Leaves    Choosing and comparing to benchmarks.kernel.
"""

import time
from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kernels.arrive import Rows, Verdicts
from stream.worker.partition import WorkerPartition

I64 = npt.NDArray[np.int64]
MINUTE_US = 60_000_000
_TO_DEVICES = f"""
    CREATE OR REPLACE TEMP TABLE by_device AS
    SELECT device, quantity, measured_us // {MINUTE_US} AS minute, count(*) AS n, sum(v) AS total, min(v) AS low, max(v) AS high
    FROM reading GROUP BY ALL
"""
_TO_AREAS = """
    CREATE OR REPLACE TEMP TABLE by_area AS
    SELECT quantity, minute, area, count(*) AS devices, avg(total / n) AS mean FROM by_device JOIN place USING (device) GROUP BY ALL
"""


class Side(NamedTuple):
    """A result: by device (partition, slot, quantity, minute, n, sum, low, high) and by area (quantity, minute, area, devices, mean), sorted."""

    devices: I64
    areas: npt.NDArray[np.float64]


class Part(NamedTuple):
    """One partition: its worker, and its frames as the kernel takes them."""

    worker: WorkerPartition
    frames: list[tuple[Rows, Verdicts]]


def answer(parts: list[Part], rounds: int) -> tuple[Side, float]:
    """DuckDB's answer and its best time."""
    readings, places = _tables(parts)
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.register("readings_in", readings)
        connection.register("places_in", places)
        connection.execute("CREATE TABLE reading AS SELECT * FROM readings_in; CREATE TABLE place AS SELECT * FROM places_in")
        times = []
        for _ in range(rounds):
            began_s = time.process_time()
            connection.execute(_TO_DEVICES)
            connection.execute(_TO_AREAS)
            times.append(time.process_time() - began_s)
        device = "SELECT device // 1000000, device % 1000000, quantity, minute, n, total::BIGINT, low, high FROM by_device ORDER BY ALL"
        devices = np.array(connection.execute(device).fetchall(), np.int64)
        areas = np.array(connection.execute("SELECT quantity, minute, area, devices, mean FROM by_area ORDER BY ALL").fetchall(), np.float64)
    return Side(devices, areas), min(times)


def _tables(parts: list[Part]) -> tuple[pa.Table, pa.Table]:
    """Good readings and places as Arrow tables; a device's number is partition * 10^6 + slot."""
    columns: dict[str, list[npt.NDArray[Any]]] = {"device": [], "quantity": [], "measured_us": [], "v": []}
    places: list[tuple[int, int]] = []
    for part in parts:
        program, base = part.worker.state.program, part.worker.partition * 1_000_000
        for rows, verdicts in part.frames:
            read = np.diff(program.lanes.of_quantity) > 0  # a counter has no mean, so no lane
            good = (
                read[rows.quantity]
                & (verdicts.status == 0)
                & np.isin(verdicts.quality & 15, (1, 2))
                & (program.lanes.row[rows.quantity, rows.slot] >= 0)
            )
            columns["device"].append((rows.slot[good] + base).astype(np.int32))
            columns["quantity"].append(rows.quantity[good].astype(np.int16))
            columns["measured_us"].append(rows.measured_us[good])
            columns["v"].append(verdicts.integer[good])
        area = program.places[0].area
        places += [(base + s, int(a)) for s in range(area.shape[0]) for a in area[s] if a >= 0]
    found = {name: np.concatenate(arrays) for name, arrays in columns.items()}
    table = np.array(places, np.int32)
    return pa.table(found), pa.table({"device": table[:, 0], "area": table[:, 1]})
