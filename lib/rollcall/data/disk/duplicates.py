"""The same picture or signal under several patients: found when a cohort is prepared.

A model that did not train on such a record may have seen its copy, so that members and others look
alike and the risk of the record reads too low.

Identical: the same bytes, once prepared. Nearly identical: the hashes of
`rollcall.data.disk.hashes` are near, and the records correlate by at least MIN_CORRELATION,
pictures once the cohort's mean picture is taken off. The hash alone would take pictures of two
people for one: 327 pairs of 10,015 photographs of skin lesions have such hashes, of which the
correlation leaves one (0.994, the next 0.97). A copy that was saved anew, resized or made brighter
passes in 98 of 100 trials; one that was cropped, turned or shifted does not. Memory and time are
about linear in the records: 100,000 pictures take about 25 s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.data.disk.hashes import find_candidates, hash_pictures, hash_signals, make_planes

MIN_CORRELATION = 0.99
MIN_SD = 2.0  # grey levels; a flatter picture has no hash worth the name
BYTES_PER_BLOCK = 2**23  # of pictures looked at once; as float32 they take four times that
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue, as Pillow does


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
    all records, one array after another: of one patient alone, what is only nearly identical is
    different. Pictures are uint8 (records, H, W, 1 or 3), signals (records, T, leads).
    """
    codes, blank = _digest_records(arrays)
    first = np.unique(codes, return_index=True)[1]
    group = np.arange(len(first))
    kind = arrays[0]
    if kind.ndim == 3 or (kind.ndim == 4 and kind.dtype == np.uint8 and kind.shape[-1] in (1, 3)):
        patient = pd.factorize(np.asarray(patients, dtype=object))[0]
        one, other = codes[_find_near(arrays, first[~blank[first]], patient)].T
        from scipy.sparse import coo_array  # most commands need none
        from scipy.sparse.csgraph import connected_components

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
    """Find pairs among these records, of different patients, that are nearly the same.

    Returns (pairs, 2) int. Not every pair of a large group of copies: enough to connect them.
    """
    hashes, mean, records = _hash_records(arrays, records)
    patient = patient[records]
    confirmed = [np.zeros((0, 2), np.int64)]
    for pairs in _gather(find_candidates(hashes), patient, _rows_per_block(arrays[0])):
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


def _hash_records(
    arrays: list[np.ndarray], records: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the hash of each record, their mean, and the records that were hashed.

    The mean is over pictures of mean 0 and length 1; of signals it is 0. A picture that is nearly
    flat has no hash.
    """
    is_picture, step = arrays[0].ndim == 4, _rows_per_block(arrays[0])
    hashes, kept = [np.zeros(0, np.uint64)], [records[:0]]
    total = np.zeros(len(_to_rows(_take(arrays, records[:1]))[0]) if len(records) else 0)
    planes = make_planes(0 if is_picture else len(total))
    for start in range(0, len(records), step):
        block = records[start : start + step]
        rows = _to_rows(_take(arrays, block))
        if is_picture:
            textured = rows.std(axis=1) >= MIN_SD
            block, rows = block[textured], rows[textured]
            total += _normalise(rows).sum(axis=0)
            hashes.append(hash_pictures(rows.reshape(len(rows), *arrays[0].shape[1:3])))
        else:
            hashes.append(hash_signals(_normalise(rows), planes))
        kept.append(block)
    kept = np.concatenate(kept)
    return np.concatenate(hashes), total / max(len(kept), 1), kept


def _to_rows(records: np.ndarray) -> np.ndarray:
    """Return records as rows of float32: pictures (n, H, W, 1 or 3) grey, signals centred."""
    if records.ndim == 3:
        values = records.astype(np.float32)
        return (values - values.mean(axis=1, keepdims=True)).reshape(len(records), -1)
    grey = records[..., 0].astype(np.float32) if records.shape[-1] == 1 else records @ GREY
    return grey.reshape(len(records), -1)


def _normalise(values: np.ndarray) -> np.ndarray:
    """Give each row mean 0 and length 1."""
    values = values - values.mean(axis=1, keepdims=True)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9)


def _standardise(records: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return what of each record is its own, as rows of length 1: their products correlate."""
    return _normalise(_normalise(_to_rows(records)) - mean)
