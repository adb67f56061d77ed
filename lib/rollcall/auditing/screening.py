"""Who is looked at closely in a screened audit, and who of them is exposed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rollcall.data.cohort import Cohort
from rollcall.data.groups import patient_labels
from rollcall.runs.run import Run
from rollcall.util.errors import InputError

if TYPE_CHECKING:
    from rollcall.risk import Risk

KEY = "budget"  # in run.json
FIRST = 8  # targets that pick


def is_screened(run: Run) -> bool:
    """Say whether a share of the patients is looked at closely."""
    return bool((run.config.get(KEY) or {}).get("screened"))


def check_enough(run: Run, cohort: Cohort) -> None:
    """Check that those who are to be picked are as many as a report may show.

    InputError if not; a run of which nothing is trained yet is then removed again.
    """
    from rollcall.risk.screening.confirming import SHARE, count_picked
    from rollcall.runs.folder import remove_untrained

    patients, least = len(cohort.patients), run.smallest_cell
    if count_picked(patients) < least:
        remove_untrained(run.path)
        raise InputError(
            f"budget screen looks closely at {SHARE:.0%} of {patients:,} {cohort.unit}s, which are "
            f"fewer than {least}, the smallest number that is shown; expected a cohort of about "
            f"{least / SHARE:,.0f}: audit everybody, without a budget"
        )


def pick_patients(run: Run, cohort: Cohort, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pick the patients that are looked at closely by the first 8 targets: (foretold, picked).

    scores (8 or more, N), or (8 or more, N, L) of L labels. (P,) each: what is foretold, and who is
    picked, bool. Later targets change nothing of it.
    """
    from rollcall import risk
    from rollcall.risk.screening.confirming import pick
    from rollcall.risk.screening.ranking import rank_patients

    members, few = run.members()[:FIRST], scores[:FIRST]
    if few.ndim == 3:
        few = risk.combine_labels(few, members, cohort.patient_index)
    labels = np.asarray(cohort.labels).reshape(len(cohort), -1)
    ranking = rank_patients(few, members, cohort.patient_index, labels)
    return ranking.foretold, pick(ranking.foretold, ranking.half)


def add_screened(run: Run, cohort: Cohort, scores: np.ndarray, risk: Risk) -> Risk:
    """Return the risk with who was picked, and who of them is exposed.

    scores: as pick_patients. Columns of patients: screened, screened_exposed. Numbers of the
    cohort: screened, and screened_ with exposed, exposed_low, exposed_high, by_chance and
    at_most_false.
    """
    from rollcall.risk.screening.confirming import confirm

    foretold, picked = pick_patients(run, cohort, scores)
    columns, numbers = confirm(
        risk.statistic,
        run.members(),
        foretold,
        picked,
        patient_labels(cohort),
        run.seed,
    )
    named = np.zeros(len(picked), bool)
    named[picked] = columns["exposed"]
    names = ("exposed", "exposed_low", "exposed_high", "by_chance", "at_most_false")
    numbers = {f"screened_{name}": numbers[name] for name in names}
    return replace(
        risk,
        patients=risk.patients.assign(screened=picked, screened_exposed=named),
        cohort=risk.cohort | {"screened": int(picked.sum())} | numbers,
    )
