"""What random halves refute: no more than is true, in 95 of 100 audits, and much of it."""

import numpy as np
import pytest

from rollcall.stats.accounting.halves import FIRST, Refuted, average_records, refute_epsilon
from rollcall.util.errors import InputError

DELTA = 1e-9
REPEATS = 100  # each some ms


def refute(values, members, delta=DELTA) -> Refuted:
    found = refute_epsilon(values, members, delta)
    assert found is not None
    return found


def draw_halves(rng, targets, patients):
    members = np.zeros((targets, patients), bool)
    for pair in range(targets // 2):
        members[2 * pair, rng.permutation(patients)[: patients // 2]] = True
        members[2 * pair + 1] = ~members[2 * pair]
    return members


def answer_at_random(rng, members, epsilon):
    """Answer truly with a chance of e^epsilon / (1 + e^epsilon): private, and no better."""
    return np.where(rng.random(members.shape) < 1 / (1 + np.exp(-epsilon)), members, ~members) * 1.0


def add_laplace(rng, members, epsilon):
    return members + rng.laplace(0, 1 / epsilon, members.shape)


def repeat(mechanism, epsilon, targets=24, patients=600):
    found = []
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        members = draw_halves(rng, targets, patients)
        found.append(refute(mechanism(rng, members, epsilon), members).epsilon)
    return np.array(found)


@pytest.mark.parametrize(
    ("mechanism", "epsilon", "least"),
    [(answer_at_random, 0.5, 0.25), (answer_at_random, 1.0, 0.65), (add_laplace, 2.0, 1.0)],
)
def test_the_true_epsilon_is_refuted_in_five_of_a_hundred_at_most(mechanism, epsilon, least):
    found = repeat(mechanism, epsilon)
    assert (found > epsilon).sum() <= 9  # of 100 at 5%: more is rarer than 3 in 100
    assert np.median(found) > least


def test_nothing_is_refuted_where_nothing_leaks():
    found = repeat(lambda rng, members, _: rng.standard_normal(members.shape), 0)
    assert (found > 0).sum() <= 9


def test_a_few_patients_in_the_tail_are_enough():
    rng = np.random.default_rng(0)
    members = draw_halves(rng, 32, 2000)
    plain = rng.standard_normal(members.shape)
    told = plain + np.where(np.arange(2000) < 40, 8 * members, 0)
    assert refute(plain, members).epsilon < 0.3
    found = refute(told, members)
    assert found.epsilon > 1
    assert found.targets == 16 - FIRST
    assert found.right / found.guesses > 0.95


def test_no_guess_depends_on_a_targets_own_coins_but_by_its_scores():
    """Another half for the last pair, its scores being those of before, must look like chance."""
    rng = np.random.default_rng(1)
    members = draw_halves(rng, 24, 400)
    values = members * 5 + rng.standard_normal(members.shape)
    other = members.copy()
    other[2 * FIRST :] = draw_halves(rng, 24 - 2 * FIRST, 400)
    found = refute(values, other)
    assert abs(found.right / found.guesses - 0.5) < 0.15
    assert found.epsilon < 0.2


def test_with_a_larger_delta_less_is_refuted():
    rng = np.random.default_rng(2)
    members = draw_halves(rng, 24, 600)
    values = add_laplace(rng, members, 3.0)
    bounds = [refute(values, members, delta).epsilon for delta in (1e-9, 1e-4, 1e-2)]
    assert bounds == sorted(bounds, reverse=True)


@pytest.mark.parametrize(("targets", "patients"), [(8, 400), (10, 12), (0, 400)])
def test_too_few_targets_or_patients_bound_nothing(targets, patients):
    rng = np.random.default_rng(0)
    members = draw_halves(rng, targets, patients)
    assert refute_epsilon(rng.standard_normal(members.shape), members) is None


def test_targets_that_are_no_pairs_are_refused():
    members = np.random.default_rng(0).random((12, 50)) < 0.5
    with pytest.raises(InputError, match="no complementary pairs"):
        refute_epsilon(np.zeros((12, 50)), members)


def test_records_and_labels_are_averaged():
    scores = np.arange(12.0).reshape(2, 3, 2)
    index = np.array([1, 0, 1])
    by_hand = [
        [scores[t, 1].mean(), (scores[t, 0].mean() + scores[t, 2].mean()) / 2] for t in (0, 1)
    ]
    np.testing.assert_allclose(average_records(scores, index), by_hand)
    np.testing.assert_allclose(average_records(scores[..., 0], index)[0], [2, 2])
