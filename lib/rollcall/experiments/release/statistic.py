"""One number a patient: how much one model's scores look like those of models that had the patient.

Reference models, trained on random parts of the same patients, say of each record what a model with
it gives and what one without it. Which patients the released model had enters nowhere, so members
and outsiders are treated alike: of the same source, they are exchangeable but for what the released
model has kept of its members.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import polygamma, psi

from rollcall.attacks import unseen
from rollcall.attacks.lira.prior import MAX_FREEDOM, MIN_VARIANCE, invert_trigamma
from rollcall.util.errors import InputError

BINS = 40  # of hardness, in which the shift of a record is expected to be like that of others
PSEUDO_RECORDS = 20  # that pull a bin's mean to that of all records
LEAST_OF_A_KIND = 2  # references with and without a patient
MOST_UNSEEN = 4  # references of which each patient need only be out of one
LEAST_SLOPE = 0.1  # of released scores on the references'
LEAST_RECORDS = 100  # in which a correlation is looked at
CHANCE = 3.0  # times 1 / sqrt(records): what correlations reach that are none


class PatientScores(NamedTuple):
    """Hold what `score_patients` gives, (P,) each; higher = more like a member.

    ratio: the logarithm of a likelihood ratio, which is large of patients whom models remember.
    plain: the mean distance from models without the patient, standardised, times the root of the
    number of records: of members without a trace as of outsiders. hardness and spread, (N,) each:
    of each record under the references.
    expected: how far a model is expected to move with the patient, by the references alone.
    correlation: of the released scores with the references', within label. rmia: where no reference
    had the patient, offline RMIA's score; else None.
    """

    ratio: np.ndarray
    plain: np.ndarray
    hardness: np.ndarray
    spread: np.ndarray
    expected: np.ndarray
    correlation: float
    rmia: np.ndarray | None = None


class Moments(NamedTuple):
    """Hold means and variance of each record's scores under the references, (N,) each.

    inside, outside: mean with and without it; nan where there is none. deviation: within kinds,
    moderated; freedom: Student's. noise: the variance of the shift, in squared deviations.
    """

    inside: np.ndarray
    outside: np.ndarray
    deviation: np.ndarray
    freedom: np.ndarray
    noise: np.ndarray


def score_patients(
    released: np.ndarray,
    references: np.ndarray,
    reference_members: np.ndarray,
    index: np.ndarray,
    label: np.ndarray | None = None,
) -> PatientScores:
    """Score every patient under one released model.

    released     (N,) or (N, L) of several labels: log odds of each record's own label
    references   (R, N) or (R, N, L): the same under the reference models
    reference_members  bool (R, P): whom each had. Every patient in at least 2 and out of at least
                 2; or nobody in any, or of at most 4 references each out of one: then those that
                 had not a patient are its references (rollcall.attacks.unseen)
    index        int (N,): the patient of each record
    label        int (N,): where the shift of a record may depend on its label

    With m_in, m_out the means of a record's reference scores, sd their deviation within kinds,
    moderated over records (Smyth 2004), c = (m_in + m_out) / 2, d = (m_in - m_out) / sd shrunk to
    the mean of records as hard (of like c and label), and s the released score less a + b c, over
    b sd (a, b by least squares over all records, for a model more or less confident throughout),

        ratio of a patient = sum over records of  log t(s - d/2) - log t(s + d/2)

    with Student's t. InputError if shapes do not fit, a value is not finite, or the released scores
    run against the references' or have nothing in common with them.
    """
    released, references, index, label = _flatten(released, references, index, label)
    members = np.asarray(reference_members)
    _check(released, references, members, index)
    if not _is_seen(members):
        return _score_unseen(released, references, members, index, label)
    moments = take_moments(references, members[:, index])
    centre = (moments.inside + moments.outside) / 2
    apart = (moments.inside - moments.outside) / moments.deviation
    shift = shrink_shifts(apart, moments, label)
    correlation = _correlate(released, centre, label)
    standard, width = _standardise(released, centre, shift, moments.deviation)
    from_outside = standard + apart / 2 / width
    freedom = moments.freedom
    up, down = (np.log1p((standard + sign * shift / 2) ** 2 / freedom) for sign in (1, -1))
    patients = members.shape[1]
    count = np.maximum(np.bincount(index, minlength=patients), 1)
    return PatientScores(
        np.bincount(index, (freedom + 1) / 2 * (up - down), patients),
        np.bincount(index, from_outside, patients) / np.sqrt(count),
        centre,
        moments.deviation,
        np.sqrt(np.bincount(index, shift**2, patients)),
        correlation,
    )


def _is_seen(members: np.ndarray) -> bool:
    """Say whether every patient is in enough references and out of enough."""
    count = members.sum(0)
    return count.min() >= LEAST_OF_A_KIND and count.max() <= len(members) - LEAST_OF_A_KIND


def _score_unseen(released, references, members, index, label) -> PatientScores:
    """Score patients by the references that never saw them."""
    scores = unseen.score_unseen(released, references, ~members[:, index], index, label)
    return PatientScores(
        scores.ratio,
        scores.plain,
        scores.hardness,
        scores.spread,
        scores.expected,
        _correlate(released, scores.hardness, label),
        scores.rmia,
    )


def take_moments(scores: np.ndarray, members: np.ndarray) -> Moments:
    """Take the moments of records over models of any design: scores, members bool (R, N)."""
    total_in, count = (scores * members).sum(0), members.sum(0).astype(float)
    others = len(members) - count
    with np.errstate(invalid="ignore", divide="ignore"):
        inside, outside = total_in / count, (scores.sum(0) - total_in) / others
    squares = np.where(members, scores - inside, scores - outside)
    squares = np.einsum("rn,rn->n", squares, squares)
    kinds = (count > 0).astype(int) + (others > 0)
    freedom = np.maximum(len(members) - kinds, 1).astype(float)
    variance, prior = moderate(squares, freedom)
    noise = 1 / np.maximum(count, 1) + 1 / np.maximum(others, 1)
    return Moments(inside, outside, np.sqrt(variance), freedom + prior, noise)


def moderate(squares: np.ndarray, freedom: np.ndarray) -> tuple[np.ndarray, float]:
    """Return (variances (N,), degrees of freedom of their prior), moderated over the records.

    squares, freedom (N,): sums of squares and their degrees of freedom. As rollcall.attacks.lira
    moderates them (Smyth 2004).
    """
    variance = np.maximum(squares / freedom, MIN_VARIANCE)
    e = np.log(variance) - psi(freedom / 2) + np.log(freedom / 2)
    excess = e.var() - polygamma(1, freedom / 2).mean()
    prior = float(2 * invert_trigamma(np.maximum(excess, polygamma(1, MAX_FREEDOM / 2))))
    middle = max(squares.sum() / freedom.sum(), MIN_VARIANCE)
    return (prior * middle + squares) / (prior + freedom), prior


def shrink_shifts(shift: np.ndarray, moments: Moments, label: np.ndarray | None) -> np.ndarray:
    """Shrink each record's shift (N,) to what records as hard, of its label, shift on average."""
    centre = moments.inside + moments.outside
    rank = np.empty(len(centre), int)
    rank[np.argsort(centre, kind="stable")] = np.arange(len(centre))
    cell = rank * BINS // len(centre)
    if label is not None:
        cell = np.unique(
            cell + BINS * np.unique(label, return_inverse=True)[1], return_inverse=True
        )
        cell = cell[1]
    count = np.bincount(cell)
    mean = (np.bincount(cell, shift) + PSEUDO_RECORDS * shift.mean()) / (count + PSEUDO_RECORDS)
    expected = mean[cell]
    truth = max(((shift - expected) ** 2 - moments.noise).mean(), 1e-4)
    weight = truth / (truth + moments.noise)
    return np.maximum(expected + weight * (shift - expected), 0)


def _standardise(released, centre, shift, deviation) -> tuple[np.ndarray, float]:
    """Return released scores as deviations from the references' centre, and by what over sd."""
    columns = np.column_stack([np.ones(len(centre)), centre, shift * deviation])
    weights = np.linalg.lstsq(columns / deviation[:, None], released / deviation, rcond=None)[0]
    slope = max(float(weights[1]), LEAST_SLOPE)
    standard = (released - weights[0] - weights[1] * centre) / (slope * deviation)
    width = 1.4826 * np.median(np.abs(standard - np.median(standard)))
    width = float(width) if width > 0 else 1.0
    return standard / width, width


def _correlate(released: np.ndarray, centre: np.ndarray, label: np.ndarray | None) -> float:
    """Return the correlation of released scores and the references', within label.

    Another order of records leaves what depends on the label alone. InputError if there is none.
    """
    cell = np.zeros(len(centre), int) if label is None else np.unique(label, return_inverse=True)[1]
    count = np.bincount(cell)
    one, other = (
        values - (np.bincount(cell, values) / count)[cell] for values in (released, centre)
    )
    spread = np.sqrt((one**2).sum() * (other**2).sum())
    correlation = float((one * other).sum() / spread) if spread > 0 else 0.0
    chance = CHANCE / np.sqrt(len(centre))
    if len(centre) < LEAST_RECORDS or correlation > chance:
        return correlation
    if correlation < -chance:
        raise InputError(
            f"the released model's scores run against the references' (correlation "
            f"{correlation:.2f}); expected scores that are higher where the model fits a record "
            "better: are these losses?"
        )
    raise InputError(
        f"the released model's scores have nothing in common with the references' (correlation "
        f"{correlation:.3f} within label, over {len(centre):,} records); expected a row for each "
        "record in the cohort's order: is it another order, or a model of something else?"
    )


def _flatten(released, references, index, label):
    """Return scores of several labels as so many records of the same patient."""
    released = np.asarray(released, np.float64)
    references, index = np.asarray(references, np.float64), np.asarray(index)
    if released.ndim == 2 and references.ndim == 3:
        labels = released.shape[1]
        numbers = np.tile(np.arange(labels), len(released))
        return (
            released.ravel(),
            references.reshape(len(references), -1),
            index.repeat(labels),
            (numbers),
        )
    return released, references, index, None if label is None else np.asarray(label)


def _check(released, references, members, index) -> None:
    shape = references.shape
    if released.ndim != 1 or shape[1:] != released.shape or index.shape != released.shape:
        raise InputError(
            f"released {released.shape}, references {shape} and index {index.shape}; expected "
            "(records,), (references, records) and (records,)"
        )
    if members.dtype != bool or members.ndim != 2 or len(members) != shape[0]:
        raise InputError(
            f"reference_members is {members.dtype} {members.shape}; expected bool "
            f"({shape[0]}, patients)"
        )
    for name, values in (("released", released[None]), ("references", references)):
        if not np.isfinite(values).all():
            model, record = np.argwhere(~np.isfinite(values))[0]
            which = f"model {model}, " if name == "references" else ""
            raise InputError(f"{name}: {which}record {record} is NaN or infinite")
    _check_others(released, references)
    count = members.sum(0)
    least, most = int(count.min()), int(count.max())
    few = len(members) <= MOST_UNSEEN and most < len(members)
    if not (_is_seen(members) or most == 0 or few):
        raise InputError(
            f"a patient is in {least} to {most} of {len(members)} reference models; expected each "
            f"in at least {LEAST_OF_A_KIND} and out of at least {LEAST_OF_A_KIND}; or nobody in "
            f"any; or, of at most {MOST_UNSEEN} references, each out of one"
        )


def _check_others(released: np.ndarray, references: np.ndarray) -> None:
    """Check that references are other models than the released one, and than each other."""
    seen = {released.tobytes(): "the released model"}
    for number, values in enumerate(references):
        other = seen.setdefault(values.tobytes(), f"reference {number}")
        if other != f"reference {number}":
            raise InputError(
                f"reference {number} gives every record the very score of {other}; expected "
                "models trained each by itself: a copy tells nothing"
            )
