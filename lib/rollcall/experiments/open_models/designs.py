"""The same model attacked with outsiders of its members' hospital, and of another one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.attacks.features import compute_features
from rollcall.data.cohort import Cohort
from rollcall.experiments.open_models.hospitals import Places
from rollcall.experiments.release.assess import Release, check_release
from rollcall.experiments.release.control import run_control
from rollcall.stats.metrics import auc_with_limits

SAME, TWO = "same hospital", "two hospitals"
MOST_PATIENTS = 2000  # of members, and of outsiders, in a repeated control


def list_outsiders(members: np.ndarray, places: Places) -> dict[str, np.ndarray]:
    """Return who is an outsider in each design, bool (P,)."""
    return {SAME: places.audited & ~members, TWO: places.other}


def check_design(
    released: np.ndarray,
    references: np.ndarray,
    cohort: Cohort,
    members: np.ndarray,
    outsiders: np.ndarray,
    seed: int = 0,
) -> Release:
    """Check a release on members and outsiders alone, both bool (P,), with references unseen."""
    taken = members | outsiders
    records = np.flatnonzero(taken[cohort.patient_index])
    return check_release(
        released[records],
        references[:, records],
        np.zeros((len(references), int(taken.sum())), bool),
        (np.cumsum(taken) - 1)[cohort.patient_index[records]],
        members[taken],
        features=_describe(cohort, records),
        label=None if cohort.task == "multilabel" else np.asarray(cohort.labels)[records],
        seed=seed,
    )


def _describe(cohort: Cohort, records: np.ndarray) -> np.ndarray:
    return compute_features(
        np.asarray(cohort.inputs[records]),
        cohort.labels[records],
        len(cohort.classes),
        np.unique(cohort.patient_index[records], return_inverse=True)[1],
        cohort.records[list(cohort.attributes)].iloc[records],
    )


def compare_designs(
    models: dict[str, np.ndarray],
    references: np.ndarray,
    cohort: Cohort,
    members: np.ndarray,
    places: Places,
    seed: int = 0,
) -> pd.DataFrame:
    """Attack each model in both designs; a row each.

    models: name -> its scores, of one that had the members and one that had none of them, of which
    an attack on memory must say 0.5. Columns: design, model, auc with _low, _high (the model's
    scores, members against outsiders, whatever the control says), blind with _low, _high, and p (of
    the control), flagged, named.
    """
    rows = []
    for design, outsiders in list_outsiders(members, places).items():
        for name, scores in models.items():
            release = check_design(scores, references, cohort, members, outsiders, seed)
            statistic = release.patients["statistic"].to_numpy()
            inside = release.patients["member"].to_numpy(bool)
            limits = auc_with_limits(statistic, inside)
            control = release.control
            rows.append(
                {"design": design, "model": name}
                | dict(zip(("auc", "auc_low", "auc_high"), limits, strict=True))
                | {"blind": control.auc, "blind_low": control.low, "blind_high": control.high}
                | {"p": control.p, "flagged": control.flagged, "named": release.named}
                | {"members": release.members, "outsiders": release.outsiders}
            )
    return pd.DataFrame(rows)


def repeat_control(
    references: np.ndarray, cohort: Cohort, places: Places, draws: int, seed: int = 0
) -> pd.DataFrame:
    """Run the blind control on other members and outsiders, `draws` times; a row for each design.

    Each time half of the audited patients are members, at random; no model is asked but the
    references, for how hard records are. Columns: design, draws, flagged (how often).
    """
    flagged = dict.fromkeys((SAME, TWO), 0)
    rng = np.random.default_rng([seed, 31])
    hardness = references.mean(0).reshape(references.shape[1], -1)
    for draw in range(draws):
        audited = rng.permutation(np.flatnonzero(places.audited))
        members = np.zeros(len(places.audited), bool)
        members[audited[: len(audited) // 2]] = True
        for design, outsiders in list_outsiders(members, places).items():
            taken = np.sort(
                np.concatenate(
                    [
                        rng.permutation(np.flatnonzero(each))[:MOST_PATIENTS]
                        for each in (members, outsiders)
                    ]
                )
            )
            inside = np.zeros(len(members), bool)
            inside[taken] = True
            records = np.flatnonzero(inside[cohort.patient_index])
            index = np.searchsorted(taken, cohort.patient_index[records])
            known = np.column_stack([_describe(cohort, records), hardness[records]])
            control = run_control(known, members[taken], index, seed + draw)
            flagged[design] += int(control.flagged)
    return pd.DataFrame(
        [{"design": each, "draws": draws, "flagged": count} for each, count in flagged.items()]
    )
