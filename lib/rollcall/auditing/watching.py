"""Watch audits from a notebook: which there are, how far one is, what can be said of it already.

Everything is only read. Other processes train meanwhile, and nothing waits for anything.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rollcall.data.cohort import Cohort
from rollcall.data.groups import patient_labels
from rollcall.runs import external
from rollcall.runs.listing import State, find_state, list_states, open_cohort, read_state
from rollcall.runs.run import Run
from rollcall.util.errors import InputError, first_line
from rollcall.util.files import home
from rollcall.util.progress import is_notebook
from rollcall.util.settings import typed

if TYPE_CHECKING:
    from IPython.display import HTML, DisplayHandle

FIRST, GROWN = 8, 1.5  # models of the first estimates, and how many times as many the next have
SECONDS = 2.0  # between two looks
TASK = "rollcall watches"


@typed
def show_runs(*, out: str = "") -> HTML:
    """Return a table of the runs in `out` (results/), how far they are, links to their reports."""
    from rollcall.report.live import showing

    return showing.show_runs(list_states(out), time.time())


@typed
def watch(*, run: str = "", out: str = "", data: str = "") -> None:
    """Show how far a run is and what can be said of it already, until all its models are trained.

    run: "dataset/run" below `out` (results/); empty: the latest. data: folder of prepared cohorts.
    In a notebook what is shown is renewed every 2 seconds while other cells may run; watching
    another run ends it. Elsewhere it is shown once. InputError for a run that is not there; nothing
    is created.
    """
    from IPython.display import display

    from rollcall.report.live import showing

    state, stored = find_state(run, out), Path(data or home() / "data")
    if not is_notebook():
        display(showing.show_state(state, estimate(state, stored), time.time()))
        return
    handle = display(showing.show_state(state, [], time.time()), display_id=True)
    assert handle is not None
    loop = asyncio.get_running_loop()
    for task in asyncio.all_tasks(loop):
        if task.get_name() == TASK:
            task.cancel()
    following = loop.create_task(
        _follow(state.run.path, handle, lambda state: estimate(state, stored)), name=TASK
    )
    following.add_done_callback(lambda task: _show_end(task, handle))


def _show_end(task: asyncio.Task, handle: DisplayHandle) -> None:
    """Say what ended the watching of a run, unless that is its end or another one's beginning."""
    from rollcall.report.live import showing

    if not task.cancelled() and (error := task.exception()):
        handle.update(showing.show_failure(first_line(error)))


async def _follow(
    folder: Path, handle: DisplayHandle, say: Callable[[State], list[str]], seconds: float = SECONDS
) -> None:
    """Renew what is shown of a run until all its models are trained and estimated.

    say: what can be said of a state; it may take long, and is not waited for.
    """
    from rollcall.report.live import showing

    sentences, used, saying = [], 0, None
    while True:
        state = await asyncio.to_thread(read_state, folder)
        if saying is not None and saying.done():
            sentences, saying = saying.result(), None
        models = len(list_paired(state))
        due = models >= FIRST and (models >= GROWN * used or not state.missing) and models > used
        if due and saying is None:
            saying, used = asyncio.create_task(asyncio.to_thread(say, state)), models
        handle.update(showing.show_state(state, sentences, time.time()))
        if not state.missing and saying is None:
            return
        await asyncio.sleep(seconds)


def list_paired(state: State) -> list[int]:
    """List the trained targets whose complement is trained too: a patient is in half of them."""
    trained = set(state.trained)
    return [target for target in state.trained if target ^ 1 in trained]


def estimate(state: State, data: Path) -> list[str]:
    """Say in sentences what the models that are trained say of patients, and what that is worth.

    data: folder of prepared cohorts. Without it, or with too few models, that is what is said; so
    is what went wrong.
    """
    models = list_paired(state)
    if state.run.config["cohort"] == external.COHORT_NAME:
        return []
    if len(models) < FIRST:
        return [f"First estimates come with {FIRST} models."]
    try:
        cohort = open_cohort(state.run, data)
        if cohort is None:
            return [f"No estimates: the prepared cohort of this run is not in {data}."]
        return _assess(state.run, cohort, models)
    except (InputError, OSError) as error:  # it may be being written
        return [f"No estimates: {first_line(error)}"]


def _assess(run: Run, cohort: Cohort, models: list[int]) -> list[str]:
    from rollcall import risk
    from rollcall.attacks.scores import LOG_ODDS, exact_scores
    from rollcall.report.words.sentences import Findings, write_first

    given = run.config.get("scores") == LOG_ODDS
    scores = np.stack(
        [
            run.logits(target)
            if given
            else exact_scores(run.logits(target), cohort.labels, cohort.task)
            for target in models
        ]
    )
    members, patients = run.members()[models], len(cohort.patients)
    assessed = risk.assess_risk(
        scores, members, cohort.patient_index, seed=run.seed, labels=patient_labels(cohort)
    )
    findings = Findings(
        unit=cohort.unit,
        patients=patients,
        targets=len(models),
        risk=assessed.cohort,
        lira=np.nan,
        rmia=np.nan,
        smallest=run.smallest_cell,
    )
    if len(models) == run.targets:
        opening = "By all models, before the attack with its controls:"
    else:
        opening = f"First estimates, by {len(models)} of {run.targets} models: they still move."
    return [opening, *write_first(findings)]
