"""Audit an estimator that is in memory: whom do models of its kind betray, fitted on these data?

audited = rollcall.audit(RandomForestClassifier(), X, y, groups=patient_id)
print(audited.summary())
audited.patients.query("exposed")
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from rollcall.attacks.scores import LOG_ODDS
from rollcall.auditing import Audit
from rollcall.auditing.estimators.digests import digest_estimator, name_estimator
from rollcall.auditing.estimators.fitting import count_workers, fit_all
from rollcall.auditing.estimators.inputs import check_classes, check_inputs
from rollcall.auditing.estimators.result import Audited, keep_until_dropped
from rollcall.auditing.estimators.scoring import check_probabilities
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.runs import run as run_folder
from rollcall.runs.config import NAME, read_config
from rollcall.stats.members import MIN_TARGETS, draw_members
from rollcall.util.errors import InputError
from rollcall.util.temporary import private_folder

__all__ = ["Audited", "audit"]


@dataclass(frozen=True)
class Fits:
    """Hold what decides a model but its half and its seed; takes the place of a recipe.

    model: the estimator, in words; settings, X, y, groups: digests.
    """

    model: str
    settings: str
    X: str
    y: str
    groups: str

    @property
    def sources(self) -> dict:
        """Return what the model's own files are: none, it is in memory."""
        return {}

    def asdict(self) -> dict:
        """Return it as json can hold it."""
        return dict(vars(self))


def audit(
    estimator,
    X,
    y,
    *,
    groups=None,
    attributes=None,
    sensitive_features=None,
    models: int = 32,
    seed: int = 0,
    n_jobs: int | None = None,
    out: str | Path | None = None,
    smallest_cell: int = MIN_GROUP_SIZE,
) -> Audited:
    """Audit a classifier: fit copies of it on random halves of the patients, and attack them.

    estimator   unfitted, with scikit-learn's fit and predict_proba; a pipeline that takes raw
                tables, too. It is cloned, and every random_state in it set from `seed`
    X, y        N rows of anything that it takes, and the class of each
    groups      (N,) the patient of each row, as in GroupKFold; None: each row is a patient
    attributes  groups to compare: a table with N rows, a dict of columns, or names of columns of X;
                sensitive_features is another name for it
    models      an even number of at least 8; more name more patients
    n_jobs      processes; None: one a core. No number depends on it
    out         folder to keep the audit in: what is fitted there is not fitted again. None: nothing
                is kept
    smallest_cell: of patients, that a summary or report may show

    Score of a record: log odds of its own label (docs/own-estimators.md). InputError says in one
    line what does not fit, before anything is fitted where it can be known.
    """
    if attributes is not None and sensitive_features is not None:
        raise InputError("attributes and sensitive_features are two names for one; give one")
    _check_estimator(estimator)
    models, seed = _check_numbers(models, seed)
    count_workers(n_jobs)
    run_folder.check_smallest_cell(smallest_cell)
    attributes = sensitive_features if attributes is None else attributes
    inputs = check_inputs(X, y, groups, attributes)
    check_classes(inputs, draw_members(models, len(inputs.cohort.patients), seed))
    name = name_estimator(estimator)
    fits = Fits(name, digest_estimator(estimator), **inputs.digests)
    with ExitStack() as stack:
        folder = Path(out) if out is not None else stack.enter_context(private_folder()) / "audit"
        if out is not None:
            _check_same(folder, fits, seed)
        run = run_folder.create(folder, inputs.cohort, fits, models, seed, LOG_ODDS)
        run = run.with_smallest_cell(smallest_cell)
        reading = fit_all(run, inputs, estimator, n_jobs)
        source = f"log odds from {reading}; scikit-learn {version('scikit-learn')}"
        notes = (source, *_list_warnings(run))
        cohort = replace(inputs.cohort, notes=(*inputs.cohort.notes, *notes))
        study = Audit(run, cohort)
        study.attack()
        study.disparity()
        return keep_until_dropped(Audited(study, name, str(reading)), stack.pop_all())


def _check_estimator(estimator) -> None:
    """InputError unless it is a classifier that can be fitted and gives probabilities."""
    from sklearn.base import is_regressor

    if isinstance(estimator, type):
        raise InputError(f"estimator: the class {estimator.__name__}; give {estimator.__name__}()")
    name = type(estimator).__name__
    if not hasattr(estimator, "fit"):
        raise InputError(f"estimator: a {name} without fit; expected a classifier")
    if hasattr(estimator, "__sklearn_tags__") and is_regressor(estimator):
        raise InputError(f"estimator: {name_estimator(estimator)} is a regressor, not a classifier")
    settings = estimator.get_params() if hasattr(estimator, "get_params") else ()
    if any(name.endswith("final_estimator") for name in settings):
        return  # a stack, which knows once it is fitted
    check_probabilities(estimator)


def _check_numbers(models: int, seed: int) -> tuple[int, int]:
    """Return both as Python's whole numbers; InputError if they are none, or too small."""
    for what, value in (("models", models), ("seed", seed)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise InputError(f"{what} is {value!r}; expected a whole number")
    if seed < 0:
        raise InputError(f"seed is {seed}; expected 0 or more")
    if models < MIN_TARGETS or models % 2:
        raise InputError(
            f"models is {models}; expected an even number of at least {MIN_TARGETS}, better 32 or "
            "more: they come in complementary pairs"
        )
    return int(models), int(seed)


def _check_same(folder: Path, fits: Fits, seed: int) -> None:
    """InputError if the folder holds an audit of another estimator, other data or another seed."""
    if not (folder / NAME).exists():
        return
    config = read_config(folder)
    before, now = config.get("recipe", {}), fits.asdict()
    if before.keys() != now.keys():
        raise InputError(f"{folder}: a run of another kind; choose another out")
    changed = [key for key in now if before[key] != now[key]]
    changed += ["seed"] if config["seed"] != seed else []
    if changed:
        what = changed[0]
        words = {"model": "estimator", "settings": "estimator (its settings)"}.get(what, what)
        raise InputError(
            f"{folder}: an audit of another {words}; models are never mixed: choose another out, "
            "or delete the folder"
        )


def _list_warnings(run: run_folder.Run) -> list[str]:
    """Say how many models warned of what while they were fitted."""
    kinds = [run.info(model).get("warnings", []) for model in range(run.targets)]
    return [
        f"{sum(kind in each for each in kinds)} of {run.targets} models gave a {kind}"
        for kind in sorted({kind for each in kinds for kind in each})
    ]
