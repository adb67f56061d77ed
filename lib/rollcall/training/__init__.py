"""Training of target models.

How a target trains, in order, across the files:

1. `train` below counts the missing targets, checks that the recipe fits the cohort, notes what its
   network is like in run.json, and starts workers: processes of this machine (`backends/local`) or
   of a Dask cluster (`backends/dask_cluster`).
2. A worker (`backends/worker`) prepares its process (`device`), maps the prepared cohort, and finds
   out what the run has decided or decides it: the precision (`device`) and the layout, that is how
   many targets train at once (`layout`) and in which micro-batches (`memory` on a CPU; on a GPU
   `gpu/choosing`, which has layouts measured in child processes, `gpu/measuring`). What the first
   worker decides stands in run.json.
3. It claims missing targets by their locks and hands them to its `trainer`, which trains them in
   `stack`s of one or several. A network that a user brings trains in a stack of several only where
   `rollcall.models.given.traits` saw that it can. Where a layout fails on a GPU (`gpu/failures`),
   the trainer goes on with half of it or with the plain one.
4. A stack draws fresh weights from each target's seed. It is fed (`feeding`) with the next batches
   of the target's members (`batches`) and their augmentation (`augmentation`), some steps at once.
   A step gathers the records, goes forwards and backwards in micro-batches and updates the weights
   (`optimiser`). On a GPU several steps can be recorded as one graph (`gpu/recording`).
5. When all steps are done, `evaluation` computes the logits on every record, members or not, and
   how well the target does. The worker stores both and frees the claim; a target whose logits are
   not finite is trained again with another seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import torch

from rollcall import models
from rollcall.data.cohort import Cohort
from rollcall.models.given import blamed, list_code
from rollcall.models.given.traits import Traits, examine
from rollcall.recipes import Recipe
from rollcall.runs.run import Run, open_run
from rollcall.training import augmentation
from rollcall.training.backends import local
from rollcall.training.batches import as_input
from rollcall.training.layout import NETWORK_KEY, cpu_stack
from rollcall.training.private.checking import check_private
from rollcall.training.private.terms import PRIVACY_KEY, find_terms
from rollcall.util.errors import InputError

RECORDS_TO_TRY = 8  # with a network that a user brings
AVERAGED = "the average of the weights that is kept has the running statistics of the last ones"


def check(recipe: Recipe, cohort: Cohort) -> Traits:
    """Check that a recipe's model, augmentation and views can be applied to a cohort's inputs.

    Returns what its network is like. InputError if not: here, before any worker starts.
    """
    traits = _examine(recipe, cohort)
    if recipe.augment != "none" and cohort.inputs.dtype != np.uint8:
        raise InputError(
            f"augment is {recipe.augment!r} and cohort {cohort.name!r} has no images; expected none"
        )
    if recipe.augment != "none" or recipe.views > 1:
        height, width, *_ = (*cohort.inputs.shape[1:], 1)  # of a table, one of either
        augmentation.draw_views(recipe.augment, max(2, recipe.views), 0, height, width)
    return traits


def _examine(recipe: Recipe, cohort: Cohort) -> Traits:
    """Say what the network of a recipe is like; one that a user brings is tried on the CPU."""
    if not models.is_given(recipe.model):
        network = models.build_for(recipe, cohort, "meta")
        return Traits(models.count_parameters(network), cpu_stack(recipe) > 1, ())
    records = np.linspace(0, len(cohort) - 1, RECORDS_TO_TRY).astype(int)
    batch = as_input(torch.from_numpy(np.asarray(cohort.inputs[records])), cohort.scale)
    code = list_code(models.find_given(recipe), recipe.files)
    shape = tuple(batch.shape[1:])
    with blamed(f"model {recipe.model!r} fails on records of this cohort, each {shape}", code):
        traits = examine(
            recipe.model,
            lambda seed: models.build_seeded(recipe, cohort, seed),
            batch,
            cohort.outputs,
            recipe.stack,
        )
    if recipe.private:
        check_private(recipe, cohort, traits, batch)
    if recipe.ema and any(note.startswith("batch statistics") for note in traits.notes):
        traits = Traits(traits.parameters, traits.is_stacked, (*traits.notes, AVERAGED))
    return traits


def prepare(run: Run, cohort: Cohort) -> Run:
    """Check a run's recipe as `check`, unless that was done, and note in run.json what it gave.

    Returns the run as it then is.
    """
    network = open_run(run.path).config.get(NETWORK_KEY)
    if network is None:
        network = run.set_once(NETWORK_KEY, asdict(check(run.recipe, cohort)))
    noted = {NETWORK_KEY: network}
    if run.recipe.private:
        terms = open_run(run.path).config.get(PRIVACY_KEY)
        if terms is None:
            terms = run.set_once(PRIVACY_KEY, find_terms(run.recipe, cohort).to_config())
        noted[PRIVACY_KEY] = terms
    return Run(run.path, run.config | noted)


def train(
    run: Run,
    cohort: Cohort,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
    scheduler: str = "local",
) -> None:
    """Train every target of `run` that does not exist yet.

    cohort: a prepared one, which every worker maps into memory. workers: processes; by default one
    a core on the CPU, one a GPU. progress(done): called with the number of targets done, in
    fractions. scheduler: "local" for processes of this machine; or a Dask scheduler's address or
    scheduler file (rollcall.training.backends.dask_cluster).

    Other processes may work on the same run at the same time; this returns when every target
    exists. InputError if the recipe does not fit the cohort or diverges; StoppedError if workers
    die.
    """
    missing = len(run.missing())
    if missing:
        run = prepare(run, cohort)
        if scheduler == "local":
            local.train(run, cohort, workers, progress)
        else:
            # distributed is loaded by those who use it
            from rollcall.training.backends import dask_cluster

            dask_cluster.train(run, cohort, scheduler, progress)
    if progress:
        progress(missing)
    run.finish()
