"""A private stack is a loop over its targets' patients; a target is the same in any company."""

import dataclasses
from unittest import mock

import numpy as np
import pytest
import torch

from rollcall import training
from rollcall.runs import run
from rollcall.stats.members import draw_members
from rollcall.training.batches import as_input, target_seed
from rollcall.training.layout import Layout
from rollcall.training.optimiser import learning_rate
from rollcall.training.private import sampling
from rollcall.training.private.noise import Noise
from rollcall.training.private.terms import sketch_terms
from rollcall.training.stack import to_device
from rollcall.training.trainer import Trainer
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


def test_records_as_units_are_patients_of_one_record(tiny, members):
    alone = dataclasses.replace(
        tiny, records=tiny.records.assign(patient_id=[f"p{n}" for n in range(len(tiny))])
    )
    halves = members[:, tiny.patient_index]
    one, other = (train(alone, recipe, halves, [0, 1]) for recipe in (RECIPE, of_records(RECIPE)))
    for target in one:
        np.testing.assert_allclose(one[target], other[target], atol=2e-3)


def test_parts_of_chunks_give_the_same_to_rounding(tiny, members):
    """As they are made where memory is short; nobody is lost in them."""
    records = [members_of(tiny, members, target) for target in range(4)]
    terms, data = sketch_terms(RECIPE, tiny), to_device(tiny)
    whole, parts = (
        Trainer(data, RECIPE, Layout(stack=4, micro_batches=count), terms=terms) for count in (1, 4)
    )
    for (one, _), (other, _) in zip(
        whole.train(records, [0, 1, 2, 3]), parts.train(records, [0, 1, 2, 3]), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=2e-3)
    assert parts.stacks[0].shape.rows < whole.stacks[0].shape.rows


def test_augmentations_of_a_record_are_averaged_in_the_clip(tiny, members):
    """Three times the same film is the film: with a policy whose draws change nothing."""
    recipe = dataclasses.replace(
        of_records(), model="small_cnn", settings={"widths": [8]}, stack=1, augment="weak"
    )
    three = dataclasses.replace(recipe, privacy=recipe.privacy | {"augmentations": 3})
    still = {"flip": 0.0, "shift": 0.0}
    with mock.patch.dict("rollcall.training.augmentation.POLICIES", {"weak": still}):
        one, other = (train(tiny, each, members, [0], noise=0)[0] for each in (recipe, three))
    np.testing.assert_allclose(one, other, atol=2e-3)


def test_a_run_says_what_its_targets_promise(tiny, tmp_path):
    """run.json and every target's json; a run that grows has the same targets."""
    recipe = dataclasses.replace(RECIPE, epochs=1)
    made = run.create(tmp_path / "run", tiny, recipe, 8)
    training.train(made, tiny, workers=1)
    terms = run.open_run(made.path).config["privacy"]
    assert (terms["unit"], terms["steps"], terms["rate"]) == ("patient", 4, 8 / 30)
    assert 0.99 * 3 < terms["promised"] <= 3
    assert made.info(3)["privacy"] == {
        "unit": "patient",
        "epsilon": terms["promised"],
        **{key: terms[key] for key in ("delta", "clip", "noise_multiplier")},
    }
    expected = train(
        tiny, recipe, draw_members(8, len(tiny.patients), 0), [5], terms["noise_multiplier"]
    )
    assert (made.logits(5) == expected[5]).all()
