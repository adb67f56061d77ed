"""Membership-inference attacks on every target model of a set, each with the others as references.

All take `scores` (targets, records), higher = more like a member, and `members` bool (targets, records), where targets 2i and 2i+1
are complementary; they return attack scores of the same shape, float32, higher = more like a member. References of a target are
all targets but itself *and its partner*: leaving out the target alone gives members one in-reference fewer than non-members, which
pushes online LiRA's null AUC below 0.5 when models are few (0.44 at 8, per-record variance). With the pair left out, both kinds have M/2 - 1 in and M/2 - 1 out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib import metrics
from lib.attacks.lira import lira
from lib.attacks.rmia import rmia

ROC_FPRS = np.unique(np.concatenate([np.geomspace(1e-5, 1, 101), np.linspace(0, 1, 101)]))
ATTACKS = {  # (attack, variant): function
    ("LiRA", "online"): lambda scores, members: lira(scores, members, online=True),
    ("LiRA", "offline"): lambda scores, members: lira(scores, members, online=False),
    ("RMIA", "online"): lambda scores, members: rmia(scores, members, online=True),
    ("RMIA", "offline"): lambda scores, members: rmia(scores, members, online=False),
    ("loss", "threshold"): lambda scores, members: scores,  # Yeom et al. 2018: one threshold for all records, no references
}


def evaluate(scores: np.ndarray, members: np.ndarray, patient_index: np.ndarray, progress=iter) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run every attack on every target. scores (M, N); members (M, P) by patient; patient_index (N,).

    Returns (attacks, roc). attacks: attack, variant, target, auc, auc_se (clustered by patient), tpr_at_fpr_*.
    roc: attack, variant, fpr, tpr (mean over targets), tpr_sd.
    """
    by_record = members[:, patient_index]
    rows, curves = [], []
    for (attack, variant), function in progress(ATTACKS.items()):
        result = function(scores, by_record)
        tprs = np.empty((len(scores), len(ROC_FPRS)))
        for target in range(len(scores)):
            area, error = metrics.auc_clustered(result[target], by_record[target], patient_index)
            tprs[target] = metrics.roc(result[target], by_record[target], ROC_FPRS)
            at = metrics.roc(result[target], by_record[target], np.array(metrics.FPRS))
            rows.append({"attack": attack, "variant": variant, "target": target, "auc": area, "auc_se": error,
                         **{f"tpr_at_fpr_{fpr:g}": value for fpr, value in zip(metrics.FPRS, at)}})
        curves.append(pd.DataFrame({"attack": attack, "variant": variant, "fpr": ROC_FPRS, "tpr": tprs.mean(0), "tpr_sd": tprs.std(0)}))
    return pd.DataFrame(rows), pd.concat(curves, ignore_index=True)
