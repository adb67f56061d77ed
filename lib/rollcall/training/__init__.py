"""Training: target models side by side, by worker processes of this machine or a Dask cluster's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe
from rollcall.runs.run import Run
from rollcall.training import augmentation
from rollcall.training.local import _processes
from rollcall.training.worker import _meta
from rollcall.util.errors import InputError


def check(recipe: Recipe, cohort: Cohort) -> None:
    """InputError if the recipe's model, augmentation or views cannot be applied to this cohort's inputs: found here, not in the workers."""
    _meta(recipe, cohort)
    if recipe.augment != "none" and cohort.inputs.dtype != np.uint8:
        raise InputError(
            f"augment is {recipe.augment!r} and cohort {cohort.name!r} has no images; expected none"
        )
    if recipe.augment != "none" or recipe.views > 1:
        augmentation.views(recipe.augment, max(2, recipe.views), 0, *cohort.inputs.shape[1:3])


def train(
    run: Run,
    cohort: Cohort,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
    scheduler: str = "local",
) -> None:
    """Train every target of `run` that does not exist yet, in worker processes: one a core on the CPU, one a GPU.

    `cohort` must be a prepared one (every worker maps it into memory). `progress(done)` is called with the number of targets
    done, in fractions. Other processes may work on the same run at the same time; this returns when every target exists.
    scheduler: "local" for processes of this machine; or a Dask scheduler's address or scheduler file (rollcall.training.dask_cluster).
    """
    missing = len(run.missing())
    if missing:
        check(run.recipe, cohort)
        if scheduler == "local":
            _processes(run, cohort, workers, progress, missing)
        else:
            pass

            from rollcall.training import dask_cluster

            dask_cluster.train(run, cohort, scheduler, progress)
    if progress:
        progress(missing)
    run.finish()
