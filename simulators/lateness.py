"""Which readings the platform must call late, which it must not, and which it may: late is a matter of what else came before. Pure.

Promises  Says `surely_late` only where enough came before, in the same partition and of the same kind, to have moved the watermark past the
          reading, and `surely_in_time` only where no watermark can have passed it. In between either word is right.
Leaves    What a watermark is to rules 8 and 9 of the stream; the word that was given to checking.py.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from catalog.topics import partition_of

Bools = npt.NDArray[np.bool_]
MARGIN_US = 3_000_000
"""What was sent this much earlier is before a reading in the log: gateways cut a frame at least every 200 ms, heartbeats every second."""


def surely_late(readings: pd.DataFrame, lateness_us: Mapping[str, int]) -> Bools:
    """bool[n] for readings with columns device, kind, stamped_us, sent_us (0: never sent) and acceptable; lateness_us by kind.

    The watermark is at least the highest min(stamped, sent) of what was sent MARGIN_US earlier in the partition, minus the lateness.
    """
    found = np.zeros(len(readings), np.bool_)
    partitions = readings["device"].map({device: partition_of(device) for device in readings["device"].unique()})
    for (kind, _), rows in readings.groupby([readings["kind"], partitions]):
        moving = rows[(rows["sent_us"] > 0) & rows["acceptable"]].sort_values("sent_us")
        if moving.empty:
            continue
        highest = np.maximum.accumulate(np.minimum(moving["stamped_us"].to_numpy(), moving["sent_us"].to_numpy()))
        before = np.searchsorted(moving["sent_us"].to_numpy(), rows["sent_us"].to_numpy() - MARGIN_US, side="right")
        watermark = np.where(before > 0, highest[np.maximum(before - 1, 0)] - lateness_us[str(kind)], np.iinfo(np.int64).min)
        found[readings.index.get_indexer(rows.index)] = (rows["sent_us"].to_numpy() > 0) & (rows["stamped_us"].to_numpy() < watermark)
    return found


def surely_in_time(stored: pd.DataFrame, lateness_us: Mapping[str, int]) -> Bools:
    """bool[n] for stored readings with columns kind, stamped_us and received_us: no watermark is above the clock minus the lateness."""
    lateness = stored["kind"].map(lateness_us).to_numpy()
    in_time: Bools = stored["stamped_us"].to_numpy() >= stored["received_us"].to_numpy() + MARGIN_US - lateness
    return in_time
