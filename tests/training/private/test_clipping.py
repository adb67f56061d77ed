"""Clipped sums, both ways, against a loop over units; and the bounds that privacy rests on."""

import dataclasses

import numpy as np
import pytest
import torch

from rollcall import models, recipes
from rollcall.training.batches import as_input
from rollcall.training.private.clipping import sum_by_vmap
from rollcall.training.private.dense import sum_by_layers
from rollcall.training.stack import loss_per_record
from tests.training.private.common import RECIPE, fresh, naive_gradient

CLIP, ROWS, BLOCK = 0.5, 16, 8


@dataclasses.dataclass
class Chunk:
    """Rows of two targets: units of 1 to 4 records, some filled up, and the networks."""

    networks: list
    index: torch.Tensor
    leader: torch.Tensor
    weight: torch.Tensor
    units: list

    @property
    def parameters(self):
        named = [dict(network.named_parameters()) for network in self.networks]
        return {key: torch.stack([one[key].detach() for one in named]) for key in named[0]}


def make_chunk(cohort, recipe, seed=0, targets=2):
    rng = np.random.default_rng(seed)
    index, weight = np.zeros((targets, ROWS), np.int64), np.zeros((targets, ROWS), np.float32)
    leader = np.tile(np.arange(ROWS), (targets, 1))
    units: list = [[] for _ in range(targets)]
    for target in range(targets):
        for start in range(0, ROWS, BLOCK):
            at = start
            while at + (size := int(rng.integers(1, 5))) <= start + BLOCK - 1:
                records = rng.choice(len(cohort), size, replace=False)
                index[target, at : at + size], weight[target, at : at + size] = records, 1
                leader[target, at : at + size] = at
                units[target].append(records)
                at += size
    networks = [fresh(cohort, recipe, seed + target) for target in range(targets)]
    return Chunk(networks, *map(torch.from_numpy, (index, leader, weight)), units)


def add_up(cohort, chunk, add_clipped, clip=CLIP, is_alone=False):
    sums = {name: torch.zeros_like(value) for name, value in chunk.parameters.items()}
    records = chunk.index.flatten()
    batch = as_input(torch.from_numpy(np.array(cohort.inputs))[records])
    labels = torch.from_numpy(np.array(cohort.labels))[records]
    shape = chunk.index.shape
    batch, labels = batch.view(*shape, *batch.shape[1:]), labels.view(*shape, *labels.shape[1:])
    add_clipped(sums, chunk.parameters, batch, labels, chunk.leader, chunk.weight, clip, is_alone)
    return sums


def by_vmap(chunk):
    return sum_by_vmap(chunk.networks[0], loss_per_record)


def by_layers(_):
    return sum_by_layers(models.find_trace_stack("mlp"), loss_per_record, BLOCK)


def length(sums, target=0):
    return float(sum(value[target].square().sum() for value in sums.values())) ** 0.5


@pytest.mark.parametrize(
    ("model", "settings", "way"),
    [
        ("mlp", {"width": 24, "depth": 2}, by_vmap),
        ("mlp", {"width": 24, "depth": 2}, by_layers),
        ("mlp", {"depth": 0}, by_layers),
        ("small_cnn", {"widths": [8]}, by_vmap),
        ("tabular_resnet", {"width": 20, "depth": 1}, by_vmap),
    ],
)
def test_a_sum_is_a_loop_over_units(tiny, model, settings, way):
    cohort, recipe = tiny, dataclasses.replace(RECIPE, model=model, settings=settings)
    if model == "tabular_resnet":
        flat = np.random.default_rng(0).normal(size=(len(tiny), 12)).astype(np.float32)
        cohort = dataclasses.replace(tiny, inputs=flat)
    chunk = make_chunk(cohort, recipe)
    sums = add_up(cohort, chunk, way(chunk))
    for target, network in enumerate(chunk.networks):
        expected = {name: torch.zeros_like(value[0]) for name, value in sums.items()}
        for records in chunk.units[target]:
            gradient, size = naive_gradient(cohort, network, records)
            for name, value in gradient.items():
                expected[name] += min(1, CLIP / size) * value
        for name, value in expected.items():
            torch.testing.assert_close(sums[name][target], value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("way", [by_vmap, by_layers])
@pytest.mark.parametrize("clip", [1e-3, 0.3, 1e4])
def test_no_unit_is_longer_than_the_clip(tiny, way, clip):
    """Each alone in a chunk: its clipped gradient, or its own where that is shorter."""
    chunk = make_chunk(tiny, RECIPE)
    for unit in chunk.leader[0].unique()[:6]:
        alone = dataclasses.replace(
            chunk, weight=chunk.weight * (chunk.leader == unit).float(), units=[]
        )
        moved = length(add_up(tiny, alone, way(chunk), clip))
        assert moved <= clip * (1 + 1e-5)
        records = chunk.index[0][(chunk.leader[0] == unit) & (chunk.weight[0] > 0)].numpy()
        if len(records):
            own = naive_gradient(tiny, chunk.networks[0], records)[1]
            np.testing.assert_allclose(moved, min(own, clip), rtol=1e-4)


@pytest.mark.parametrize("way", [by_vmap, by_layers])
def test_a_patient_with_50_records_moves_the_sum_by_at_most_the_clip(tiny, way):
    network, rows = fresh(tiny, RECIPE, 0), 64
    leader = torch.arange(rows)[None].clone()
    leader[0, 10:60] = 10
    index = torch.arange(rows)[None] % len(tiny)
    everybody = Chunk([network], index, leader, torch.ones(1, rows), [])
    others = dataclasses.replace(everybody, weight=(leader != 10).float())
    add_clipped = (
        by_vmap(everybody)
        if way is by_vmap
        else sum_by_layers(models.find_trace_stack("mlp"), loss_per_record, rows)
    )
    with_it, without = (add_up(tiny, each, add_clipped) for each in (everybody, others))
    moved = length({name: with_it[name] - without[name] for name in with_it})
    assert naive_gradient(tiny, network, index[0, 10:60].numpy())[1] > 10 * CLIP
    np.testing.assert_allclose(moved, CLIP, rtol=1e-4)


def test_rows_that_cancel_leave_no_unit_longer_than_the_clip(tiny):
    """The same film with each label, and others: the sum of large gradients is small."""
    binary = dataclasses.replace(
        tiny, labels=(np.arange(len(tiny)) % 2), task="binary", classes=("no", "yes")
    )
    binary = dataclasses.replace(binary, inputs=np.repeat(np.array(tiny.inputs[::2]), 2, axis=0))
    recipe = dataclasses.replace(RECIPE, settings={"width": 24, "depth": 1})
    chunk = make_chunk(binary, recipe, targets=1)
    chunk.index[0] = torch.arange(ROWS)
    chunk.leader[0] = torch.arange(ROWS) // BLOCK * BLOCK
    chunk.weight[:] = 1000  # of steep losses, say
    for clip in (1.0, 100.0):
        moved = length(add_up(binary, chunk, by_layers(chunk), clip))
        assert moved <= 2 * clip * (1 + 1e-4)


@pytest.mark.parametrize("way", [by_vmap, by_layers])
def test_records_as_units_are_patients_of_one_record(tiny, way):
    chunk = make_chunk(tiny, RECIPE)
    chunk.leader[:] = torch.arange(ROWS)
    one, other = (add_up(tiny, chunk, way(chunk), is_alone=alone) for alone in (False, True))
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("way", [by_vmap, by_layers])
def test_a_gradient_that_is_not_finite_counts_as_none(tiny, way):
    """NaN or infinite in one record: its unit adds nothing, the others what they add anyway."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(len(tiny), 6)).astype(np.float32)
    cohort = dataclasses.replace(tiny, inputs=inputs)
    recipe = dataclasses.replace(RECIPE, settings={"width": 8, "depth": 1})
    chunk = make_chunk(cohort, recipe)
    bad = int(chunk.leader[0, 0])
    without = dataclasses.replace(chunk, weight=chunk.weight * (chunk.leader != bad))
    without.weight[1] = chunk.weight[1]
    expected = add_up(cohort, without, way(chunk))
    chunk.index[0, 0] = len(cohort) - 1
    inputs[-1] = np.inf
    is_last = chunk.index == len(cohort) - 1
    is_last[0, 0] = False
    assert not is_last.any()
    sums = add_up(cohort, chunk, way(chunk))
    for name, value in expected.items():
        torch.testing.assert_close(sums[name], value, rtol=1e-4, atol=1e-6)


def test_several_labels_are_averaged_as_in_training(tiny):
    labels = np.stack([tiny.labels == 1, tiny.labels > 0], 1).astype(np.int64)
    cohort = dataclasses.replace(
        tiny, labels=labels, task="multilabel", classes=("effusion", "any")
    )
    recipe = recipes.Recipe("mlp", 1, 8, 1e-3, settings={"width": 8, "depth": 1})
    chunk = make_chunk(cohort, recipe)
    one, other = (add_up(cohort, chunk, way(chunk)) for way in (by_vmap, by_layers))
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-4, atol=1e-6)
