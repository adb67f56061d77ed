import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binomtest

from rollcall.stats import metrics
from tests.oracles import risk as naive

# Few values: many ties, any class counts.
TIED = st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=2, max_size=24)


def to_arrays(rows):
    scores = np.array([row[0] for row in rows], float)
    positive = np.array([row[1] for row in rows], bool)
    assume(positive.any() and not positive.all())
    return scores, positive


def auc_clustered(scores, positive, cluster):
    placement = metrics.rank_scores(scores, positive).placement
    return metrics.auc_from_placements(placement, positive, cluster)


@given(TIED)
def test_auc_is_the_share_of_pairs(rows):
    scores, positive = to_arrays(rows)
    assert metrics.auc(scores, positive) == pytest.approx(naive.auc(scores, positive), abs=1e-9)


@given(TIED)
def test_auc_knows_only_the_order_and_the_sign(rows):
    scores, positive = to_arrays(rows)
    area = metrics.auc(scores, positive)
    for monotone in (
        np.exp(scores),
        scores**3,
        2 * scores - 7,
        np.arctan(scores).astype(np.float32),
    ):
        assert metrics.auc(monotone, positive) == area
    assert metrics.auc(-scores, positive) == pytest.approx(1 - area, abs=1e-12)
    assert metrics.auc(scores, ~positive) == pytest.approx(1 - area, abs=1e-12)
    raised = metrics.auc(scores + 0.5 * positive, positive)
    assert raised >= area
    assert metrics.auc(scores + 100 * positive, positive) == 1


def test_constant_scores_tell_nothing():
    positive = np.array([True, False, False, True, False])
    assert metrics.auc(np.zeros(5), positive) == 0.5
    assert auc_clustered(np.zeros(5), positive, np.arange(5)) == (0.5, 0.0)
    np.testing.assert_array_equal(
        metrics.tpr_at_fpr(np.zeros(5), positive, np.array([0.1, 0.99, 1.0])), [0, 0, 1]
    )


@pytest.mark.parametrize("positive", [np.ones(4, bool), np.zeros(4, bool)])
def test_one_class_has_no_auc(positive):
    assert np.isnan(metrics.auc(np.arange(4.0), positive))


@given(TIED, st.sampled_from([1e-4, 0.05, 0.1, 0.25, 1 / 3, 0.5, 0.75, 1.0]))
def test_roc_is_the_best_threshold(rows, fpr):
    scores, positive = to_arrays(rows)
    rate = metrics.tpr_at_fpr(scores, positive, np.array([fpr]))[0]
    assert rate == pytest.approx(naive.tpr_at(scores, positive, fpr), abs=1e-9)


def test_roc_makes_use_of_every_allowed_false_positive():
    # Negatives 0, 2, ... 18; positives 1, 3, ... 19.
    scores, positive = np.arange(20.0), np.arange(20) % 2 == 1
    rates = metrics.tpr_at_fpr(scores, positive, np.arange(11) / 10)
    np.testing.assert_allclose(rates, np.minimum(np.arange(1, 12) / 10, 1))


@given(st.integers(0, 2**32), st.integers(3, 12), st.booleans())
def test_clustered_error_is_obuchowskis(seed, patients, tied):
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(patients), rng.integers(1, 5, patients))
    inside = rng.permutation(patients) < rng.integers(1, patients)
    size = len(cluster)
    scores = rng.integers(-3, 4, size).astype(float) if tied else rng.standard_normal(size)
    order = rng.permutation(size)
    scores, positive, cluster = scores[order], inside[cluster[order]], cluster[order]
    area, error = auc_clustered(scores, positive, cluster)
    assert area == pytest.approx(naive.auc(scores, positive), abs=1e-9)
    assert error == pytest.approx(naive.auc_se_clustered(scores, positive, cluster), abs=1e-9)


@given(st.integers(0, 2**32), st.integers(4, 20))
def test_clustered_error_of_single_records_is_delongs(seed, n):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, n).astype(float)
    positive = rng.permutation(n) < rng.integers(2, n - 1)
    error = auc_clustered(scores, positive, rng.permutation(n))[1]
    assert error == pytest.approx(naive.delong_se(scores, positive), abs=1e-9)


@given(TIED)
def test_ranked_scores_hold_the_order_and_the_placements(rows):
    scores, positive = to_arrays(rows)
    ranked = metrics.rank_scores(scores, positive)
    assert (scores[ranked.order] == ranked.values).all()
    assert (positive[ranked.order] == ranked.positive).all()
    assert (np.diff(ranked.values) >= 0).all()
    for n, kind in enumerate(positive):
        others = scores[positive != kind]
        below = ((scores[n] > others) + 0.5 * (scores[n] == others)).mean()
        assert ranked.placement[n] == pytest.approx(below if kind else 1 - below, abs=1e-12)


@given(TIED, st.sampled_from([1e-4, 0.05, 0.25, 1 / 3, 0.5, 1.0]))
def test_the_highest_negatives_are_enough_for_a_threshold(rows, fpr):
    scores, positive = to_arrays(rows)
    negatives = np.sort(scores[~positive])
    whole = metrics.threshold_at_fpr(negatives, np.array([fpr]))[0]
    assert (negatives > whole).mean() <= fpr + 1e-9
    lower = negatives[negatives < whole]
    assert not len(lower) or (negatives > lower[-1]).mean() > fpr
    top = negatives[-(int(fpr * len(negatives) + 1e-9) + 1) :]
    assert metrics.threshold_at_fpr(top, np.array([fpr]), len(negatives))[0] == whole


@given(st.integers(1, 300), st.data())
def test_one_try_each_is_clopper_and_pearson(n, data):
    hits = data.draw(st.integers(0, n))
    exact = binomtest(hits, n).proportion_ci(method="exact")
    interval = metrics.rate_interval(np.arange(n) < hits, np.ones(n))
    assert interval == pytest.approx((hits / n, exact.low, exact.high), abs=1e-9)


def test_precision_falls_with_the_prior():
    assert metrics.precision_at_prior(0.2, 0.001, 0.5) == pytest.approx(0.1 / 0.1005)
    assert metrics.precision_at_prior(0.2, 0.001, 0.01) == pytest.approx(0.002 / (0.002 + 0.00099))
    assert np.isnan(metrics.precision_at_prior(0.0, 0.0, 0.1))


def test_the_auc_of_rows_is_each_rows_own():
    rng = np.random.default_rng(2)
    scores, positive = np.round(rng.standard_normal((5, 40)), 1), rng.random(40) < 0.4
    rows = metrics.auc_of_rows(scores, positive)
    assert [metrics.auc(row, positive) for row in scores] == rows.tolist()
    assert np.isnan(metrics.auc_of_rows(scores, np.ones(40, bool))).all()


def test_the_mean_auc_leaves_out_what_never_occurs():
    outputs = np.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    labels = np.array([0, 0, 1, 1])
    first, second = (naive.auc(outputs[:, k], labels == k) for k in (0, 1))
    assert metrics.mean_auc(outputs, labels, "multiclass") == pytest.approx((first + second) / 2)
    assert metrics.mean_auc(outputs[:, :1], labels, "binary") == pytest.approx(1 - first)
    none = np.zeros((4, 3), int)
    assert np.isnan(metrics.mean_auc(outputs, none, "multilabel"))
