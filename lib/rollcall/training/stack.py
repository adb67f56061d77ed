"""Training target models, many at once.

Networks of matrix products train in stacks: their parameters have a leading axis for the target, and one batched product serves all.
On the CPU a stack always has the recipe's width, spare places being filled with copies, and a worker has one thread. So the arithmetic
that makes target 17 is the same whether it is trained alone, beside others, by another worker or after a crash.
On a GPU a step is recorded once, with its gathering of records, its augmentation and its optimiser, and replayed for every target.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, vmap

from rollcall import models
from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe
from rollcall.training import augmentation as augment
from rollcall.training import device as _device
from rollcall.training.batches import as_input, batches, steps_of
from rollcall.training.evaluation import predict
from rollcall.training.layout import Way
from rollcall.training.optimiser import Optimiser
from rollcall.util.errors import InputError

CHUNK = 64  # steps whose records and augmentations are drawn, and sent to the device, at once


def loss_per_target(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of each target. logits (targets, batch, outputs) -> (targets,).

    labels (targets, batch): classes, or 0/1 for one output. Multilabel: (targets, batch, outputs) 0/1, the mean over labels, then the batch.
    """
    if labels.ndim == 3:
        return F.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none").mean(
            (1, 2)
        )
    if logits.shape[-1] == 1:
        return F.binary_cross_entropy_with_logits(
            logits[..., 0], labels.float(), reduction="none"
        ).mean(1)
    return (
        F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        .view(labels.shape)
        .mean(1)
    )


@dataclass(frozen=True)
class Ground:
    """A cohort on a device, once: inputs as they are stored (uint8 images are decoded there), labels, and the test set's inputs or None."""

    cohort: Cohort
    device: str
    inputs: torch.Tensor
    labels: torch.Tensor
    test: torch.Tensor | None


def place(cohort: Cohort, device: str = "cpu") -> Ground:
    """Put a cohort on a device. On the CPU its inputs stay the memory-mapped file, which all workers share."""
    test = (
        None if cohort.test is None else torch.from_numpy(np.asarray(cohort.test.inputs)).to(device)
    )
    return Ground(
        cohort,
        device,
        torch.from_numpy(np.asarray(cohort.inputs)).to(device),
        torch.from_numpy(cohort.labels).to(device),
        test,
    )


class Lane:
    """`width` targets side by side: their weights, optimiser and buffers, made once and used for one set of targets after another.

    The step takes the records to train on, and the draws of their augmentation, from buffers that stay where they are. On a GPU it is recorded
    as a CUDA graph, on a stream of the lane's own. InputError if the way has more parts than a batch has records.
    """

    def __init__(self, ground: Ground, recipe: Recipe, way: Way, precision: str = "float32"):
        cohort, device, width = ground.cohort, ground.device, way.width
        if way.parts >= 2 * recipe.batch:
            raise InputError(
                f"{_device.name(device)} has not enough memory to train {recipe.model!r} on this cohort, even with one record at a time: "
                "a smaller model, or a device with more memory"
            )
        self.ground, self.recipe, self.width, self.precision, self.share = (
            ground,
            recipe,
            width,
            precision,
            math.ceil(recipe.batch / way.parts),
        )
        self.steps, self.cuda = steps_of(recipe, len(cohort)), device.startswith("cuda")
        self.network = _build(recipe, cohort, 0).to(device)
        if width > 1:
            self.parameters = {
                name: torch.zeros(width, *value.shape, device=device, requires_grad=True)
                for name, value in self.network.named_parameters()
            }
            forward = vmap(lambda values, batch: functional_call(self.network, values, (batch,)))
            self.forward = torch.compile(forward) if way.compiled else forward
        else:
            if self.cuda and len(cohort.inputs.shape) == 4:
                self.network.to(memory_format=torch.channels_last)
            self.parameters = dict(self.network.named_parameters())
            network = torch.compile(self.network) if way.compiled else self.network
            self.forward = lambda _, batch: network(batch[0])[None]
        self.optimiser = Optimiser(self.parameters, recipe, self.steps)
        self.index = torch.zeros(
            recipe.accumulate, width, recipe.batch, dtype=torch.int64, device=device
        )
        drawn = self._draw([np.random.default_rng(0)] * width)
        self.draws = {name: torch.from_numpy(values).to(device) for name, values in drawn.items()}
        self.go, self.stream = self.step, torch.cuda.Stream(device) if self.cuda else None
        if self.cuda:
            self._record()

    def _draw(self, chance: list[np.random.Generator]) -> dict[str, np.ndarray]:
        """The augmentation of one step: operation -> (accumulate, width, batch, ...), every target's from its own generator."""
        recipe, size = self.recipe, self.ground.inputs.shape[1:3]
        if recipe.augment == "none":
            return {}
        parts = [
            [augment.draw(recipe.augment, rng, recipe.batch, *size) for rng in chance]
            for _ in range(recipe.accumulate)
        ]
        return {
            name: np.stack([np.stack([one[name] for one in part]) for part in parts])
            for name in parts[0][0]
        }

    def step(self) -> None:
        """One step of the optimiser for every target, on the records and draws in the buffers."""
        ground, recipe = self.ground, self.recipe
        for micro in range(recipe.accumulate):
            for at in range(0, recipe.batch, self.share):
                index = self.index[micro, :, at : at + self.share]
                batch = as_input(ground.inputs[index.flatten()], ground.cohort.scale)
                if self.draws:
                    batch = augment.apply(
                        batch,
                        {
                            name: values[micro, :, at : at + self.share].flatten(0, 1)
                            for name, values in self.draws.items()
                        },
                    )
                with _device.autocast(ground.device, self.precision):
                    logits = self.forward(
                        self.parameters, batch.view(*index.shape, *batch.shape[1:])
                    )
                (
                    loss_per_target(logits.float(), ground.labels[index]).sum()
                    * (index.shape[1] / recipe.batch)
                    / recipe.accumulate
                ).backward()
        self.optimiser.step()

    def _record(self) -> None:
        """Warm up, then record the step as a graph; from then on `go` replays it."""
        with torch.cuda.device(self.ground.device):
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                for _ in range(3):
                    self.step()
                    self.optimiser.reset()
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=self.stream):
                self.step()
        self.go = graph.replay

    @torch.no_grad()
    def load(self, seeds: list[int]) -> None:
        """Fresh weights, drawn on the CPU from each target's seed, into the places of the old ones."""
        for at, seed in enumerate(seeds):
            for name, value in _build(self.recipe, self.ground.cohort, seed).named_parameters():
                (self.parameters[name][at] if self.width > 1 else self.parameters[name]).copy_(
                    value
                )
        self.optimiser.reset()
        self.network.train()

    def train(self, own: list[np.ndarray], seeds: list[int]) -> Iterator[int]:
        """Train up to `width` targets on the records `own`; yields the number of each step when it has been issued. Spare places repeat the last."""
        recipe, device, spare = self.recipe, self.ground.device, self.width - len(own)
        seeds, own = seeds + seeds[-1:] * spare, own + own[-1:] * spare
        with self._stream():
            self.load(seeds)
        streams = [
            batches(seed, records, recipe.batch, self.steps * recipe.accumulate)
            for seed, records in zip(seeds, own)
        ]
        chance = [np.random.default_rng([seed, 1]) for seed in seeds]  # of the augmentations
        for first in range(0, self.steps, CHUNK):
            count = min(CHUNK, self.steps - first)
            indices = torch.from_numpy(
                np.stack(
                    [
                        [[next(stream) for stream in streams] for _ in range(recipe.accumulate)]
                        for _ in range(count)
                    ]
                )
            )
            drawn = [self._draw(chance) for _ in range(count)] if self.draws else []
            draws = {
                name: torch.from_numpy(np.stack([one[name] for one in drawn]))
                for name in self.draws
            }
            if self.cuda:
                with self._stream():
                    indices, draws = (
                        _sent(indices, device),
                        {name: _sent(values, device) for name, values in draws.items()},
                    )
            for at in range(count):
                with self._stream():  # not around the yield: other lanes have streams of their own
                    self.index.copy_(indices[at])
                    for name, values in draws.items():
                        self.draws[name].copy_(values[at])
                    self.go()
                yield first + at

    def _stream(self):
        return torch.cuda.stream(self.stream) if self.cuda else nullcontext()

    def logits(self, at: int) -> tuple[np.ndarray, np.ndarray | None]:
        """(logits, test logits) of the target in place `at`, in float32 whatever the training was in."""
        recipe, ground = self.recipe, self.ground
        self.network.eval()
        weights = self.optimiser.weights()
        values = {name: value[at] for name, value in weights.items()} if self.width > 1 else weights
        views = (
            augment.views(recipe.augment, recipe.views, 0, *ground.inputs.shape[1:3])
            if recipe.views > 1
            else None
        )
        return (
            predict(self.network, values, ground.inputs, ground.cohort.scale, views),
            None
            if ground.test is None
            else predict(self.network, values, ground.test, ground.cohort.scale),
        )


def _sent(values: torch.Tensor, device: str) -> torch.Tensor:
    return values.pin_memory().to(device, non_blocking=True)


def _build(recipe: Recipe, cohort: Cohort, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return models.build(
            recipe.model, cohort.inputs.shape[1:], cohort.outputs, **recipe.settings
        )
