"""Naming: whose risk exceeds the noise floor at a stated false-discovery rate.

Patients are named within their stratum (the training label), so that the rate holds there and not
only over the cohort: where one label leaks and the other hardly does, a threshold for both would
name the many of the second by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.risk.exposed.q_values import (
    AUC_TOLERANCE,
    adjust_for_discoveries,
    compute_p_values,
    estimate_null_share,
)
from rollcall.risk.exposed.weights import weigh_patients

EXPOSED_FDR = 0.05  # the largest q-value of an exposed patient
MOST_P = 0.05  # of an exposed patient: nobody is named for what others of the label leak
LEAST_STRATUM = 250  # patients; smaller labels are one stratum together
STATISTICS = ("auc_joint", "auc_mean", "auc_max")


@dataclass(frozen=True)
class Naming:
    """Who is named, and what each patient would have had to reach. (P,) each.

    p           p-value against the noise floor of the patient's stratum
    weight      of it, by what the patient's records foretell; mean 1 in each stratum
    q           q-value: weighted, within the stratum, adjusted for strata that were picked
    exposed     q at most 0.05 and p at most 0.05
    stratum     number of the stratum, from 0
    threshold   the AUC that names: exposed are those above it by more than a tolerance. In a
                stratum where nobody is named, what the first one would have had to reach
    largest     (S,) of each stratum: the largest p / weight that names
    null_share  (S,) of each stratum: patients of whom nothing can be told
    names       (S,) bool: strata in which somebody is named
    most_p      the largest p of an exposed patient
    """

    p: np.ndarray
    weight: np.ndarray
    q: np.ndarray
    exposed: np.ndarray
    stratum: np.ndarray
    threshold: np.ndarray
    largest: np.ndarray
    null_share: np.ndarray
    names: np.ndarray
    most_p: float = MOST_P


def make_strata(labels: np.ndarray | None, patients: int) -> np.ndarray:
    """Number the strata, int (P,): one for each label (P,) of 250 patients or more.

    Patients of rarer labels are one stratum together, and with the least of the others if even
    together they are fewer. None: one stratum.
    """
    if labels is None:
        return np.zeros(patients, int)
    code = np.unique(np.asarray(labels), return_inverse=True)[1].ravel()
    size = np.bincount(code)
    rare = size < LEAST_STRATUM
    if rare.any() and not rare.all() and size[rare].sum() < LEAST_STRATUM:
        rare[np.flatnonzero(~rare)[size[~rare].argmin()]] = True
    number = np.where(rare, 0, np.cumsum(~rare) + rare.any() - 1)
    return number[code]


def name_exposed(
    auc: np.ndarray,
    floor: np.ndarray,
    foretold: np.ndarray,
    stratum: np.ndarray,
    level: float = EXPOSED_FDR,
    errors: float = 0.0,
    most_p: float = MOST_P,
    thresholds: bool = True,
) -> Naming:
    """Name the exposed patients of every stratum at a false-discovery rate of `level`.

    auc (P,); floor (rounds, P) of draw_noise_floor; foretold (P,): the shift that a patient's
    records foretell, blind to its membership; stratum int (P,). Every second patient is one half,
    whose p-values weigh the other's: in canonical order no number depends on how patients came.
    errors: standard errors by which the share of patients of whom nothing can be told is raised.
    most_p: the largest p of an exposed patient. thresholds: whether to find these, which takes as
    long as the rest; NaN without.

    Within a stratum: p-values against its own floor, weighted (weigh_patients), Benjamini and
    Hochberg's q-values times the share of patients of whom nothing can be told. Of several strata
    only those are looked into whose smallest q-value passes Benjamini and Hochberg's rule among
    the strata, at the level times the share that passes (Benjamini and Bogomolov, J. R. Stat. Soc.
    B 2014): so nobody is named where nothing leaks, in all but 5% of audits, however many labels.
    """
    p, weight, q = np.ones((3, len(auc)))
    strata = [np.flatnonzero(stratum == number) for number in range(stratum.max() + 1)]
    null_share = np.ones(len(strata))
    for number, who in enumerate(strata):
        p[who] = compute_p_values(auc[who], take_draws(floor, who))
        half = np.arange(len(who)) % 2 == 0
        weight[who] = weigh_patients(p[who], foretold[who], half, level)
        null_share[number] = estimate_null_share(p[who], errors=errors)
        q[who] = adjust_for_discoveries(p[who], weight[who], null_share[number])
    best = np.sort([q[who][p[who] <= most_p].min(initial=1) for who in strata])
    passes = np.flatnonzero(best <= level * np.arange(1, len(best) + 1) / len(best))
    picked = passes[-1] + 1 if len(passes) else 0
    q = np.minimum(1, q * (len(best) / max(picked, 1)))
    if not picked:
        q = np.maximum(q, np.nextafter(level, 1))
    passed = np.array([(q[who] <= level).sum() for who in strata])
    q[p > most_p] = 1
    exposed = q <= level
    names = np.array([exposed[who].any() for who in strata])
    sizes = np.array([len(who) for who in strata])
    # The largest p / weight that Benjamini and Hochberg's rule lets pass, of a first name at least.
    share = level * max(picked, 1) / len(strata)
    largest = share * np.maximum(passed, 1) / (sizes * null_share)
    threshold = np.full(len(auc), np.nan)
    for number, who in enumerate(strata if thresholds else ()):
        limit = np.minimum(largest[number] * weight[who], most_p)
        threshold[who] = _find_threshold(take_draws(floor, who), limit)
    return Naming(p, weight, q, exposed, stratum, threshold, largest, null_share, names, most_p)


def name_by_statistic(patients: pd.DataFrame, floors: pd.DataFrame) -> dict[str, np.ndarray]:
    """Name patients by each statistic against its own floor, without what their records foretell.

    patients, floors: tables of rollcall.risk.Risk. A bool (P,) for each of STATISTICS.
    """
    stratum = patients["stratum"].to_numpy()
    named = {}
    for name in STATISTICS:
        floor = floors[name].to_numpy().reshape(-1, len(stratum))
        nothing = np.zeros(len(stratum))
        auc = patients[name].to_numpy()
        named[name] = name_exposed(auc, floor, nothing, stratum, thresholds=False).exposed
    return named


def take_draws(floor: np.ndarray, who: np.ndarray) -> np.ndarray:
    """Return the draws (rounds, P) of patients `who`, ascending: no copy where that is all."""
    return floor if len(who) == floor.shape[1] else floor[:, who]


def _find_threshold(floor: np.ndarray, largest_p: np.ndarray) -> np.ndarray:
    """Return the AUC above which a patient's p is at most largest_p (n,); inf where none is."""
    ordered = np.sort(floor, axis=None)
    draws = len(ordered)
    allowed = np.floor(largest_p * (1 + draws) - 1 + 1e-9).astype(int)  # draws at or above
    values = ordered[np.clip(draws - 1 - allowed, 0, draws - 1)]
    return np.where(allowed < 0, np.inf, np.where(allowed >= draws, -np.inf, values))


def is_above(auc: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """Return whether an AUC, or a draw of the floor, would be named; shapes broadcast."""
    return auc - AUC_TOLERANCE > threshold
