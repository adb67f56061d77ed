import numpy as np
import pytest
from scipy.stats import norm

from rollcall.risk.units import convert_to_epsilon, describe_risk


def test_units_are_those_of_two_normals():
    """A mean apart by mu: AUC, true-positive rate at a threshold, Bayes."""
    auc, low = np.array([0.3, 0.5, 0.7, 0.95]), np.array([0.2, 0.4, 0.6, 0.9])
    table = describe_risk(auc, low)
    for i in range(4):
        for which, value in (("", auc[i]), ("_low", low[i])):
            mu = table[f"mu{which}"][i]
            assert norm.cdf(mu / np.sqrt(2)) == pytest.approx(value)  # P(in > out)
            for fpr in (0.01, 0.001):
                right = norm.sf(norm.isf(fpr), loc=mu)
                assert table[f"recognised_{fpr:g}{which}"][i] == pytest.approx(right)
                for prior in (0.01, 0.1, 0.5):
                    expected = prior * right / (prior * right + (1 - prior) * fpr)
                    if not which:
                        assert table[f"right_{fpr:g}_{prior:g}"][i] == pytest.approx(expected)


def test_a_risk_of_half_tells_as_many_as_false_alarms_and_no_more():
    table = describe_risk(np.array([0.5]), np.array([0.5]))
    assert table["recognised_0.01"][0] == pytest.approx(0.01)
    assert table["right_0.01_0.1"][0] == pytest.approx(0.1)


def test_ends_stay_finite():
    table = describe_risk(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    assert np.isfinite(table).all(axis=None)
    assert table["recognised_0.001"].tolist() == pytest.approx([0, 1])


@pytest.mark.parametrize("mu", [0.1, 0.5, 1.0, 3.29, 10.0])
@pytest.mark.parametrize("delta", [1e-2, 1e-5, 1e-9])
def test_an_epsilon_is_that_of_the_mechanism(mu, delta):
    """Gaussian noise: the delta of an epsilon by integration of the privacy loss."""
    epsilon = convert_to_epsilon(mu, delta)
    loss = np.linspace(max(epsilon, 1e-12), epsilon + 14 * mu + mu**2, 200_001)
    density = norm.pdf(loss, mu**2 / 2, mu) * -np.expm1(epsilon - loss)
    if epsilon > 0:
        assert np.isclose(np.trapezoid(density, loss), delta, rtol=1e-3)
    else:
        assert 2 * norm.cdf(mu / 2) - 1 <= delta


def test_no_gap_is_no_epsilon():
    assert convert_to_epsilon(0.0, 1e-5) == 0
    assert convert_to_epsilon(-1.0, 1e-5) == 0
