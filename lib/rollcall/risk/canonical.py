"""An order of patients and of pairs that does not depend on the order in which they came.

What is drawn at random (redrawn memberships, halves of the patients) is drawn in this order, so
that shuffled rows, renamed patients or pairs in another order change no number but by rounding.
It is made of scores alone and knows nobody's membership.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcall.util.parallel import make_blocks

PATIENTS_PER_BLOCK = 4096  # that are moved together: no second copy of all of them


@dataclass(frozen=True)
class Order:
    """Where each patient and each target stands.

    patients  (P,): patients in canonical order
    targets   (M,): targets in canonical order; pairs stay pairs
    """

    patients: np.ndarray
    targets: np.ndarray

    def arrange(self, statistic: np.ndarray) -> np.ndarray:
        """Return a statistic (M, P) with targets and patients in canonical order.

        In memory a patient's numbers stand together, as they do in statistic[:, patients].
        """
        out = np.empty(statistic.shape[::-1], statistic.dtype).T
        for c in make_blocks(len(self.patients), PATIENTS_PER_BLOCK):
            out[:, c] = statistic[np.ix_(self.targets, self.patients[c])]
        return out

    def undo(self, arranged: np.ndarray) -> np.ndarray:
        """Return what was arranged, (M, P), with targets and patients as they came."""
        out = np.empty(arranged.shape, arranged.dtype)
        for c in make_blocks(len(self.patients), PATIENTS_PER_BLOCK):
            out[np.ix_(self.targets, self.patients[c])] = arranged[:, c]
        return out

    def split(self, index: np.ndarray) -> np.ndarray:
        """Put every second patient in one half: bool (N,) of records, those of patients index."""
        half = np.zeros(len(self.patients), bool)
        half[self.patients[::2]] = True
        return half[index]

    def restore(self, values: np.ndarray) -> np.ndarray:
        """Return values (..., P) of patients in canonical order in the order they came in."""
        out = np.empty_like(values)
        out[..., self.patients] = values
        return out


def patient_levels(scores: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return the mean score of each patient's records over all targets, (P,) float64.

    scores (M, N) or (M, N, L), of which the labels are summed; index (N,). Sums of float32 in
    float64 are exact for all but far apart scores: they do not depend on the order of targets.
    """
    total = scores.sum(0, dtype=np.float64).reshape(len(index), -1).sum(1)
    return np.bincount(index, total) / np.bincount(index) / len(scores)


def find_order(scores: np.ndarray, index: np.ndarray, paired: bool = True) -> Order:
    """Find the canonical order of patients and targets.

    scores (M, N), paired: rows 2i and 2i+1 a pair; index (N,). Patients by their level; targets of
    a pair, and pairs, or else targets, by the sum of the target's scores.
    """
    total = scores.sum(1, dtype=np.float64)
    if not paired:
        return Order(_rank_patients(scores, index), np.argsort(total, kind="stable"))
    total = total.reshape(-1, 2)
    swapped = (total[:, 1] > total[:, 0]).astype(int)
    first = 2 * np.arange(len(total)) + swapped
    second = 2 * np.arange(len(total)) + 1 - swapped
    pairs = np.argsort(total.max(1), kind="stable")
    targets = np.column_stack([first[pairs], second[pairs]]).ravel()
    return Order(_rank_patients(scores, index), targets)


def _rank_patients(scores: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return patients by level, those of one level by their sum of squares. (P,)"""
    flat = scores.reshape(len(scores), len(index), -1)
    square = np.einsum("mnl,mnl->n", flat, flat, dtype=np.float64)
    return np.lexsort((np.bincount(index, square), patient_levels(scores, index)))


def split_in_halves(scores: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Put every second patient, by level, in one half: bool (N,) of records."""
    return Order(_rank_patients(scores, index), np.arange(len(scores))).split(index)
