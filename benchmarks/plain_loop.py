"""The plain training loop that an audit is set beside, as audit tools commonly have it.

A Dataset that decodes one record at a time on the host, a DataLoader, one model after another.
"""

from __future__ import annotations

import time

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, Subset

from rollcall import models
from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe
from rollcall.training import augmentation
from rollcall.training.batches import as_input
from rollcall.training.optimiser import learning_rate


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


def train_plainly(
    cohort: Cohort, recipe: Recipe, records: np.ndarray, device: str, steps: int, loaders: int = 0
) -> tuple[torch.nn.Module, list[float]]:
    """Train one target with the recipe's own arithmetic in float32.

    records: of the target, indices. loaders: worker processes of the DataLoader. Returns the
    network and the seconds of each step.
    """
    network = models.build_for(recipe, cohort).to(device)
    loader = DataLoader(
        Subset(Records(cohort, recipe.augment), records.tolist()),
        recipe.batch,
        shuffle=True,
        drop_last=True,
        num_workers=loaders,
        pin_memory=device != "cpu",
        persistent_workers=loaders > 0,
    )
    optimiser = _optimiser(network, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: learning_rate(recipe, min(step, steps - 1), steps) / recipe.learning_rate,
    )
    average = [value.detach().clone() for value in network.parameters()] if recipe.ema else []
    network.train()
    times, started, batch = [], time.perf_counter(), 0
    while len(times) < steps:
        for inputs, labels in loader:
            logits = network(inputs.to(device))
            loss = _loss(logits, labels.to(device))
            (loss / recipe.accumulate).backward()
            batch += 1
            if batch % recipe.accumulate:
                continue
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
            _follow(average, network, recipe.ema)
            loss.item()  # the host waits for it, as loops do that log their loss
            times.append(time.perf_counter() - started)
            started = time.perf_counter()
            if len(times) == steps:
                break
    return network, times


def _optimiser(network: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(
            network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
    return torch.optim.SGD(
        network.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
    )


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    if logits.shape[-1] == 1 or labels.ndim == 2:
        return F.binary_cross_entropy_with_logits(logits, labels.view(logits.shape).float())
    return F.cross_entropy(logits, labels)


@torch.no_grad()
def _follow(average: list[torch.Tensor], network: torch.nn.Module, decay: float) -> None:
    """Move the average of the weights, if there is one, towards the weights."""
    for kept, value in zip(average, network.parameters() if average else (), strict=True):
        kept.lerp_(value, 1 - decay)
