"""Perceptual hashes of pictures and signals, 64 bits each, and which of them are near.

Two hashes are near if they differ in at most MOST_BITS bits. Pictures: pHash, by `imagehash`.
Signals, for which there is no such library: the signs of 64 random projections (SimHash, Charikar
2002, doi:10.1145/509907.509965); signals that correlate by 0.9999 differ in 0.3 bits on average,
unrelated ones in 32.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

MOST_BITS = 4
BITS = 64
BANDS = MOST_BITS + 1  # of a hash: of two within MOST_BITS, at least one band is the same
HASHED = 32  # pixels a side from which a picture's hash is made
COMPARED_AT_ONCE = 1_024  # hashes, each with each
BIT_ORDER = np.random.default_rng(0).permutation(BITS)  # neighbouring bits go together: mix them


def hash_pictures(grey: np.ndarray) -> np.ndarray:
    """Return the pHash of grey pictures (n, H, W) of 0 to 255; uint64 (n,)."""
    import imagehash  # here, not at the top: pictures alone need it
    from PIL import Image

    hashes = [imagehash.phash(Image.fromarray(each)).hash.ravel() for each in _shrink(grey)]
    return _pack(np.array(hashes, bool).reshape(-1, BITS)[:, BIT_ORDER])


def make_planes(values: int) -> np.ndarray:
    """Return the projections for signals of so many values, (values, BITS) float32."""
    return np.random.default_rng(0).standard_normal((values, BITS), np.float32)


def hash_signals(rows: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """Return a hash of signals, (n, values) float32 around 0; uint64 (n,)."""
    return _pack(rows @ planes > 0)


def _pack(bits: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.packbits(bits, axis=1)).view(np.uint64).ravel()


def _shrink(grey: np.ndarray) -> np.ndarray:
    """Return grey pictures (n, H, W) as uint8, of HASHED pixels a side where that is a mean.

    imagehash shrinks them to that itself, in twice the time.
    """
    count, height, width = grey.shape
    if height % HASHED == 0 and width % HASHED == 0:
        shape = (count, HASHED, height // HASHED, HASHED, width // HASHED)
        grey = grey.reshape(shape).mean(axis=(2, 4))
    return np.rint(grey).astype(np.uint8)


def find_candidates(hashes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield positions of pairs whose hashes differ in at most MOST_BITS bits.

    Of those with one and the same hash, each is paired with the first and with the one before.
    """
    order = np.argsort(hashes, kind="stable")
    values, starts, inverse = np.unique(hashes[order], return_index=True, return_inverse=True)
    first = order[starts[inverse]]
    later = first != order
    yield order[later], first[later]
    neighbours = np.flatnonzero(inverse[1:] == inverse[:-1]) + 1
    yield order[neighbours], order[neighbours - 1]
    bands = np.unpackbits(values[:, None].view(np.uint8), axis=1)
    for one, other in _near_pairs(values, bands, np.arange(len(values)), np.arange(BITS)):
        yield order[starts[one]], order[starts[other]]


def _near_pairs(
    values: np.ndarray, bits: np.ndarray, rows: np.ndarray, free: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs of these rows whose values differ in at most MOST_BITS bits, some of them twice.

    bits: (n, 64) of the values. Rows are split by a band of the bits `free`, for each of BANDS
    bands in turn (a pair that is near agrees in one of them), unless few are left, or splitting
    would save no work.
    """
    parts = [] if len(rows) <= COMPARED_AT_ONCE else _split(bits, rows, free)
    if not parts or sum(len(part) ** 2 for part, _ in parts) > len(rows) ** 2 // 2:
        yield from _compare_all(values, rows)
        return
    for part, left in parts:
        yield from _near_pairs(values, bits, part, left)


def _split(
    bits: np.ndarray, rows: np.ndarray, free: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the groups of rows that agree in a band, for each band, and the bits beside it."""
    parts = []
    for band in np.array_split(free, BANDS) if len(free) >= BANDS else []:
        key = bits[rows][:, band] @ (1 << np.arange(len(band)))
        order = np.argsort(key, kind="stable")
        groups = np.split(rows[order], np.flatnonzero(np.diff(key[order])) + 1)
        left = np.setdiff1d(free, band)
        parts += [(group, left) for group in groups if len(group) > 1]
    return parts


def _compare_all(values: np.ndarray, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the pairs of rows whose values differ in at most MOST_BITS bits."""
    starts = range(0, len(rows), COMPARED_AT_ONCE)
    for start in starts:
        block = rows[start : start + COMPARED_AT_ONCE]
        for other_start in starts[start // COMPARED_AT_ONCE :]:
            other = rows[other_start : other_start + COMPARED_AT_ONCE]
            differing = np.bitwise_count(values[block][:, None] ^ values[other][None])
            one, two = np.nonzero(differing <= MOST_BITS)
            distinct = block[one] < other[two] if other_start == start else slice(None)
            yield block[one[distinct]], other[two[distinct]]
