"""Simulations of rates: coverage of intervals, errors where nothing leaks, power where it does."""

from dataclasses import dataclass

import numpy as np

from rollcall.risk.canonical import find_order, split_in_halves
from rollcall.risk.exposed import Naming, make_strata, name_exposed
from rollcall.risk.noise_floor import draw_noise_floor
from rollcall.risk.patient import estimate_shift, foretell_shift, joint_statistic, joint_weights
from rollcall.risk.record import PooledShape, binormal_auc, pool_shape
from rollcall.stats.moments import Moments, compute_moments


def assess_joint(scores, members, index):
    """(moments, joint statistic, its AUCs): the steps of assess_risk without their errors."""
    moments = compute_moments(scores, members, index)
    statistic = joint_statistic(scores, moments, index, joint_weights(scores, moments, index))
    area = binormal_auc(compute_moments(statistic, members), PooledShape(0, 0, 0, 0))[0]
    return moments, statistic, area


@dataclass(frozen=True)
class Named:
    """An audit up to its names, patients in canonical order; `place` is where each came from."""

    statistic: np.ndarray
    members: np.ndarray
    moments: Moments
    auc: np.ndarray
    floor: np.ndarray
    naming: Naming
    place: np.ndarray


def name_patients(scores, members, index, labels=None, draws=200_000, seed=0):
    """Name patients as assess_risk does, without what else it says of them."""
    moments = compute_moments(scores, members, index)
    expected = estimate_shift(moments, split_in_halves(scores, index))
    weight = joint_weights(scores, moments, index, expected)
    order = find_order(scores, index)
    statistic = order.arrange(joint_statistic(scores, moments, index, weight))
    arranged = order.arrange(members)
    joint = compute_moments(statistic, arranged)
    auc = binormal_auc(joint, pool_shape(joint))[0]
    patients = len(auc)
    floor = draw_noise_floor(statistic, max(50, draws // patients), seed)
    foretold = foretell_shift(weight, expected, index)[order.patients]
    stratum = make_strata(labels, patients)[order.patients]
    naming = name_exposed(auc, floor, foretold, stratum)
    return Named(statistic, arranged, joint, auc, floor, naming, order.patients)
