"""A stack: targets that train side by side, as one network with an axis of targets.

One batched product serves all targets of networks made of matrix products; other networks train in
stacks of one. On the CPU a stack always has the recipe's size, copies filling what is not used, and
a worker has one thread. So the arithmetic that makes target 17 is the same whether it is trained
alone, beside others, by another worker or after a crash. On a GPU steps can be recorded once, with
their gathering of records, augmentation and optimiser, and replayed for every target.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch.func import functional_call, vmap

from rollcall import models
from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe
from rollcall.training import augmentation, feeding
from rollcall.training.batches import as_input, count_steps
from rollcall.training.device import autocast, device_name
from rollcall.training.evaluation import predict
from rollcall.training.gpu import recording
from rollcall.training.layout import Layout
from rollcall.training.optimiser import Optimiser
from rollcall.training.traces.spread import LossTrace
from rollcall.util.errors import InputError


def loss_per_target(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of each target, (targets,), of loss_per_record's shapes."""
    return mean_per_target(loss_per_record(logits, labels))


def loss_per_record(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of each record, (targets, batch), or of each of its labels.

    logits (targets, batch, outputs). labels (targets, batch): classes, or 0/1 for one output; or,
    with several labels, (targets, batch, outputs) of 0/1, and so the losses.
    """
    if labels.ndim == 3:
        return F.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none")
    if logits.shape[-1] == 1:
        return F.binary_cross_entropy_with_logits(logits[..., 0], labels.float(), reduction="none")
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(
        labels.shape
    )


def mean_per_target(losses: torch.Tensor) -> torch.Tensor:
    """Return the mean of a target's losses, (targets,): over labels, if there are, and records."""
    return losses.mean(tuple(range(1, losses.ndim)))


@dataclass(frozen=True)
class DeviceCohort:
    """A cohort on a device, once: inputs as they are stored, labels, test inputs.

    inputs (records, ...), labels (records,) or (records, outputs), test (test records, ...) or
    None. uint8 images become numbers on the device, batch by batch.
    """

    cohort: Cohort
    device: str
    inputs: torch.Tensor
    labels: torch.Tensor
    test: torch.Tensor | None


def to_device(cohort: Cohort, device: str = "cpu") -> DeviceCohort:
    """Put a cohort on a device; on the CPU its inputs stay the file that all workers map."""

    def tensor(values) -> torch.Tensor:
        return torch.from_numpy(np.asarray(values)).to(device)

    test = None if cohort.test is None else tensor(cohort.test.inputs)
    return DeviceCohort(cohort, device, tensor(cohort.inputs), tensor(cohort.labels), test)


class Stack:
    """`size` targets side by side: weights, optimiser and buffers for one set of targets at a time.

    Made once, and used for one set of targets after another. Steps take the records to train on,
    and the draws of their augmentation, from buffers that stay where they are. Where the layout
    says so they are recorded as CUDA graphs, several steps in one, on a stream of the stack's own.
    steps: 0 for as many as the recipe's epochs are.
    InputError if the layout has more micro-batches than a batch has records.
    """

    def __init__(
        self,
        data: DeviceCohort,
        recipe: Recipe,
        layout: Layout,
        precision: str = "float32",
        steps: int = 0,
    ):
        device = data.device
        if layout.micro_batches >= 2 * recipe.batch:
            raise InputError(
                f"{device_name(device)} has not enough memory to train {recipe.model!r} on this "
                "cohort, even with one record at a time: a smaller model, or a device with more "
                "memory"
            )
        self.data, self.recipe, self.precision = data, recipe, precision
        self.size = layout.stack
        self.records_at_once = math.ceil(recipe.batch / layout.micro_batches)
        self.steps = steps or count_steps(recipe, data.cohort.trainable.sum())
        self.on_gpu = device.startswith("cuda")
        self.network = models.build_seeded(recipe, data.cohort, 0).to(device)
        self.parameters, self.forward = self._prepare_network(layout.compiled)
        self.optimiser = Optimiser(self.parameters, recipe, self.steps)
        self.stream = torch.cuda.Stream(device) if self.on_gpu else None
        self.steps_at_once = (
            recording.steps_per_graph(recipe.accumulate * layout.micro_batches, self.steps)
            if layout.recorded
            else 1
        )
        self.index = torch.zeros(
            self.steps_at_once,
            recipe.accumulate,
            self.size,
            recipe.batch,
            dtype=torch.int64,
            device=device,
        )
        shape = (self.steps, self.steps_at_once, recipe.accumulate, self.size, recipe.batch)
        self.trace = None if self.on_gpu else LossTrace(*shape)  # there a step is too short for it
        rngs = [np.random.default_rng(0)] * self.size
        self.draws = {
            name: torch.from_numpy(np.stack([values] * self.steps_at_once)).to(device)
            for name, values in feeding.draw_augmentations(recipe, self.image_size, rngs).items()
        }
        if self.stream:  # what was put on the device so far
            self.stream.wait_stream(torch.cuda.current_stream(device))
        self.run_steps = {1: self.step}  # number of steps -> what takes them
        if layout.recorded:
            lengths = {1, self.steps_at_once}
            self.run_steps = recording.record(self.step, self.optimiser.reset, lengths, self.stream)

    @property
    def image_size(self) -> tuple[int, ...]:
        """Height and width of the inputs, if they are images."""
        return self.data.inputs.shape[1:3]

    def _prepare_network(self, compiled: bool):
        """Return (parameters, forward): name -> tensor, and (parameters, batch) -> logits.

        batch (size, batch, ...), logits (size, batch, outputs). In a stack of several targets the
        parameters have a leading axis for the target.
        """
        weights = {
            name: value for name, value in self.network.named_parameters() if value.requires_grad
        }
        if self.size > 1:
            parameters = {
                name: torch.zeros(
                    self.size, *value.shape, device=self.data.device, requires_grad=True
                )
                for name, value in weights.items()
            }
            stacked = models.find_forward_stack(self.recipe.model) or vmap(
                lambda values, batch: functional_call(self.network, values, (batch,))
            )
            return parameters, torch.compile(stacked) if compiled else stacked
        if self.on_gpu and len(self.data.inputs.shape) == 4:
            self.network.to(memory_format=torch.channels_last)
        network = torch.compile(self.network) if compiled else self.network
        return weights, lambda _, batch: network(batch[0])[None]

    def step(self, place: int = 0) -> None:
        """Take one step of the optimiser for every target, fed from a place of the buffers."""
        data, recipe = self.data, self.recipe
        # around all in bf16: so a weight is cast once for the step, and not for each micro-batch
        with autocast(data.device, "float32") if self.precision == "bf16" else nullcontext():
            for number in range(recipe.accumulate):
                for start in range(0, recipe.batch, self.records_at_once):
                    chosen = slice(start, start + self.records_at_once)
                    draws = {
                        name: values[place, number, :, chosen]
                        for name, values in self.draws.items()
                    }
                    losses = self._add_gradients(self.index[place, number, :, chosen], draws)
                    if self.trace:
                        self.trace.fresh[place, number, :, chosen] = losses
        self.optimiser.step()

    def _add_gradients(self, index: torch.Tensor, draws: dict[str, torch.Tensor]) -> torch.Tensor:
        """Go forwards and backwards with some records of a batch; return their losses.

        index, losses (size, records).
        """
        data, recipe, records = self.data, self.recipe, index.flatten()
        # a third of the time of data.inputs[...]
        batch = as_input(data.inputs.index_select(0, records), data.cohort.scale)
        labels = data.labels.index_select(0, records).view(*index.shape, *data.labels.shape[1:])
        if draws:
            flat = {name: values.flatten(0, 1) for name, values in draws.items()}
            batch = augmentation.apply(batch, flat)
        with autocast(data.device, self.precision):
            logits = self.forward(self.parameters, batch.view(*index.shape, *batch.shape[1:]))
        losses = loss_per_record(logits.float(), labels)
        share = index.shape[1] / recipe.batch
        (mean_per_target(losses).sum() * share / recipe.accumulate).backward()
        return losses.detach() if losses.ndim == 2 else losses.detach().mean(2)

    @torch.no_grad()
    def load(self, seeds: list[int]) -> None:
        """Put in fresh weights, drawn on the CPU from each target's seed; reset the optimiser.

        A network that a user brings is a new one for each target where targets train one after
        another: what it keeps beside its weights (batch norm's running statistics, say) goes too.
        """
        if self.size == 1 and models.is_given(self.recipe.model):
            fresh = models.build_seeded(self.recipe, self.data.cohort, seeds[0])
            self.network = fresh.to(self.data.device)
            self.parameters, self.forward = self._prepare_network(False)
            self.optimiser = Optimiser(self.parameters, self.recipe, self.steps)
            self.network.train()
            return
        for number, seed in enumerate(seeds):
            fresh = models.build_seeded(self.recipe, self.data.cohort, seed)
            for name, value in fresh.named_parameters():
                if name not in self.parameters:  # it is not trained
                    continue
                weights = self.parameters[name]
                (weights[number] if self.size > 1 else weights).copy_(value)
        self.optimiser.reset()
        self.network.train()

    def train(self, records: list[np.ndarray], seeds: list[int]) -> Iterator[int]:
        """Train up to `size` targets; yield, again and again, how many steps have been issued.

        records: of each target, indices. seeds: of each. The last fills the rest of the stack.
        """
        spare = self.size - len(records)
        seeds, records = seeds + seeds[-1:] * spare, records + records[-1:] * spare
        self.fed = list(zip(records, seeds, strict=True))
        with self._on_stream():
            self.load(seeds)
        chunks = feeding.draw_chunks(self.recipe, self.image_size, records, seeds, self.steps)
        done = 0
        for chunk in feeding.make_ahead(chunks) if self.on_gpu else chunks:
            with self._on_stream():
                fed = chunk.to(self.data.device) if self.on_gpu else chunk
            at, count = 0, len(fed.indices)
            while at < count:
                length = self.steps_at_once if self.steps_at_once <= count - at else 1
                with self._on_stream():  # not around the yield: other stacks have their own streams
                    self.index[:length].copy_(fed.indices[at : at + length])
                    for name, draws in fed.draws.items():
                        self.draws[name][:length].copy_(draws[at : at + length])
                    self.run_steps[length]()
                if self.trace:
                    self.trace.keep(done + at, length)
                at += length
                yield done + at
            done += count

    def _on_stream(self):
        return torch.cuda.stream(self.stream) if self.stream else nullcontext()

    def spread(self, number: int) -> np.ndarray | None:
        """Compute how each record's loss moved in target `number` of the stack, float32 (records,).

        As LossTrace.spread; None on a GPU.
        """
        if self.trace is None:
            return None
        return self.trace.spread(number, *self.fed[number], len(self.data.cohort))

    def logits(self, number: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Compute (logits, test logits) of target `number` of the stack, in float32 always.

        Shapes as rollcall.training.evaluation.predict gives them; None without a test set.
        """
        recipe, data, scale = self.recipe, self.data, self.data.cohort.scale
        self.network.eval()
        weights = self.optimiser.weights()
        if self.size > 1:
            weights = {name: value[number] for name, value in weights.items()}
        views = None
        if recipe.views > 1:
            views = augmentation.draw_views(recipe.augment, recipe.views, 0, *self.image_size)
        logits = predict(self.network, weights, data.inputs, scale, views)
        if data.test is None:
            return logits, None
        return logits, predict(self.network, weights, data.test, scale)
