"""The truth of a run: every reading with its fault, and every KPI from the undisturbed signal and from what was acceptable.

Promises  A reading that was never sent is in it, too; KPIs come from referee.py alone.
Leaves    Comparing with the database to checking.py.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from catalog.records import Kpi
from simulators import aggregates, referee
from simulators.city import Streams
from simulators.faults import Fault
from simulators.ground import Ground
from simulators.player import Sent
from simulators.stretch import Stretch

UNACCEPTABLE = (Fault.MISSING, Fault.SILENT, Fault.WRONG_CLOCK, Fault.MALFORMED, Fault.SPIKE)
"""What must not enter a KPI. What is stuck or drifts looks plausible and enters; what is late enters when restated."""


class Truth(NamedTuple):
    """What was sent and what it should have led to."""

    readings: pd.DataFrame
    """device, kind, quantity, measured_us, stamped_us, true, value, fault (name), sent_us (0: never), acceptable, in_time,
    surely_late."""
    kpis: pd.DataFrame
    """kpi, version, area, window_start_us, true, acceptable, in_time, devices and state (of in_time). In a window that the run does not fill,
    this is what the run's readings alone say. `ok` is a number: the platform still says not_enough_data where its coverage is too low."""
    not_judged: Sequence[str]
    """Why some KPIs are not in it."""


def readings(city: Streams, parts: Iterable[Stretch], sent: Sent) -> pd.DataFrame:
    """All readings of a run, in the order in which they were due."""
    frames, first = [], 0
    sent_us = _first_sent(sent)
    ids = np.array([device.id for device in city.devices])
    kinds = np.array([device.kind for device in city.devices])
    names = np.array([fault.name.lower() for fault in Fault])
    for part in parts:
        table, fault = part.readings, part.readings.fault
        number = table.message + first
        late = fault == Fault.LATE
        acceptable = ~np.isin(fault, UNACCEPTABLE)
        frames.append(
            pd.DataFrame(
                {
                    "device": ids[table.device],
                    "kind": kinds[table.device],
                    "quantity": np.array(city.quantity_ids)[table.quantity],
                    "measured_us": table.measured_us,
                    "stamped_us": table.stamped_us,
                    "true": table.true,
                    "value": table.value,
                    "fault": names[fault],
                    "sent_us": [sent_us.get(each, 0) for each in number.tolist()],
                    "acceptable": acceptable,
                    "in_time": acceptable & ~late,
                    "surely_late": late,
                }
            )
        )
        first += len(part.messages.device)
    return pd.concat(frames, ignore_index=True)


def judge(table: pd.DataFrame, kpis: Iterable[Kpi], where: Ground) -> tuple[pd.DataFrame, list[str]]:
    """KPIs of a table of readings, three ways, and why some could not be judged."""
    found, skipped = [], []
    undisturbed = table.assign(at_us=table["measured_us"], value=table["true"])
    sent = table.assign(at_us=table["stamped_us"])
    for kpi in kpis:
        try:
            true = referee.judge(kpi, undisturbed, where)
            acceptable = referee.judge(kpi, sent[sent["acceptable"]], where)
            in_time = referee.judge(kpi, sent[sent["in_time"]], where)
        except aggregates.UnknownFormulaError as reason:
            skipped.append(str(reason))
            continue
        key = ["kpi", "version", "area", "window_start_us"]
        merged = true.rename(columns={"value": "true"}).drop(columns="devices")
        merged = merged.merge(acceptable.rename(columns={"value": "acceptable"}).drop(columns="devices"), on=key, how="outer")
        found.append(merged.merge(in_time.rename(columns={"value": "in_time"}), on=key, how="outer"))
    columns = ["kpi", "version", "area", "window_start_us", "true", "acceptable", "in_time", "devices", "state"]
    table_of_kpis = pd.concat([each for each in found if not each.empty], ignore_index=True) if any(len(each) for each in found) else None
    if table_of_kpis is None:
        return pd.DataFrame({name: [] for name in columns}), skipped
    state = np.select([table_of_kpis["in_time"].notna(), table_of_kpis["devices"] > 0], ["ok", "not_enough_data"], "no_data")
    return table_of_kpis.assign(state=state.astype(object))[columns], skipped


def write(truth: Truth, path: Path) -> tuple[Path, Path]:
    """Two Parquet files: readings at `path`, KPIs beside it as <name>.kpis.parquet."""
    beside = path.with_suffix(".kpis.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    truth.readings.to_parquet(path, index=False)
    truth.kpis.to_parquet(beside, index=False)
    return path, beside


def _first_sent(sent: Sent) -> dict[int, int]:
    """When each message was handed over for the first time."""
    found: dict[int, int] = {}
    for number, at_us in zip(sent.message.tolist(), sent.at_us.tolist(), strict=True):
        found.setdefault(number, at_us)
    return found
