import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import polygamma

from rollcall.attacks.lira import prior, ratio, run_lira
from rollcall.stats import metrics
from tests.attacks.lira.plainly import moderated_plainly
from tests.attacks.simulation import mean_auc, random_scores
from tests.oracles import attacks as plain
from tests.oracles import risk as naive


@pytest.mark.parametrize("online", [True, False])
@given(
    seed=st.integers(0, 2**32),
    targets=st.integers(8, 13),
    records=st.integers(1, 6),
    paired=st.booleans(),
    kind=st.sampled_from(["normal", "constant"]),
    strength=st.sampled_from(prior.STRENGTHS[:-1]),
)
def test_moderated_lira_is_its_definition(online, seed, targets, records, paired, kind, strength):
    rng = np.random.default_rng(seed)
    members = plain.draw(rng, targets - targets % 2 if paired else targets, records, paired)
    scores = random_scores(rng, members.shape, kind) * rng.lognormal(0, 1, records)
    expected = moderated_plainly(scores, members, online, strength)
    size, strengths = 1 + abs(expected), np.full(len(members), strength)
    paired = plain.are_pairs(members)
    got = ratio.prepare_moderated(paired, online, scores, members)(strengths)
    assert got.dtype == np.float64
    assert (abs(got - expected) <= 1e-6 * size).all()
    got = ratio.prepare_moderated(paired, online, scores.astype(np.float32), members)(strengths)
    assert got.dtype == np.float32
    assert (abs(got - expected) <= 1e-3 * size).all()


@given(st.lists(st.floats(1e-6, 1e8), min_size=1, max_size=20))
def test_the_inverse_of_trigamma(values):
    x = prior.invert_trigamma(np.array(values))
    np.testing.assert_allclose(polygamma(1, x), values, rtol=1e-9)


@pytest.mark.parametrize("nu0", [4.0, 10.0, 40.0])
def test_the_fit_finds_the_prior(nu0):
    """20,000 variances with 7 degrees of freedom each; nu0 within 15% (its error is under 5%)."""
    rng = np.random.default_rng(int(nu0))
    variances = 2.5 * nu0 / rng.chisquare(nu0, 20_000) * rng.chisquare(7, 20_000) / 7
    freedom = np.full((1, 20_000), 7)
    logs = prior.sum_logs(variances[None], freedom, np.ones((1, 20_000), bool))
    squares, total = np.array([[7 * variances.sum()]]), np.array([[7.0 * 20_000]])
    fitted = prior.fit_prior(squares, total, logs[:, None])
    assert fitted.freedom[0, 0] == pytest.approx(nu0, rel=0.15)
    strong = prior.fit_prior(squares, total, logs[:, None], 3.0)
    assert strong.freedom[0, 0] == pytest.approx(3 * fitted.freedom[0, 0])
    assert fitted.squares[0, 0] == pytest.approx(fitted.freedom[0, 0] * variances.mean())


def test_records_that_scatter_alike_share_their_variance():
    rng = np.random.default_rng(3)
    members = naive.paired(rng, 16, 3000)
    scores = rng.standard_normal(members.shape)
    got, shared = (run_lira(scores, members, variance=kind) for kind in ("moderated", "shared"))
    assert np.corrcoef(got.ravel(), shared.ravel())[0, 1] > 0.995


def test_records_that_scatter_differently_are_told_at_low_rates():
    """Spreads differ tenfold, as nu0 = 4; every record's members are raised by 2 of its spreads."""
    rng = np.random.default_rng(4)
    members = naive.paired(rng, 16, 4000)
    spread = np.sqrt(4 / rng.chisquare(4, 4000))
    scores = ((rng.standard_normal(members.shape) + 2 * members) * spread).astype(np.float32)
    rate = {
        kind: np.mean(
            [
                metrics.tpr_at_fpr(row, inside, np.array([0.01]))[0]
                for row, inside in zip(
                    run_lira(scores, members, variance=kind), members, strict=True
                )
            ]
        )
        for kind in ("moderated", "shared", "record")
    }
    assert rate["moderated"] > 1.2 * rate["shared"]
    assert rate["moderated"] > 1.1 * rate["record"]


def test_nothing_of_a_pair_enters_its_references():
    rng = np.random.default_rng(5)
    members = naive.paired(rng, 12, 40)
    scores = random_scores(rng, members.shape, "normal")
    other = scores.copy()
    other[5] += 10  # the partner of target 4
    before, after = (
        ratio.prepare_moderated(True, True, each, members)(np.full(12, 3.0))
        for each in (scores, other)
    )
    np.testing.assert_allclose(after[4], before[4], rtol=1e-9, atol=1e-9)


def test_order_and_scale_change_nothing():
    """Records, pairs and the two of a pair in another order; scores times 7 plus 3."""
    rng = np.random.default_rng(6)
    members = naive.paired(rng, 12, 50)
    scores = random_scores(rng, members.shape, "normal")
    plainly = run_lira(scores, members)
    records, pairs = rng.permutation(50), rng.permutation(6)
    targets = np.stack([2 * pairs + 1, 2 * pairs], 1).ravel()
    shuffled = run_lira(scores[targets][:, records], members[targets][:, records])
    np.testing.assert_allclose(shuffled, plainly[targets][:, records], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(run_lira(7 * scores + 3, members), plainly, rtol=1e-8, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize(("targets", "repeats"), [(8, 60), (16, 40), (64, 15)])
@pytest.mark.parametrize("online", [True, False])
def test_no_leakage_gives_half(online, targets, repeats):
    """Within 4 Monte-Carlo errors of 0.5: fails by chance in 1 of 2,500 choices of seeds."""
    mean, error = mean_auc(lambda s, m: run_lira(s, m, online), targets, repeats, 1000)
    assert error < 0.0025
    assert abs(mean - 0.5) < 4 * error
