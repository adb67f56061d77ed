"""Membership-inference attacks on every target of a set, each with the others as references.

Every attack takes `scores` (targets, records) or (targets, records, labels), higher = more like a
member, and `members`, bool (targets, records), where targets 2i and 2i+1 are complementary, or at
least 3 had and 3 had not each record. It returns attack scores (targets, records), float32,
higher = more like a member.

References of a target are all targets but itself *and its partner*. Leaving out the target alone
is biased where nothing leaks, and the sign depends on how a record's two scores within a pair
correlate. At 0, members have one in-reference fewer than non-members, which pushes online LiRA's
AUC below 0.5; at -0.4, which is common, the partner among the references says what the target was
not, and pushes it above. Null AUC, one variance per record / one for all (errors 0.001):

    targets   correlation 0    correlation -0.4
          8   0.444 / 0.475     0.471 / 0.530
         16   0.488 / 0.491     0.510 / 0.532
         64   0.499 / 0.500     0.511 / 0.521

With the pair left out, members and non-members both have M/2 - 1 in-references and M/2 - 1
out-references, and the AUC is 0.5 in all of these.

Where targets come one by one, each drawn by itself, references are all targets but the one
attacked. Who was in it has then nothing to do with who was in the others, and the null AUC is 0.5;
but online LiRA's falls where many records are in (or out of) hardly more than 3 targets, since
those in fewer are left out: 0.42 to 0.45 with 8 targets, 0.47 with 16 at a rate of 0.2 or 0.8, 0.49
with 32 (errors 0.005).
"""

from __future__ import annotations

from functools import partial

import numpy as np

from rollcall.attacks.blind import judge_blind, run_blind
from rollcall.attacks.calibrated import run_calibrated
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
    "judge_blind",
    "run_all",
    "run_blind",
    "run_calibrated",
    "run_lira",
    "run_loss_threshold",
    "run_rmia",
]


def run_loss_threshold(scores: np.ndarray) -> np.ndarray:
    """Attack with one threshold for all records and no references. (M, N) float32.

    The attack score is minus the loss. Of one score per record, (M, N), that score itself, which
    rises with minus the loss and so has the same ROC; of labels, (M, N, L), minus the sum of their
    losses.
    Source: Yeom et al., Privacy Risk in Machine Learning, CSF 2018.
    """
    if scores.ndim == 2:
        return scores
    return -np.logaddexp(0, -scores).sum(2, dtype=np.float32)


ATTACKS = {  # (attack, variant): function of scores and members
    ("LiRA", "online"): partial(run_lira, online=True),
    ("LiRA", "offline"): partial(run_lira, online=False),
    ("LiRA", "calibrated"): run_calibrated,
    ("RMIA", "online"): partial(run_rmia, online=True),
    ("RMIA", "offline"): partial(run_rmia, online=False),
    ("InfoRMIA", "online"): partial(run_rmia, online=True, information=True),
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
    """Run every attack on every target and evaluate it.

    scores (M, N) or (M, N, L); members bool (M, P), by patient; patient_index (N,), the patient of
    each record; features (N, D) for the blind baseline, which asks no model (None: left out).
    """

    def run_on_records(attack):  # members by record exist while one attack runs
        return attack(scores, members[:, patient_index])

    def blind(scores, members_by_record):
        return run_blind(features, members_by_record, patient_index)

    chosen = ATTACKS if features is None else ATTACKS | {BLIND: blind}
    attacks = {key: partial(run_on_records, attack) for key, attack in chosen.items()}
    return evaluate(attacks, members, patient_index, progress)
