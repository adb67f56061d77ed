"""The training loops that an audit is set beside: what a user would write, or pick, instead.

Each trains one target and returns the model and the seconds of a step, which takes the recipe's
batch x accumulate records. LOOPS says where and beside what they run. Those named after tools are
our own code with the settings of theirs.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import chain, islice, repeat
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from rollcall import models
from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe
from rollcall.training import augmentation
from rollcall.training.batches import as_input
from rollcall.training.optimiser import learning_rate

WARM_UP_STEPS = 2


@dataclass(frozen=True)
class Work:
    """One target to train: on `records` (indices) of a cohort, `steps` steps after the warm-up."""

    cohort: Cohort
    recipe: Recipe
    records: np.ndarray
    device: str
    steps: int


@dataclass(frozen=True)
class Loop:
    """A way to train without an audit: its name, the column of what the audit's way gains, itself.

    loaders: numbers of processes of the DataLoader; the fastest counts. on_every_core: a process of
    one thread on each, every one with a target of its own; else one process with torch's own
    number of threads. family: of models, the only one that it trains; "": any. package: what it
    needs beyond Rollcall's dependencies; then it computes on the CPU.
    """

    name: str
    column: str
    train: Callable[..., tuple[Any, float]]
    loaders: tuple[int, ...] = (0,)
    on_every_core: bool = False
    family: str = ""
    package: str = ""


class Records(Dataset):
    """One record at a time: decoded, augmented, and given with its label."""

    def __init__(self, cohort: Cohort, policy: str):
        self.cohort, self.policy, self.rng = cohort, policy, np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.cohort)

    def __getitem__(self, record: int):
        value = torch.from_numpy(np.array(self.cohort.inputs[record]))
        value = as_input(value, self.cohort.scale)
        if self.policy != "none":
            value = augmentation.augment(value[None], self.policy, self.rng)[0]
        return value, torch.as_tensor(self.cohort.labels[record])


# --- the recipe's own arithmetic, in float32 ----------------------------------------------------


def train_plainly(work: Work, loaders: int = 0) -> tuple[torch.nn.Module, float]:
    """Train as audit tools commonly do: a Dataset that decodes one record at a time, a DataLoader.

    loaders: worker processes of the DataLoader.
    """
    return _train(work, _load_batches(work, _decode_each(work), loaders))


def train_in_memory(work: Work, loaders: int = 0) -> tuple[torch.nn.Module, float]:
    """Train as one would by hand: all records as tensors on the device, indexed batch by batch."""
    recipe, rng = work.recipe, np.random.default_rng(0)
    inputs, labels = (values.to(work.device) for values in _decode_all(work))

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            order = torch.randperm(len(labels), device=labels.device)
            for index in order[: len(order) // recipe.batch * recipe.batch].split(recipe.batch):
                yield _augment(inputs[index], recipe, rng), labels[index]

    return _train(work, batches())


def _train(work: Work, batches: Iterator) -> tuple[torch.nn.Module, float]:
    recipe, device = work.recipe, work.device
    network, optimiser, schedule = _build(work)
    average = [value.detach().clone() for value in network.parameters()] if recipe.ema else []

    def train_batch(number: int, inputs: torch.Tensor, labels: torch.Tensor) -> None:
        loss = _loss(network(inputs.to(device)), labels.to(device))
        (loss / recipe.accumulate).backward()
        if number % recipe.accumulate:
            return
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        _follow(average, network, recipe.ema)
        loss.item()  # the host waits for it, as loops do that log their loss

    return network, _time_steps(work, batches, train_batch)


# --- as other tools train -----------------------------------------------------------------------


def train_like_leakpro(work: Work, loaders: int = 0) -> tuple[torch.nn.Module, float]:
    """Train as LeakPro's handlers do: records are tensors in memory that a DataLoader collates.

    Loss and accuracy are counted on the host after each batch; the learning rate stays.
    Source: github.com/aidotse/LeakPro, examples/mia: tabular_mia/adult_handler.py, and
    cifar/cifar_model_handler.py without its evaluation of each epoch.
    """
    rng = np.random.default_rng(0)
    batches = _load_batches(work, TensorDataset(*_decode_all(work)), loaders)
    augmented = ((_augment(inputs, work.recipe, rng), labels) for inputs, labels in batches)
    return _train_counting(work, augmented, scheduled=False)


def train_like_privacy_meter(work: Work, loaders: int = 0) -> tuple[torch.nn.Module, float]:
    """Train as ML Privacy Meter does: a Dataset makes a tensor of each record, a DataLoader.

    Loss and accuracy are counted on the host after each batch, whose learning rate is its own.
    Source: github.com/privacytrustlab/ml_privacy_meter, dataset/tabular.py, dataset/utils.py, and
    trainers/default_trainer.py without its evaluation of each epoch.
    """
    return _train_counting(work, _load_batches(work, _decode_each(work), loaders), scheduled=True)


def _train_counting(work: Work, batches: Iterator, scheduled: bool) -> tuple:
    """Train with a step of the optimiser for every batch; scheduled: of the learning rate too."""
    network, optimiser, schedule = _build(work)
    loss_sum, hits = 0.0, 0

    def train_batch(_: int, inputs: torch.Tensor, labels: torch.Tensor) -> None:
        nonlocal loss_sum, hits
        inputs, labels = (each.to(work.device, non_blocking=True) for each in (inputs, labels))
        optimiser.zero_grad(set_to_none=True)
        logits = network(inputs)
        loss = _loss(logits, labels)
        loss.backward()
        optimiser.step()
        if scheduled:
            schedule.step()
        loss_sum += loss.item()
        hits += _count_hits(logits, labels).item()

    return network, _time_steps(work, batches, train_batch)


def _count_hits(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    if logits.shape[-1] == 1 or labels.ndim == 2:
        return ((logits > 0) == labels.view(logits.shape)).sum()
    return (logits.argmax(1) == labels).sum()


def fit_scikit_learn(work: Work, loaders: int = 0) -> tuple[Any, float]:
    """Fit scikit-learn's MLPClassifier of the recipe's widths for all of its epochs, with Adam.

    Nothing stops it early; a fit is timed as a whole. ImportError where it is not installed.
    """
    classifiers, recipe = import_module("sklearn.neural_network"), work.recipe
    layers = models.build_for(recipe, work.cohort).modules()
    *widths, _ = [layer.out_features for layer in layers if isinstance(layer, torch.nn.Linear)]
    classifier = classifiers.MLPClassifier(
        widths,
        batch_size=recipe.batch,
        learning_rate_init=recipe.learning_rate,
        alpha=recipe.weight_decay * recipe.batch,  # it divides alpha by the batch
        max_iter=recipe.epochs,
        tol=0,
        n_iter_no_change=recipe.epochs + 1,
        random_state=0,
    )
    inputs, labels = (values.numpy() for values in _decode_all(work))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer: Maximum iterations")
        started = time.perf_counter()
        classifier.fit(inputs.reshape(len(inputs), -1), labels)
        seconds = time.perf_counter() - started
    steps = recipe.epochs * len(labels) / (recipe.batch * recipe.accumulate)
    return classifier, seconds / steps


LOOPS = (
    Loop("plain loop", "times_the_plain_loop", train_plainly, loaders=(0, 2)),
    Loop("tensors in memory", "times_tensors_in_memory", train_in_memory, on_every_core=True),
    Loop("like LeakPro", "times_leakpro_like", train_like_leakpro),
    Loop(
        "like ML Privacy Meter",
        "times_ml_privacy_meter_like",
        train_like_privacy_meter,
        loaders=(0, 2),
    ),
    Loop(
        "scikit-learn",
        "times_scikit_learn",
        fit_scikit_learn,
        on_every_core=True,
        family="mlp",
        package="sklearn",
    ),
)


# --- shared -------------------------------------------------------------------------------------


def _time_steps(work: Work, batches: Iterator, train_batch: Callable) -> float:
    """Call train_batch(number, inputs, labels), warm-up first; return the seconds of a step."""
    warm_up, count = (steps * work.recipe.accumulate for steps in (WARM_UP_STEPS, work.steps))
    started = time.perf_counter()
    for number, batch in enumerate(islice(batches, warm_up + count), 1):
        train_batch(number, *batch)
        if number == warm_up:
            started = time.perf_counter()
    # the whole time: what loaders fetch ahead in one step is paid in another
    return (time.perf_counter() - started) / work.steps


def _load_batches(work: Work, dataset: Dataset, loaders: int) -> Iterator:
    loader = DataLoader(
        dataset,
        work.recipe.batch,
        shuffle=True,
        drop_last=True,
        num_workers=loaders,
        pin_memory=work.device != "cpu",
        persistent_workers=loaders > 0,
    )
    return chain.from_iterable(repeat(loader))


def _decode_each(work: Work) -> Dataset:
    return Subset(Records(work.cohort, work.recipe.augment), work.records.tolist())


def _decode_all(work: Work) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.from_numpy(work.cohort.inputs[work.records])
    return as_input(inputs, work.cohort.scale), torch.from_numpy(work.cohort.labels[work.records])


def _augment(inputs: torch.Tensor, recipe: Recipe, rng: np.random.Generator) -> torch.Tensor:
    return inputs if recipe.augment == "none" else augmentation.augment(inputs, recipe.augment, rng)


def _build(work: Work) -> tuple[torch.nn.Module, torch.optim.Optimizer, Any]:
    """Return the recipe's network, its optimiser, and the schedule of the learning rate."""
    recipe, steps = work.recipe, work.steps + WARM_UP_STEPS
    network = models.build_for(recipe, work.cohort).to(work.device).train()
    options: dict = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
    if recipe.optimiser == "adamw":
        optimiser = torch.optim.AdamW(network.parameters(), **options)
    else:
        optimiser = torch.optim.SGD(network.parameters(), momentum=recipe.momentum, **options)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: learning_rate(recipe, min(step, steps - 1), steps) / recipe.learning_rate,
    )
    return network, optimiser, schedule


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    if logits.shape[-1] == 1 or labels.ndim == 2:
        return F.binary_cross_entropy_with_logits(logits, labels.view(logits.shape).float())
    return F.cross_entropy(logits, labels)


@torch.no_grad()
def _follow(average: list[torch.Tensor], network: torch.nn.Module, decay: float) -> None:
    """Move the average of the weights, if there is one, towards the weights."""
    for kept, value in zip(average, network.parameters() if average else (), strict=True):
        kept.lerp_(value, 1 - decay)
