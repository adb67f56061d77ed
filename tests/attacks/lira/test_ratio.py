import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.attacks.lira import ratio, run_lira
from rollcall.stats import metrics
from rollcall.util.errors import InputError
from tests.attacks.simulation import VARIANTS, mean_auc, random_scores
from tests.oracles import attacks as plain
from tests.oracles import risk as naive


@pytest.mark.parametrize(("online", "variance"), VARIANTS)
@given(
    seed=st.integers(0, 2**32),
    targets=st.integers(8, 13),
    records=st.integers(1, 5),
    paired=st.booleans(),
    kind=st.sampled_from(["normal", "tied", "constant"]),
)
def test_lira_is_its_definition(online, variance, seed, targets, records, paired, kind):
    rng = np.random.default_rng(seed)
    members = plain.draw(rng, targets - targets % 2 if paired else targets, records, paired)
    scores = random_scores(rng, members.shape, kind)
    expected, size = plain.lira(scores, members, online, variance == "shared")
    got = run_lira(scores, members, online, variance)
    assert got.dtype == np.float64
    assert (abs(got - expected) <= 1e-9 * size).all()
    scores = scores.astype(np.float32)
    expected, size = plain.lira(scores, members, online, variance == "shared")
    got = run_lira(scores, members, online, variance)
    assert got.dtype == np.float32
    assert (abs(got - expected) <= 2e-5 * size).all()


@pytest.mark.parametrize(("online", "variance"), VARIANTS)
def test_a_mean_far_above_the_spread_costs_no_digits(online, variance):
    """Scores of 1e4 with a spread of 0.03, the case in which sums of squares lose eleven digits.

    Float32 holds such scores to 0.03 itself.
    """
    rng = np.random.default_rng(7)
    for paired in (True, False):
        members = plain.draw(rng, 12, 6, paired)
        scores = random_scores(rng, (12, 6), "offset")
        expected, size = plain.lira(scores, members, online, variance == "shared")
        assert (abs(run_lira(scores, members, online, variance) - expected) <= 1e-9 * size).all()


def test_blocks_do_not_show(monkeypatch):
    rng = np.random.default_rng(0)
    scores, members, index = naive.simulate(rng, 16, np.full(25, 2))
    for online, variance in VARIANTS:
        whole = run_lira(scores, members[:, index], online, variance)
        monkeypatch.setattr(ratio, "SCORES_PER_BLOCK", 7 * 16)
        in_blocks = run_lira(scores, members[:, index], online, variance)
        monkeypatch.undo()
        np.testing.assert_allclose(in_blocks, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [2, 4])
def test_auto_shares_the_variance_of_labels_with_few_references(size):
    """Below 64 references, or below 10 of a kind for each label."""
    for targets, chosen in (
        (64, "shared"),
        (66, "record" if size < 4 else "shared"),
        (82, "record"),
    ):
        scores, members, _ = naive.simulate(np.random.default_rng(1), targets, np.ones(20, int))
        scores = np.stack(
            [scores, *np.random.default_rng(1).standard_normal((size - 1, *scores.shape))], axis=2
        )
        np.testing.assert_array_equal(
            run_lira(scores, members), run_lira(scores, members, variance=chosen)
        )
        assert (
            run_lira(scores, members, variance="record")
            != run_lira(scores, members, variance="shared")
        ).any()


@pytest.mark.parametrize("online", [True, False])
def test_auto_moderates_the_variance_of_one_score(online):
    scores, members, _ = naive.simulate(np.random.default_rng(1), 8, np.ones(20, int))
    moderated = run_lira(scores, members, online, "moderated")
    np.testing.assert_array_equal(run_lira(scores, members, online), moderated)
    with pytest.raises(InputError, match="'moderated' is of one score a record"):
        run_lira(np.stack([scores, scores], 2), members, online, "moderated")


def test_an_unknown_variance_is_refused():
    scores, members, _ = naive.simulate(np.random.default_rng(1), 8, np.ones(20, int))
    with pytest.raises(
        InputError, match="variance 'both': expected auto, moderated, shared, record"
    ):
        run_lira(scores, members, variance="both")


def test_nan_scores_are_named():
    scores, members, _ = naive.simulate(np.random.default_rng(1), 8, np.ones(20, int))
    scores[3, 7] = np.nan
    with pytest.raises(InputError, match="target 3, record 7 is NaN"):
        run_lira(scores, members)


def test_a_score_near_the_members_is_more_like_a_member():
    """One record with 'in' scores about 2 and 'out' scores about 0.

    The target's own score moves the statistic up, and nothing else's.
    """
    rng = np.random.default_rng(2)
    members = naive.paired(rng, 16, 30)
    scores = (rng.standard_normal((16, 30)) + 2 * members).astype(np.float32)
    higher = scores.copy()
    higher[3] += 0.5
    for online, _ in VARIANTS[::2]:
        before, after = (
            run_lira(scores, members, online, "shared"),
            run_lira(higher, members, online, "shared"),
        )
        assert (after[3] > before[3]).mean() > 0.9
        assert np.allclose(after[2], before[2], 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("targets", "repeats"), [(8, 60), (16, 40), (64, 15)])
@pytest.mark.parametrize(("online", "variance"), VARIANTS)
def test_no_leakage_gives_half(online, variance, targets, repeats):
    """Within 4 Monte-Carlo errors of 0.5 (12 cases.

    Fails by chance in about 1 of 100 choices of seeds), and those under 0.0025.
    """
    mean, error = mean_auc(lambda s, m: run_lira(s, m, online, variance), targets, repeats, 1000)
    assert error < 0.0025
    assert abs(mean - 0.5) < 4 * error


def test_leaving_out_the_target_alone_would_not_give_half():
    """What the pairs are for.

    On the same null at 8 targets, online LiRA with the partner kept as a reference is at 0.445 (SE
    0.004).
    """
    areas = {True: [], False: []}
    for seed in range(20):
        scores, members, _ = naive.simulate(np.random.default_rng([seed, 3]), 8, np.ones(150, int))
        for pair in areas:
            result, _ = plain.lira(scores, members, online=True, shared=False, pair=pair)
            areas[pair].append(np.mean([metrics.auc(result[t], members[t]) for t in range(8)]))
    assert np.mean(areas[False]) < 0.465
    assert abs(np.mean(areas[True]) - 0.5) < 4 * np.std(areas[True], ddof=1) / np.sqrt(20)
