"""Rank patients with few targets: what records like theirs shift, and then their own shift.

Nothing here looks at models that judge: the fit foretells shifts of the same few targets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rollcall.risk import canonical
from rollcall.risk.patient import (
    estimate_shift,
    fit_shift,
    foretell_shift,
    group_records,
    joint_statistic,
    joint_weights,
    make_terms,
)
from rollcall.risk.record import signed_auc
from rollcall.risk.screening.moderation import moderate
from rollcall.stats.checks import check_finite
from rollcall.stats.members import check_paired
from rollcall.stats.moments import Moments, compute_moments, pair_signs
from rollcall.util.errors import InputError

LEAST_SHIFT = 1e-3  # that is foretold of a record: weights stay above 0
HARDEST = 0.1  # of the patients, by what is foretold: on them the combination is fitted
RIDGE = 0.01  # of the combination, as a share of its patients
BOOSTING = {"max_iter": 50, "learning_rate": 0.05, "max_leaf_nodes": 8, "l2_regularization": 10.0}
LEAF = 200  # records of a leaf at the least, or one in 50 where records are few

# The two parts of the ranking:
#
# 1. What is foretold. A record's shift (mean score of members less that of non-members, in its
#    standard deviations) is regressed on what is blind to its own membership: the level and the
#    spread of its scores over all targets, its label, its leverage. First by the cubic regression
#    of rollcall.risk.patient.estimate_shift, then by boosted trees on what that leaves, both on the
#    other half of the patients. Weighted over the patient's records it is `foretold`: no swap of
#    the two targets of a pair changes it, so that under the null it says nothing of who was in.
# 2. The patient's own. Its shift, with moderated variances; its memorisation score (mean p of the
#    right answer in less out); the spread of its losses over the epochs. They are noisy with few
#    targets: how far each may move the ranking is fitted pair by pair. The difference that pair k
#    makes, D_k, is regressed on what is foretold and on the three as the other pairs give them:
#    their noise is independent of that of D_k. Only among the hardest tenth, since there the top is
#    decided. The coefficients, over that of `foretold`, are the combination.


class Ranking(NamedTuple):
    """Hold what `rank_patients` says of each patient, (P,) each.

    foretold      the shift that the records foretell, blind to the patient's membership
    half          bool: each half is foretold from the other
    shift         the patient's own, with a moderated variance
    memorisation  the largest of the records: mean chance given to the right answer, in less out
    spread        the largest of the records' spread of losses; zeros where none was kept
    score         all of it together: higher = more exposed
    weights       by name, of shift, memorisation and spread in the score, per standard deviation;
                  that of foretold is 1
    """

    foretold: np.ndarray
    half: np.ndarray
    shift: np.ndarray
    memorisation: np.ndarray
    spread: np.ndarray
    score: np.ndarray
    weights: dict[str, float]


def rank_patients(
    scores: np.ndarray,
    members: np.ndarray,
    index: np.ndarray,
    labels: np.ndarray | None = None,
    leverage: np.ndarray | None = None,
    spread: np.ndarray | None = None,
) -> Ranking:
    """Rank patients by few targets.

    scores (M, N), log odds of the right answer; members bool (M, P), pairs; index (N,); labels (N,)
    numbers; leverage (N,) or None; spread (M, N), NaN of records that a target was not trained on,
    or None. InputError for fewer than 4 pairs or shapes that do not fit.
    """
    members = check_paired(members)
    if scores.shape != (len(members), len(index)):
        raise InputError(
            f"scores {scores.shape}; expected ({len(members)}, {len(index)}): targets x records"
        )
    scores = np.asarray(scores, np.float32)
    check_finite(scores, scores.sum(0, dtype=np.float64))
    moments = compute_moments(scores, members, index)
    order = canonical.find_order(scores, index)
    half = order.split(np.arange(members.shape[1]))
    expected = foretell_records(moments, half[index], labels, leverage)
    weight = joint_weights(scores, moments, index, expected)
    foretold = foretell_shift(weight, expected, index)
    statistic = joint_statistic(scores, moments, index, weight)
    parts = {
        "shift": _shifts(statistic, members),
        "memorisation": _memorisations(scores, members, index),
        "spread": _spreads(spread, members, index),
    }
    weights = _fit_combination(foretold, _differences(statistic, members), parts)
    whole = {name: values[-1] for name, values in parts.items()}
    score = foretold + sum(weights[name] * _standardise(values) for name, values in whole.items())
    return Ranking(foretold, half, *whole.values(), score, weights)


class Plain(NamedTuple):
    """Hold the usual summary of patients: statistic (M, P), foretold (P,) and auc (P,)."""

    statistic: np.ndarray
    foretold: np.ndarray
    auc: np.ndarray


def measure_plainly(scores: np.ndarray, members: np.ndarray, index: np.ndarray) -> Plain:
    """Measure patients as rollcall.risk.assess_risk does, without errors and floor; pairs."""
    moments = compute_moments(scores, members, index)
    order = canonical.find_order(scores, index)
    expected = estimate_shift(moments, order.split(index))
    weight = joint_weights(scores, moments, index, expected)
    statistic = joint_statistic(scores, moments, index, weight)
    auc = signed_auc(compute_moments(statistic, members))
    return Plain(statistic, foretell_shift(weight, expected, index), auc)


def foretell_records(
    moments: Moments,
    half: np.ndarray,
    labels: np.ndarray | None = None,
    leverage: np.ndarray | None = None,
) -> np.ndarray:
    """Foretell the shift of each record, (N,), above 0, blind to its own membership.

    half (N,) bool: each half of the patients is foretold from the other. Step 1 above.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    terms, shift = make_terms(moments), (moments.mean_in - moments.mean_out) / moments.sd
    columns = [moments.mean, np.log(moments.sd)]
    columns += [] if labels is None else [np.asarray(labels, float).reshape(len(shift), -1)]
    columns += [] if leverage is None else [np.log(np.maximum(leverage, 1e-12))]
    blind, expected = np.column_stack(columns), np.empty(len(shift))
    leaf = min(LEAF, max(20, len(shift) // 50))
    for other in (False, True):
        learn, use = half != other, half == other
        cubic = fit_shift(terms[learn], shift[learn], terms)  # of both halves by this one's fit
        expected[use] = cubic[use]
        if learn.sum() > 2 * leaf and use.any():
            trees = HistGradientBoostingRegressor(
                **BOOSTING, min_samples_leaf=leaf, early_stopping=False, random_state=0
            )
            trees.fit(blind[learn], (shift - cubic)[learn])
            expected[use] += trees.predict(blind[use])
    return np.maximum(expected, LEAST_SHIFT)


def _differences(statistic: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return in less out of each pair, (K, P), in the cohort's root mean variance."""
    difference = (statistic[0::2] - statistic[1::2]) * pair_signs(members)
    moments = compute_moments(statistic, members)
    return difference / np.sqrt((moments.var_in + moments.var_out).mean())


def _shifts(statistic: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return each patient's shift with a moderated variance, (K + 1, P): without pair k, and all.

    (mean in - mean out) / sqrt(v): v the sum of both variances, moderated over the cohort.
    """
    signs = pair_signs(members)
    difference = (statistic[0::2] - statistic[1::2]).astype(np.float64) * signs
    middle = (statistic[0::2] + statistic[1::2]).astype(np.float64) / 2
    rows = []
    for keep in _leave_out(len(signs)):
        d, c, pairs = difference[keep], middle[keep], int(keep.sum())
        mean = d.mean(0)
        squares = 2 * ((c - c.mean(0)) ** 2).sum(0) + ((d - mean) ** 2).sum(0) / 2
        rows.append(mean / np.sqrt(moderate(squares, 2 * (pairs - 1)) * 2))
    return np.array(rows)


def _memorisations(scores: np.ndarray, members: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return each patient's largest memorisation score, (K + 1, P), as _shifts."""
    chance = 1 / (1 + np.exp(-np.clip(scores, -30, 30)))
    difference = (chance[0::2] - chance[1::2]) * pair_signs(members)[:, index]
    rows = [difference[keep].mean(0) for keep in _leave_out(len(difference))]
    return _largest(np.array(rows), index)


def _spreads(spread: np.ndarray | None, members: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return each patient's largest spread of losses, (K + 1, P), as _shifts; 0 if not known."""
    pairs, patients = len(members) // 2, members.shape[1]
    if spread is None or not np.isfinite(spread).any():
        return np.zeros((pairs + 1, patients))
    values = np.asarray(spread, np.float64)
    inside = np.where(members[0::2][:, index], values[0::2], values[1::2])  # of who trained on it
    level = np.nanmean(inside) if np.isfinite(inside).any() else 0.0
    inside = np.where(np.isfinite(inside), inside, level)
    return _largest(np.array([inside[keep].mean(0) for keep in _leave_out(pairs)]), index)


def _leave_out(pairs: int) -> np.ndarray:
    """Return which pairs count, bool (K + 1, K): all but one, and all."""
    return np.vstack([~np.eye(pairs, dtype=bool), np.ones((1, pairs), bool)])


def _largest(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return the maximum over each patient's records, (..., P) of (..., N)."""
    order, first, _ = group_records(index)
    return np.maximum.reduceat(values[..., order], first, axis=-1)


def _standardise(values: np.ndarray) -> np.ndarray:
    """Return values less their mean, in standard deviations; zeros where all are one."""
    sd = values.std()
    return (values - values.mean()) / sd if sd > 0 else np.zeros(values.shape)


def _fit_combination(
    foretold: np.ndarray, differences: np.ndarray, parts: dict[str, np.ndarray]
) -> dict[str, float]:
    """Fit by how much each part may move the ranking, step 2 above; none moves it downwards.

    foretold (P,); differences (K, P); parts (K + 1, P) each.
    """
    hardest = np.flatnonzero(foretold >= np.quantile(foretold, 1 - HARDEST))
    names = [name for name, values in parts.items() if values[-1].std() > 0]
    use, x, y = list(names), [], []
    for pair, difference in enumerate(differences):
        columns = [foretold, *(_standardise(parts[name][pair]) for name in names)]
        x.append(np.column_stack(columns)[hardest])
        y.append(difference[hardest])
    x, y = np.concatenate(x), np.concatenate(y)
    x, y = x - x.mean(0), y - y.mean()
    while True:
        take = [0, *(1 + names.index(name) for name in use)]
        part = x[:, take]
        products = part.T @ part
        products += RIDGE * np.diag(np.diag(products) + 1e-12)
        slopes = np.linalg.solve(products, part.T @ y)
        if slopes[0] <= 0:  # what is foretold says nothing here: the ranking is its alone
            return dict.fromkeys(parts, 0.0)
        worst = np.argmin(slopes)
        if slopes[worst] >= 0:
            break
        del use[worst - 1]
    ratios = dict(zip(use, slopes[1:] / slopes[0], strict=True))
    return {name: float(ratios.get(name, 0.0)) for name in parts}
