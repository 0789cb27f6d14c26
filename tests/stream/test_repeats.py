"""The checked record says whose readings were dropped or refused as repeats."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.frames import decode
from stream.worker.outputs import HOUR_US
from stream.worker.partition import WorkerPartition
from tests.stream.city import MINUTE, SECOND, T0, catalogue_frame, documents, kpi, readings_frame

DEVICES = {"c.a": ("air", "c.1.n1"), "c.b": ("air", "c.1.n2")}


@given(st.lists(st.tuples(st.sampled_from(sorted(DEVICES)), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=30))
def test_repeats_are_told_by_device(said: list[tuple[str, int, int]]) -> None:
    worker = WorkerPartition(0)
    worker.apply(catalogue_frame(documents([kpi("k", "mean(pm2_5)", "minute", "ug/m3")], DEVICES)), 0)
    rows = [(device, "pm2_5", T0 + at * SECOND, T0 + MINUTE, float(value)) for device, at, value in said]
    meta = decode(worker.apply(readings_frame(rows), 1).checked).meta
    first: dict[tuple[str, int], float] = {}
    wanted: dict[str, dict[str, int]] = {"duplicates": {}, "conflicts": {}}
    for device, _, at_us, _, value in rows:
        if (device, at_us) not in first:
            first[device, at_us] = value
            continue
        what = "duplicates" if first[device, at_us] == value else "conflicts"
        wanted[what][device] = wanted[what].get(device, 0) + 1
    if not wanted["duplicates"] and not wanted["conflicts"]:
        assert "repeats" not in meta
    else:
        assert meta["repeats"] == {"hour_us": (T0 + MINUTE) // HOUR_US * HOUR_US, **wanted}
