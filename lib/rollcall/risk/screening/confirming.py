"""Name the exposed among patients who were picked for a closer look, and among nobody else.

Whom to look at is decided by what is blind to a patient's own membership (ranking.foretold), within
either half of the patients by a limit of its own. So the coins that decide who was in which target
are fair among those who were picked as among all, and all targets count: those that picked, too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rollcall.risk import canonical
from rollcall.risk.exposed.assess import assess_exposure
from rollcall.risk.exposed.interval import exposed_interval
from rollcall.risk.exposed.naming import make_strata, name_exposed
from rollcall.risk.noise_floor import draw_noise_floor
from rollcall.risk.record import signed_auc
from rollcall.stats.moments import compute_moments
from rollcall.util.errors import InputError

SHARE = 0.05  # of the patients who are looked at closely
DRAWS = 1_000_000  # null patients of the noise floor, at the least
MOST_P = 0.1  # of a name; in a whole cohort 0.05. Who is picked is one of many who leak
MOST_ROUNDS = 500  # redrawn memberships of each patient, at the most


class Count(NamedTuple):
    """Hold how many patients are exposed with so many targets, and its 95% interval."""

    targets: int
    exposed: int
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the interval's width over the number; infinite of nobody."""
        return (self.high - self.low) / 2 / self.exposed if self.exposed else np.inf


def count_picked(patients: int, share: float = SHARE) -> int:
    """Count whom `pick` takes of so many patients: a share of either half of them."""
    return sum(round(share * half) for half in (patients // 2, patients - patients // 2))


def pick(foretold: np.ndarray, half: np.ndarray, share: float = SHARE) -> np.ndarray:
    """Pick those of whom most is foretold, bool (P,): a share of either half of the patients.

    foretold (P,) of ranking.Ranking, half (P,) bool. InputError for a share that picks nobody, or
    is not below 1.
    """
    picked = np.zeros(len(foretold), bool)
    for which in (False, True):
        who = np.flatnonzero(half == which)
        picked[who[np.argsort(-foretold[who], kind="stable")[: round(share * len(who))]]] = True
    if not picked.any() or picked.all():
        raise InputError(
            f"screening: a share of {share:g} of {len(foretold)} patients; expected one that picks "
            "some and not all"
        )
    return picked


def confirm(
    statistic: np.ndarray,
    members: np.ndarray,
    foretold: np.ndarray,
    picked: np.ndarray,
    labels: np.ndarray | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Name the exposed among those who were picked, at a false-discovery rate of 5% among them.

    statistic (M, P) of risk.patient.joint_statistic, members bool (M, P), pairs; foretold (P,);
    picked bool (P,); labels (P,): within which patients are named. Returns columns of the picked,
    in their order, and numbers, both as exposed.assess.Exposure has them.
    """
    who, parts = _arrange(statistic, members, foretold, picked, labels)
    values, had, shifts, stratum = parts
    moments = compute_moments(values, had)
    auc = signed_auc(moments)
    draws = min(draws, MOST_ROUNDS * len(auc))
    exposure = assess_exposure(
        values, had, moments, auc, shifts, stratum, draws, seed, most_p=MOST_P
    )
    columns = {name: who.restore(column) for name, column in exposure.patients.items()}
    return columns, exposure.cohort


def count_exposed(
    statistic: np.ndarray,
    members: np.ndarray,
    foretold: np.ndarray,
    picked: np.ndarray,
    labels: np.ndarray | None = None,
    seed: int = 0,
    draws: int = DRAWS,
    most_p: float = MOST_P,
) -> tuple[Count, np.ndarray]:
    """Count whom `confirm` would name, with the interval; and who they are, bool (picked,).

    most_p: the largest p of a name; of a whole cohort exposed.naming.MOST_P.
    """
    who, parts = _arrange(statistic, members, foretold, picked, labels)
    values, had, shifts, stratum = parts
    auc = signed_auc(compute_moments(values, had))
    rounds = max(1, min(-(-draws // len(auc)), MOST_ROUNDS))
    floor = draw_noise_floor(values, rounds, seed)
    naming = name_exposed(auc, floor, shifts, stratum, most_p=most_p)
    limits = exposed_interval(values, had, auc, naming.exposed, naming.threshold, floor)
    return Count(len(statistic), *limits), who.restore(naming.exposed)


def _arrange(
    statistic: np.ndarray,
    members: np.ndarray,
    foretold: np.ndarray,
    picked: np.ndarray,
    labels: np.ndarray | None,
) -> tuple[canonical.Order, tuple[np.ndarray, ...]]:
    """Put the picked into canonical order: (order, (statistic, members, foretold, stratum))."""
    who = np.flatnonzero(picked)
    values = np.ascontiguousarray(statistic[:, who])
    order = canonical.find_order(values, np.arange(len(who)))
    stratum = make_strata(None if labels is None else np.asarray(labels)[who], len(who))
    arranged = (
        np.ascontiguousarray(order.arrange(values)),
        np.ascontiguousarray(order.arrange(members[:, who])),
        foretold[who][order.patients],
        stratum[order.patients],
    )
    return order, arranged
