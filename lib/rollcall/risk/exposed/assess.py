"""All that is said of exposed patients, from the patients' joint statistic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.risk.exposed.chance import bound_false, chance_of_naming, expect_false, local_rates
from rollcall.risk.exposed.interval import exposed_interval
from rollcall.risk.exposed.naming import MOST_P, name_exposed
from rollcall.risk.exposed.true_risk import AUCS, estimate_true_risk, share_told
from rollcall.risk.noise_floor import draw_noise_floor
from rollcall.risk.record import signed_auc
from rollcall.risk.singly.redrawing import Sets, draw_floor, make_sets, name_auc
from rollcall.risk.singly.true_risk import estimate_true_risk_singly
from rollcall.stats.design import find_few
from rollcall.stats.moments import Moments, compute_moments

LEAST_ROUNDS = 50  # redrawn memberships of each patient, at the least
FEWEST_TO_SPLIT = 16  # targets, of which either half can name somebody
FEWEST_NAMED = 10  # patients, of whom a share can be taken
NULL_SHARE_ERRORS = 2.0  # of targets one by one: else 5.3% are named wrongly, and not 5
HIGH_AUC, HIGHEST_AUC = 0.9, 0.99


@dataclass(frozen=True)
class Exposure:
    """What `assess_exposure` returns.

    patients  columns (P,) by name: stratum, p_value, q_value, exposed, local_fdr, named_again,
              chance
    floor     (rounds, P), the rounds that give so many draws
    survival  a row per AUC: patients with a true AUC of at least that, low, high
    cohort    numbers, as rollcall.risk.assess.Risk lists them
    """

    patients: dict[str, np.ndarray]
    floor: np.ndarray
    survival: pd.DataFrame
    cohort: dict[str, float]


def assess_exposure(
    statistic: np.ndarray,
    members: np.ndarray,
    moments: Moments,
    auc: np.ndarray,
    foretold: np.ndarray,
    stratum: np.ndarray,
    draws: int,
    seed: int,
    sets: Sets | None = None,
    most_p: float = MOST_P,
) -> Exposure:
    """Name the exposed patients, and say how sure that is.

    statistic (M, P), members bool (M, P), its moments and the AUCs (P,) that name, binormal ones of
    pairs, else of name_auc; foretold (P,) of patient.foretell_shift, stratum int (P,): all in
    canonical order; draws: null patients of the floor, at least; sets: of targets one by one;
    most_p: the largest p of an exposed patient.
    """
    rounds = max(-(-draws // len(auc)), min(LEAST_ROUNDS, draws), 1)
    floor = _draw_floor(statistic, rounds, seed, sets)
    naming = name_exposed(auc, floor, foretold, stratum, errors=_choose_errors(sets), most_p=most_p)
    chance = chance_of_naming(floor, naming)
    behind = (
        estimate_true_risk(statistic, members, moments, naming)
        if sets is None
        else estimate_true_risk_singly(statistic, members, moments, naming)
    )
    count, low, high = exposed_interval(
        statistic, members, auc, naming.exposed, naming.threshold, floor
    )
    some, some_low = share_told(auc, stratum)
    again = behind.named_again[naming.exposed]
    by_chance = min(expect_false(chance, auc), count)
    bound = bound_false(statistic, floor, auc, naming, seed, sets)
    floor = floor[: max(1, -(-draws // len(auc)))].copy()  # all are a third of the scores
    high_row = behind.survival.loc[AUCS == HIGH_AUC].iloc[0]
    cohort = {
        "exposed": count,
        "exposed_low": low,
        "exposed_high": high,
        "by_chance": by_chance,
        "at_most_false": min(count, max(bound, round(by_chance))),
        "named_again": float(again.mean()) if len(again) else np.nan,
        "named_by_both": _named_by_both(statistic, members, foretold, stratum, draws, seed, sets),
        "told": some,
        "told_low": some_low,
        "smallest_named": behind.smallest_named(),
        "power_99": float(behind.power[AUCS == HIGHEST_AUC][0]),
        f"above_{HIGH_AUC}": high_row["patients"],
        f"above_{HIGH_AUC}_low": high_row["low"],
        f"above_{HIGH_AUC}_high": high_row["high"],
    }
    patients = {
        "stratum": stratum,
        "p_value": naming.p,
        "q_value": naming.q,
        "exposed": naming.exposed,
        "local_fdr": local_rates(naming),
        "named_again": behind.named_again,
        "chance": chance,
    }
    return Exposure(patients, floor, behind.survival, cohort)


def _draw_floor(statistic: np.ndarray, rounds: int, seed: int, sets: Sets | None) -> np.ndarray:
    if sets is None:
        return draw_noise_floor(statistic, rounds, seed)
    return draw_floor(sets, statistic, rounds, seed)


def _choose_errors(sets: Sets | None) -> float:
    """Return by how much the null share is raised: in pairs those who leak widen the floor."""
    return 0.0 if sets is None else NULL_SHARE_ERRORS


def _named_by_both(
    statistic: np.ndarray,
    members: np.ndarray,
    foretold: np.ndarray,
    stratum: np.ndarray,
    draws: int,
    seed: int,
    sets: Sets | None,
) -> float:
    """Return the share of those named by one half of the pairs whom the other half names too.

    The mean of both ways; NaN where fewer than 16 targets, or a half, or both, name fewer than 10.
    Of targets one by one either half names those of whom it has 3 in and 3 out.
    """
    if len(statistic) < FEWEST_TO_SPLIT:
        return np.nan
    half = np.arange(len(statistic)) // (2 if sets is None else 1) % 2
    if sets is not None:
        few = find_few(members[half == 0]) | find_few(members[half == 1])
        if 2 * few.sum() > len(few):
            return np.nan
        statistic, members = statistic[:, ~few], members[:, ~few]
        foretold, stratum = foretold[~few], np.unique(stratum[~few], return_inverse=True)[1]
    named = [
        _name_by(
            statistic[half == which],
            members[half == which],
            foretold,
            stratum,
            draws,
            seed,
            None if sets is None else sets.rates[half == which],
        )
        for which in (0, 1)
    ]
    counts = [int(each.sum()) for each in named]
    both = int((named[0] & named[1]).sum())
    return (
        both * (1 / counts[0] + 1 / counts[1]) / 2 if min(*counts, both) >= FEWEST_NAMED else np.nan
    )


def _name_by(
    statistic: np.ndarray,
    members: np.ndarray,
    foretold: np.ndarray,
    stratum: np.ndarray,
    draws: int,
    seed: int,
    rates: np.ndarray | None,
) -> np.ndarray:
    """Return who is exposed, bool (P,), by some of the targets; rates: of targets one by one."""
    rounds = max(1, -(-draws // statistic.shape[1]))
    if rates is None:
        moments, sets = compute_moments(statistic, members), None
        auc = signed_auc(moments)
    else:
        sets = make_sets(rates, members.sum(0))
        auc = name_auc(sets, statistic, members)
    floor = _draw_floor(statistic, rounds, seed, sets)
    return name_exposed(auc, floor, foretold, stratum, errors=_choose_errors(sets)).exposed
