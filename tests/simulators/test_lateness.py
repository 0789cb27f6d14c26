"""What must be called late and what must not: the fast way agrees with reading the rule row by row."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from catalog.topics import partition_of
from simulators.lateness import MARGIN_US, surely_in_time, surely_late

SECOND = 1_000_000
LATENESS = {"air": 20 * SECOND, "noise": 5 * SECOND}
ROW = st.tuples(st.integers(0, 30), st.sampled_from(sorted(LATENESS)), st.integers(0, 120), st.integers(0, 120), st.booleans(), st.booleans())


def table(rows: list[tuple[int, str, int, int, bool, bool]]) -> pd.DataFrame:
    named = [
        (f"c.{kind}-{n}", kind, stamped * SECOND, max(sent, 1) * SECOND if was_sent else 0, good) for n, kind, stamped, sent, was_sent, good in rows
    ]
    return pd.DataFrame(named, columns=["device", "kind", "stamped_us", "sent_us", "acceptable"])


@given(st.lists(ROW, min_size=1, max_size=40))
def test_late_is_what_enough_came_before_to_make_late(rows):
    readings = table(rows)
    wanted = []
    for _, row in readings.iterrows():
        before = [
            min(other.stamped_us, other.sent_us) - LATENESS[row.kind]
            for other in readings.itertuples()
            if other.kind == row.kind
            and partition_of(other.device) == partition_of(row.device)
            and other.acceptable
            and 0 < other.sent_us <= row.sent_us - MARGIN_US
        ]
        wanted.append(row.sent_us > 0 and bool(before) and row.stamped_us < max(before))
    assert surely_late(readings, LATENESS).tolist() == wanted


def test_a_lonely_device_is_never_surely_late():
    assert not surely_late(table([(1, "air", 0, 100, True, True)]), LATENESS).any()


def test_in_time_is_above_every_possible_watermark():
    ages = np.array([0, 1, 2, 3, 5, 6, 30])
    stored = pd.DataFrame({"kind": "noise", "received_us": 100 * SECOND, "stamped_us": (100 - ages) * SECOND})
    assert surely_in_time(stored, LATENESS).tolist() == (ages <= 2).tolist()
