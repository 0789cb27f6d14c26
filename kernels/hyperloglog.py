"""HyperLogLog: how many different ones there were, in 2^p bytes.

Promises  Adding again changes nothing; merge is the larger register, so the estimate of a union does not depend on order or
          grouping. No bias at small numbers: nothing seen is exactly 0. Standard error 1.04 / sqrt(2^p).
Leaves    Exact counts, where the ids fit in memory, to the caller.

Source: [hyperloglog], [hyperloglog-ertl] for the estimate, [splitmix64] in docs/sources.md
"""

import hashlib
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]


def new_registers(p: int = 12) -> U8:
    """uint8[2^p] of an empty set; p from 4 to 18, else KernelInputError."""
    if not 4 <= p <= 18:
        raise KernelInputError("p", "4 to 18", p)
    return np.zeros(1 << p, np.uint8)


@jit
def _mixed(x: Any) -> Any:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@jit
def _hash(ids: Any, out: Any) -> None:
    for i in range(ids.size):
        out[i] = _mixed(np.uint64(ids[i]) + np.uint64(0x9E3779B97F4A7C15))


@jit
def _add(hashes: Any, registers: Any) -> None:
    bits = 0
    while (1 << bits) < registers.size:
        bits += 1
    for i in range(hashes.size):
        h = hashes[i]
        at = np.int64(h >> np.uint64(64 - bits))
        rest = h << np.uint64(bits)
        rank, most = 1, 65 - bits
        while rank < most and rest < np.uint64(0x8000000000000000):
            rest <<= np.uint64(1)
            rank += 1
        registers[at] = max(registers[at], rank)


def hash_ids(ids: I64) -> U64:
    """uint64[n]: evenly spread bits of int64[n] ids. O(n)."""
    out = np.empty(ids.size, np.uint64)
    _hash(ids, out)
    return out


def hash_names(names: Iterable[str]) -> U64:
    """uint64[n]: evenly spread bits of texts, the same on every machine. O(total length)."""
    digests = b"".join(hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def add(hashes: U64, registers: U8) -> None:
    """Take in n hashes, in place: uint64[n] and uint8[2^p]. O(n). Errors: KernelInputError where registers are not 2^p with p from 4 to 18."""
    if registers.size not in {1 << p for p in range(4, 19)}:
        raise KernelInputError("registers", "2^p of them, p from 4 to 18", registers.size)
    _add(hashes, registers)


def merge(registers: U8, more: U8) -> None:
    """The union, in place; of equal p, else KernelInputError. O(2^p)."""
    if registers.shape != more.shape:
        raise KernelInputError("more", f"shape {registers.shape} like registers", more.shape)
    np.maximum(registers, more, out=registers)


def estimate(registers: U8) -> float:
    """How many different hashes there were; exactly 0.0 where none. O(2^p)."""
    m = registers.size
    most = 64 - (m.bit_length() - 1)
    times = np.bincount(registers, minlength=most + 2).astype(np.float64)
    if times[0] == m:
        return 0.0
    z = m * _tau(1.0 - float(times[most + 1]) / m)
    for k in range(most, 0, -1):
        z = 0.5 * (z + float(times[k]))
    z += m * _sigma(float(times[0]) / m)
    return m * m / (2.0 * math.log(2.0) * z)


def _sigma(x: float) -> float:
    """x + sum over k >= 1 of x^(2^k) 2^(k-1), for 0 <= x < 1."""
    y, z = 1.0, x
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if z == before:
            return z


def _tau(x: float) -> float:
    """(1 - x - sum over k >= 1 of (1 - x^(2^-k))^2 2^-k) / 3, for 0 <= x <= 1."""
    if x in (0.0, 1.0):
        return 0.0
    y, z = 1.0, 1.0 - x
    while True:
        x = math.sqrt(x)
        before = z
        y *= 0.5
        z -= (1.0 - x) ** 2 * y
        if z == before:
            return z / 3.0
