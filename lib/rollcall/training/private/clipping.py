"""Sums of clipped gradients: of each unit over all its records, then over units."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.func import functional_call, grad, vmap

# (logits (targets, batch, outputs), labels) -> losses (targets, batch[, labels])
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Parameters = dict[str, torch.Tensor]  # each with a leading axis of targets


def weigh_units(squares: torch.Tensor, clip: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (factor that clips a gradient, whether it is finite), from its squared length.

    A gradient that is not finite counts as none.
    """
    is_finite = squares.isfinite()
    lengths = squares.sqrt()
    return torch.where(is_finite, clip / lengths.clamp(min=clip), 0.0), is_finite


def sum_by_vmap(network: nn.Module, loss: Loss) -> Callable[..., None]:
    """Return what adds up the clipped gradients of units, for any network whose rows are alone.

    The gradient of each row comes from torch.func: grad, mapped over rows, mapped over targets.
    Memory: rows x parameters, for each target.
    """

    def row_loss(values: Parameters, x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor):
        logits = functional_call(network, values, (x[None],))
        return loss(logits[None].float(), y[None, None]).mean() * weight

    by_row = vmap(grad(row_loss), in_dims=(None, 0, 0, 0), randomness="different")
    by_target = vmap(by_row, randomness="different")

    def find_gradients(parameters: Parameters, *rows: torch.Tensor) -> Parameters:
        if len(rows[0]) > 1:
            return by_target(parameters, *rows)
        alone = by_row(
            {name: value[0] for name, value in parameters.items()}, *(each[0] for each in rows)
        )
        return {name: value[None] for name, value in alone.items()}

    def add_clipped(
        sums: Parameters,
        parameters: Parameters,
        batch: torch.Tensor,
        labels: torch.Tensor,
        leader: torch.Tensor,
        weight: torch.Tensor,
        clip: float,
        is_alone: bool,
    ) -> None:
        """Add each unit's gradient, clipped, to `sums`.

        batch (targets, rows, ...), labels (targets, rows[, labels]), leader, weight as
        sampling.Rows. is_alone: every row is a unit.
        """
        gradients = find_gradients(parameters, batch, labels, weight)
        units = (
            gradients
            if is_alone
            else {name: _sum_rows(values, leader) for name, values in gradients.items()}
        )
        squares = sum(values.flatten(2).square().sum(2) for values in units.values())
        factor, is_finite = weigh_units(squares, clip)
        for name, values in units.items():
            flat = values.flatten(2)
            if not is_finite.all():
                flat = torch.where(is_finite[..., None], flat, 0.0)
            sums[name] += torch.bmm(factor[:, None], flat).view_as(sums[name])

    return add_clipped


def _sum_rows(values: torch.Tensor, leader: torch.Tensor) -> torch.Tensor:
    """Add up the rows of each unit, at the place of its first: (targets, rows, ...)."""
    targets, rows = leader.shape
    place = leader + torch.arange(targets, device=leader.device)[:, None] * rows
    total = torch.zeros_like(values).flatten(0, 1)
    return total.index_add_(0, place.flatten(), values.flatten(0, 1)).view_as(values)
