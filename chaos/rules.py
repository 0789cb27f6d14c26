"""What arrival makes of every reading that was sent, slow and obvious: unit, resolution, ranges, time. Pure.

Promises  Shares no code with ingest/, kernels/ and stream/; says of each row whether it must be stored, must be refused and why, or may be either.
          Either is what nobody can know from outside: what the broker never acknowledged, or what lies at the edge of the allowed time, which is
          counted from receipt.
Leaves    What is there to oracle_readings, deferred tests to oracle_quality.
"""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pandas as pd

from catalog.records import Device, Quantity, SensorKind

STORED, REFUSED, OPEN = "stored", "refused", "open"
"""A row's fate."""

AHEAD_US = 300_000_000
"""Five minutes: how far a device's clock may be ahead of the receipt."""

COLUMNS = ("device", "quantity", "measured_us", "value", "has_time", "sent_us", "acked_us", "message")
"""What a truth file has at least; `unit` (null: canonical) and `fault` where there are any, `index` for people."""


def judge(
    sent: pd.DataFrame, devices: Mapping[str, Device], kinds: Mapping[str, SensorKind], quantities: Mapping[str, Quantity], until_us: int
) -> pd.DataFrame:
    """Every row with its fate.

    sent      COLUMNS; one row per reading and sending, times in µs UTC, sent_us 0: never sent, acked_us 0: never acknowledged by the broker
    until_us  by then everything that was sent had been received or was lost
    ->        the rows that were sent, with integer (of the resolution), value (canonical, rounded), plausible (bool, of the value), ahead_us (from
              receipt, above it the time is implausible), fate and reason ("" where it may be stored)
    """
    table = sent[sent["sent_us"] > 0].reset_index(drop=True)
    known = np.array([device in devices for device in table["device"]], np.bool_)
    kind = [devices[device].kind if there else "" for device, there in zip(table["device"], known, strict=True)]
    table["kind"] = kind
    measured = [name in kinds and quantity in kinds[name].quantities for name, quantity in zip(kind, table["quantity"], strict=True)]
    table["reason"] = np.where(known, np.where(np.array(measured, np.bool_), "", "unknown_quantity"), "unknown_device").astype(object)
    if "fault" in table:
        table.loc[table["fault"] == "malformed", "reason"] = "malformed"
    table["integer"], table["plausible"] = 0, False
    table["ahead_us"] = [round(kinds[name].ahead_s * 1e6) if name in kinds else 0 for name in kind]
    table["value"] = table["value"].astype("float64")
    for (name, quantity), rows in table[table["reason"] == ""].groupby(["kind", "quantity"]):
        _measure(table, rows, quantities[str(quantity)], kinds[str(name)])
    _time(table, kinds, until_us)
    return table


def to_steps(values: pd.Series, quantity: Quantity) -> pd.Series:
    """Values in the canonical unit as whole steps of the resolution: half to even, as the contract says."""
    return pd.Series(np.rint(values.to_numpy(dtype=np.float64) / quantity.resolution), values.index).astype("int64")


def in_unit(steps: int, quantity: Quantity) -> float:
    """A number of steps in the quantity's unit: the float64 nearest to the decimal."""
    exact = Fraction(steps) * Fraction(repr(quantity.resolution))
    return exact.numerator / exact.denominator


def _measure(table: pd.DataFrame, rows: pd.DataFrame, quantity: Quantity, kind: SensorKind) -> None:
    """Convert, round, hold against the possible and the plausible range; all rows are of one quantity and kind."""
    units = rows["unit"] if "unit" in rows else pd.Series([None] * len(rows), rows.index, dtype=object)
    for unit, these in units.fillna("").groupby(units.fillna("")):
        values = rows.loc[these.index, "value"]
        if unit not in ("", quantity.unit):
            if unit not in quantity.conversions:
                table.loc[these.index, "reason"] = "wrong_unit"
                continue
            conversion = quantity.conversions[str(unit)]
            values = values * conversion.scale + conversion.offset
        finite = np.isfinite(values)
        table.loc[values.index[~finite], "reason"] = "not_finite"
        steps = to_steps(values[finite], quantity)
        value = steps.map({each: in_unit(each, quantity) for each in steps.unique().tolist()}).astype("float64")
        low, high = (round(edge / quantity.resolution) for edge in kind.quantities[quantity.id].plausible)
        table.loc[steps.index, "integer"] = steps
        table.loc[steps.index, "value"] = value
        table.loc[steps.index, "plausible"] = (steps >= low) & (steps <= high)
        table.loc[value.index[(value < quantity.possible[0]) | (value > quantity.possible[1])], "reason"] = "out_of_range"


def _time(table: pd.DataFrame, kinds: Mapping[str, SensorKind], until_us: int) -> None:
    """The time's limits, and with them the fate: receipt lies somewhere between sending and `until_us`."""
    timed = table["has_time"].astype(bool) & (table["reason"] == "")
    oldest = table["kind"].map({id_: round(kind.max_age_s * 1e6) for id_, kind in kinds.items()}).fillna(0).astype("int64")
    at, sent = table["measured_us"], table["sent_us"]
    table.loc[timed & (at > until_us + AHEAD_US), "reason"] = "time_in_future"
    table.loc[timed & (at < sent - oldest), "reason"] = "time_too_old"
    edge = timed & (table["reason"] == "") & ((at > sent + AHEAD_US) | (at < until_us - oldest))
    # Why: what was refused and what was never acknowledged may both be missing, and the refused may not be there in any case.
    unsure = edge | (table["acked_us"] == 0)
    table["fate"] = np.where(table["reason"] != "", REFUSED, np.where(unsure, OPEN, STORED)).astype(object)
