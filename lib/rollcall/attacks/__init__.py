"""Membership-inference attacks on every target model of a set, each with the others as references.

All take `scores` (targets, records), or (targets, records, labels), higher = more like a member, and `members` bool (targets, records),
where targets 2i and 2i+1 are complementary; they return attack scores (targets, records), float32, higher = more like a member.
References of a target are all targets but itself *and its partner*: leaving out the target alone gives members one in-reference fewer
than non-members, which pushes online LiRA's null AUC below 0.5 when models are few (0.44 at 8, per-record variance). With the pair
left out, both kinds have M/2 - 1 in and M/2 - 1 out.
"""

from __future__ import annotations

import numpy as np

from rollcall.attacks.blind import run_blind
from rollcall.attacks.evaluation import ROC_FPRS, Evaluated, evaluate
from rollcall.attacks.features import compute_features
from rollcall.attacks.lira import run_lira
from rollcall.attacks.rmia import run_rmia

__all__ = [
    "ATTACKS",
    "ROC_FPRS",
    "Evaluated",
    "compute_features",
    "evaluate",
    "run_all",
    "run_blind",
    "run_lira",
    "run_loss_threshold",
    "run_rmia",
]


def run_loss_threshold(scores: np.ndarray) -> np.ndarray:
    """One threshold for all records, no references (Yeom et al., Privacy Risk in Machine Learning, CSF 2018): minus the loss. (M, N) float32.

    Of one score per record its log odds, which rise with minus the loss and so make the same ROC; of labels (M, N, L) minus the sum of their losses.
    """
    if scores.ndim == 2:
        return scores
    return -np.logaddexp(0, -scores).sum(2, dtype=np.float32)


ATTACKS = {  # (attack, variant): function of scores and members
    ("LiRA", "online"): lambda scores, members: run_lira(scores, members, online=True),
    ("LiRA", "offline"): lambda scores, members: run_lira(scores, members, online=False),
    ("RMIA", "online"): lambda scores, members: run_rmia(scores, members, online=True),
    ("RMIA", "offline"): lambda scores, members: run_rmia(scores, members, online=False),
    ("loss", "threshold"): lambda scores, members: run_loss_threshold(scores),
}
BLIND = ("blind", "no model")


def run_all(
    scores: np.ndarray,
    members: np.ndarray,
    patient_index: np.ndarray,
    features: np.ndarray | None = None,
    progress=iter,
) -> Evaluated:
    """Run every attack on every target. scores (M, N) or (M, N, L); members (M, P) by patient; patient_index (N,); features (N, D) for the
    blind baseline, which asks no model (None: left out)."""

    def by_record():  # made when an attack begins and gone when it ends
        return members[:, patient_index]

    attacks = {
        key: (lambda function=function: function(scores, by_record()))
        for key, function in ATTACKS.items()
    }
    if features is not None:
        attacks[BLIND] = lambda: run_blind(features, by_record(), patient_index)
    return evaluate(attacks, members, patient_index, progress)
