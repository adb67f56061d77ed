"""A stack of targets that train with differential privacy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from rollcall import models
from rollcall.recipes import Recipe
from rollcall.training import augmentation, feeding
from rollcall.training.batches import as_input
from rollcall.training.device import autocast
from rollcall.training.layout import Layout
from rollcall.training.private.clipping import Parameters, sum_by_vmap
from rollcall.training.private.dense import sum_by_layers
from rollcall.training.private.noise import Noise
from rollcall.training.private.sampling import Rows, draw_rows, find_shape
from rollcall.training.private.terms import Terms
from rollcall.training.stack import DeviceCohort, Stack, loss_per_record


class PrivateStack(Stack):
    """`size` targets side by side, as a Stack, whose steps are private as `terms` say.

    Never recorded or compiled: how many chunks a step has is drawn.
    """

    def __init__(
        self,
        data: DeviceCohort,
        recipe: Recipe,
        layout: Layout,
        precision: str,
        terms: Terms,
    ):
        plain = Layout(layout.streams, layout.stack, micro_batches=layout.micro_batches)
        super().__init__(data, recipe, plain, precision, terms.steps)
        self.trace = None  # a record's losses here are no epochs
        self.terms = terms
        self.trace_layers = models.find_trace_stack(recipe.model)
        self.shape = find_shape(recipe, data.cohort, layout.micro_batches)
        private = recipe.private
        assert private
        self.is_alone = private.unit == "record" and private.augmentations == 1
        self.watch: Callable[[Parameters], None] = ignore  # who audits sees each step's noisy sums

    def train(self, records: list[np.ndarray], seeds: list[int]) -> Iterator[int]:
        """Train up to `size` targets, as Stack.train."""
        spare = self.size - len(records)
        seeds, records = seeds + seeds[-1:] * spare, records + records[-1:] * spare
        with self._on_stream():
            self.load(seeds)
            noise = Noise(self._values(), seeds)
            add_clipped = (
                sum_by_layers(self.trace_layers, loss_per_record, self.shape.block)
                if self.trace_layers
                else sum_by_vmap(self.network, loss_per_record)
            )
        of_patients = self.data.cohort.patient_index
        drawn = draw_rows(
            self.recipe, self.terms, of_patients, self.image_size, records, seeds, self.shape
        )
        for done, rows in enumerate(feeding.make_ahead(drawn) if self.on_gpu else drawn, 1):
            with self._on_stream():
                fed = rows.to(self.data.device) if self.on_gpu else rows
                self._step(fed, noise, add_clipped)
            yield done

    def _values(self) -> dict[str, torch.Tensor]:
        """Return the weights with a leading axis of targets, also where there is one."""
        return {
            name: value.detach() if self.size > 1 else value.detach()[None]
            for name, value in self.parameters.items()
        }

    def _step(self, rows: Rows, noise: Noise, add_clipped) -> None:
        """Take one step of the optimiser for every target."""
        data, terms, values = self.data, self.terms, self._values()
        sums = {name: torch.zeros_like(value) for name, value in values.items()}
        for chunk, index in enumerate(rows.index):
            records = index.flatten()
            batch = as_input(data.inputs.index_select(0, records), data.cohort.scale)
            labels = data.labels.index_select(0, records).view(*index.shape, *data.labels.shape[1:])
            if rows.draws:
                draws = {name: each[chunk].flatten(0, 1) for name, each in rows.draws.items()}
                batch = augmentation.apply(batch, draws)
            batch = batch.view(*index.shape, *batch.shape[1:])
            leader, weight = rows.leader[chunk], rows.weight[chunk]
            with autocast(data.device, self.precision):
                add_clipped(sums, values, batch, labels, leader, weight, terms.clip, self.is_alone)
        noise.add_to(sums, terms.noise_multiplier * terms.clip)
        self.watch(sums)
        for name, parameter in self.parameters.items():
            parameter.grad = (sums[name] / terms.batch).view_as(parameter)
        self.optimiser.step()


def ignore(sums: Parameters) -> None:
    """Do nothing with the noisy sums of a step."""
