"""The bytes of a worker's state are counted on a partition that took real frames."""

import numpy as np

from benchmarks import state


def test_bytes_are_those_of_all_arrays() -> None:
    assert state.nbytes((np.zeros(3), (np.zeros(2, np.int32), 7), "text")) == 32


def test_what_is_printed_is_what_the_state_holds() -> None:
    found = state.measure(2_000)
    plain, ordered = found.held
    for held in found.held:
        assert held.open_windows >= 1
        assert held.window_bytes_per_device > 8.0
        assert held.seen_bytes_per_reading > 8.0
        assert min(held.window_slack_bytes_per_device, held.seen_slack_bytes_per_reading) >= 0.0
    assert plain.ordering_bytes_per_reading == 0.0
    assert ordered.ordering_bytes_per_reading > 8.0, "readings wait for their turn"
    assert found.million_window_mb >= plain.window_bytes_per_device * plain.open_windows
    assert found.million_seen_mb >= ordered.seen_bytes_per_reading * (state.LATENESS_MIN + 1)
    assert all(verdict.met or verdict.why for verdict in found.verdicts)
