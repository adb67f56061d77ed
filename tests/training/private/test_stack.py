"""A private stack is a loop over its targets' patients; a target is the same in any company."""

import numpy as np
import pytest
import torch

from rollcall.training.batches import as_input, target_seed
from rollcall.training.optimiser import learning_rate
from rollcall.training.private import sampling
from rollcall.training.private.noise import Noise
from rollcall.training.private.terms import sketch_terms
from tests.training.private.common import (
    RECIPE,
    fresh,
    members_of,
    naive_gradient,
    of_records,
    train,
)


@pytest.mark.parametrize("recipe", [RECIPE, of_records()], ids=["patient", "record"])
def test_a_private_stack_is_a_loop_over_units(tiny, members, recipe):
    """Unit by unit, with torch's own AdamW, the noise drawn again: to rounding."""
    cohort = tiny
    stacked = train(cohort, recipe, members, [0, 1, 2], noise=0.7)
    terms = sketch_terms(recipe, cohort, noise=0.7)
    for target in (0, 2):
        seed, records = target_seed(0, target), members_of(cohort, members, target)
        network = fresh(cohort, recipe, seed)
        optimiser = torch.optim.AdamW(network.parameters(), weight_decay=recipe.weight_decay)
        values = {name: value.detach()[None] for name, value in network.named_parameters()}
        noise, rng = Noise(values, [seed]), np.random.default_rng([seed, sampling.SAMPLING])
        units = records[:, None]
        if recipe.private.unit == "patient":
            owners = cohort.patient_index[records]
            units = [records[owners == owner] for owner in np.unique(owners)]
        for step in range(terms.steps):
            sums = {name: torch.zeros_like(value) for name, value in values.items()}
            for unit in np.flatnonzero(rng.random(len(units)) < terms.rate):
                gradient, length = naive_gradient(cohort, network, units[unit])
                for name, value in gradient.items():
                    sums[name] += min(1, terms.clip / length) * value
            noise.add_to(sums, 0.7 * terms.clip)
            for name, value in network.named_parameters():
                value.grad = sums[name][0] / terms.batch
            optimiser.param_groups[0]["lr"] = learning_rate(recipe, step, terms.steps)
            optimiser.step()
        with torch.no_grad():
            expected = network(as_input(torch.from_numpy(np.array(cohort.inputs)))).numpy()
        np.testing.assert_allclose(stacked[target], expected, atol=2e-3)


@pytest.mark.parametrize("recipe", [RECIPE, of_records()], ids=["patient", "record"])
def test_a_private_target_is_the_same_in_any_company(tiny, members, recipe):
    full = train(tiny, recipe, members, [4, 5, 6, 7])
    for company in ([5], [5, 2], [1, 3, 5]):
        assert (train(tiny, recipe, members, company)[5] == full[5]).all()
