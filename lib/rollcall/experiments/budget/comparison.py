"""What few targets find, against models that had no part: rankings, screening, and what each costs.

A run of its own: its last targets judge, and are looked at by nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rollcall import auditing
from rollcall.auditing.screening import FIRST
from rollcall.data.groups import patient_labels
from rollcall.risk import combine_labels
from rollcall.risk.exposed import naming
from rollcall.risk.screening.confirming import MOST_P, SHARE, count_exposed, pick
from rollcall.risk.screening.ranking import Plain, Ranking, measure_plainly, rank_patients
from rollcall.risk.screening.stopping import list_looks
from rollcall.runs.derived.manifests import describe
from rollcall.stats.members import check_targets
from rollcall.util.errors import InputError
from rollcall.util.settings import typed

if TYPE_CHECKING:
    from IPython.display import HTML

COUNTS = (8, 16, 24, 32)  # targets of the plain ranking


@dataclass(frozen=True)
class Comparison:
    """Hold what `compare_budgets` gives.

    rankings: a row each. ranking, targets, seconds; top, held: how many of those at the top by the
    judges are at the top of the ranking, and within what is screened; patients: at the top.
    confirmed: a row for each number of targets. targets, seconds; exposed of all patients; picked,
    screened (exposed of the picked) with low, high; again, whole: of those whom all targets name of
    the picked, and of all, how many are confirmed; of_picked, of_all: how many they name. share: of
    the patients who are screened.
    """

    rankings: pd.DataFrame
    confirmed: pd.DataFrame
    share: float
    unit: str
    folder: Path
    smallest_cell: int
    made_from: dict

    def show(self) -> HTML:
        """Draw rankings and confirmed names against cost, save the figure in the run's figures/."""
        from rollcall.report.registry.kept import show_kept

        return show_kept(
            "budget",
            self.folder,
            self.made_from,
            rankings=self.rankings,
            confirmed=self.confirmed,
            unit=self.unit,
            smallest=self.smallest_cell,
        )

    def table(self) -> HTML:
        """Return the table of rankings, with its caption."""
        from rollcall.report.tables.budget import rankings_table
        from rollcall.report.tables.showing import show_table

        return show_table(rankings_table(self.rankings, self.share, self.smallest_cell))

    def costs(self) -> HTML:
        """Return the table of what each number of targets confirms, with its caption."""
        from rollcall.report.tables.budget import confirmed_table
        from rollcall.report.tables.showing import show_table

        return show_table(confirmed_table(self.confirmed, self.smallest_cell))


@typed
def compare_budgets(
    *,
    cohort: str = auditing.EMBEDDED,
    model: str = "",
    targets: int = 32,
    judges: int = 16,
    top: float = 0.01,
    share: float = SHARE,
    run: str = "",
    **parameters,
) -> Comparison:
    """Train targets and judges of one cohort; compare what few targets find with what many find.

    targets: that rank and name; judges: further ones, which only judge. top: the share of the
    patients who are at the top; share: that is screened. All else as auditing.plan. InputError for
    shares out of their range, or too few targets or judges.
    """
    if not 0 < top <= share < 1:
        raise InputError(
            f"top is {top:g}, share {share:g}; expected 0 < top <= share < 1, shares of patients"
        )
    check_targets(targets)
    check_targets(judges, "judges")
    study = auditing.plan(
        cohort=cohort, model=model, targets=targets + judges, run=run or "budget", **parameters
    )
    seconds = np.cumsum(study.train()["seconds"].to_numpy())
    compared = compare_scores(*_read(study), targets, top, share, study.run.seed)
    rankings, confirmed = (
        table.assign(seconds=seconds[table["targets"] - 1]) for table in compared
    )
    return Comparison(
        rankings,
        confirmed,
        share,
        study.cohort.unit,
        study.run.file("figures"),
        study.run.smallest_cell,
        describe(study.run),
    )


def _read(study: auditing.Audit) -> tuple[np.ndarray, ...]:
    """Return (scores, members, index, labels, of patients, spread) of a run."""
    from rollcall.attacks.scores import score_run

    run, cohort, index = study.run, study.cohort, study.cohort.patient_index
    scores, members = score_run(run, cohort), run.members()
    if scores.ndim == 3:
        scores = combine_labels(scores, members, index)
    labels = np.asarray(cohort.labels).reshape(len(cohort), -1)
    nothing = np.full(len(cohort), np.nan)
    kept = [run.spread(target) for target in range(FIRST)]
    spread = np.array([nothing if each is None else each for each in kept], np.float32)
    return scores, members, index, labels, patient_labels(cohort), spread


def compare_scores(
    scores: np.ndarray,
    members: np.ndarray,
    index: np.ndarray,
    labels: np.ndarray | None,
    strata: np.ndarray | None,
    spread: np.ndarray | None,
    targets: int,
    top: float = 0.01,
    share: float = SHARE,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare rankings and confirmed names of scores (M, N); targets from `targets` on judge.

    members bool (M, P), index (N,), labels (N, L), strata: labels (P,), spread (8, N). Returns the
    tables of Comparison, without seconds.
    """
    judges = measure_plainly(scores[targets:], members[targets:], index)
    best = _highest(judges.auc, top)
    few = rank_patients(scores[:FIRST], members[:FIRST], index, labels, spread=spread)
    rows = [
        {
            "ranking": name,
            "targets": FIRST,
            "patients": int(best.sum()),
            "top": int((best & _highest(values, top)).sum()),
            "held": int((best & _highest(values, share)).sum()),
        }
        for name, values in _list_rankings(few).items()
    ]
    counts = [number for number in COUNTS if number < targets]
    plain = {
        number: measure_plainly(scores[:number], members[:number], index)
        for number in {*counts, *list_looks(targets)}
    }
    for number in (*counts, targets):
        auc = plain[number].auc
        rows.append(
            {
                "ranking": "plain",
                "targets": number,
                "patients": int(best.sum()),
                "top": int((best & _highest(auc, top)).sum()),
                "held": int((best & _highest(auc, share)).sum()),
            }
        )
    picked = pick(few.foretold, few.half, share)
    looks = {number: plain[number] for number in list_looks(targets)}
    return pd.DataFrame(rows), _confirm(looks, members, strata, few.foretold, picked, seed)


def _list_rankings(few: Ranking) -> dict[str, np.ndarray]:
    """List the rankings by 8 targets, by name: each part alone, and all."""
    parts = {
        "foretold": few.foretold,
        "shift, moderated": few.shift,
        "memorisation": few.memorisation,
        "spread of losses": few.spread,
        "everything": few.score,
    }
    return {name: values for name, values in parts.items() if values.std() > 0}


def _highest(values: np.ndarray, share: float) -> np.ndarray:
    """Return who is at the top, bool (P,)."""
    is_top = np.zeros(len(values), bool)
    is_top[np.argsort(-values, kind="stable")[: max(1, round(share * len(values)))]] = True
    return is_top


def _confirm(
    looks: dict[int, Plain],
    members: np.ndarray,
    labels: np.ndarray | None,
    foretold: np.ndarray,
    picked: np.ndarray,
    seed: int,
) -> pd.DataFrame:
    """Name the exposed at each look, among all patients as usual and among the picked.

    looks: of each number of targets, in their order, how patients are measured by them.
    """
    names, rows, everybody = [], [], np.ones(len(picked), bool)
    for number, plain in looks.items():
        common = plain.statistic, members[:number]
        whole, exposed = count_exposed(
            *common, plain.foretold, everybody, labels, seed, most_p=naming.MOST_P
        )
        count, few = count_exposed(*common, foretold, picked, labels, seed, most_p=MOST_P)
        confirmed = np.zeros(len(picked), bool)
        confirmed[picked] = few
        names.append((exposed, confirmed))
        rows.append(
            {
                "targets": number,
                "exposed": whole.exposed,
                "picked": int(picked.sum()),
                "screened": count.exposed,
                "low": count.low,
                "high": count.high,
            }
        )
    last = names[-1][0]
    for row, (_, confirmed) in zip(rows, names, strict=True):
        row["again"] = int((confirmed & last & picked).sum())
        row["of_picked"] = int((last & picked).sum())
        row["whole"] = int((confirmed & last).sum())
        row["of_all"] = int(last.sum())
    return pd.DataFrame(rows)
