"""Which networks can train with privacy: those where no record touches what another one gives."""

from __future__ import annotations

import torch
from torch.func import functional_call, grad, vmap

from rollcall import models
from rollcall.data.cohort import Cohort
from rollcall.models.given.traits import Traits
from rollcall.recipes import Recipe
from rollcall.util.errors import InputError, first_line

MIXES = ("batch statistics", "it keeps state")  # how traits' notes on such networks begin


def check_private(recipe: Recipe, cohort: Cohort, traits: Traits, batch: torch.Tensor) -> None:
    """Check that gradients of single records are those of a user's network, on a few records.

    InputError for batch norm and others that let records share statistics, for what keeps a state
    in training beside its weights, and for what torch.func cannot take.
    """
    for note in traits.notes:
        if note.startswith(MIXES):
            reason = note.partition(";")[0]
            raise InputError(
                f"model {recipe.model!r} cannot be trained with privacy ({reason}); expected a "
                "network whose records are alone: GroupNorm or LayerNorm in place of batch norm, "
                "and no buffer that training changes"
            )
    network = models.build_seeded(recipe, cohort, 0).train()
    weights = {
        name: value.detach() for name, value in network.named_parameters() if value.requires_grad
    }

    def length(values, x):
        return functional_call(network, values, (x[None],)).square().sum()

    try:
        vmap(grad(length), in_dims=(None, 0), randomness="different")(weights, batch)
    except Exception as error:
        raise InputError(
            f"model {recipe.model!r} cannot be trained with privacy: torch.func takes no gradient "
            f"of single records of it ({type(error).__name__}: {first_line(error, 100)})"
        ) from error
