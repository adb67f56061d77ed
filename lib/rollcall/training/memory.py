"""The memory that a step of training takes on a CPU, and so the number of micro-batches.

On a GPU we try, and halve on out-of-memory (rollcall.training.trainer). On a CPU the kernel kills
the process that takes too much, so the need is estimated first.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from rollcall import models
from rollcall.data.cohort import Cohort
from rollcall.models.seeds import seeded
from rollcall.recipes import Recipe
from rollcall.training.batches import as_input
from rollcall.training.device import autocast
from rollcall.training.private.sampling import find_shape
from rollcall.util.errors import InputError
from rollcall.util.parallel import free_bytes

PROCESS_BYTES = 2**29  # a process with torch and this library, and the buffers of a prediction
# a step's peak over what its forward pass keeps: intermediate gradients and layout copies (measured
# 1.3 to 1.8)
BACKWARD_FACTOR = 2.0
GRADIENTS_OF_A_ROW = 2  # its own, its unit's; BACKWARD_FACTOR is for their squares
USABLE_SHARE = 0.9  # of the free memory, for all workers together


def step_bytes(cohort: Cohort, recipe: Recipe, precision: str) -> tuple[int, int]:
    """Estimate (bytes of a target whatever its batch, bytes per record of a batch) on this CPU.

    By a forward pass of one record and one of two; of a network that a user brings two and four,
    since batch norm takes no single one. The first: weights, gradients, the optimiser's
    state, the average, and the logits that are stored. The second: what is kept for the backward
    pass, and with privacy the gradients of a row.
    """
    one = as_input(torch.from_numpy(np.array(cohort.inputs[:1])), cohort.scale)
    network = models.build_seeded(recipe, cohort, 0).train()
    least = 2 if models.is_given(recipe.model) else 1
    with seeded(0):
        kept = [
            _kept_bytes(network, torch.cat([one] * count), precision)
            for count in (least, 2 * least)
        ]
    weights = sum(value.nbytes for value in network.parameters())
    copies = 2 + {"adamw": 2, "sgd": 1}[recipe.optimiser] + bool(recipe.ema)
    logits = 2 * 4 * len(cohort) * recipe.views * cohort.outputs
    record = max(0, kept[1] - kept[0]) // least
    if recipe.private and not models.find_trace_stack(recipe.model):
        record += weights * GRADIENTS_OF_A_ROW
    return weights * copies + logits + max(0, 2 * kept[0] - kept[1]), record


def _kept_bytes(network: torch.nn.Module, batch: torch.Tensor, precision: str) -> int:
    """Count the bytes that a forward pass keeps for the backward pass, beside the network's."""
    weights = {
        value.untyped_storage().data_ptr() for value in (*network.parameters(), *network.buffers())
    }
    kept = {}  # address -> storage, kept alive so that no other one gets its address

    def keep(value):
        storage = value.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage
        return value

    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value),
        autocast("cpu", precision),
    ):
        network(batch)
    return sum(storage.nbytes() for storage in kept.values())


def fit_workers(
    cohort: Cohort,
    recipe: Recipe,
    precision: str,
    workers: int,
    stack: int,
    micro_batches: int = 0,
    available: int | None = None,
) -> tuple[int, int]:
    """Return how many of `workers` fit into memory, and with how many micro-batches.

    stack: targets that each worker trains at a time. micro_batches: of a run that has begun; 0: as
    few as let all workers work. The gradients of micro-batches are summed, and a step is the same
    to rounding (rollcall.training.layout). available: bytes; by default what is free now.
    InputError if one worker does not fit.
    """
    fixed, record = step_bytes(cohort, recipe, precision)
    room = USABLE_SHARE * (free_bytes() if available is None else available)

    def needs(micro_batches: int) -> float:
        records = math.ceil(recipe.batch / micro_batches)
        if recipe.private:
            records = find_shape(recipe, cohort, micro_batches).rows
        return PROCESS_BYTES + stack * (fixed + BACKWARD_FACTOR * record * records)

    if not micro_batches:
        powers = [2**power for power in range(recipe.batch.bit_length())]
        micro_batches = next(
            (count for count in powers if workers * needs(count) <= room), recipe.batch
        )
    if room < needs(micro_batches):
        raise InputError(
            f"training {recipe.model!r} on this cohort takes "
            f"{needs(micro_batches) / 2**30:.1f} GiB with batches in parts of "
            f"{math.ceil(recipe.batch / micro_batches)}, and "
            f"{room / 2**30:.1f} GiB are free: a smaller model or inputs, a smaller stack "
            "(--recipe stack=1), or more memory"
        )
    return min(workers, int(room / needs(micro_batches))), micro_batches
