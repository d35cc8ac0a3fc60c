"""Counter-based random numbers: a draw is a function of its key, never of the draws before it.

A branch of a session can therefore not shift another entity's luck: the number for
(seed, entity, purpose, index) is the same in every branch. No state may live here.
"""

import math
from functools import lru_cache

_MASK = (1 << 64) - 1
_TO_UNIT = 1.0 / (1 << 53)


def mix64(value: int) -> int:
    """Scramble 64 bits (the finaliser of SplitMix64, Steele et al., OOPSLA 2014)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


@lru_cache(maxsize=65536)
def key_of(seed: int, *parts: str | int) -> int:
    """Fold a seed and name parts into a 64-bit key (FNV-1a over the text, then mixed)."""
    state = mix64(seed & _MASK)
    for part in parts:
        h = 0xCBF29CE484222325
        for byte in str(part).encode():
            h = ((h ^ byte) * 0x100000001B3) & _MASK
        state = mix64(state ^ h)
    return state


def bits(key: int, index: int = 0) -> int:
    """Draw number `index` of a key: 64 random bits."""
    return mix64((key + index * 0xD1342543DE82EF95) & _MASK)


def uniform(key: int, index: int = 0) -> float:
    """A float in [0, 1)."""
    return (bits(key, index) >> 11) * _TO_UNIT


def exponential(key: int, index: int, mean: float) -> float:
    """An exponential draw with the given mean."""
    return -mean * math.log(1.0 - uniform(key, index))


def erlang(key: int, index: int, shape: int, mean: float) -> float:
    """The sum of `shape` exponential stages with total mean `mean` (gamma with integer shape)."""
    product = 1.0
    for stage in range(shape):
        product *= 1.0 - uniform(key, index * shape + stage)
    return -mean / shape * math.log(product)


def below(key: int, index: int, n: int) -> int:
    """An integer in [0, n)."""
    return bits(key, index) % n


_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # what Kubernetes' generated names are made of


def suffix(key: int, length: int) -> str:
    """A name suffix such as Kubernetes generates (`4xk2p`)."""
    return "".join(_ALPHABET[below(key, i, len(_ALPHABET))] for i in range(length))
