"""Audits without records: a joint statistic, members, patients and their groups, as invented."""

import numpy as np
import pandas as pd


def draw_audit(rng, patients, pairs, *, correlation=-0.4, shift=0.0, common=0.0):
    """(statistic, members): in scores raised by `shift`, noise of one standard deviation.

    correlation, shift: numbers or (P,), of the two scores within a pair; common: standard deviation
    of what a pair's difference is raised by for all patients alike.
    """
    even = rng.random((pairs, patients)) < 0.5
    first, second = rng.standard_normal((2, pairs, patients))
    inside = first
    outside = correlation * first + np.sqrt(1 - np.square(correlation)) * second
    inside = inside + np.sqrt(2) * (shift + common * rng.standard_normal((pairs, 1)))
    statistic = np.empty((2 * pairs, patients), np.float32)
    statistic[0::2] = np.where(even, inside, outside)
    statistic[1::2] = np.where(even, outside, inside)
    members = np.empty((2 * pairs, patients), bool)
    members[0::2], members[1::2] = even, ~even
    return statistic, members


def draw_patients(rng, exposed, labels=1):
    """A table of patients as assess_risk gives it, as far as groups are compared by it."""
    patients = len(exposed)
    table = pd.DataFrame(
        {
            "exposed": exposed,
            "records": rng.integers(1, 5, patients),
            "stratum": rng.integers(0, labels, patients),
            "chance": np.full(patients, 0.01),
        }
    )
    return table.assign(label=table["stratum"])


def estimate_d(statistic, members):
    """d of each patient, one after another."""
    values = []
    for column, member in zip(statistic.T.astype(float), members.T, strict=True):
        inside, outside = column[member], column[~member]
        spread = inside.var(ddof=1) + outside.var(ddof=1)
        values.append((inside.mean() - outside.mean()) / np.sqrt(spread))
    return np.array(values)


def pair_scores(statistic, members):
    """The pair score of each patient, one after another."""
    scores = []
    for column, member in zip(statistic.T.astype(float), members.T, strict=True):
        signs = np.where(member[0::2], 1, -1)
        difference = signs * (column[0::2] - column[1::2])
        scale = np.sqrt((difference**2).mean())
        scores.append(difference.mean() / scale if scale else 0.0)
    return np.array(scores)
