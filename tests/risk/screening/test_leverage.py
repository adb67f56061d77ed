"""Leverage against ridge models trained again without a patient: exact."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.risk.screening.leverage import measure_leverage
from rollcall.util.errors import InputError


def fit(x, y, ridge):
    return np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(1e-3, 10), st.integers(1, 5))
def test_in_less_out_is_the_block_times_the_error_without_it(seed, ridge, most):
    rng = np.random.default_rng(seed)
    index = np.sort(np.repeat(np.arange(15), rng.integers(1, most + 1, 15)))
    x, y = rng.normal(size=(len(index), 4)), rng.normal(size=len(index))
    of_records, of_patients = measure_leverage(x, index, ridge=ridge)
    for patient in range(15):
        who = index == patient
        outside = x[who] @ fit(x[~who], y[~who], ridge)
        moved = x[who] @ fit(x, y, ridge) - outside
        block = x[who] @ np.linalg.solve(x.T @ x + ridge * np.eye(4), x[who].T)
        np.testing.assert_allclose(moved, block @ (y[who] - outside), atol=1e-9)
        np.testing.assert_allclose(np.diag(block), of_records[who], atol=1e-9)
        assert of_patients[patient] == pytest.approx(np.linalg.eigvalsh(block)[-1], abs=1e-9)
        # the labels that pull most: all of the leverage's share of their error goes
        worst = y.copy()
        worst[who] = outside + np.linalg.eigh(block)[1][:, -1]
        pulled = x[who] @ fit(x, worst, ridge) - outside
        assert np.linalg.norm(pulled) == pytest.approx(of_patients[patient], abs=1e-9)


def test_weights_scale_rows_and_the_order_is_nothing():
    rng = np.random.default_rng(0)
    index, x, w = rng.integers(0, 20, 60), rng.normal(size=(60, 3)), rng.uniform(size=60)
    index[:20] = np.arange(20)
    order = rng.permutation(60)
    records, patients = measure_leverage(x, index, w)
    again = measure_leverage(x[order], index[order], w[order])
    np.testing.assert_allclose(again[0], records[order])
    np.testing.assert_allclose(again[1], patients)
    np.testing.assert_allclose(measure_leverage(x * np.sqrt(w)[:, None], index)[1], patients)
    assert (patients > 0).all()
    assert (patients < 1).all()


@pytest.mark.parametrize("x", [np.ones(5), np.ones((4, 2)), np.full((5, 2), np.nan)])
def test_features_that_do_not_fit(x):
    with pytest.raises(InputError, match="expected finite numbers"):
        measure_leverage(x, np.arange(5))
