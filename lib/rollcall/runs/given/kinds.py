"""Kinds of scores that may be given, and the log odds of each record's own label from them.

One target at a time: whoever reads them holds two rows, however large the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.special import logsumexp

from rollcall.util.errors import InputError

LOG_ODDS, PROBA, LOGITS, LOSS = "log-odds", "proba", "logits", "loss"
KINDS = (LOG_ODDS, PROBA, LOGITS, LOSS)
WORDS = dict(zip(KINDS, ("log odds", "probabilities", "logits", "losses"), strict=True))
LARGEST = 1e6  # no log odds come near it; squares of them stay far within float32
RECORDS_PER_BLOCK = 65_536
SUM_TOLERANCE = 0.02  # by which probabilities of classes may miss 1: float16 rounds
SMOOTHING = "smooth the votes of T trees as (k + 0.5) / (T + 1)"


@dataclass(frozen=True)
class Given:
    """Hold scores as they were given.

    array   (M, N) or (M, N, C), a memory map
    labels  of proba and logits: int (N,) of class numbers, or (N, C) of 0 and 1; else empty
    floor   a probability or loss of 0 is taken for this
    """

    path: Path
    array: np.ndarray
    kind: str = LOG_ODDS
    labels: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    floor: float = 0.0


def choose_kind(path: Path, array: np.ndarray, kind: str, labels: np.ndarray | None) -> Given:
    """Return scores with their kind; InputError if it is unknown, or labels do not fit it.

    log-odds  of each record's own label, (M, N), or of each of its labels, (M, N, L)
    proba     of every class, (M, N, C), with labels (N,); of class 1 of two, (M, N), with labels
              (N,) of 0 and 1; or of each of several labels, (M, N, L), with labels (N, L)
    logits    the same, before the softmax or sigmoid
    loss      cross-entropy of each record, (M, N), or of each of its labels, (M, N, L)
    """
    if kind not in KINDS:
        raise InputError(f"kind {kind!r}: expected one of {', '.join(KINDS)}")
    if kind in (LOGITS, LOSS) and array.ndim == 3 and len(array):
        _refuse_probabilities(path, array[0], kind)
    if kind in (LOG_ODDS, LOSS):
        if labels is not None:
            raise InputError(f"kind {kind} needs no labels: it is of each record's own label")
        return Given(path, array, kind)
    if labels is None:
        raise InputError(
            f"{path}: {kind} needs --labels, the class of each record. Of the probability p of "
            f"each record's own label give -log(p), as --kind {LOSS}"
        )
    columns = array.shape[2] if array.ndim == 3 else 1
    if labels.ndim == 2 and labels.shape[1] != columns:
        raise InputError(f"{path}: {array.shape}, but labels {labels.shape}; expected as many")
    classes = max(columns, 2) if labels.ndim == 1 else 2
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"{path}: {array.shape}, but labels from {labels.min()} to {labels.max()}; expected 0 "
            f"to {classes - 1}, in the order of the columns"
        )
    if labels.ndim == 2 and columns > 1 and (labels.sum(1) == 1).all():
        raise InputError(
            f"{path}: each record has one of the {columns} labels; expected its class as a number"
        )
    return Given(path, array, kind, labels)


def _refuse_probabilities(path: Path, values: np.ndarray, kind: str) -> None:
    """InputError if values of classes, (N, C), are probabilities, as after a softmax."""
    values = values[:RECORDS_PER_BLOCK].astype(np.float64)
    if (values >= 0).all() and (np.abs(values.sum(1) - 1) <= SUM_TOLERANCE).all():
        raise InputError(
            f"{path}: the {values.shape[1]} columns of each record lie between 0 and 1 and add up "
            f"to 1, as probabilities of classes do; expected {WORDS[kind]}. Give them with --kind "
            f"{PROBA} --labels"
        )


def iterate_log_odds(given: Given) -> Iterator[np.ndarray]:
    """Yield the log odds of each target, float32 (N,) or (N, L), finite; InputError if not so."""
    for target in range(len(given.array)):
        yield convert_target(given, target)


def shape_of_target(given: Given) -> tuple[int, ...]:
    """Return the shape of one target's log odds: (N,), or (N, L) of several labels."""
    several = given.kind in (LOG_ODDS, LOSS) or given.labels.ndim == 2
    return given.array.shape[1:] if several else given.array.shape[1:2]


def convert_target(given: Given, target: int) -> np.ndarray:
    """Return the log odds of one target, float32 (N,) or (N, L), finite and at most LARGEST."""
    row = given.array[target]
    out = np.empty(shape_of_target(given), np.float32)
    for start in range(0, len(row), RECORDS_PER_BLOCK):
        block = slice(start, start + RECORDS_PER_BLOCK)
        values = row[block]
        _check_values(given, target, start, values)
        with np.errstate(over="ignore"):
            out[block] = _convert(given, np.array(values, np.float64), given.labels[block])
    return out


def loss_to_log_odds(loss: np.ndarray | float) -> np.ndarray:
    """Return the log odds of a record's own label at a cross-entropy above 0, of its shape."""
    return -loss - np.log(-np.expm1(-loss))


def _convert(given: Given, values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    if given.kind == LOG_ODDS:
        return values
    if given.kind == LOSS:  # p = exp(-loss)
        return loss_to_log_odds(np.maximum(values, given.floor))
    if given.kind == LOGITS:
        if values.ndim == 1 or labels.ndim == 2:
            return (2 * labels - 1) * values
        rows = np.arange(len(values))
        chosen = values[rows, labels]
        values[rows, labels] = -np.inf
        return chosen - logsumexp(values, axis=1)
    one, rest = split_probability(np.clip(values, 0, 1), labels)
    return np.log(np.maximum(one, given.floor)) - np.log(np.maximum(rest, given.floor))


def split_probability(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of each record's own label, and of all others."""
    if values.ndim == 1 or labels.ndim == 2:
        return np.where(labels == 1, values, 1 - values), np.where(labels == 1, 1 - values, values)
    rows = np.arange(len(values))
    chosen = values[rows, labels]
    values[rows, labels] = 0
    return chosen, values.sum(1)


def _check_values(given: Given, target: int, start: int, values: np.ndarray) -> None:
    """InputError that names the first value that is none of its kind."""
    kind, expected = given.kind, f"expected {WORDS[given.kind]}"
    with np.errstate(over="ignore", invalid="ignore"):
        wrong, why = ~np.isfinite(values), "is NaN or infinite; expected finite scores"
        if kind == LOG_ODDS and np.isinf(values).any():
            why += f". Of probabilities of 0 and 1? Give these with --kind {PROBA}, or {SMOOTHING}"
        if not wrong.any():
            wrong, why = np.isinf(values.astype(np.float32)), f"is beyond float32; {expected}"
        if not wrong.any():
            wrong = np.abs(values) > LARGEST
            why = f"is beyond 1,000,000; {expected}"
        if not wrong.any() and kind == PROBA:
            wrong, why = (values < -1e-6) | (values > 1 + 1e-6), "is no probability, from 0 to 1"
        if not wrong.any() and kind == LOSS:
            wrong = values < -1e-6
            why = "is negative, as no cross-entropy is; are these log odds, or likelihoods?"
        if not wrong.any() and kind == PROBA and values.ndim == 2 and given.labels.ndim == 1:
            total = values.sum(1, dtype=np.float64)
            wrong = np.abs(total - 1) > SUM_TOLERANCE
            why = f"the probabilities of its {values.shape[1]} classes do not add up to 1"
            values = total
    if wrong.any():
        at = tuple(np.argwhere(wrong)[0])
        value = values[at]
        number = f": {value:.3g}".replace("e+", "e") if np.isfinite(value) else ""
        raise InputError(f"{given.path}: target {target}, record {start + at[0]}{number} {why}")


def find_floor(given: Given) -> tuple[Given, list[str]]:
    """Return scores with the floor that their zeros are taken for, and what must be said of it.

    Of probabilities and losses: half the smallest that is not 0, which keeps every order and is no
    further off than the others. InputError if all are 0 or 1: these are decisions.
    """
    if given.kind not in (PROBA, LOSS):
        return given, []
    smallest, zeros, count = np.inf, 0, 0
    for target in range(len(given.array)):
        for start in range(0, given.array.shape[1], RECORDS_PER_BLOCK):
            block = slice(start, start + RECORDS_PER_BLOCK)
            values = given.array[target, block]
            _check_values(given, target, start, values)
            values = np.maximum(values, np.float64(0), dtype=np.float64)
            sides = (values,)
            if given.kind == PROBA:
                sides = split_probability(np.minimum(values, 1), given.labels[block])
            for side in sides:
                smallest = min(smallest, side[side > 0].min(initial=np.inf))
                zeros += int((side == 0).sum())
            count += sides[0].size
    if given.kind == PROBA and zeros == count:
        raise InputError(
            f"{given.path}: every probability is 0 or 1; expected probabilities, not decisions. "
            + f"S{SMOOTHING[1:]}"
        )
    if not zeros:
        return given, []
    if not np.isfinite(smallest):
        raise InputError(f"{given.path}: every loss is 0; expected cross-entropies")
    note = (
        f"{zeros / count:.1%} of the given {'losses' if given.kind == LOSS else 'probabilities'} "
        f"make infinite log odds and were taken as half the smallest other, {smallest / 2:.2g}; "
        f"{'compute the loss in float64' if given.kind == LOSS else SMOOTHING}"
    )
    return replace(given, floor=smallest / 2), [note]
