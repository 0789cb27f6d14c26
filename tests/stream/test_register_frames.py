"""A correction reaches the windows that were open when it came, though the same frame closes them."""

from stream.worker.partition import WorkerPartition
from tests.stream.city import MINUTE, SECOND, T0, kpi, readings_frame
from tests.stream.test_register import fresh, published

HOUR = 60 * MINUTE
BEGIN = T0 // HOUR * HOUR


def total(worker: WorkerPartition) -> tuple[int, int]:
    """Good readings and sum (in tenths) of the first hour in the neighbourhood."""
    row = published(worker)["sum(pm2_5)@hour", "c.1.n1", BEGIN]
    return int(row["readings"]), int(row["sum"])


def test_a_window_keeps_the_readings_that_came_before_the_frame_that_corrects_and_closes_it() -> None:
    said = [(0, 20.0), (10, 20.1), (10, 37.5), (3_660, 1.0)]
    rows = [("d0", "pm2_5", BEGIN + at_s * SECOND, BEGIN + 2 * HOUR, value) for at_s, value in said]
    for cut in range(1, len(rows)):
        worker = fresh([kpi("k", "sum(pm2_5)", "hour", "ug/m3")])
        worker.apply(readings_frame(rows[:cut]), 1)
        worker.apply(readings_frame(rows[cut:]), 2)
        assert total(worker) == (2, 575), cut
