"""Risk of records and patients: how well membership in a model's training set can be told.

The unit of repetition is the target model: a record has M/2 models that had it and M/2 that had
not, where models come in pairs; else at least 3 of each. Risk is a signed AUC over models: 0.5
means nothing can be told. Values below 0.5 (chance, or a record that models fit worse for having
seen it) stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.risk import canonical
from rollcall.risk.exposed.assess import assess_exposure
from rollcall.risk.exposed.naming import make_strata
from rollcall.risk.labels import combine_labels
from rollcall.risk.patient import (
    estimate_shift,
    foretell_shift,
    joint_statistic,
    joint_weights,
    summarise_records,
)
from rollcall.risk.record import PooledShape, binormal_auc, pool_shape, share_not_normal
from rollcall.risk.singly.records import summarise_records_singly
from rollcall.risk.singly.redrawing import make_sets, name_auc
from rollcall.risk.units import describe_risk
from rollcall.stats.checks import check_finite
from rollcall.stats.design import check_design, estimate_rates, is_paired
from rollcall.stats.levels import take_levels
from rollcall.stats.moments import Moments, check_moments, compute_moments
from rollcall.stats.rank import rank_auc, rank_interval
from rollcall.stats.unpaired import rank_interval_of_counts
from rollcall.util.errors import InputError

FLOOR_DRAWS = 1_000_000  # null patients behind each noise floor, at the least


@dataclass(frozen=True)
class Risk:
    """What `assess_risk` returns: tables of records and patients, noise floors, cohort numbers.

    records    a row per record
    patients   a row per patient
    floors     the noise floors: draws of auc_joint, auc_mean and auc_max
    survival   a row per AUC: patients with a true AUC of at least that, with interval
    statistic  the patients' joint statistic, float32 (targets, patients)
    cohort     exposed, exposed_low, exposed_high: exposed patients, interval over as many new
               models; by_chance, at_most_false: how many of them chance would name, expected and
               at most with 95% confidence; named_again: the mean chance of the exposed to be named
               by as many new models; named_by_both: of those named by one half of the models, the
               share that the other half names too; told, told_low: share of patients of whom
               anything at all can be told, estimate and at least; smallest_named: the smallest true
               AUC that is named with a chance of 80%; power_99: the chance to name a patient of AUC
               0.99; above_0.9 with _low, _high: patients with a true AUC of 0.9 or more; what the
               errors rest on: pair_correlation, skew_in, skew_out, kurt; not_normal and
               not_normal_patients: shares of records and of patients' joint statistics that are not
               normal at the 5% level
    """

    records: pd.DataFrame
    patients: pd.DataFrame
    floors: pd.DataFrame
    survival: pd.DataFrame
    statistic: np.ndarray
    cohort: dict[str, float]

    @property
    def floor(self) -> np.ndarray:
        """The noise floor of the patients' joint AUC, (draws,)."""
        return self.floors["auc_joint"].to_numpy()


def assess_risk(
    scores: np.ndarray,
    members: np.ndarray,
    patient_index: np.ndarray,
    patient_ids: np.ndarray | None = None,
    seed: int = 0,
    draws: int = FLOOR_DRAWS,
    progress: Callable = iter,
    labels: np.ndarray | None = None,
    rates: np.ndarray | None = None,
) -> Risk:
    """Assess records and patients: AUCs with errors, noise floor, exposed patients.

    scores (M, N), or (M, N, L) of L labels, which combine_labels makes one; members bool (M, P), in
    complementary pairs, or with 3 in and 3 out of each patient; patient_index (N,); draws: null
    patients of the noise floor, at least; labels (P,): the training label of each patient, within
    which patients are named (None: one for all); rates (M,), not of pairs: the share of patients
    that each target was to have (None: that it had). No number depends on the order of patients,
    records or pairs of targets but by rounding. Not of pairs, scores are first less the level of
    their target (take_levels), and auc_mean and auc_max are a jackknife over targets. InputError if
    shapes do not fit, a patient has no record or too few in or out, or a score is not finite.

    Columns of records: record, patient_id, n_in, n_out; auc (binormal) and auc_rank, each with _se
    and 95% interval _low, _high; the means and standard deviations behind it.
    Columns of patients: patient_id, records; auc_joint and auc_joint_rank with _se, _low, _high;
    auc_mean with _se, _low, _high and auc_max with _se (jackknife over pairs of targets); label,
    a code of labels; stratum (make_strata), p_value, q_value, exposed (q and p at most 0.05),
    local_fdr, named_again, chance (of being named if nothing leaked), all of auc_joint; the columns
    of units.describe_risk.
    """
    members, index = check_design(members), np.asarray(patient_index)
    _check_shapes(scores, members, index)
    if scores.ndim == 3:
        scores = combine_labels(scores, members, index)
    paired = is_paired(members)
    if not paired:
        check_finite(scores, scores.sum(0, dtype=np.float64))
        scores = take_levels(scores, members, index)
    targets, patients = members.shape
    ids = np.arange(patients) if patient_ids is None else np.asarray(patient_ids)
    moments = compute_moments(scores, members, index)
    check_moments(moments, scores)
    pooled = pool_shape(moments)
    record_aucs = _auc_columns("auc", moments, pooled, scores, members, index)
    records = {
        "record": np.arange(len(index)),
        "patient_id": ids[index],
        "n_in": members.sum(0)[index],
        "n_out": targets - members.sum(0)[index],
        **record_aucs,
        "mean_in": moments.mean_in.copy(),
        "std_in": np.sqrt(moments.var_in),
        "mean_out": moments.mean_out.copy(),
        "std_out": np.sqrt(moments.var_out),
    }

    order = canonical.find_order(scores, index, paired)
    expected = estimate_shift(moments, order.split(index))
    weight = joint_weights(scores, moments, index, expected)
    statistic = joint_statistic(scores, moments, index, weight)
    foretold = foretell_shift(weight, expected, index)
    not_normal = share_not_normal(moments)
    del moments  # with the views that are copied above, a fifteenth of the scores' memory
    joint_moments = compute_moments(statistic, members)
    joint_aucs = _auc_columns(
        "auc_joint", joint_moments, pool_shape(joint_moments), statistic, members
    )

    not_normal_patients = share_not_normal(joint_moments)
    joint_moments = joint_moments.take(order.patients)

    rounds = max(1, -(-draws // patients))
    sets = None
    naming_auc = joint_aucs["auc_joint"]
    statistic = order.arrange(statistic)  # undone below: a second one is half of the scores
    if not paired:
        rates = estimate_rates(members) if rates is None else np.asarray(rates)
        sets = make_sets(rates[order.targets], members.sum(0)[order.patients])
        naming_auc = order.restore(name_auc(sets, statistic, order.arrange(members)))
    of_records = scores, members, index, record_aucs["auc"], rounds, seed, progress, order
    summaries = (
        summarise_records(*of_records)
        if sets is None
        else summarise_records_singly(*of_records, sets)
    )
    exposure = assess_exposure(
        statistic,
        order.arrange(members),
        joint_moments,
        naming_auc[order.patients],
        foretold[order.patients],
        make_strata(labels, patients)[order.patients],
        draws,
        seed,
        sets,
    )
    mean_columns = [f"auc_mean{suffix}" for suffix in ("", "_se", "_low", "_high")]
    table = {
        "patient_id": ids,
        "records": np.bincount(index),
        **joint_aucs,
        **{name: summaries[name] for name in (*mean_columns, "auc_max", "auc_max_se")},
        "label": _code_labels(labels, patients),
        **{name: order.restore(values) for name, values in exposure.patients.items()},
        **describe_risk(joint_aucs["auc_joint"], joint_aucs["auc_joint_low"]),
    }
    floors = {
        "auc_joint": order.restore(exposure.floor).ravel(),
        "auc_mean": summaries["floor_auc_mean"].ravel(),
        "auc_max": summaries["floor_auc_max"].ravel(),
    }
    cohort = exposure.cohort | {
        "pair_correlation": pooled.correlation,
        "skew_in": pooled.skew_in,
        "skew_out": pooled.skew_out,
        "kurt": pooled.kurt,
        "not_normal": not_normal,
        "not_normal_patients": not_normal_patients,
    }
    return Risk(
        pd.DataFrame(records, copy=False),
        pd.DataFrame(table, copy=False),
        pd.DataFrame(floors, copy=False),
        exposure.survival,
        order.undo(statistic),
        cohort,
    )


def _code_labels(labels: np.ndarray | None, patients: int) -> np.ndarray:
    """Number the labels as their values are sorted, int (P,); zeros for None."""
    if labels is None:
        return np.zeros(patients, int)
    return np.unique(np.asarray(labels), return_inverse=True)[1].ravel()


def _check_shapes(scores: np.ndarray, members: np.ndarray, index: np.ndarray) -> None:
    targets, patients = members.shape
    if scores.ndim not in (2, 3) or scores.shape[:2] != (targets, len(index)):
        raise InputError(
            f"scores {scores.shape}, expected ({targets}, {len(index)}): "
            "targets of members x records of patient_index"
        )
    if len(np.unique(index)) != patients or index.min() < 0 or index.max() >= patients:
        empty = np.setdiff1d(np.arange(patients), index)
        raise InputError(
            f"patient_index: patient {empty[0] if len(empty) else index.max()} of {patients} "
            "has no record or is not in members; "
            "expected every column of members at least once"
        )


def _auc_columns(
    name: str,
    moments: Moments,
    pooled: PooledShape,
    scores: np.ndarray,
    members: np.ndarray,
    index: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Columns of the binormal and the rank AUC with errors and intervals."""
    rank = rank_auc(scores, members, index)
    columns = (
        *binormal_auc(moments, pooled),
        rank,
        *(
            rank_interval(rank, moments.pairs, pooled.correlation)
            if moments.n_in is None or moments.n_out is None
            else rank_interval_of_counts(rank, moments.n_in, moments.n_out, pooled.share_in)
        ),
    )
    names = [
        f"{kind}{suffix}"
        for kind in (name, f"{name}_rank")
        for suffix in ("", "_se", "_low", "_high")
    ]
    return dict(zip(names, columns, strict=True))
