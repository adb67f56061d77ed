"""Training target models, many at once, into a run.

Networks of matrix products train in stacks: their parameters have a leading axis for the target, and one batched product serves all.
A stack always has the recipe's width, spare places being filled with copies, and a worker on the CPU has one thread. So the arithmetic
that makes target 17 is the same whether it is trained alone, beside others, by another worker or after a crash.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import softmax
from torch.func import functional_call, stack_module_state, vmap

from lib import augment, metrics, models
from lib.cohort import Cohort, open_saved
from lib.errors import InputError
from lib.files import cores
from lib.optimise import Optimiser
from lib.recipes import Recipe
from lib.run import Run, open_run

EVAL_BATCH, EVAL_VALUES = 4096, 2**21  # records, input values that a prediction takes at once: bounds its memory


def target_seed(seed: int, target: int) -> int:
    """The seed of everything random in one target: its initial weights and its order of records."""
    return int(np.random.SeedSequence([seed, target, 1]).generate_state(1)[0])


def batches(seed: int, own: np.ndarray, batch: int, steps: int):
    """Yield `steps` full batches (batch,) of record indices: the records `own`, shuffled anew each time they run out."""
    rng = np.random.default_rng(seed)
    waiting = np.empty(0, own.dtype)
    for _ in range(steps):
        while len(waiting) < batch:
            waiting = np.concatenate([waiting, rng.permutation(own)])
        yield waiting[:batch]
        waiting = waiting[batch:]


def steps_of(recipe: Recipe, records: int) -> int:
    """Optimiser steps of every target: `epochs` passes over half the records. The same for all, however many records a half has."""
    return max(1, round(recipe.epochs * records / 2 / (recipe.batch * recipe.accumulate)))


def as_input(batch: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    """uint8 images to float32 in [-1, 1]; anything else to float32, times the cohort's scale."""
    if batch.dtype == torch.uint8:
        return batch.float().div_(127.5).sub_(1)
    return batch.float() if scale == 1 else batch.float().mul_(scale)


def loss_per_target(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of each target. logits (targets, batch, outputs) -> (targets,).

    labels (targets, batch): classes, or 0/1 for one output. Multilabel: (targets, batch, outputs) 0/1, the mean over labels, then the batch.
    """
    if labels.ndim == 3:
        return F.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none").mean((1, 2))
    if logits.shape[-1] == 1:
        return F.binary_cross_entropy_with_logits(logits[..., 0], labels.float(), reduction="none").mean(1)
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape).mean(1)


def train_stack(cohort: Cohort, recipe: Recipe, own: list[np.ndarray], seeds: list[int], device: str = "cpu",
                progress: Callable[[float], None] = lambda fraction: None):
    """Train one target per entry of `own` (its records) and `seeds`; yield (logits, test logits) of each, float32.

    logits (records, outputs), or (records, views, outputs) if the recipe has several views; test logits (test records, outputs), or None
    without a test set. Fewer targets than the recipe's stack are filled up with copies of the last, so that the arithmetic stays the same.
    """
    width = recipe.stack if recipe.model in models.STACKED else 1
    if not 1 <= len(own) <= width:
        raise InputError(f"{len(own)} targets for a stack of {width}")
    spare = width - len(own)
    seeds_all, own_all = seeds + seeds[-1:] * spare, own + own[-1:] * spare
    networks = []
    for seed in seeds_all:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            networks.append(models.build(recipe.model, cohort.inputs.shape[1:], cohort.outputs, **recipe.settings).to(device))
    inputs = torch.from_numpy(np.asarray(cohort.inputs)).to(device)
    labels = torch.from_numpy(cohort.targets).to(device)
    network = networks[0]
    if width > 1:
        parameters = {name: value.detach().requires_grad_() for name, value in stack_module_state(networks)[0].items()}
        forward = vmap(lambda values, batch: functional_call(network, values, (batch,)))
    else:
        parameters = dict(network.named_parameters())

        def forward(_, batch):
            return network(batch[0])[None]

    steps = steps_of(recipe, len(cohort))
    optimiser = Optimiser(parameters, recipe, steps)
    streams = zip(*(batches(seed, records, recipe.batch, steps * recipe.accumulate) for seed, records in zip(seeds_all, own_all)))
    chance = [np.random.default_rng([seed, 1]) for seed in seeds_all]  # of the augmentations
    with torch.random.fork_rng(devices=[device] if device != "cpu" else []):
        torch.manual_seed(seeds_all[0])  # of dropout, in models that have it; those train alone
        for step in range(steps):
            for _ in range(recipe.accumulate):
                index = torch.from_numpy(np.stack(next(streams))).to(device)
                batch = as_input(inputs[index.flatten()], cohort.scale).view(*index.shape, *inputs.shape[1:])
                if recipe.augment != "none":
                    batch = torch.stack([augment.augment(one, recipe.augment, rng) for one, rng in zip(batch, chance)])
                (loss_per_target(forward(parameters, batch), labels[index]).sum() / recipe.accumulate).backward()
            optimiser.step()
            if step % 32 == 0:
                progress((step + 1) / steps)
    network.eval()
    views = augment.views(recipe.augment, recipe.views, 0, *inputs.shape[1:3]) if recipe.views > 1 else None
    test = None if cohort.test is None else torch.from_numpy(np.asarray(cohort.test.inputs)).to(device)
    weights = optimiser.weights()
    for place in range(len(own)):
        values = {name: value[place] for name, value in weights.items()} if width > 1 else weights
        yield (predict(network, values, inputs, cohort.scale, views), None if test is None else predict(network, values, test, cohort.scale))


def _check_augment(recipe: Recipe, cohort: Cohort) -> None:
    """InputError if the recipe's augmentation or views cannot be applied to this cohort's inputs."""
    if recipe.augment != "none" and cohort.inputs.dtype != np.uint8:
        raise InputError(f"augment is {recipe.augment!r} and cohort {cohort.name!r} has no images; expected none")
    if recipe.augment != "none" or recipe.views > 1:
        augment.views(recipe.augment, max(2, recipe.views), 0, *cohort.inputs.shape[1:3])


@torch.no_grad()
def predict(network, parameters: dict, inputs: torch.Tensor, scale: float = 1.0, views=None) -> np.ndarray:
    """Logits of one model on every record, (records, outputs) float32; with `views` (as augment.views gives them) (records, views, outputs)."""
    def logits(batch):
        return functional_call(network, parameters, (batch,)).float()

    parts = []
    for part in inputs.split(max(1, min(EVAL_BATCH, EVAL_VALUES // math.prod(inputs.shape[1:])))):
        batch = as_input(part, scale)
        parts.append((logits(batch) if views is None else torch.stack([logits(augment.apply(batch, view)) for view in views], 1)).cpu())
    return torch.cat(parts).numpy()


def performance(cohort: Cohort, logits: np.ndarray, member: np.ndarray, test_logits: np.ndarray | None = None) -> dict:
    """Accuracy and AUROC on the members' and the non-members' records, and on the test set if there is one. Of several views, the first."""
    logits = logits[:, 0] if logits.ndim == 3 else logits
    parts = {"members": (logits[member], cohort.targets[member]), "non_members": (logits[~member], cohort.targets[~member])}
    if test_logits is not None:
        parts["test"] = (test_logits, cohort.test.targets)
    result = {}
    for name, (z, y) in parts.items():
        result[f"accuracy_{name}"], result[f"auroc_{name}"] = _accuracy_auroc(z, y, cohort.task)
    return result


def _accuracy_auroc(z: np.ndarray, y: np.ndarray, task: str) -> tuple[float, float]:
    """Multiclass: AUROC is the mean of one against the rest. Multilabel: both are means over labels, the AUROC over those that occur and miss."""
    if task == "multiclass":
        p = softmax(z, axis=1)
        accuracy, aurocs = (z.argmax(1) == y).mean(), [metrics.auc(p[:, k], y == k) for k in range(z.shape[1])]
    else:
        y = y.reshape(z.shape)
        accuracy, aurocs = ((z > 0) == y).mean(), [metrics.auc(z[:, k], y[:, k] == 1) for k in range(z.shape[1])]
    known = [area for area in aurocs if not np.isnan(area)]
    return float(accuracy), float(np.mean(known)) if known else float("nan")


# --- into a run ----------------------------------------------------------------------------------------------------------------

def train(run: Run, cohort: Cohort, workers: int | None = None, progress=None) -> None:
    """Train every target of `run` that does not exist yet, in worker processes: one a core on the CPU, one a GPU.

    `cohort` must be a prepared one (every worker maps it into memory). `progress(done)` is called with the number of targets
    done, in fractions. Other processes may work on the same run at the same time; this returns when every target exists.
    """
    missing = len(run.missing())
    if missing:
        with torch.device("meta"):  # a model that does not fit the inputs is found here, not in the workers
            models.build(run.recipe.model, cohort.inputs.shape[1:], cohort.outputs, **run.recipe.settings)
        _check_augment(run.recipe, cohort)
        gpus = torch.cuda.device_count()
        stack = run.recipe.stack if run.recipe.model in models.STACKED else 1
        workers = max(1, min(workers or gpus or cores(), math.ceil(missing / stack)))
        context = multiprocessing.get_context("spawn")
        done = context.RawArray("d", workers)
        devices = [f"cuda:{worker % gpus}" if gpus else "cpu" for worker in range(workers)]
        processes = [context.Process(target=_work, args=(str(run.path), run.targets, str(cohort.folder), devices[worker], done, worker),
                                     daemon=True) for worker in range(workers)]
        with _single_threaded_environment():
            for process in processes:
                process.start()
        try:
            while any(process.is_alive() for process in processes):
                if progress:
                    progress(min(sum(done), missing))
                time.sleep(0.1)
        finally:
            for process in processes:
                process.terminate()
        failed = [process.exitcode for process in processes if process.exitcode]
        if failed and run.missing():
            raise RuntimeError(f"{len(failed)} of {workers} training processes ended with {failed}; {len(run.missing())} targets are "
                               "missing. Their messages are above; the same command resumes")
    if progress:
        progress(missing)
    run.finish()


class _single_threaded_environment:
    """Children started inside compute with one thread each: as fast in all, and the same arithmetic on every machine size."""

    NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")

    def __enter__(self):
        self.before = {name: os.environ.get(name) for name in self.NAMES}
        os.environ.update(dict.fromkeys(self.NAMES, "1"))

    def __exit__(self, *_):
        for name, value in self.before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _work(run_path: str, targets: int, cohort_folder: str, device: str, done, worker: int) -> None:
    """A worker process: claim stacks of missing targets and train them until none is left, waiting for those that others hold."""
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    found = open_run(run_path)
    run = Run(found.path, found.config | {"targets": targets})
    cohort, recipe, members = open_saved(Path(cohort_folder)), run.recipe, run.members()
    if cohort.fingerprint != run.config["fingerprint"]:
        raise InputError(f"{cohort_folder}: not the cohort of run {run_path}")
    width = recipe.stack if recipe.model in models.STACKED else 1
    finished = 0

    def report(fraction: float) -> None:
        done[worker] = finished + fraction * len(claims)
        if not parent.is_alive():  # the one who asked is gone: leave the targets to whoever resumes
            os._exit(1)

    while missing := run.missing():
        claims = {}
        for target in missing:
            if len(claims) < width and (lock := run.claim(target)):
                claims[target] = lock
        if not claims:
            time.sleep(0.5)
            report(0)
            continue
        started, todo = time.perf_counter(), list(claims)
        member = [members[target][cohort.patient_index] for target in todo]
        seeds = [target_seed(run.seed, target) for target in todo]
        results = train_stack(cohort, recipe, [np.flatnonzero(rows) for rows in member], seeds, device, report)
        for target, rows, seed, (logits, test_logits) in zip(todo, member, seeds, results):
            if not np.isfinite(logits).all():
                raise InputError(f"{run_path}: target {target} diverged (NaN or infinite logits); lower the recipe's learning_rate")
            seconds = (time.perf_counter() - started) / len(todo)
            run.write_target(target, logits, {"seed": seed, "seconds": round(seconds, 3), "device": device,
                                              "metrics": performance(cohort, logits, rows, test_logits)})
            claims.pop(target).release()
            finished += 1
            report(0)
