"""What one step of a training takes in memory on a processor, and so in how many parts a batch goes through the network.

A GPU is asked by trying (rollcall.training.stack halves what does not fit). A processor has no such answer: the system kills who takes too much.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import psutil
import torch

from rollcall import models
from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe
from rollcall.training import device as _device
from rollcall.training.batches import as_input
from rollcall.util.errors import InputError

PROCESS = 2**29  # a process with torch and this library, and the buffers of a prediction
BACKWARD = 2.0  # a step's peak over what its forward pass keeps: gradients on their way, copies in another layout (1.3 to 1.8 measured)
SHARE = 0.9  # of the free memory that the workers may take together


def free(root: Path = Path("/")) -> int:
    """Bytes that this process and its children may still take: the system's, or less where a container or a job has a limit (cgroup v2, under `root`)."""
    left, top = psutil.virtual_memory().available, root / "sys/fs/cgroup"
    try:
        own = top / (root / "proc/self/cgroup").read_text().strip().rpartition(":")[2].lstrip("/")
        for group in [own, *(parent for parent in own.parents if parent.is_relative_to(top))]:
            limit = (
                (group / "memory.max").read_text().strip()
                if (group / "memory.max").exists()
                else "max"
            )
            if limit != "max":
                files = int(
                    dict(line.split() for line in (group / "memory.stat").read_text().splitlines())[
                        "file"
                    ]
                )  # given back when asked for
                left = min(left, int(limit) - int((group / "memory.current").read_text()) + files)
    except (OSError, KeyError, ValueError):  # no cgroups, or of another kind
        pass
    return max(left, 0)


def step(cohort: Cohort, recipe: Recipe, precision: str) -> tuple[int, int]:
    """(bytes that a target takes whatever its batch, bytes per record of a batch), by a forward pass of one record and of two on this processor.

    The first: weights, gradients, the optimiser's state, the average, and the logits that are stored. The second: what is kept for the backward pass.
    """
    one = as_input(torch.from_numpy(np.array(cohort.inputs[:1])), cohort.scale)
    with torch.random.fork_rng(devices=[]):
        network = models.build(
            recipe.model, cohort.inputs.shape[1:], cohort.outputs, **recipe.settings
        )
        kept = [_kept(network, torch.cat([one] * count), precision) for count in (1, 2)]
    weights = sum(value.nbytes for value in network.parameters())
    copies = 2 + {"adamw": 2, "sgd": 1}[recipe.optimiser] + bool(recipe.ema)
    logits = 2 * 4 * len(cohort) * recipe.views * cohort.outputs
    return weights * copies + logits + max(0, 2 * kept[0] - kept[1]), max(0, kept[1] - kept[0])


def _kept(network: torch.nn.Module, batch: torch.Tensor, precision: str) -> int:
    """Bytes that a forward pass keeps for the backward pass, beside the network's own."""
    own = {
        value.untyped_storage().data_ptr() for value in (*network.parameters(), *network.buffers())
    }
    seen = {}  # address -> storage: kept alive, so that no other one gets its address

    def keep(value):
        storage = value.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage
        return value

    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value),
        _device.autocast("cpu", precision),
    ):
        network(batch)
    return sum(storage.nbytes() for storage in seen.values())


def fitted(
    cohort: Cohort,
    recipe: Recipe,
    precision: str,
    workers: int,
    width: int,
    parts: int = 0,
    available: int | None = None,
) -> tuple[int, int]:
    """(workers, parts): how many of `workers` fit into memory, and in how many parts each batch then goes through the network.

    Each worker trains `width` targets at a time. As few parts as let all workers work; or as many as given, if they are settled already.
    The gradients of the parts are summed, and a step is the same to rounding (rollcall.training.device.Way). available: bytes; by default what is
    free now. InputError if one worker does not fit.
    """
    fixed, record = step(cohort, recipe, precision)
    room = SHARE * (free() if available is None else available)

    def needs(parts: int) -> float:
        return PROCESS + width * (fixed + BACKWARD * record * math.ceil(recipe.batch / parts))

    if not parts:
        parts = next(
            (
                2**power
                for power in range(recipe.batch.bit_length())
                if workers * needs(2**power) <= room
            ),
            recipe.batch,
        )
    if room < needs(parts):
        raise InputError(
            f"training {recipe.model!r} on this cohort takes {needs(parts) / 2**30:.1f} GiB with batches in parts of "
            f"{math.ceil(recipe.batch / parts)}, and {room / 2**30:.1f} GiB are free: "
            "a smaller model or inputs, a smaller stack (--recipe stack=1), or more memory"
        )
    return min(workers, int(room / needs(parts))), parts
