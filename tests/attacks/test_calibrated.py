import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rollcall.attacks.calibrated import combine_labels, run_calibrated, to_normal
from rollcall.attacks.lira import run_lira
from tests.attacks.simulation import random_scores
from tests.oracles import attacks as plain
from tests.oracles import risk as naive


@given(st.integers(0, 2**32), st.integers(8, 13), st.integers(1, 5), st.booleans())
def test_it_is_its_definition(seed, targets, records, paired):
    rng = np.random.default_rng(seed)
    members = plain.draw(rng, targets - targets % 2 if paired else targets, records, paired)
    scores = random_scores(rng, members.shape, "normal")
    got = run_calibrated(scores, members)
    for target in range(len(scores)):
        refs = plain.references(target, len(scores), plain.are_pairs(members))
        for record in range(records):
            out = [scores[t, record] for t in refs if not members[t, record]]
            t = (scores[target, record] - np.mean(out)) / (
                np.std(out, ddof=1) * np.sqrt(1 + 1 / len(out))
            )
            # on the side where no digits are lost
            p = stats.t.sf(abs(t), len(out) - 1)
            expected = np.sign(t) * stats.norm.isf(p)
            assert got[target, record] == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("freedom", [1, 2, 7, 31, 99])
def test_the_table_of_quantiles(freedom):
    t = np.concatenate([-np.geomspace(1e-3, 50, 200), [0], np.geomspace(1e-3, 50, 200)])
    exact = np.sign(t) * stats.norm.isf(stats.t.sf(abs(t), freedom))
    np.testing.assert_allclose(to_normal(t, freedom), exact, rtol=1e-4, atol=1e-5)
    assert (np.diff(to_normal(np.sort(t), freedom)) > 0).all()
    assert np.isfinite(to_normal(np.array([-1e9, 1e9]), freedom)).all()


@pytest.mark.parametrize(("targets", "records"), [(16, 150_000), (64, 40_000)])
def test_every_tenth_of_the_records_has_the_nominal_rate(targets, records):
    """No leakage; variances drawn from 4 / chi^2(4), the widest tenth 100 times the narrowest.

    Each tenth of the records, by spread or by level, has a false-positive rate at p <= 0.1% within
    1.25 times of 0.1%: 120 alarms or more, of which 25% is 2.7 errors; over 40 comparisons this
    fails by chance in fewer than 1 of 4 choices of seeds. The bar is 1.5, at 5 errors.
    """
    rng = np.random.default_rng(targets)
    even = rng.random((targets // 2, records)) < 0.5
    members = np.stack([even, ~even], 1).reshape(targets, records)
    spread = np.sqrt(4 / rng.chisquare(4, records))
    level = 3 * rng.standard_normal(records)
    scores = (rng.standard_normal(members.shape, np.float32) * spread + level).astype(np.float32)
    alarms = (run_calibrated(scores, members) > stats.norm.isf(1e-3)) & ~members
    rate = alarms.sum(0) / (~members).sum(0)
    for quantity in (spread, level):
        tenths = rate[np.argsort(quantity)].reshape(10, -1).mean(1)
        assert (tenths > 1e-3 / 1.5).all()
        assert (tenths < 1e-3 * 1.5).all()
    z = run_lira(scores, members, online=False, variance="shared")
    limit = np.sort(z[~members])[-int(1e-3 * (~members).sum())]
    uncalibrated = (((z > limit) & ~members).sum(0) / (~members).sum(0))[np.argsort(spread)]
    assert uncalibrated.reshape(10, -1).mean(1)[-1] > 8e-3, "what it is for"


def test_a_planted_leak_is_told_at_the_same_rate_for_every_spread():
    """All members raised by 3 of their record's spreads; 32 targets. Tenths within 15% of all."""
    rng = np.random.default_rng(3)
    members = naive.paired(rng, 32, 8000)
    spread = np.sqrt(4 / rng.chisquare(4, 8000))
    scores = ((rng.standard_normal(members.shape) + 3 * members) * spread).astype(np.float32)
    told = (run_calibrated(scores, members) > stats.norm.isf(1e-2)) & members
    tenths = (told.sum(0) / members.sum(0))[np.argsort(spread)].reshape(10, -1).mean(1)
    assert abs(tenths / tenths.mean() - 1).max() < 0.15


def test_order_scale_and_offset_of_a_record_change_nothing():
    rng = np.random.default_rng(4)
    members = naive.paired(rng, 12, 40)
    scores = random_scores(rng, members.shape, "normal")
    order = rng.permutation(40)
    plainly = run_calibrated(scores, members)
    moved = scores * rng.uniform(1, 5, 40) + rng.standard_normal(40)
    np.testing.assert_allclose(run_calibrated(moved, members), plainly, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        run_calibrated(scores[:, order], members[:, order]), plainly[:, order], rtol=1e-9
    )


def test_labels_are_taken_together():
    scores = np.random.default_rng(5).standard_normal((4, 3, 2)) * 3
    p = (1 / (1 + np.exp(-scores))).prod(2)
    np.testing.assert_allclose(combine_labels(scores), np.log(p / (1 - p)), rtol=1e-9)
    assert np.isfinite(combine_labels(np.full((1, 1, 2), 800.0))).all()
