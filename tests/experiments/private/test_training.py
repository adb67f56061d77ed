"""A tiny audit of private training: what is promised stands, and falls where noise is missing."""

import dataclasses

import numpy as np
import pytest
import torch

from rollcall.experiments.private.canaries import insert_canaries, linear_recipe, watch_training
from rollcall.experiments.private.claims import make_claims, prove_bounds
from rollcall.experiments.private.repeats import Plan, plan_guesses, score_sums, simulate_sums
from rollcall.experiments.private.training import repeat_audit, summarise_repeats
from rollcall.recipes import Recipe
from rollcall.training.layout import Layout
from rollcall.training.private.stack import PrivateStack
from rollcall.training.private.terms import sketch_terms
from rollcall.training.stack import to_device

CANARIES, REAL, NOISE = 240, 40, 1.5
RECIPE = linear_recipe(
    Recipe(
        model="mlp",
        epochs=2,
        batch=35,
        learning_rate=1e-3,
        precision="float32",
        stack=4,
        privacy={"unit": "patient", "epsilon": 3, "clip": 0.5, "delta": 1e-4},
    )
)


@pytest.fixture(scope="module")
def canaries():
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(REAL), 2)
    inputs = rng.standard_normal((len(groups), 3))
    return insert_canaries(inputs, inputs[:, 0] > 0, groups, CANARIES, records=3, clip=0.5)


@pytest.fixture(scope="module")
def terms(canaries):
    return sketch_terms(RECIPE, canaries.cohort, noise=NOISE)


@pytest.fixture(scope="module")
def claims(terms):
    mechanism = terms.noise_multiplier, terms.delta, terms.rate, terms.steps
    return make_claims(*mechanism, shares=(0.9, 1.0, 1.5))


def test_a_canary_adds_the_clip_whenever_it_is_drawn_and_nothing_else(canaries, terms):
    """Three records alike are clipped as one patient; without noise sums are 0 or 1 clip."""
    quiet = dataclasses.replace(terms, noise_multiplier=0.0)
    stack = PrivateStack(to_device(canaries.cohort), RECIPE, Layout(stack=2), "float32", quiet)
    members = np.random.default_rng(1).random((2, len(canaries.cohort.patients))) < 0.5
    sums = watch_training(stack, quiet, canaries, members, [5, 6])
    assert sums.shape == (terms.steps, 2, CANARIES)
    inside = members[:, canaries.patients]
    assert np.abs(sums[:, ~inside]).max() < 1e-6
    of_members = sums[:, inside]
    drawn = of_members > 0.5
    assert of_members[drawn] == pytest.approx(1, abs=1e-3)
    assert np.abs(of_members[~drawn]).max() < 1e-6
    assert drawn.mean() == pytest.approx(terms.rate, abs=4 * np.sqrt(0.2 / drawn.size))


def test_what_is_seen_is_the_mechanism(canaries, terms):
    stack = PrivateStack(to_device(canaries.cohort), RECIPE, Layout(stack=2), "float32", terms)
    members = np.random.default_rng(2).random((2, len(canaries.cohort.patients))) < 0.5
    inside = members[:, canaries.patients]
    sums = watch_training(stack, terms, canaries, members, [5, 6])
    drawn = simulate_sums(np.random.default_rng(3), inside, NOISE, terms.rate, terms.steps)
    error = NOISE / np.sqrt(sums[:, inside].size)
    for seen in (sums, drawn):
        assert seen[:, ~inside].mean() == pytest.approx(0, abs=4 * error)
        assert seen[:, ~inside].std() == pytest.approx(NOISE, rel=0.05)
        assert seen[:, inside].mean() == pytest.approx(terms.rate, abs=4 * error)


def test_a_promise_stands_and_falls(canaries, terms, claims):
    plan = Plan(guesses=48, threshold=0.3)
    kept = repeat_audit(canaries, RECIPE, terms, claims, plan, repeats=4)
    broken = repeat_audit(canaries, RECIPE, terms, claims, plan, repeats=4, share=0.3)
    found = summarise_repeats(kept, claims).set_index(["canaries", "bound"])
    assert (found["refuted"] == 0).all()
    assert (found["below"] == 4).all()
    assert ("real", "counts") not in found.index
    lost = summarise_repeats(broken, claims).set_index(["canaries", "bound"])
    assert lost.loc[("inserted", "guesses"), "refuted"] == 4
    assert lost.loc[("real", "guesses"), "refuted"] == 0  # nobody looks at real ones that closely


def test_repeats_are_the_same_again_and_each_has_coins_of_its_own(canaries, terms, claims):
    plan = Plan(guesses=48, threshold=0.3)
    once = repeat_audit(canaries, RECIPE, terms, claims, plan, repeats=4)
    again = repeat_audit(canaries, RECIPE, terms, claims, plan, repeats=4)
    assert once.equals(again)
    assert once["hits"].nunique() > 1


def test_scores_are_log_likelihood_ratios():
    rng = np.random.default_rng(4)
    sums, noise, rate = rng.standard_normal((5, 7)), 0.8, 0.3

    def density(x, mean):
        return np.exp(-((x - mean) ** 2) / (2 * noise**2))

    inside = rate * density(sums, 1) + (1 - rate) * density(sums, 0)
    expected = np.log(inside / density(sums, 0)).sum(0)
    np.testing.assert_allclose(score_sums(sums, noise, rate), expected)


def test_more_is_proved_of_less_noise(claims):
    rng = np.random.default_rng(6)
    members = rng.random(2000) < 0.5
    proofs = []
    for noise in (NOISE, 0.3 * NOISE):
        sums = simulate_sums(rng, members, noise, claims.rate, claims.steps)
        scores = score_sums(sums, NOISE, claims.rate)
        proofs.append(prove_bounds(claims, scores, members, 200, 0.3))
    for kind in ("steinke", "guesses"):
        assert getattr(proofs[0], kind) < getattr(proofs[1], kind)
    assert proofs[0].guesses <= claims.epsilon < proofs[1].guesses
    assert list(claims.epsilons) == sorted(claims.epsilons, reverse=True)


def test_a_plan_is_made_without_a_run_and_is_the_same_again(claims):
    plan = plan_guesses(claims, 300, seed=1)
    assert plan == plan_guesses(claims, 300, seed=1)
    assert 1 <= plan.guesses <= 300
