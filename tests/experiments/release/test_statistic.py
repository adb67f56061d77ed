"""The statistic of a patient: moments against loops, and what it must not depend on."""

import numpy as np
import pytest

from rollcall.experiments.release.statistic import score_patients, take_moments
from rollcall.stats.members import draw_members
from rollcall.util.errors import InputError

from .simulation import simulate


def score(case, **other):
    names = ("released", "references", "reference_members", "index", "label")
    return score_patients(**{name: getattr(case, name) for name in names} | other)


def test_moments_are_those_of_a_loop_for_unequal_numbers_of_models():
    rng = np.random.default_rng(0)
    scores, members = rng.normal(size=(9, 50)), rng.random((9, 50)) < 0.4
    members[:2], members[2:4] = True, False
    moments = take_moments(scores, members)
    for n in range(50):
        one, other = scores[members[:, n], n], scores[~members[:, n], n]
        assert moments.inside[n] == pytest.approx(one.mean())
        assert moments.outside[n] == pytest.approx(other.mean())
        assert moments.noise[n] == pytest.approx(1 / len(one) + 1 / len(other))


def test_deviations_lie_between_the_records_and_the_cohorts():
    case = simulate(0)
    moments = take_moments(case.references.astype(float), case.reference_members[:, case.index])
    plain = []
    for n in range(len(case.index)):
        kinds = case.reference_members[:, case.index[n]]
        one, other = case.references[kinds, n], case.references[~kinds, n]
        plain.append((one.var(ddof=1) + other.var(ddof=1)) / 2)
    middle = np.sqrt(np.mean(plain))
    plain = np.sqrt(plain)
    inside = (moments.deviation - plain) * (middle - plain) >= -1e-5
    assert inside.all()


def test_members_score_higher_and_a_model_more_confident_throughout_changes_nothing():
    case = simulate(1)
    scores = score(case)
    traced = scores.ratio[case.traced].mean()
    assert traced > scores.ratio[~case.members].mean() + 1
    again = score(case, released=5 + 3 * case.released)
    np.testing.assert_allclose(again.ratio, scores.ratio, rtol=1e-3, atol=1e-3)


def test_the_order_of_references_and_records_does_not_matter():
    case, rng = simulate(2), np.random.default_rng(0)
    order, records = rng.permutation(16), rng.permutation(len(case.index))
    again = score_patients(
        case.released[records],
        case.references[order][:, records],
        case.reference_members[order],
        case.index[records],
        case.label[records],
    )
    np.testing.assert_allclose(again.ratio, score(case).ratio, rtol=1e-6, atol=1e-6)


def test_several_labels_are_so_many_records():
    case = simulate(3)
    twice = score_patients(
        np.stack([case.released] * 2, 1),
        np.stack([case.references] * 2, 2),
        case.reference_members,
        case.index,
    )
    once = score(case, label=None)
    assert np.corrcoef(twice.ratio, once.ratio)[0, 1] > 0.99


def test_references_that_never_saw_the_patients_do():
    case = simulate(4, leak=6.0)
    outside = np.where(case.reference_members[:, case.index], np.nan, case.references)
    scores = score(
        case,
        references=np.nan_to_num(outside, nan=0.0) + np.isnan(outside) * np.nanmean(outside, 0),
        reference_members=np.zeros_like(case.reference_members),
    )
    assert scores.ratio[case.traced].mean() > scores.ratio[~case.members].mean() + 1


def test_what_cannot_be_is_refused_in_one_line():
    case = simulate(5)
    few = case.reference_members.copy()
    few[:, 3] = True
    shuffled = np.random.default_rng(0).permutation(case.released) + 5 * case.label
    broken = case.references.copy()
    broken[4, 7] = np.nan
    twice, itself = case.references.copy(), case.references.copy()
    twice[5], itself[2] = twice[3], case.released
    for other, words in (
        ({"released": case.released[:-1]}, "expected .records"),
        ({"released": -case.released}, "run against the references"),
        ({"released": shuffled}, "nothing in common .* is it another order"),
        ({"reference_members": few}, "a patient is in 6 to 16|a patient is in"),
        ({"reference_members": case.reference_members * 1.0}, "expected bool"),
        ({"references": broken}, "model 4, record 7 is NaN"),
        ({"references": twice}, "reference 5 gives .* very score of reference 3"),
        ({"references": itself}, "reference 2 gives .* very score of the released model"),
        ({"released": np.full_like(case.released, np.inf)}, "released: record 0 is NaN or inf"),
        ({"reference_members": draw_members(16, 5, 0)[:8]}, "expected bool .16, patients"),
    ):
        with pytest.raises(InputError, match=words):
            score(case, **other)
