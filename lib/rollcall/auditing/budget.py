"""An audit on a budget: a few targets pick patients, and as many are trained as precision asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from rollcall.auditing.screening import KEY, pick_patients
from rollcall.auditing.steps import Study, train
from rollcall.data.groups import patient_labels
from rollcall.runs.config import read_config, write_config
from rollcall.runs.run import Run
from rollcall.util.errors import InputError

if TYPE_CHECKING:
    from rollcall.risk.screening.confirming import Count

AUTO, SCREEN = "auto", "screen"


def note_budget(run: Run, budget: dict[str, Any] | None) -> Run:
    """Return the run with its budget noted in run.json, or with none.

    screened: whether a share of the patients is looked at closely. With TARGETS=auto: precision,
    most, looks (targets, exposed, low, high of each) and why: "narrow" or "spent".
    """
    if run.config.get(KEY) == budget:
        return run
    with run.hold("run"):
        write_config(run.path, read_config(run.path) | {KEY: budget})
    return Run(run.path, run.config | {KEY: budget})


def check_budget(budget: str) -> bool:
    """Say whether a budget is "screen"; InputError unless it is that or empty."""
    if budget not in ("", SCREEN):
        raise InputError(f"budget is {budget!r}; expected {SCREEN!r}, or none")
    return bool(budget)


def check_choices(targets: int | str, precision: float, most: int, budget: str) -> bool:
    """Say whether an audit is to be screened, as check_budget.

    InputError also for a precision or most targets that are none, or that nobody would read:
    targets is a number, and not "auto".
    """
    from rollcall.risk.screening.stopping import (
        MOST_TARGETS,
        PRECISION,
        check_precision,
        list_looks,
    )

    screened = check_budget(budget)
    check_precision(precision)
    list_looks(most)
    if targets != AUTO and (precision, most) != (PRECISION, MOST_TARGETS):
        asked = f"precision {precision:g}" if precision != PRECISION else f"most targets {most}"
        raise InputError(
            f"{asked}: expected with targets {AUTO} alone, and targets is {targets}: leave out "
            "either"
        )
    return screened


def grow(
    plan: Callable[[int], Study],
    precision: float,
    most: int,
    screened: bool = False,
    scheduler: str = "local",
    announce: Callable[[str], None] = lambda line: None,
) -> tuple[Study, dict[str, Any]]:
    """Train targets in pairs until the interval of the exposed is narrow enough, or `most` targets.

    plan(targets): opens the run, grown to so many; precision: half the interval's width over the
    number of exposed patients; announce: called with a line for each look. Returns the study as it
    then is, and its budget for note_budget. Valid under such stopping: docs/budget.md.
    """
    from rollcall.risk.screening.stopping import check_precision, decide, list_looks

    check_precision(precision)
    looks, counts, why = list_looks(most), [], ""
    while not why:
        study = plan(looks[len(counts)])
        train(study, scheduler=scheduler)
        counts.append(count_now(study, screened))
        why = decide(counts, precision, most)
        announce(
            f"{counts[-1].targets} targets: the number of exposed is known to "
            f"{_percent(counts[-1].half_width)}; {'enough' if why else 'more are trained'}"
        )
    keys = ("targets", "exposed", "low", "high")
    budget = {
        "screened": screened,
        "precision": precision,
        "most": most,
        "looks": [dict(zip(keys, count, strict=True)) for count in counts],
        "why": why,
    }
    return study, budget


def _percent(half_width: float) -> str:
    return f"within {half_width:.0%}" if half_width < 1 else "no better than by a factor"


def count_now(study: Study, screened: bool) -> Count:
    """Count the exposed with the targets that are there: of all patients, or of the picked."""
    from rollcall import risk
    from rollcall.attacks.scores import score_run
    from rollcall.risk.exposed import naming
    from rollcall.risk.screening.confirming import MOST_P, count_exposed
    from rollcall.risk.screening.ranking import measure_plainly

    run, cohort, members = study.run, study.cohort, study.run.members()
    index, scores = cohort.patient_index, score_run(run, cohort)
    foretold, picked = pick_patients(run, cohort, scores) if screened else (None, None)
    if scores.ndim == 3:
        scores = risk.combine_labels(scores, members, index)
    plain = measure_plainly(scores, members, index)
    if foretold is None or picked is None:
        foretold, picked = plain.foretold, np.ones(members.shape[1], bool)
    return count_exposed(
        plain.statistic,
        members,
        foretold,
        picked,
        patient_labels(cohort),
        run.seed,
        most_p=MOST_P if screened else naming.MOST_P,
    )[0]
