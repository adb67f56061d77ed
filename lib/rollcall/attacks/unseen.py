"""One model against one to a few references that never saw the patients.

References without a patient say how hard its records are to a model that does not know them, and
not how far models that do lie above. So what a model with a record gives it is expected to lie
above by an amount in proportion to 1 - p, p being the probability that the references give the
record's label: that is the first step of training on a record, in log odds, and nothing moves where
the label was foreseen. How far models differ at all is taken from records as hard as it: one
reference has no spread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from rollcall.attacks.offline import score_rmia
from rollcall.attacks.rmia.population import POPULATION_SIZE
from rollcall.stats.sampling import sample_evenly
from rollcall.util.errors import InputError

BINS = 40  # of hardness, within each label, whose records are taken to vary alike
PSEUDO_RECORDS = 20  # that pull a bin to all records
FREEDOM = 8.0  # Student's, of a score about what is expected: heavier tails than normal
MIN_SPREAD = 1e-6


class Unseen(NamedTuple):
    """Hold what `score_unseen` gives, higher = more like a member.

    ratio      (P,): the logarithm of a likelihood ratio, summed over a patient's records
    rmia       (P,): offline RMIA, its mean over a patient's records, 0 to 1
    plain      (P,): the mean standardised score, times the root of the number of records
    expected   (P,): how far a model is expected to move with the patient, by the references alone:
               the root of the sum of (1 - p)^2
    hardness, spread   (N,): the references' mean log odds, and the standard deviation of the
               model's about what these foretell
    """

    ratio: np.ndarray
    rmia: np.ndarray
    plain: np.ndarray
    expected: np.ndarray
    hardness: np.ndarray
    spread: np.ndarray


def score_unseen(
    target: np.ndarray,
    references: np.ndarray,
    outside: np.ndarray,
    index: np.ndarray,
    label: np.ndarray | None = None,
) -> Unseen:
    """Score every patient under one model by the references that never had it.

    target (N,), references (R, N), R at least 1: log odds of each record's label; outside: bool (R,
    N), True where a reference had not the record's patient; index (N,): the patient of each record;
    label int (N,): within which hardness is compared. With c the mean of the references outside, x
    the target's, and q = 1 / (1 + exp c):

        s = (x - f(c)) / v(c)      f: a line and the mean of 40 bins about it; v: of as hard ones
        d = k q / v(c)             k such that the mean of d^2 is 1
        ratio = sum over records of  log t(s - d/2) - log t(s + d/2)

    with Student's t of 8 degrees of freedom. RMIA: log p(x) - log ((1 + a) p / 2 + (1 - a) / 2), a
    = 0.3, as a share of up to 10,000 records of the same under p; p the references' mean. Whom the
    model had enters nowhere. InputError if shapes do not fit, or a record has no reference outside.
    """
    target, references = np.asarray(target, np.float64), np.asarray(references, np.float64)
    outside, index = np.asarray(outside), np.asarray(index)
    fits = references.shape == outside.shape and references.shape[1:] == target.shape == index.shape
    if not fits or outside.dtype != bool:
        raise InputError(
            f"target {target.shape}, references {references.shape}, outside {outside.dtype} "
            f"{outside.shape} and index {index.shape}; expected (records,), (references, records), "
            "bool of the same shape, and (records,)"
        )
    count = outside.sum(0)
    if not count.all():
        record = int(np.flatnonzero(count == 0)[0])
        raise InputError(
            f"every one of {len(references)} references had the patient of record {record}; "
            "expected one that had not, for each"
        )
    hardness = np.einsum("rn,rn->n", references, outside) / count
    likely = np.einsum("rn,rn->n", expit(references), outside) / count
    standard, spread = standardise(target, hardness, label)
    surprise = expit(-hardness)
    shift = surprise / spread
    shift /= max(np.sqrt(np.mean(shift**2)), MIN_SPREAD)
    up, down = (np.log1p((standard + sign * shift / 2) ** 2 / FREEDOM) for sign in (1, -1))
    share = score_rmia(target, likely, sample_evenly(likely[None], POPULATION_SIZE, 0))
    patients = int(index.max()) + 1
    records = np.maximum(np.bincount(index, minlength=patients), 1)
    return Unseen(
        np.bincount(index, (FREEDOM + 1) / 2 * (up - down), patients),
        np.bincount(index, share, patients) / records,
        np.bincount(index, standard, patients) / np.sqrt(records),
        np.sqrt(np.bincount(index, surprise**2, patients)),
        hardness,
        spread,
    )


def standardise(
    target: np.ndarray, hardness: np.ndarray, label: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the target's scores about what their hardness foretells, (N,), and their spread."""
    codes = np.zeros(len(hardness), int)
    if label is not None:
        codes = np.unique(label, return_inverse=True)[1]
    rest = np.empty(len(target))
    for code in range(codes.max() + 1):
        these = codes == code
        columns = np.column_stack([np.ones(these.sum()), hardness[these]])
        line = np.linalg.lstsq(columns, target[these], rcond=None)[0]
        rest[these] = target[these] - columns @ line
    rank = np.empty(len(hardness), int)
    rank[np.argsort(hardness, kind="stable")] = np.arange(len(hardness))
    cell = np.unique(rank * BINS // len(hardness) + BINS * codes, return_inverse=True)[1]
    rest -= _mean(rest, cell, 0.0)
    spread = np.sqrt(np.maximum(_mean(rest**2, cell, float(np.mean(rest**2))), MIN_SPREAD**2))
    return rest / spread, spread


def _mean(values: np.ndarray, cell: np.ndarray, prior: float) -> np.ndarray:
    """Return the mean of each record's cell, (N,), pulled to `prior` by PSEUDO_RECORDS."""
    total = np.bincount(cell, values) + PSEUDO_RECORDS * prior
    return (total / (np.bincount(cell) + PSEUDO_RECORDS))[cell]
