"""What tests of training share: recipes of a moment, and targets trained in this process."""

import numpy as np
import torch

from rollcall import recipes
from rollcall.training.batches import target_seed
from rollcall.training.layout import cpu_stack
from rollcall.training.stack import to_device
from rollcall.training.trainer import Trainer

TABLE_RECIPE = recipes.Recipe(
    model="mlp", epochs=3, batch=16, learning_rate=1e-3, settings={"width": 32, "depth": 2}, stack=4
)
IMAGE_RECIPE = recipes.Recipe(
    model="wide_resnet",
    epochs=1,
    batch=16,
    learning_rate=1e-2,
    settings={"depth": 10, "widen": 1},
    optimiser="sgd",
    ema=0.9,
    augment="medium",
    accumulate=2,
)


def train_stack(cohort, recipe, records, seeds):
    """Train one target per entry of `records`, at most a stack, on the CPU: their logits."""
    assert 1 <= len(records) <= cpu_stack(recipe)
    return list(Trainer(to_device(cohort), recipe).train(records, seeds))


def train_together(cohort, recipe, targets, members):
    """{target: logits} of one stack of all `targets`, from the seeds that a run gives them."""
    torch.set_num_threads(1)
    records = [np.flatnonzero(members[target][cohort.patient_index]) for target in targets]
    seeds = [target_seed(0, target) for target in targets]
    results = train_stack(cohort, recipe, records, seeds)
    return {target: logits for target, (logits, _) in zip(targets, results, strict=True)}


def train_targets(cohort, recipe, targets, members, **options):
    """(logits of each target, trainer) with the target's number as its seed; options: Trainer's."""
    records = [np.flatnonzero(members[target][cohort.patient_index]) for target in targets]
    trainer = Trainer(to_device(cohort), recipe, **options)
    return [logits for logits, _ in trainer.train(records, list(targets))], trainer
