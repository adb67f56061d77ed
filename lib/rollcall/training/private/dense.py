"""Sums of clipped gradients of networks of dense layers, whose gradients are never formed.

A row's gradient of a weight is the outer product of what the layer's output gets (d) and what the
layer was given (x), so a unit's squared length is a sum over pairs of its rows of
(d.d') (x.x' + 1), the 1 for the bias; and the clipped sum over units is one product of d, times
each unit's factor, and x. (Goodfellow, Efficient per-example gradient computations, 2015; Li et
al., Large language models can be strong differentially private learners, 2022.)
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from rollcall.training.private.clipping import Loss, Parameters, weigh_units

# of the squared sum of a unit's rows' lengths, by which its own squared length may be too small:
# rounding, where rows cancel; it is added, so that no unit is longer than the clip
ROUNDING = 1e-5


def sum_by_layers(trace_stack: Callable, loss: Loss, block: int) -> Callable[..., None]:
    """Return what adds up the clipped gradients of units, as clipping.sum_by_vmap, to rounding.

    trace_stack: as rollcall.models.find_trace_stack gives it. block: rows, of which there are whole
    numbers in a chunk, and beyond which no unit goes.
    """

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
        """Add each unit's gradient, clipped, to `sums`; as the same of clipping.sum_by_vmap."""
        with torch.enable_grad():
            logits, layers = trace_stack(parameters, batch)
            losses = loss(logits.float(), labels)
            losses = losses.mean(2) if losses.ndim == 3 else losses
            outputs = [each.output for each in layers]
            deltas = torch.autograd.grad((losses * weight).sum(), outputs)
        traced = [
            (each, delta.float(), each.input.detach().float())
            for each, delta in zip(layers, deltas, strict=True)
        ]
        pairs = [(delta, given) for _, delta, given in traced]
        squares = _square_rows(pairs) if is_alone else _square_units(pairs, leader, block)
        factor, is_finite = weigh_units(squares, clip)
        for each, delta, given in traced:
            delta = delta * factor[..., None]
            if not is_finite.all():
                delta, given = (
                    torch.where(is_finite[..., None], values, 0.0) for values in (delta, given)
                )
            sums[each.weight].baddbmm_(delta.transpose(1, 2), given)
            sums[each.bias] += delta.sum(1)

    return add_clipped


def _square_rows(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    """Return the squared length of each row's gradient, (targets, rows), from (d, x) of layers."""
    squares = [delta.square().sum(2) * (given.square().sum(2) + 1) for delta, given in pairs]
    return torch.stack(squares).sum(0) * (1 + ROUNDING)


def _square_units(
    pairs: list[tuple[torch.Tensor, torch.Tensor]], leader: torch.Tensor, block: int
) -> torch.Tensor:
    """Return for each row the squared length of its unit's gradient, (targets, rows)."""
    shape, leader = leader.shape, leader.reshape(-1, block)

    def multiply(values: torch.Tensor) -> torch.Tensor:
        """Multiply the rows of each block by each other: (blocks of all targets, block, block)."""
        of_blocks = values.reshape(-1, block, values.shape[-1])
        return torch.bmm(of_blocks, of_blocks.transpose(1, 2))

    products = sum(multiply(delta) * (multiply(given) + 1) for delta, given in pairs)
    assert isinstance(products, torch.Tensor)
    is_same = leader[:, :, None] == leader[:, None]
    lengths = products.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
    of_row = torch.where(is_same, products, 0.0).sum(2)
    both = torch.stack([of_row, lengths], 2)  # of all rows of a unit
    squares, sums = torch.where(is_same[..., None], both[:, None], 0.0).sum(2).unbind(2)
    return (squares.clamp(min=0) + ROUNDING * sums.square()).view(shape)
