"""The comparison of a settled run: what was sent, by the sender's truth, against what the platform stored, published and refused.

Promises  Flags and values of the platform enter nothing that they are compared with. What it says is what chaos.verdict.Verdict names.
          It wants a system at rest: where gateways go on, windows close beside it, which is allowed for, and tests become due, which is not.
Leaves    Making the run to chaos.run; arithmetic to chaos.oracle, reading to chaos.evidence.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from catalog.quality import Flag
from chaos import evidence, oracle_quality, oracle_readings, rules, verdict
from chaos.evidence import Evidence
from chaos.oracle import Oracle
from chaos.oracle_ground import Ground
from chaos.verdict import Findings, Verdict
from local.outage import QUEUE
from simulators.worlds import World

READINGS, BROKEN, FAULTS = "readings.parquet", "broken.parquet", "faults.json"
AUTOSAVE_US = QUEUE.autosave_s * 1_000_000
"""How much of what it acknowledged Mosquitto may forget when it is killed."""
AFTER_US = 2_000_000
"""An acknowledgement that was on its way when the broker died is noted after that."""


class Truth(NamedTuple):
    """What the sender knows."""

    readings: pd.DataFrame
    """As chaos.rules.judge wants them."""
    broken: pd.DataFrame
    """message, device, reason, sent_us, acked_us: records and messages that must be refused."""
    broker_killed_us: Sequence[tuple[int, int]]
    """Spans of acknowledgements that the broker may have forgotten."""


def compare(truth: Path, there: World, conninfo: str, bootstrap: str) -> Verdict:
    """Judge a run; raises Unavailable where a server does not answer.

    truth      folder with readings.parquet, broken.parquet and, where faults were done, faults.json
    there      the city and the catalogue as they ran
    conninfo   the database; bootstrap: Kafka
    """
    known, said = read(truth), evidence.gather(there, conninfo, bootstrap)
    judged = judge(known, there, said)
    lost = judged.found.lost
    candidates = lost[verdict.within(lost["acked_us"], known.broker_killed_us)]
    gone = ~evidence.in_readings(bootstrap, candidates)
    return conclude(judged, gone.reindex(lost.index, fill_value=False), known, said)


def read(truth: Path) -> Truth:
    """The sender's files."""
    faults = truth / FAULTS
    done = json.loads(faults.read_bytes()) if faults.exists() else []
    killed = [(one["at_us"] - AUTOSAVE_US, one["at_us"] + AFTER_US) for one in done if (one["kind"], one["victim"]) == ("kill", "mosquitto")]
    return Truth(pd.read_parquet(truth / READINGS), pd.read_parquet(truth / BROKEN), killed)


class Judged(NamedTuple):
    """What the oracle makes of the truth."""

    rows: pd.DataFrame
    """chaos.rules.judge"""
    found: oracle_readings.Found
    ground: Ground
    there: World


def judge(known: Truth, there: World, said: Evidence) -> Judged:
    """Arrival rules on everything that was sent, and what of it is there. Pure."""
    catalogue = there.catalogue
    rows = rules.judge(known.readings, there.pack.devices, catalogue.kinds, catalogue.quantities, said.passed.now_us)
    ground = Ground(there.pack.city, there.pack.areas, catalogue.kinds, catalogue.quantities, catalogue.kpis, said.places)
    return Judged(rows, oracle_readings.compare(rows, said.readings), ground, there)


def flagged(counted: pd.DataFrame, ground: Ground, said: Evidence) -> pd.DataFrame:
    """With flag: what arrival and the deferred tests make of every reading, by the oracle alone."""
    arrival = counted["plausible"].astype(bool).map({True: int(Flag.GOOD), False: int(Flag.SUSPECT)})
    tested = counted[counted["plausible"].astype(bool) & counted["timed"].astype(bool)]
    words = oracle_quality.words(tested, ground, said.passed.watermarks)
    both = counted.assign(arrival=arrival).merge(words, on=oracle_readings.KEY, how="left")
    return both.assign(flag=both[["arrival", "word"]].max(axis=1).astype("int64")).drop(columns=["arrival", "word"])


def conclude(judged: Judged, in_broker: "pd.Series[bool]", known: Truth, said: Evidence) -> Verdict:
    """Everything that is left to compare; `in_broker`: which lost readings rule 26 excuses. Pure."""
    into, found = Findings(), judged.found
    excused = verdict.of_readings(found, in_broker, known.broker_killed_us, into)
    excused += verdict.of_refusals(judged.rows, known.broken, said.refused, known.broker_killed_us, into)
    there = found.counted.merge(found.lost[in_broker][oracle_readings.KEY].assign(gone=True), on=oracle_readings.KEY, how="left")
    counted = flagged(there[there["gone"].isna()].drop(columns="gone"), judged.ground, said)
    verdict.of_flags(counted, said.readings, into)
    good = counted[counted["flag"] == Flag.GOOD]
    windows = verdict.of_values(Oracle(judged.ground, good, said.passed), judged.ground.kpis, said.values, into)
    verdict.of_consumer(said.said, said.values, said.closed_us, into)
    into.add("double", [f"{said.rows} rows in the table, {said.told_rows} told as stored"] * abs(said.rows - said.told_rows))
    into.add("wrong", (f"{window}: kpi_latest shows it as the newest settled value, and it is not" for window in said.shown))
    into.add("ledger", [*said.ledger.alarms, *([said.unsettled] if said.unsettled else [])])
    untimed = {"lost": len(found.untimed_lost), "repeated": found.untimed_repeated}
    balance = max(said.ledger.balance, int(bool(said.unsettled)))
    return Verdict(into.counts["lost"], into.counts["double"], into.counts["wrong"], balance, excused, into.told, found.expected, windows, untimed)
