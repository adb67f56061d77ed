"""Gaussian noise, fresh for every target and step, from each target's own seed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

NOISE = 3  # of a target's generators, beside its seed


class Noise:
    """Draws the noise of a stack of targets: one generator for each, on the stack's device.

    From generators of torch that are good for statistics and not for secrets: who knows the run's
    seed can draw it again (docs/privacy.md).
    """

    def __init__(self, parameters: dict[str, torch.Tensor], seeds: list[int]):
        self.shapes = {name: value.shape for name, value in parameters.items()}
        sizes = [shape[1:].numel() for shape in self.shapes.values()]
        self.bounds = np.cumsum([0, *sizes]).tolist()
        device = next(iter(parameters.values())).device
        self.drawn = torch.empty(len(seeds), self.bounds[-1], device=device)
        self.generators = [
            torch.Generator(device).manual_seed(
                int(np.random.SeedSequence([seed, NOISE]).generate_state(1, np.uint64)[0] >> 1)
            )
            for seed in seeds
        ]

    def add_to(self, sums: dict[str, torch.Tensor], deviation: float) -> None:
        """Add independent normal numbers of a standard deviation to every number of `sums`.

        sums: name -> (targets, ...), as the parameters.
        """
        if not deviation:
            return
        for row, generator in zip(self.drawn, self.generators, strict=True):
            row.normal_(generator=generator)
        for name, (first, last) in zip(self.shapes, pairwise(self.bounds), strict=True):
            sums[name].add_(self.drawn[:, first:last].view(self.shapes[name]), alpha=deviation)
