"""Numbers by name, looked up by the bytes of a frame's dictionaries: no text of a frame becomes an object.

A hash table with open addressing. A name found is compared byte by byte, so two names with one hash are two names.

Leaves    Which names there are, and what their numbers mean, to stream.worker.program.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]
_U = np.uint64
POOLED, TRACKED, CORRECTING, KNOWN = 1, 2, 4, 8


class Names(NamedTuple):
    """n names in a table of c places, a power of two and at least 2 n."""

    hash: I64  # [c] of the name, odd; 0 where the place is free
    name: I32  # [c] its place in the next three
    ends: I64  # [n + 1] name i is bytes[ends[i]:ends[i + 1]]
    bytes: U8
    number: I32  # [n]


@jit
def _hash(data: Any, first: Any, end: Any) -> Any:
    """FNV-1a, its high bits folded into the low ones, made odd."""
    h = _U(0xCBF29CE484222325)
    for i in range(_U(first), _U(end)):
        h = (h ^ _U(data[i])) * _U(0x100000001B3)
    return np.int64((h ^ (h >> _U(32))) | _U(1))


@jit
def _fill(names: Any) -> None:
    mask = names.hash.size - 1
    for i in range(names.number.size):
        h = _hash(names.bytes, names.ends[i], names.ends[i + 1])
        at = (h >> 1) & mask
        while names.hash[at] != 0:
            at = (at + 1) & mask
        names.hash[at], names.name[at] = h, i


@jit
def _numbers(names: Any, ends: Any, data: Any, out: Any) -> None:
    hashes, name, known_ends, known, number = names.hash, names.name, names.ends, names.bytes, names.number
    mask = hashes.size - 1
    for k in range(out.size):
        first, size = np.int64(ends[k]), np.int64(ends[k + 1]) - np.int64(ends[k])
        h = _hash(data, first, first + size)
        at, found = (h >> 1) & mask, np.int32(-1)
        while hashes[at] != 0 and found < 0:
            i = name[at]
            if hashes[at] == h and known_ends[i + 1] - known_ends[i] == size:
                same = True
                for j in range(size):
                    same = same and data[first + j] == known[known_ends[i] + j]
                if same:
                    found = number[i]
            at = (at + 1) & mask
        out[k] = found


@jit
def _traits(slots: Any, quantities: Any, slot_kind: Any, correcting: Any, traits: Any) -> Any:
    found = np.uint8(0)
    for s in slots:
        if s >= 0:
            found |= np.uint8(8) | (np.uint8(4) if correcting[slot_kind[s]] != 0 else np.uint8(0))
    for q in quantities:
        if q >= 0:
            found |= traits[q]
    return found


@jit
def _placed(numbers: Any, codes: Any, out: Any) -> None:
    for i in range(codes.size):
        out[i] = numbers[codes[i]]


def placed(numbers: I32, codes: I32) -> I32:
    """numbers[codes]: int32[n]. A third of what NumPy takes for it."""
    out = np.empty(codes.size, np.int32)
    _placed(numbers, codes, out)
    return out


def traits_of(slots: I32, quantities: I32, slot_kind: I32, correcting: U8, traits: U8) -> int:
    """What holds of some of these devices and quantities (-1: not known): POOLED and TRACKED of traits[q], CORRECTING of correcting[k], KNOWN."""
    return int(_traits(slots, quantities, slot_kind, correcting, traits))


def new_names(numbers: Mapping[str, int]) -> Names:
    """The table of these names; their numbers are not negative."""
    encoded = [name.encode() for name in numbers]
    capacity = 1 << max(4, (2 * len(encoded)).bit_length())
    ends = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(name) for name in encoded], out=ends[1:])
    data = np.frombuffer(b"".join(encoded) or b"\0", np.uint8)
    names = Names(np.zeros(capacity, np.int64), np.zeros(capacity, np.int32), ends, data, np.array([*numbers.values()], np.int32))
    _fill(names)
    return names


def numbers_of(names: Names, texts: tuple[I32, U8, int]) -> I32:
    """Numbers of n texts (ends, bytes, n), text k being bytes[ends[k]:ends[k + 1]] in UTF-8: int32[n], -1 where not known. O(bytes)."""
    out = np.empty(texts[2], np.int32)
    _numbers(names, texts[0], texts[1], out)
    return out
