"""One model, or a few, attacked with references that never saw the patients.

There is no in score: it can be told how unusual a model's score of a patient is, not whether as
unusual as of a member. Chance is known only where outsiders are: patients who are known not to have
been in the training set, and come from where the members come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtri, stdtr

from rollcall.attacks.calibrated import LEAST_P
from rollcall.attacks.lira.prior import MIN_VARIANCE, fit_prior, sum_logs
from rollcall.attacks.rmia.population import POPULATION_SIZE
from rollcall.stats import metrics
from rollcall.stats.sampling import sample_evenly
from rollcall.util.errors import InputError

MIN_REFERENCES = 3
MEMBER, OUTSIDER, UNKNOWN = 1, 0, -1
A = 0.3  # of offline RMIA, which cannot be tuned without a reference that had members
LEVEL = 0.05  # false-discovery rate at which members are named
FEWEST_OUTSIDERS = 19  # with fewer no p-value is below 0.05


@dataclass(frozen=True)
class Offline:
    """Hold what an offline attack says of each patient, (P,), and of all.

    lira        normal quantile of the score among the references' (attack_offline)
    rmia        mean over records of offline RMIA's score, 0 to 1
    p_value     conformal, against the outsiders; NaN of outsiders, and where there are too few
    exposed     bool: named at a false-discovery rate of 5%
    auc, auc_se of members against outsiders by lira, NaN where either are fewer than 2
    """

    lira: np.ndarray
    rmia: np.ndarray
    p_value: np.ndarray
    exposed: np.ndarray
    auc: float
    auc_se: float


def attack_offline(
    target: np.ndarray, references: np.ndarray, index: np.ndarray, status: np.ndarray
) -> Offline:
    """Attack one model with references that had none of the patients.

    target (N,), references (R, N), R at least 3: log odds of each record's own label; index (N,):
    the patient of each record; status int (P,): MEMBER, OUTSIDER or UNKNOWN. InputError if shapes
    do not fit, or references are fewer than 3.

    LiRA offline, of patients: with T the sum of the records' scores, each less its mean and over
    its moderated standard deviation in the references (`lira.prior`), t = (T - mean) / (sd sqrt(1 +
    1/R)) over the references' own T, with moderated variances and Student's t, as a normal
    quantile. RMIA offline: p(x) = ((1 + a) mean p + 1 - a) / 2 with a = 0.3, against up to 10,000
    records. p-values: (1 + outsiders with a lira at least as high) / (1 + outsiders), which holds
    where outsiders are exchangeable with non-members (Vovk, Gammerman and Shafer 2005); Benjamini
    and Hochberg's rule among all who are no outsiders (valid: Bates et al., Ann. Stat. 2023).
    """
    index, status = np.asarray(index), np.asarray(status)
    if references.ndim != 2 or references.shape[1] != len(index) or target.shape != (len(index),):
        raise InputError(
            f"target {target.shape}, references {references.shape} and index {index.shape}; "
            "expected (records,), (references, records) and (records,)"
        )
    if len(references) < MIN_REFERENCES:
        raise InputError(
            f"{len(references)} references; expected at least {MIN_REFERENCES}, to know a spread"
        )
    middle, scale, _ = _moderate(references)
    rows = np.stack([np.bincount(index, (row - middle) / scale) for row in (target, *references)])
    center, spread, freedom = _moderate(rows[1:])
    t = (rows[0] - center) / (spread * np.sqrt(1 + 1 / len(references)))
    tail = np.clip(stdtr(freedom, -t), LEAST_P, 1 - 1e-16)
    lira = -ndtri(tail)
    p = _compare_with_outsiders(t, status)
    sample = sample_evenly(references, POPULATION_SIZE, 0)
    share = score_rmia(target, expit(references).mean(0), sample)
    rmia = np.bincount(index, share) / np.bincount(index)
    return Offline(lira, rmia, p, _name(p), *_tell(t, status))


def _moderate(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return mean over references and moderated standard deviation of columns, and freedom."""
    references, columns = values.shape
    squares = ((values - values.mean(0)) ** 2).sum(0)
    freedom = np.full((1, columns), references - 1.0)
    use = squares[None] / freedom > MIN_VARIANCE
    logs = sum_logs(squares[None] / freedom, freedom, use)
    prior = fit_prior(np.array([squares.sum()]), freedom.sum(1), logs)
    total = float(prior.freedom[0]) + (references - 1.0)
    variance = (float(prior.squares[0]) + squares) / total
    return values.mean(0), np.sqrt(np.maximum(variance, MIN_VARIANCE)), total


def score_rmia(target: np.ndarray, likely: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Return offline RMIA's score of each record, (N,), 0 to 1.

    likely (N,): the references' mean probability of the label; sample: records to compare with. a
    is fixed: tuned on the membership of those attacked, it would know the answer.
    """
    given = np.log(np.maximum(expit(target), 1e-300))
    ratio = given - np.log(((1 + A) * likely + 1 - A) / 2)
    of_sample = given[sample] - np.log(np.maximum(likely[sample], 1e-300))
    return np.searchsorted(np.sort(of_sample), ratio, side="right") / len(sample)


def _compare_with_outsiders(score: np.ndarray, status: np.ndarray) -> np.ndarray:
    p, outside = np.full(len(score), np.nan), np.sort(score[status == OUTSIDER])
    if len(outside) >= FEWEST_OUTSIDERS:
        others = status != OUTSIDER
        above = len(outside) - np.searchsorted(outside, score[others], side="left")
        p[others] = (1 + above) / (1 + len(outside))
    return p


def _name(p: np.ndarray) -> np.ndarray:
    """Return who is named by Benjamini and Hochberg's rule, bool (P,)."""
    known = np.flatnonzero(np.isfinite(p))
    ordered = np.sort(p[known])
    passes = np.flatnonzero(ordered <= LEVEL * np.arange(1, len(known) + 1) / max(len(known), 1))
    named = np.zeros(len(p), bool)
    if len(passes):
        named[known] = p[known] <= ordered[passes[-1]]
    return named


def _tell(score: np.ndarray, status: np.ndarray) -> tuple[float, float]:
    """Return the AUC of members against outsiders, and its error over patients."""
    known = np.flatnonzero(status != UNKNOWN)
    member = status[known] == MEMBER
    if min(member.sum(), (~member).sum()) < 2:
        return np.nan, np.nan
    ranked = metrics.rank_scores(score[known], member)
    return metrics.auc_from_placements(ranked.placement, member, np.arange(len(known)))
