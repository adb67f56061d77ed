"""Simulations of rates: coverage of intervals, errors where nothing leaks, power where it does."""

from rollcall.risk.patient import joint_statistic, joint_weights
from rollcall.risk.record import PooledShape, binormal_auc
from rollcall.stats.moments import compute_moments


def assess_joint(scores, members, index):
    """(moments, joint statistic, its AUCs): the steps of assess_risk without their errors."""
    moments = compute_moments(scores, members, index)
    statistic = joint_statistic(scores, moments, index, joint_weights(scores, moments, index))
    area = binormal_auc(compute_moments(statistic, members), PooledShape(0, 0, 0, 0))[0]
    return moments, statistic, area
