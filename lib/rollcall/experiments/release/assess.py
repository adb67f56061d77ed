"""The release check on arrays: whom does one model that exists expose?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.experiments.release import conformal
from rollcall.experiments.release.comparing import compare_release_groups
from rollcall.experiments.release.control import Control, run_control
from rollcall.experiments.release.statistic import PatientScores, score_patients
from rollcall.risk.exposed.q_values import estimate_null_share
from rollcall.stats.metrics import auc_with_limits
from rollcall.util.errors import InputError

LEAST_MEMBERS = 10
MOST_ERRORS = 6.0  # standard errors by which a reference may have more members than outsiders
CONFOUNDED = (
    "nobody is named: members can be told from outsiders without the model (blind control: AUC "
    "{auc:.2f}, p = {p:.3f}), so a high score may come from where a patient is from, and not from "
    "what the model remembers; take outsiders from the same source as the members"
)


@dataclass(frozen=True)
class Release:
    """What `check_release` says of one model.

    patients   a row each: member, statistic, plain, expected (how far models are expected to move
               with the patient), p, q, named (members alone), above (outsiders who score as high
               as a named member), blind_named (named by the control); rmia, where unseen
    groups     of members, as compare_release_groups
    control    the blind control: what can be told without the model
    fdr        stated; members, outsiders, references: how many
    auc, auc_low, auc_high   of the statistic, members against outsiders
    traced, traced_low       share of members of whom the model keeps anything, from below; the
               lower 95% limit
    null_share of members who look like outsiders, from above, by which the FDR is scaled
    named, outsiders_above, blind_named      how many
    fewest     members who must be above all outsiders for any of them to be named
    correlation of the model's scores with the references'
    unseen     whether patients were judged by references that never had them alone
    reason     why nobody is named, where the control forbids it; else ""
    """

    patients: pd.DataFrame
    groups: pd.DataFrame
    control: Control
    fdr: float
    members: int
    outsiders: int
    references: int
    auc: float
    auc_low: float
    auc_high: float
    traced: float
    traced_low: float
    null_share: float
    named: int
    outsiders_above: int
    blind_named: int
    fewest: int
    correlation: float
    reason: str
    unseen: bool = False


def check_release(
    released: np.ndarray,
    references: np.ndarray,
    reference_members: np.ndarray,
    index: np.ndarray,
    members: np.ndarray,
    *,
    features: np.ndarray | None = None,
    label: np.ndarray | None = None,
    attributes: pd.DataFrame | None = None,
    fdr: float = conformal.FDR,
    smallest_cell: int = MIN_GROUP_SIZE,
    seed: int = 0,
) -> Release:
    """Say whom one released model exposes, against known outsiders.

    released    (N,) or (N, L): the model's log odds of each record's own label
    references  (R, N) or (R, N, L): those of models trained on random parts of the same patients,
                which reference_members, bool (R, P), says, or on none of them; score_patients says
                what may be
    index       int (N,): the patient of each record
    members     bool (P,): True who was in the training set, or is suspected to be; False a known
                outsider from the same source
    features    (N, D): what is known of the records without any model, for the blind control
                (rollcall.attacks.features); how hard they are to the references is always used
    label       int (N,) class of each record; attributes: a row per patient, for groups
    fdr         share of the named who may be there by chance, on average

    Each member's statistic is compared with those of all outsiders, which gives a p-value that no
    model of the scores enters; Benjamini and Hochberg's procedure names. Where the control tells
    members from outsiders, nobody is named: `reason` says so. InputError for too few outsiders, and
    where the references had other shares of members and of outsiders.
    """
    members, index = np.asarray(members), np.asarray(index)
    _check_members(members, index, fdr)
    _check_lengths(label, features, attributes, index, members)
    check_references(np.asarray(reference_members), members)
    scores = score_patients(released, references, reference_members, index, label)
    by_patient = _label_patients(label, index, len(members))
    control = _control(features, scores, members, index, seed)
    plain, _ = conformal.compute_p_values(scores.plain[members], scores.plain[~members], seed)
    by_control = _name(control.score, members, fdr, seed)
    assessed = _name(scores.ratio, members, fdr, seed, estimate_null_share(plain))
    reason = CONFOUNDED.format(auc=control.auc, p=control.p) if control.flagged else ""
    named = assessed["named"] & (not reason)
    above = assessed["above"] & (not reason)
    unknown = np.nan if reason else 1.0
    area, low, high = auc_with_limits(scores.ratio, members)
    tested, outsiders = int(members.sum()), int((~members).sum())
    return Release(
        patients=pd.DataFrame(
            {
                "member": members,
                "statistic": scores.ratio,
                "plain": scores.plain,
                "expected": scores.expected,
                "p": assessed["p"] * unknown,
                "q": assessed["q"] * unknown,
                "named": named,
                "above": above,
                "blind_named": by_control["named"],
                **({} if scores.rmia is None else {"rmia": scores.rmia}),
            }
        ),
        groups=compare_release_groups(
            pd.DataFrame(index=range(len(members))) if attributes is None else attributes,
            by_patient,
            members,
            named,
            above,
            by_control["named"],
            smallest_cell,
        ),
        control=control,
        fdr=fdr,
        members=tested,
        outsiders=outsiders,
        references=len(reference_members),
        auc=area,
        auc_low=low,
        auc_high=high,
        traced=1 - estimate_null_share(plain),
        traced_low=1 - conformal.bound_null_share(plain, outsiders),
        null_share=assessed["null_share"],
        named=int(named.sum()),
        outsiders_above=int(above.sum()),
        blind_named=int(by_control["named"].sum()),
        fewest=conformal.count_fewest_named(tested, outsiders, fdr),
        correlation=scores.correlation,
        reason=reason,
        unseen=scores.rmia is not None,
    )


def check_references(reference_members: np.ndarray, members: np.ndarray) -> None:
    """InputError for a reference that had far more, or fewer, members than outsiders.

    Drawn without regard to who was a member, their shares differ by 6 standard errors in one of 500
    million. Models trained on outsiders alone would make outsiders look alike.
    """
    patients, inside = len(members), members.sum()
    for number, row in enumerate(reference_members):
        size = row.sum()
        expected = size * inside / patients
        rest = (1 - size / patients) * (patients - inside) / max(patients - 1, 1)
        error = np.sqrt(max(expected * rest, 0.25))
        if abs((row & members).sum() - expected) > MOST_ERRORS * error:
            raise InputError(
                f"reference model {number} had {np.mean(row[members]):.0%} of the members and "
                f"{np.mean(row[~members]):.0%} of the outsiders; expected about as many: references"
                " must be trained on random parts of members and outsiders alike"
            )


def _check_members(members: np.ndarray, index: np.ndarray, fdr: float) -> None:
    if members.dtype != bool or members.ndim != 1:
        raise InputError(f"members is {members.dtype} {members.shape}; expected bool (patients,)")
    if not 0 < fdr < 1:
        raise InputError(f"fdr is {fdr}; expected a share between 0 and 1, such as 0.05")
    if index.dtype.kind not in "iu" or index.ndim != 1 or (index < 0).any():
        raise InputError(
            f"index is {index.dtype} {index.shape}; expected whole numbers from 0, the patient of "
            "each record"
        )
    present = np.bincount(index, minlength=len(members))
    if len(present) != len(members) or not present.all():
        raise InputError(
            f"index names {np.count_nonzero(present)} patients, members has {len(members)}; "
            "expected a record of each patient"
        )
    least, outsiders = conformal.count_least_outsiders(fdr), int((~members).sum())
    if outsiders < least:
        raise InputError(
            f"{outsiders} known outsiders; expected at least {least} from the same source: at a "
            f"false discovery rate of {fdr:g} nobody could be named with fewer, since what one "
            "model gives to patients it never saw is known from outsiders alone"
        )
    if members.sum() < LEAST_MEMBERS:
        raise InputError(f"{members.sum()} members; expected at least {LEAST_MEMBERS}")


def _check_lengths(label, features, attributes, index: np.ndarray, members: np.ndarray) -> None:
    known = attributes is not None and attributes.shape[1] > 0
    for name, values, rows, of in (
        ("label", label, len(index), "record"),
        ("features", features, len(index), "record"),
        ("attributes", attributes if known else None, len(members), "patient"),
    ):
        if values is not None and len(values) != rows:
            raise InputError(f"{name}: {len(values):,} rows; expected {rows:,}, one for each {of}")


def _label_patients(label: np.ndarray | None, index: np.ndarray, patients: int) -> np.ndarray:
    """Return the highest label of each patient's records, (P,); zeros without labels."""
    of_patient = np.zeros(patients, int)
    if label is not None:
        np.maximum.at(of_patient, index, np.unique(label, return_inverse=True)[1])
    return of_patient


def _control(
    features: np.ndarray | None,
    scores: PatientScores,
    members: np.ndarray,
    index: np.ndarray,
    seed: int,
) -> Control:
    """Run the control on the features and on how hard each record is to the references."""
    columns = len(scores.hardness) // len(index)
    hardness = [
        part
        for values in (scores.hardness, np.log(scores.spread))
        for part in values.reshape(-1, columns).T
    ]
    known = [] if features is None else [np.asarray(features, np.float32)]
    return run_control(np.column_stack([*known, *hardness]), members, index, seed)


def _name(
    statistic: np.ndarray, members: np.ndarray, fdr: float, seed: int, least: float = 0.0
) -> dict:
    """Name members by a statistic (P,): arrays p, q, named, above (P,), and null_share.

    least: of the share of members who look like outsiders.
    """
    tested, others = conformal.compute_p_values(statistic[members], statistic[~members], seed)
    null_share = max(least, estimate_null_share(tested))
    p, q = np.empty(len(members)), np.full(len(members), np.nan)
    p[members], p[~members] = tested, others
    q[members] = conformal.adjust_for_discoveries(tested, null_share)
    named = np.zeros(len(members), bool)
    named[members] = q[members] <= fdr
    above = ~members & (statistic >= statistic[named].min(initial=np.inf))
    return {"p": p, "q": q, "named": named, "above": above, "null_share": null_share}
