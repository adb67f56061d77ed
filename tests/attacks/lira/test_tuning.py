"""The strength of the prior is what tells the other targets best, whatever the cohort is like."""

from functools import partial

import numpy as np
import pytest

from rollcall.attacks.lira import prior, ratio, run_lira, tuning
from tests.attacks.lira.plainly import choose_plainly
from tests.oracles import attacks as plain
from tests.oracles import risk as naive


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("online", [True, False])
def test_the_choice_is_its_definition(online, paired):
    rng = np.random.default_rng(0)
    members = plain.draw(rng, 10, 300, paired)
    spread = np.sqrt(4 / rng.chisquare(4, 300))
    scores = (rng.standard_normal(members.shape) + members) * spread
    attack = partial(ratio.prepare_moderated, paired, online)
    attacks = [attack(scores, members)(np.full(10, each)) for each in prior.STRENGTHS]
    expected = choose_plainly(attacks, members, 2 if paired else 1)
    chosen = tuning.choose_strength(attack, scores, members, paired)
    assert list(chosen) == [prior.STRENGTHS[number] for number in expected]


def choose(scores, members):
    return tuning.choose_strength(
        partial(ratio.prepare_moderated, True, True), scores, members, paired=True
    )


def test_records_that_differ_count_and_records_that_do_not_share():
    """Spreads that differ tenfold, with members raised by 2 of their own; and the same for all
    records, with members raised by as much as their record happens to spread over."""
    rng = np.random.default_rng(4)
    members = naive.paired(rng, 16, 4000)
    spread = np.sqrt(4 / rng.chisquare(4, 4000))
    noise = rng.standard_normal(members.shape)
    assert choose((noise + 2 * members) * spread, members).max() <= 10
    effect = 3 * rng.random(4000)
    assert choose(noise + effect * members, members).min() >= 30


def test_infinite_strength_is_the_shared_variance():
    rng = np.random.default_rng(5)
    members = naive.paired(rng, 12, 200)
    scores = rng.standard_normal(members.shape)
    shared, three = run_lira(scores, members, variance="shared"), np.full(12, 3.0)
    mixed = np.where(np.arange(12) < 6, np.inf, 3.0)
    got = ratio.prepare_moderated(True, True, scores, members)(mixed)
    np.testing.assert_array_equal(got[:6], shared[:6])
    moderated = ratio.prepare_moderated(True, True, scores, members)(three)
    np.testing.assert_array_equal(got[6:], moderated[6:])


def test_targets_without_members_or_without_others_are_no_reason_to_choose():
    members = np.ones((8, 40), bool)
    members[1::2] = False
    assert tuning._rate(np.zeros((8, 40)), members).tolist() == [0.0] * 8
