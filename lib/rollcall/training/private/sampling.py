"""Which records a private step takes: a Poisson sample of units, in chunks of a fixed shape."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from rollcall import models
from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe
from rollcall.training import augmentation
from rollcall.training.private.terms import Terms

MOST_ROWS = 64  # of a chunk, where a gradient of each is kept
MOST_ROWS_BY_LAYERS = 128  # where none is
BLOCK_ROWS = 32  # at least, where units have several
DEVIATIONS = 3  # of the rows of a step over their mean that its usual number of chunks holds
SAMPLING, AUGMENTING = 2, 1  # of a target's generators, beside its seed


@dataclass(frozen=True)
class Rows:
    """What one step of a stack takes, in chunks of a fixed number of rows; a row is a record.

    index (chunks, targets, rows): records; leader, of that shape: the first row, in its chunk, of
    the unit that a row belongs to; weight, of that shape, float32: 0 of rows that fill up. A unit's
    rows are all in one block of a chunk. draws: operation of the augmentation -> (chunks, targets,
    rows, ...).
    """

    index: torch.Tensor
    leader: torch.Tensor
    weight: torch.Tensor
    draws: dict[str, torch.Tensor]

    def to(self, device: str) -> Rows:
        """Send it to a GPU, without waiting for it."""

        def send(values: torch.Tensor) -> torch.Tensor:
            return values.pin_memory().to(device, non_blocking=True)

        draws = {name: send(values) for name, values in self.draws.items()}
        return Rows(send(self.index), send(self.leader), send(self.weight), draws)


@dataclass(frozen=True)
class Shape:
    """The shape of a chunk: `blocks` of `block` rows; no unit has rows in two of them."""

    blocks: int
    block: int

    @property
    def rows(self) -> int:
        """The rows of a chunk."""
        return self.blocks * self.block


def find_shape(recipe: Recipe, cohort: Cohort, micro_batches: int = 1) -> Shape:
    """Find the shape of a chunk: as few chunks a step as its most rows allow, with little to fill.

    micro_batches: in how many parts such a chunk goes through the network, for the memory. A block
    has at least as many rows as the largest unit, and is the whole chunk where units are rows.
    """
    private = recipe.private
    assert private
    sizes = np.ones(len(cohort), int)
    if private.unit == "patient":
        sizes = np.bincount(cohort.patient_index)
    sizes = sizes * private.augmentations
    batch = recipe.batch * recipe.accumulate
    mean, spread = batch * sizes.mean(), math.sqrt(batch * (sizes**2).mean())
    rows = mean + DEVIATIONS * spread
    most = MOST_ROWS_BY_LAYERS if models.find_trace_stack(recipe.model) else MOST_ROWS
    chunks = math.ceil(rows / most) * micro_batches
    of_chunk, largest = math.ceil(rows / chunks), int(sizes.max())
    block = max(largest, min(BLOCK_ROWS, of_chunk)) if largest > 1 else of_chunk
    return Shape(math.ceil(of_chunk / block), block)


def draw_rows(
    recipe: Recipe,
    terms: Terms,
    patient_index: np.ndarray,
    image_size: tuple[int, ...],
    records: list[np.ndarray],
    seeds: list[int],
    shape: Shape,
) -> Iterator[Rows]:
    """Draw what each step takes, every target's from generators of its own seed.

    patient_index (N,): the patient of each record of the cohort. records: of each target, indices.
    shape: of a chunk. A target that needs fewer chunks than another gets empty ones.
    """
    private, rows = recipe.private, shape.rows
    assert private
    grouped = [_group(one, patient_index if private.unit == "patient" else None) for one in records]
    samplers = [np.random.default_rng([seed, SAMPLING]) for seed in seeds]
    augmenters = [np.random.default_rng([seed, AUGMENTING]) for seed in seeds]
    for _ in range(terms.steps):
        packed = [
            _pack(
                order,
                starts,
                _sample(rng, len(starts) - 1, terms.rate),
                shape,
                private.augmentations,
            )
            for (order, starts), rng in zip(grouped, samplers, strict=True)
        ]
        chunks = max(1, *(len(index) for index, *_ in packed))
        draws = [
            _draw_augmentations(recipe, rng, len(index) * rows, image_size)
            for rng, (index, *_) in zip(augmenters, packed, strict=True)
        ]
        yield Rows(
            *(
                torch.from_numpy(np.stack([_fill(part, chunks) for part in parts], 1))
                for parts in zip(*packed, strict=True)
            ),
            {
                name: torch.from_numpy(
                    np.stack(
                        [
                            _fill(one[name].reshape(-1, rows, *one[name].shape[1:]), chunks)
                            for one in draws
                        ],
                        1,
                    )
                )
                for name in draws[0]
            },
        )


def _group(records: np.ndarray, patient_index: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return (records in the order of their units, where each unit starts, and the end).

    patient_index None: each record is a unit.
    """
    if patient_index is None:
        return records, np.arange(len(records) + 1)
    patients = patient_index[records]
    order = np.argsort(patients, kind="stable")
    starts = np.flatnonzero(np.diff(patients[order], prepend=-1))
    return records[order], np.append(starts, len(records))


def _sample(rng: np.random.Generator, units: int, rate: float) -> np.ndarray:
    """Draw which units a step takes, each by itself at the rate: their numbers, in order."""
    return np.flatnonzero(rng.random(units) < rate)


def _pack(
    order: np.ndarray, starts: np.ndarray, units: np.ndarray, shape: Shape, times: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put the records of some units into chunks, each as many `times` as it is augmented.

    (index, leader, weight), each (chunks, rows). A unit that does not fit into what is left of a
    block begins the next one.
    """
    sizes = (starts[units + 1] - starts[units]) * times
    ends = np.cumsum(sizes)
    firsts = ends - sizes  # of each unit, were there one chunk
    total = int(ends[-1]) if len(ends) else 0
    # records of all, a unit's one after another
    within = (np.arange(total) - np.repeat(firsts, sizes)) // times
    record = order[np.repeat(starts[units], sizes) + within]
    lead, begins, at = np.repeat(firsts, sizes), [], 0
    while at < len(units):
        begins.append(at)
        at = int(np.searchsorted(ends, firsts[at] + shape.block, "right"))
    bounds = [*firsts[begins].tolist(), total]
    chunks = math.ceil(len(begins) / shape.blocks)
    size = chunks * shape.rows
    index, weight = np.zeros(size, np.int64), np.zeros(size, np.float32)
    leader = np.tile(np.arange(shape.rows), chunks)
    for block, (first, last) in enumerate(pairwise(bounds)):
        start = block * shape.block
        rows = slice(start, start + last - first)
        index[rows], weight[rows] = record[first:last], 1 / times
        leader[rows] = lead[first:last] - first + start % shape.rows
    return tuple(values.reshape(chunks, shape.rows) for values in (index, leader, weight))


def _draw_augmentations(
    recipe: Recipe, rng: np.random.Generator, count: int, image_size: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Draw the augmentation of some rows: operation -> (count, ...)."""
    if recipe.augment == "none":
        return {}
    return augmentation.draw(recipe.augment, rng, count, *image_size)


def _fill(values: np.ndarray, chunks: int) -> np.ndarray:
    """Add chunks of zeros at the end, until there are that many."""
    return np.concatenate(
        [values, np.zeros((chunks - len(values), *values.shape[1:]), values.dtype)]
    )
