"""DDSketch, t-digest and HyperLogLog at their edges, and their bounds on large inputs."""

import math

import numpy as np
import pytest

from kernels import ddsketch, hyperloglog, tdigest
from kernels.errors import KernelInputError


def test_an_empty_sketch_says_missing() -> None:
    sketch, digest = ddsketch.new_sketch(), tdigest.new_digest()
    ddsketch.add(np.array([math.nan]), sketch)
    tdigest.add(np.array([math.nan]), digest)
    assert math.isnan(ddsketch.quantile(sketch, 0.5))
    assert math.isnan(tdigest.quantile(digest, 0.5))
    assert (ddsketch.count(sketch), sketch.beside[ddsketch.MISSING]) == (0, 1)
    assert (tdigest.count(digest), digest.number[tdigest.MISSING]) == (0, 1)


def test_zeros_subnormals_and_negative_zero_are_zero() -> None:
    sketch = ddsketch.new_sketch()
    ddsketch.add(np.array([0.0, -0.0, 5e-324, -5e-324]), sketch)
    assert sketch.beside.tolist() == [4, 0, 0, 0]
    assert ddsketch.quantile(sketch, 1.0) == 0.0


def test_what_is_beyond_the_range_is_counted_and_never_moved_in() -> None:
    sketch = ddsketch.new_sketch(0.01, 1e-3, 1e3)
    ddsketch.add(np.array([-math.inf, -1e9, -5.0, 0.0, 5.0, 1e9, math.inf]), sketch)
    assert sketch.beside.tolist() == [1, 2, 2, 0]
    assert [math.isnan(ddsketch.quantile(sketch, q)) for q in (0.0, 0.2, 0.5, 0.9, 1.0)] == [True, True, False, True, True]
    assert ddsketch.quantile(sketch, 2 / 6) == pytest.approx(-5.0, rel=0.01)
    assert ddsketch.quantile(sketch, 4 / 6) == pytest.approx(5.0, rel=0.01)


def test_sketches_refuse_what_is_none() -> None:
    for arguments in ((0.0,), (1.0,), (math.nan,), (0.01, 0.0), (0.01, 2.0, 1.0), (0.01, 1.0, math.inf)):
        with pytest.raises(KernelInputError):
            ddsketch.new_sketch(*arguments)
    with pytest.raises(KernelInputError, match=r"^more: wanted"):
        ddsketch.merge(ddsketch.new_sketch(0.01), ddsketch.new_sketch(0.02))
    with pytest.raises(KernelInputError, match=r"^delta: wanted at least 200, got 100"):
        tdigest.new_digest(100)
    with pytest.raises(KernelInputError, match=r"^more\.delta: wanted"):
        tdigest.merge(tdigest.new_digest(200), tdigest.new_digest(300))
    for q in (-0.1, 1.1, math.nan):
        with pytest.raises(KernelInputError, match=r"^q: wanted"):
            ddsketch.quantile(ddsketch.new_sketch(), q)
        with pytest.raises(KernelInputError, match=r"^q: wanted"):
            tdigest.quantile(tdigest.new_digest(), q)


def test_a_tdigest_of_single_values_is_the_line_between_order_statistics() -> None:
    values = np.array([5.0, 1.0, 2.0, 9.0])
    digest = tdigest.new_digest()
    tdigest.add(values, digest)
    for q in (0.0, 0.2, 0.5, 0.77, 1.0):
        assert tdigest.quantile(digest, q) == pytest.approx(float(np.quantile(values, q)), rel=1e-12)


def test_a_tdigest_of_a_structured_stream_stays_near_in_rank_and_small() -> None:
    values = np.array([i * 7919 % 10007 for i in range(1, 10001)], np.float64)
    digest = tdigest.new_digest(200)
    tdigest.add(values, digest)
    for q in (0.001, 0.01, 0.5, 0.99, 0.999):
        assert abs(float(np.mean(values <= tdigest.quantile(digest, q))) - q) < 0.002
    assert digest.number[tdigest.USED] <= 400


def test_equal_values_stay_equal() -> None:
    digest = tdigest.new_digest()
    tdigest.add(np.full(3000, 7.25), digest)
    assert [tdigest.quantile(digest, q) for q in (0.0, 0.5, 1.0)] == [7.25] * 3


@pytest.mark.parametrize("p", [4, 10, 12, 14])
def test_hyperloglog_is_within_its_error_at_every_size(p: int) -> None:
    registers, added = hyperloglog.new_registers(p), 0
    assert hyperloglog.estimate(registers) == 0.0
    for count in (100, 1000, 5000, 20_000, 50_000):
        hyperloglog.add(hyperloglog.hash_names(f"device-{i}" for i in range(added, count)), registers)
        added = count
        assert abs(hyperloglog.estimate(registers) / count - 1.0) < 3 * 1.04 / math.sqrt(1 << p)


def test_hyperloglog_refuses_other_sizes_and_knows_full_registers() -> None:
    for p in (3, 19):
        with pytest.raises(KernelInputError, match=r"^p: wanted 4 to 18"):
            hyperloglog.new_registers(p)
    with pytest.raises(KernelInputError, match=r"^more: wanted"):
        hyperloglog.merge(hyperloglog.new_registers(4), hyperloglog.new_registers(5))
    with pytest.raises(KernelInputError, match=r"^registers: wanted"):
        hyperloglog.add(np.zeros(1, np.uint64), np.zeros(100, np.uint8))
    registers = hyperloglog.new_registers(4)
    hyperloglog.add(np.array([i << 60 for i in range(16)], np.uint64), registers)
    assert registers.tolist() == [61] * 16


def test_a_name_has_one_hash_on_every_machine() -> None:
    assert hyperloglog.hash_names(["brussels.air-0007"]).tolist() == [15595600222433917704]
    assert hyperloglog.hash_ids(np.array([0], np.int64)).tolist() == [16294208416658607535]
