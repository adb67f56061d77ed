"""Coarser outputs as a defence: what is released of a model, and what an attacker makes of it.

The score of a record is a function of what is released and of nothing else, and finite whatever is
released. A rounded probability stands for all that round to it: its score is the log odds of their
middle, so that a released 0 of two decimals is taken for 0.0025 and a released 1 for 0.9975. Of a
top label nothing is known but whether it is the record's own: the score is 1 or -1. Ties are broken
at random, which tells nothing: else a patient for whom one model in sixteen differs would stand out
against a noise floor of others for whom none does.

That is fair to the defence, in that nothing is used that it hides. It is not all that an attacker
could do: who may ask again, of records a little altered, learns from several rounded answers or
labels what lies between (label-only attacks: Choquette-Choo et al., ICML 2021).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import expit, logit, softmax

from rollcall.attacks.scores import LOG_ODDS, exact_scores
from rollcall.auditing import Audit
from rollcall.data.cohort import Cohort
from rollcall.experiments.defence.settings import OUTPUTS
from rollcall.runs import run as run_folder
from rollcall.runs.run import Run
from rollcall.stats import metrics
from rollcall.util.errors import InputError

SOURCE = "sha256 of the logits"  # that a target's released outputs were made from
COARSE = 0.1  # a step from which scores are no longer nearly normal
TIE_BREAK = 1e-3  # most that breaks a tie, far less than two different outputs are apart


def release_outputs(logits: np.ndarray, task: str, step: float) -> np.ndarray:
    """Return what is released: probabilities rounded to `step`, or of step 1 the top label, 0/1.

    logits (N, outputs); float64 of the same shape. step 0: the probabilities themselves. Binary and
    multilabel: of each output, and its label is 1 where the probability is above one half.
    """
    z = np.asarray(logits, np.float64)
    values = softmax(z, axis=1) if task == "multiclass" else expit(z)
    if step == 1:
        if task == "multiclass":
            return (np.arange(z.shape[1]) == z.argmax(1)[:, None]).astype(float)
        return (z > 0).astype(float)
    return np.round(values / step) * step if step else values


def score_released(logits: np.ndarray, labels: np.ndarray, task: str, step: float) -> np.ndarray:
    """Score records by what is released of them, float32 (N,), or (N, L) multilabel.

    logits (N, outputs), or (N, views, outputs), whose scores are averaged over the views; labels
    (N,) or (N, L); step: as release_outputs. Step 0 is exact_scores. Higher = more like a member.
    """
    if not step:
        return exact_scores(logits, labels, task)
    if np.ndim(logits) == 3:
        views = np.moveaxis(logits, 1, 0)
        return np.mean([score_released(view, labels, task, step) for view in views], axis=0)
    shown = release_outputs(logits, task, step)
    if task == "multiclass":
        mine = shown[np.arange(len(shown)), labels]
    else:
        mine = np.where(np.asarray(labels).reshape(shown.shape) == 1, shown, 1 - shown)
        mine = mine[:, 0] if task == "binary" else mine
    if step == 1:
        return (2 * mine - 1).astype(np.float32)
    return logit(np.clip(mine, step / 4, 1 - step / 4)).astype(np.float32)


def release_run(source: Audit, step: float, name: str) -> Audit:
    """Return the run beside `source` whose targets hold scores of what is released of its own.

    name: of the run. Equal scores are set apart at random, by the run's seed. Its targets are
    written if they are not there, or of other logits; nothing is trained. InputError if a run of
    that name is another one.
    """
    run, cohort = source.run, source.cohort
    released = run_folder.create(
        run.path.with_name(name), cohort, run.recipe, run.targets, run.seed, LOG_ODDS
    )
    if released.set_once(OUTPUTS, step) != step:
        raise InputError(f"{released.path}: of other outputs; choose another folder for results")
    for target in range(run.targets):
        info = run.info(target, "seed", "seconds", "metrics")
        if released.has(target) and released.info(target).get(SOURCE) == info["sha256"]:
            continue
        released.file(f"targets/{target:04d}.json").unlink(missing_ok=True)
        lock = released.claim(target)
        if lock is None:
            continue  # another process writes it
        with lock:
            logits = np.asarray(run.logits(target))
            scores = score_released(logits, cohort.labels, cohort.task, step)
            rng = np.random.default_rng(np.random.SeedSequence([run.seed, target, 0x71E]))
            scores = scores + rng.uniform(-TIE_BREAK, TIE_BREAK, scores.shape)
            values = _measure(cohort, logits, run.members()[target], step)
            released.write_target(
                target,
                scores.astype(np.float32),
                {"seed": info["seed"], "seconds": 0.0, "metrics": values, SOURCE: info["sha256"]},
            )
    released.finish()
    return Audit(released.with_smallest_cell(run.smallest_cell), cohort)


def _measure(cohort: Cohort, logits: np.ndarray, members: np.ndarray, step: float) -> dict:
    """Measure what is released, on members and on non-members; the test set has no logits."""
    shown = release_outputs(logits[:, 0] if logits.ndim == 3 else logits, cohort.task, step)
    inside, result = members[cohort.patient_index], {}
    for name, chosen in (("members", inside), ("non_members", ~inside)):
        area = metrics.mean_auc(shown[chosen], cohort.labels[chosen], cohort.task)
        result[f"auroc_{name}"] = area
    return result


def iterate_outputs(run: Run, cohort: Cohort, step: float) -> Iterator[np.ndarray]:
    """Yield what each target releases of every record, (N, outputs), its first view."""
    for target in range(run.targets):
        logits = np.asarray(run.logits(target))
        yield release_outputs(logits[:, 0] if logits.ndim == 3 else logits, cohort.task, step)
