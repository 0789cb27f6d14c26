"""Chance that depends on names and counters only: the same question always has the same answer.

Promises  A draw is a pure function of (city seed, device id, purpose, counter): no generator carries state from one
          device, interval or process to another, so any part of a stream can be made again on its own.
Leaves    What the draws mean to signals.py and faults.py.
Source: splitmix64's finaliser as the mixing function, [splitmix64] in docs/sources.md
"""

import zlib

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_WORD = 2**64
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53


def rng_for(city_seed: int, device_id: str) -> np.random.Generator:
    """The generator of one device's character (offsets, sizes); adding a device changes no other's."""
    return np.random.default_rng([city_seed, zlib.crc32(device_id.encode())])


def key_for(city_seed: int, name: str) -> int:
    """64 bits for a device or for something the city shares, such as its weather."""
    return int(rng_for(city_seed, name).integers(0, 2**64, dtype=np.uint64))


def mix(keys: U64, purpose: str, counters: I64) -> U64:
    """64 well-mixed bits per row. keys uint64[n], counters int64[n] or scalar-like of that shape -> uint64[n]."""
    salt = np.uint64(zlib.crc32(purpose.encode()) * int(_GOLDEN) % _WORD)
    state = _finalise(keys + salt)
    return _finalise(state + counters.astype(np.uint64) * _GOLDEN)


def uniform(keys: U64, purpose: str, counters: I64) -> F64:
    """Even draws in [0, 1), float64[n]."""
    return (mix(keys, purpose, counters) >> np.uint64(11)).astype(np.float64) * _TO_UNIT


def normal(keys: U64, purpose: str, counters: I64) -> F64:
    """Draws of mean 0 and standard deviation 1, float64[n], by Box and Muller; never beyond 8.6."""
    first = np.maximum(uniform(keys, purpose, counters), _TO_UNIT)
    second = uniform(keys, purpose + "'", counters)
    return np.asarray(np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second))


def drift(keys: U64, purpose: str, at_us: I64, period_s: float) -> F64:
    """A smooth wander in [-1, 1] that forgets itself after about `period_s` seconds, float64[n]."""
    position = at_us.astype(np.float64) / (period_s * 1e6)
    knot = np.floor(position)
    share = position - knot
    eased = share * share * (3.0 - 2.0 * share)
    counters = knot.astype(np.int64)
    before = uniform(keys, purpose, counters)
    after = uniform(keys, purpose, counters + 1)
    return np.asarray(2.0 * (before + (after - before) * eased) - 1.0)


def _finalise(state: U64) -> U64:
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))
