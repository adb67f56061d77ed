"""What tests of private training share: recipes, terms without an accountant, naive truths."""

import dataclasses

import numpy as np
import torch

from rollcall import models, recipes
from rollcall.training.batches import as_input, target_seed
from rollcall.training.layout import Layout
from rollcall.training.private.stack import PrivateStack
from rollcall.training.private.terms import sketch_terms
from rollcall.training.stack import to_device
from rollcall.training.trainer import Trainer

RECIPE = recipes.Recipe(
    model="mlp",
    epochs=2,
    batch=8,
    learning_rate=1e-2,
    weight_decay=1e-2,
    settings={"width": 24, "depth": 2},
    stack=4,
    privacy={"unit": "patient", "epsilon": 3, "clip": 0.5},
)


def of_records(recipe=RECIPE, **changes):
    """The recipe, of records."""
    return dataclasses.replace(recipe, privacy=recipe.privacy | {"unit": "record"}, **changes)


def members_of(cohort, members, target):
    return np.flatnonzero(members[target][cohort.patient_index])


def train(cohort, recipe, members, targets, noise=1.0):
    """{target: logits} of targets that train with that noise, whoever accounts for it."""
    torch.set_num_threads(1)
    terms = sketch_terms(recipe, cohort, noise=noise)
    trainer = Trainer(to_device(cohort), recipe, terms=terms)
    records = [members_of(cohort, members, target) for target in targets]
    seeds = [target_seed(0, target) for target in targets]
    logits = [each for each, _ in trainer.train(records, seeds)]
    return dict(zip(targets, logits, strict=True))


def make_stack(cohort, recipe, size, noise=1.0):
    terms = sketch_terms(recipe, cohort, noise=noise)
    return PrivateStack(to_device(cohort), recipe, Layout(stack=size), "float32", terms)


def naive_gradient(cohort, network, records):
    """The gradient of the summed loss of some records, by name, and its length."""
    network.zero_grad()
    x = as_input(torch.from_numpy(np.array(cohort.inputs[records])))
    y = torch.from_numpy(cohort.labels[records])
    torch.nn.functional.cross_entropy(network(x), y, reduction="sum").backward()
    gradient = {name: value.grad.clone() for name, value in network.named_parameters()}
    return gradient, float(sum(value.square().sum() for value in gradient.values())) ** 0.5


def fresh(cohort, recipe, seed):
    return models.build_seeded(recipe, cohort, seed)
