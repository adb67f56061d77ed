import numpy as np
import pytest

from rollcall.stats import moments as moments_module
from rollcall.stats.moments import check_moments, compute_moments, pair_signs, split_in_out
from rollcall.util.errors import InputError
from tests.oracles import risk as naive


@naive.given_records
def test_moments_of_each_record(seed, patients, pairs, tied, level):
    """float32 sums: relative errors of 1e-6, times 100 where level is 10 times the spread."""
    scores, members, index = naive.random_records(seed, patients, pairs, tied, level)
    moments = compute_moments(scores, members, index)
    assert moments.pairs == pairs
    for n, patient in enumerate(index):
        inside, outside = naive.split_in_out(scores[:, n], members[:, patient])
        for kind, values in (("in", inside), ("out", outside)):
            mean, variance, skew, kurt = naive.shape(values)
            assert getattr(moments, f"mean_{kind}")[n] == pytest.approx(mean, abs=2e-5)
            assert getattr(moments, f"var_{kind}")[n] == pytest.approx(variance, abs=5e-5)
            if n and variance > 0.5:
                assert getattr(moments, f"skew_{kind}")[n] == pytest.approx(skew, abs=2e-3)
                assert getattr(moments, f"kurt_{kind}")[n] == pytest.approx(kurt, abs=1e-2)
        covariance = naive.pair_covariance(scores[:, n], members[:, patient])
        assert moments.cov[n] == pytest.approx(covariance, abs=1e-4)
        column = scores[:, n].astype(float)
        assert moments.sd[n] == pytest.approx(max(np.std(column), 1e-6), abs=2e-5)
        assert moments.mean[n] == pytest.approx(np.mean(column), abs=2e-5)


def test_more_columns_than_a_block_and_other_types(monkeypatch):
    rng = np.random.default_rng(0)
    scores, members, index = naive.simulate(rng, 10, rng.integers(1, 4, 30))
    whole = compute_moments(scores, members, index)
    monkeypatch.setattr(moments_module, "RECORDS_PER_BLOCK", 8)
    monkeypatch.setattr(moments_module, "NUMBERS_PER_BLOCK", 7)
    assert len(index) > 4 * 8
    in_blocks = compute_moments(scores.astype(np.float64), members, index)
    by_record = compute_moments(np.asfortranarray(scores), members[:, index])
    for name in ("mean_in", "mean_out", "var_in", "var_out", "skew_in", "kurt_out", "cov"):
        expected = getattr(whole, name)
        np.testing.assert_allclose(getattr(in_blocks, name), expected, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(getattr(by_record, name), expected, rtol=1e-3, atol=1e-5)


def test_constant_scores_and_scores_whose_powers_overflow_stay_finite():
    members = np.tile([[True], [False]], (4, 2))
    scores = np.full((8, 2), 1.1)
    scores[:, 1] = np.arange(8) * 1e12
    moments = compute_moments(scores, members)
    assert moments.var_in[0] == moments.var_out[0] == 0
    for name in ("skew_in", "skew_out", "kurt_in", "kurt_out"):
        assert np.isfinite(getattr(moments, name)).all()
    check_moments(moments, scores)


def test_in_and_out_are_split_and_signs_say_which_target_had_the_patient():
    rng = np.random.default_rng(1)
    members = naive.paired(rng, 8, 5)
    values = rng.standard_normal((8, 5, 3))
    inside, outside = split_in_out(values, members)
    for n in range(5):
        for label in range(3):
            expected = naive.split_in_out(values[:, n, label], members[:, n])
            assert inside[:, n, label].tolist() == expected[0]
            assert outside[:, n, label].tolist() == expected[1]
    signs = pair_signs(members)
    assert signs.dtype == np.float32
    assert (signs == np.where(members[0::2], 1, -1)).all()


def test_scores_that_are_not_finite_or_too_large_are_refused():
    scores, members, index = naive.simulate(np.random.default_rng(0), 8, np.full(6, 2))
    check_moments(compute_moments(scores, members, index), scores)
    for bad in (np.nan, np.inf, -np.inf):
        wrong = scores.copy()
        wrong[3, 7] = wrong[2, 9] = bad
        with pytest.raises(InputError, match="target 3, record 7 is NaN or infinite"):
            check_moments(compute_moments(wrong, members, index), wrong)
    large = scores.astype(np.float64)
    large[:, 7] = 1e300
    with pytest.raises(InputError, match="record 7 has scores whose sum float32 cannot hold"):
        check_moments(compute_moments(large, members, index), large)
