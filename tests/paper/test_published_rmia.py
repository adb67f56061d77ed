"""Ratios are kept of the records that others are compared with alone; nothing changes by that."""

import numpy as np
import pytest

from rollcall.paper import published_rmia


@pytest.mark.parametrize("records", [300, 3000])
@pytest.mark.parametrize("gamma", [1.0, 1.1])
def test_the_pool_is_all_that_is_needed(monkeypatch, records, gamma):
    monkeypatch.setattr(published_rmia, "RECORDS_PER_BLOCK", 130)
    rng = np.random.default_rng(records)
    x, z = np.round(rng.lognormal(0, 0.3, (2, 3, records)), 2)  # with ties
    pool = published_rmia.draw_pool(records, 5)
    assert len(pool) == min(records, 2500)
    assert (np.diff(pool) > 0).all()
    got = published_rmia.run_published_rmia(x.copy(), z[:, pool], 5, gamma)
    draws = np.random.default_rng([5, 9])
    population = draws.permutation(records)[:2500]
    for start in range(0, records, 130):
        chosen = draws.permutation(population)[:500]
        for record in range(start, min(start + 130, records)):
            others = chosen[chosen != record]
            expected = (x[:, [record]] > gamma * z[:, others]).mean(1)
            np.testing.assert_allclose(got[:, record], expected, atol=1e-12)
