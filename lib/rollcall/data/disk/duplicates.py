"""The same picture or signal under several patients: found when a cohort is prepared.

A model that did not train on such a record may have seen its copy, so that members and others look
alike and the risk of the record reads too low.

Identical: the same bytes, once prepared. Nearly identical, for pictures: the perceptual hashes
(pHash, `imagehash.phash`) differ in at most MOST_BITS of 64, and the pictures correlate by at least
MIN_CORRELATION once the cohort's mean picture is taken off. The hash alone would take chest films
of two people for one: 327 pairs of 10,015 photographs of skin lesions have such hashes, of which
the correlation leaves one, by eye the same picture. A copy that was saved anew, resized or made
brighter passes in 98 of 100 trials; one that was cropped or turned does not. Memory and time are
about linear in the records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

MOST_BITS = 4  # of 64 in which the perceptual hashes of near copies may differ
BANDS = MOST_BITS + 1  # of a hash: of two within MOST_BITS, at least one band is the same
MIN_CORRELATION = 0.99
MIN_SD = 2.0  # grey levels; a flatter picture has no hash worth the name
HASHED = 32  # pixels a side from which a perceptual hash is made
COMPARED_AT_ONCE = 1_024  # hashes, each with each
BYTES_PER_BLOCK = 2**23  # of pictures looked at once; as float32 they take four times that
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue, as Pillow does
BIT_ORDER = np.random.default_rng(0).permutation(64)  # neighbouring bits go together: mix them


@dataclass(frozen=True)
class Copies:
    """Say of each record, in the order given, which is the first that holds the same.

    identical  (N,) int: the first record with exactly the same bytes, be it itself
    alike      (N,) int: the first record with the same picture, identical or nearly so
    blank      (N,) bool: it has one value throughout
    """

    identical: np.ndarray
    alike: np.ndarray
    blank: np.ndarray


def find_copies(arrays: list[np.ndarray], patients) -> Copies:
    """Find the records that hold the same, in one array or in several.

    arrays: inputs of cohorts of one kind, (records, ...); may be memory-mapped. patients: ids of
    all records, one array after another: of one patient alone, pictures that are only nearly
    identical are different pictures. Pictures are uint8 (records, H, W, 1 or 3).
    """
    codes, blank = _digest_records(arrays)
    first = np.unique(codes, return_index=True)[1]
    group = np.arange(len(first))
    if arrays[0].dtype == np.uint8 and arrays[0].ndim == 4 and arrays[0].shape[-1] in (1, 3):
        patient = pd.factorize(np.asarray(patients, dtype=object))[0]
        one, other = codes[_find_near(arrays, first[~blank[first]], patient)].T
        edges = coo_array((np.ones(len(one), bool), (one, other)), shape=(len(first),) * 2)
        group = connected_components(edges, directed=False)[1]
    earliest = np.full(len(first), len(codes))
    np.minimum.at(earliest, group, first)
    return Copies(first[codes], earliest[group][codes], blank)


def is_shared(group: np.ndarray, patients) -> np.ndarray:
    """Say of each record whether its group has records of several patients. bool (N,)"""
    table = pd.DataFrame({"group": group, "patient": np.asarray(patients, dtype=object)})
    counts = table.drop_duplicates()["group"].value_counts()
    return counts.reindex(table["group"]).to_numpy() > 1


def _rows_per_block(array: np.ndarray) -> int:
    return max(1, BYTES_PER_BLOCK * len(array) // max(array.nbytes, 1))


def _blocks(arrays: list[np.ndarray]) -> Iterator[np.ndarray]:
    for array in arrays:
        rows = _rows_per_block(array)
        for start in range(0, len(array), rows):
            yield np.ascontiguousarray(array[start : start + rows])


def _digest_records(arrays: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return a code of each record's bytes, (N,) int, by first appearance, and who is blank."""
    digests, blank = [], []
    for block in _blocks(arrays):
        flat = block.reshape(len(block), -1)
        blank.append(flat.min(axis=1) == flat.max(axis=1))
        digests += [hashlib.blake2b(record, digest_size=16).digest() for record in flat]
    codes = pd.factorize(np.array(digests, dtype=object))[0]
    return codes, np.concatenate(blank)


def _find_near(arrays: list[np.ndarray], records: np.ndarray, patient: np.ndarray) -> np.ndarray:
    """Find pairs among these records, of different patients, that are nearly one picture.

    Returns (pairs, 2) int. Not every pair of a large group of copies: enough to connect them.
    """
    hashes, mean, records = _hash_pictures(arrays, records)
    patient = patient[records]
    confirmed = [np.zeros((0, 2), np.int64)]
    for pairs in _gather(_find_candidates(hashes), patient, _rows_per_block(arrays[0])):
        left, right = (_standardise(_take(arrays, rows), mean) for rows in records[pairs].T)
        alike = (left * right).sum(axis=1) >= MIN_CORRELATION
        confirmed.append(records[pairs[alike]])
    return np.concatenate(confirmed)


def _gather(
    candidates: Iterator[tuple[np.ndarray, np.ndarray]], patient: np.ndarray, most: int
) -> Iterator[np.ndarray]:
    """Yield the pairs of different patients, (pairs, 2), at most so many at once."""
    waiting, count = [], 0
    for one, other in candidates:
        differ = patient[one] != patient[other]
        if differ.any():
            waiting.append(np.stack([one[differ], other[differ]], axis=1))
            count += len(waiting[-1])
        if count >= most:
            yield from _cut(waiting, most)
            waiting, count = [], 0
    yield from _cut(waiting, most)


def _cut(waiting: list[np.ndarray], most: int) -> Iterator[np.ndarray]:
    if waiting:
        pairs = np.unique(np.concatenate(waiting), axis=0)
        for start in range(0, len(pairs), most):
            yield pairs[start : start + most]


def _take(arrays: list[np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Return records of several arrays, numbered one array after another."""
    starts = np.cumsum([0, *map(len, arrays)])
    taken = np.empty((len(rows), *arrays[0].shape[1:]), arrays[0].dtype)
    for array, start, end in zip(arrays, starts, starts[1:], strict=False):
        here = (rows >= start) & (rows < end)
        taken[here] = array[rows[here] - start]
    return taken


def _hash_pictures(
    arrays: list[np.ndarray], records: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pHash of each picture as uint64, their mean, and the records that were hashed.

    The mean is over pictures of mean 0 and length 1. A picture that is nearly flat has no hash.
    """
    import imagehash  # here, not at the top: pictures alone need it
    from PIL import Image

    hashes = np.zeros(len(records), np.uint64)
    textured = np.zeros(len(records), bool)
    total = np.zeros(int(np.prod(arrays[0].shape[1:3])))
    rows = _rows_per_block(arrays[0])
    for start in range(0, len(records), rows):
        block = slice(start, start + rows)
        pictures = _take(arrays, records[block])
        grey = _to_grey(pictures)
        textured[block] = grey.std(axis=1) >= MIN_SD
        total += _normalise(grey)[textured[block]].sum(axis=0)
        small = _shrink(grey.reshape(pictures.shape[:3]))
        for position in np.flatnonzero(textured[block]):
            bits = imagehash.phash(Image.fromarray(small[position])).hash.ravel()
            hashes[start + position] = np.packbits(bits[BIT_ORDER]).view(np.uint64)[0]
    return hashes[textured], total / max(textured.sum(), 1), records[textured]


def _shrink(grey: np.ndarray) -> np.ndarray:
    """Return grey pictures (n, H, W) as uint8, of HASHED pixels a side where that is a mean.

    imagehash shrinks them to that itself, in twice the time.
    """
    count, height, width = grey.shape
    if height % HASHED == 0 and width % HASHED == 0:
        shape = (count, HASHED, height // HASHED, HASHED, width // HASHED)
        grey = grey.reshape(shape).mean(axis=(2, 4))
    return np.rint(grey).astype(np.uint8)


def _to_grey(pictures: np.ndarray) -> np.ndarray:
    """Return pictures (n, H, W, 1 or 3) as float32 (n, H * W)."""
    grey = pictures[..., 0].astype(np.float32) if pictures.shape[-1] == 1 else pictures @ GREY
    return grey.reshape(len(pictures), -1)


def _normalise(values: np.ndarray) -> np.ndarray:
    """Give each row mean 0 and length 1."""
    values = values - values.mean(axis=1, keepdims=True)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9)


def _standardise(pictures: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return what of each picture is its own, as rows of length 1: their products correlate."""
    return _normalise(_normalise(_to_grey(pictures)) - mean)


def _find_candidates(hashes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
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
    for one, other in _near_pairs(values, bands, np.arange(len(values)), np.arange(64)):
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
