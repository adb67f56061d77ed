"""The spread of a record's loss over the epochs, from losses that the steps compute anyway.

A record whose loss falls far while the others' fall little is being remembered. Source: Pollock et
al., Free record-level privacy risk evaluation through artifact-based methods (arXiv 2411.05743),
who take the losses of every record after each epoch; here they are those of the batches that the
record was in, before each step, and cost no pass of their own.
"""

from __future__ import annotations

import numpy as np
import torch

from rollcall.training.batches import draw_batches

LOW, HIGH = 0.25, 0.75  # quantiles over the epochs


class LossTrace:
    """Keep the loss of every record of every batch of a stack of targets, in the order they come.

    fresh (steps at once, accumulate, targets, batch): where a step writes; kept (targets, steps,
    accumulate, batch): all of them. float32, on the CPU: 4 bytes for each record, epoch and target
    that trains.
    """

    def __init__(self, steps: int, steps_at_once: int, accumulate: int, targets: int, batch: int):
        self.fresh = torch.zeros(steps_at_once, accumulate, targets, batch)
        self.kept = torch.full((targets, steps, accumulate, batch), torch.nan)

    def keep(self, step: int, count: int) -> None:
        """Keep the losses of `count` steps, the first of which has the number `step`."""
        self.kept[:, step : step + count] = self.fresh[:count].permute(2, 0, 1, 3)

    def spread(self, target: int, records: np.ndarray, seed: int, size: int) -> np.ndarray:
        """Return each record's spread, float32 (size,): see measure_spread; NaN of no member.

        target: its number in the stack; records: those it was trained on; seed: of their order.
        """
        kept = self.kept[target]
        steps, batch = kept.shape[0] * kept.shape[1], kept.shape[2]
        order = np.concatenate(list(draw_batches(seed, records, batch, steps)))
        return measure_spread(kept.flatten().numpy(), order, len(records), size)


def measure_spread(losses: np.ndarray, order: np.ndarray, members: int, size: int) -> np.ndarray:
    """Return Q75 - Q25 of each record's losses over the whole epochs, float32 (size,).

    losses (n,): one after another; order (n,): whose they are, in each `members` of them every
    member once. NaN of records without losses, and of all where there are fewer than two epochs.
    """
    out = np.full(size, np.nan, np.float32)
    epochs = len(order) // members
    if epochs < 2:
        return out
    whole, who = slice(0, epochs * members), order[:members]
    place = np.empty(size, np.int32)
    place[who] = np.arange(members)
    by_member = np.empty((members, epochs), np.float32)
    by_member[place[order[whole]], np.repeat(np.arange(epochs), members)] = losses[whole]
    by_member.sort(1)
    low, high = (_interpolate(by_member, share * (epochs - 1)) for share in (LOW, HIGH))
    out[who] = high - low
    return out


def _interpolate(ordered: np.ndarray, rank: float) -> np.ndarray:
    """Return each row's value at a rank between two of its values, (n,) of (n, epochs)."""
    below = int(rank)
    above, part = min(below + 1, ordered.shape[1] - 1), np.float32(rank - below)
    return ordered[:, below] * (1 - part) + ordered[:, above] * part
