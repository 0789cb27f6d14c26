"""Which readings are there and which should be: the truth, judged by chaos.rules, held against the stored table. Pure.

Promises  A reading is known by device, quantity and time; one without a time by device, quantity and value, and is counted apart. The stored
          table decides presence, and when a reading was received, only where nobody can know it from outside; values are always the truth's,
          and flags are never looked at.
Leaves    Why something is missing (a broker that was killed) to chaos.verdict, KPI values to chaos.oracle.
"""

from typing import NamedTuple

import pandas as pd

from chaos.rules import OPEN, REFUSED, STORED

KEY = ["device", "quantity", "measured_us"]
_VALUE = ["device", "quantity", "value"]


class Found(NamedTuple):
    """What came of the comparison; every table has at least KEY."""

    expected: int
    """Distinct readings with a time of their own that must be stored."""
    lost: pd.DataFrame
    """Of these, what is not; acked_us: when the broker took it last."""
    surplus: pd.DataFrame
    """Stored, though nobody sent it or it had to be refused; with value and why."""
    altered: pd.DataFrame
    """Stored with another value (stored_value) than was sent (value)."""
    counted: pd.DataFrame
    """What settled KPI values rest on before the deferred tests: KEY, kind, integer, value, plausible (value and time), timed. What is lost is
    among it, what is surplus is not."""
    untimed_lost: pd.DataFrame
    """Readings without a time: of one device, quantity and value as many as are acknowledged and not there, those that the broker took last."""
    untimed_repeated: int
    """There more often than they were sent."""


def compare(judged: pd.DataFrame, stored: pd.DataFrame) -> Found:
    """Hold them against each other.

    judged  chaos.rules.judge
    stored  KEY, value and received_us, one row per stored reading
    """
    timed = judged[judged["has_time"].astype(bool)]
    sent = _by_key(timed[timed["fate"] != REFUSED])
    there = stored[[*KEY, "value", "received_us"]].rename(columns={"value": "stored_value"})
    both = sent.merge(there, on=KEY, how="outer", indicator="where")
    lost = both[(both["where"] == "left_only") & both["must"].eq(other=True)].drop(columns="stored_value")
    met = both[both["where"] == "both"]
    right = pd.Series([value in values for value, values in zip(met["stored_value"], met["values"], strict=True)], met.index, dtype=bool)
    # Of two values that were sent for one key the first in the log stands: the stored one says which.
    met = met.assign(value=met["stored_value"].where(right, met["value"]))
    chosen = _in_time(pd.concat([met, lost])[[*KEY, "value", "sent_us", "received_us"]].merge(_values(timed), on=[*KEY, "value"]))
    unknown = both[both["where"] == "right_only"][[*KEY, "stored_value"]].rename(columns={"stored_value": "value"})
    untimed = judged[~judged["has_time"].astype(bool) & (judged["fate"] != REFUSED)]
    surplus, mine = _apart(unknown, untimed)
    refused = timed[timed["fate"] == REFUSED].drop_duplicates(KEY)[[*KEY, "reason"]]
    surplus = surplus.merge(refused, on=KEY, how="left").rename(columns={"reason": "why"}).fillna({"why": "nobody sent it"})
    parts = chosen.assign(timed=True), _as_sent(mine, untimed).assign(timed=False)
    counted = pd.concat([part for part in parts if len(part)]) if len(chosen) or len(mine) else parts[0]
    return Found(int(sent["must"].sum()), lost, surplus, met[~right], counted.reset_index(drop=True), *_tally(mine, untimed))


def _by_key(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per key: every value that was sent for it (values; the first as value), whether it must be there, the last acknowledgement."""
    ordered = rows.sort_values("sent_us", kind="stable")
    groups = ordered.groupby(KEY, sort=False)
    found = groups.agg(
        value=("value", "first"), values=("value", set), must=("fate", lambda fates: (fates == STORED).any()),
        sent_us=("sent_us", "min"), acked_us=("acked_us", "max"),
    )  # fmt: skip
    first = groups["message"].first() if "message" in rows else pd.Series(dtype="int64")
    return found.assign(message=first).reset_index()


def _values(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["fate"] != REFUSED].drop_duplicates([*KEY, "value"])[[*KEY, "kind", "integer", "value", "plausible", "ahead_us"]]


def _in_time(chosen: pd.DataFrame) -> pd.DataFrame:
    """Plausible needs a plausible time, too. When a reading was received only the platform knows; it was not before it was first sent."""
    received_us = chosen[["sent_us", "received_us"]].max(axis=1)
    ahead = chosen["measured_us"] - received_us > chosen["ahead_us"]
    return chosen.assign(plausible=chosen["plausible"].astype(bool) & ~ahead).drop(columns=["sent_us", "received_us", "ahead_us"])


def _apart(unknown: pd.DataFrame, untimed: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Stored rows that no timed reading explains: those that nothing explains, and those that a reading without a time does."""
    known = untimed[_VALUE].drop_duplicates().assign(mine=True)
    marked = unknown.merge(known, on=_VALUE, how="left")
    mine = marked["mine"].eq(other=True)
    return marked[~mine].drop(columns="mine"), marked[mine].drop(columns="mine")


def _as_sent(mine: pd.DataFrame, untimed: pd.DataFrame) -> pd.DataFrame:
    about = untimed.drop_duplicates(_VALUE)[[*_VALUE, "kind", "integer", "plausible"]]
    return mine.merge(about, on=_VALUE)[[*KEY, "kind", "integer", "value", "plausible"]]


def _tally(mine: pd.DataFrame, untimed: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Missing and repeated readings without a time, by device, quantity and value."""
    there = mine.groupby(_VALUE).size().to_dict()
    lost, repeated = [untimed.iloc[:0]], 0
    for key, rows in untimed.groupby(_VALUE):
        owed, stored = rows[rows["fate"] != OPEN].sort_values("acked_us"), int(there.get(key, 0))
        lost.append(owed.iloc[stored:])
        repeated += max(0, stored - len(rows))
    return pd.concat(lost), repeated
