import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.attacks import ATTACKS, lira, multilabel
from rollcall.attacks.lira import run_lira
from rollcall.stats import metrics
from rollcall.util.errors import InputError
from tests.oracles import attacks as plain
from tests.oracles import risk as naive
from tests.oracles.risk import FIXED

VARIANTS = [(True, "record"), (True, "shared"), (False, "record"), (False, "shared")]


def random_scores(rng, shape, kind):
    scores = rng.standard_normal(shape) * 3 + 5 * rng.standard_normal(shape[1:])
    if kind == "tied":
        scores = np.round(scores / 4)
    if kind == "constant":  # of one record, or of one label
        scores.T[0] = 1.1
    if kind == "offset":  # a mean far larger than the spread
        scores = scores / 100 + 1e4
    return scores


@pytest.mark.parametrize(("online", "variance"), VARIANTS)
@FIXED
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
@FIXED
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(1, 3),
    more=st.integers(0, 3),
    records=st.integers(2, 4),
    paired=st.booleans(),
    kind=st.sampled_from(["normal", "tied", "constant", "twins"]),
)
def test_lira_of_several_labels_is_its_definition(
    online, variance, seed, size, more, records, paired, kind
):
    rng = np.random.default_rng(seed)
    few = 2 * (size + 3)  # targets with which size + 2 references of each kind are left
    members = (
        plain.draw(rng, few + 2 * (more // 2), records, True)
        if paired
        else np.vstack([plain.draw(rng, few, records, True), rng.random((1 + more, records)) < 0.5])
    )  # some records have more in than out
    scores = random_scores(rng, (*members.shape, size), kind)
    if kind == "twins":
        scores[..., -1] = scores[..., 0]
    for real, tolerance in (
        (np.float64, 1e-7 if kind == "twins" else 1e-9),
        (np.float32, 1e-6),
    ):  # of twins only the ridge tells the covariance from singular
        scores = scores.astype(real)
        expected, scale = plain.lira_labels(
            scores.astype(float), members, online, variance == "shared"
        )
        got = run_lira(scores, members, online, variance)
        assert got.dtype == real
        assert (abs(got - expected) <= tolerance * np.maximum(scale, abs(expected))).all()


@pytest.mark.parametrize(("online", "variance"), VARIANTS)
def test_a_mean_far_above_the_spread_costs_no_digits(online, variance):
    """Scores of 1e4 with a spread of 0.03, the case in which sums of squares lose eleven digits. Float32 holds such scores to 0.03 itself."""
    rng = np.random.default_rng(7)
    for paired in (True, False):
        members = plain.draw(rng, 12, 6, paired)
        scores = random_scores(rng, (12, 6), "offset")
        expected, size = plain.lira(scores, members, online, variance == "shared")
        assert (abs(run_lira(scores, members, online, variance) - expected) <= 1e-9 * size).all()


@pytest.mark.parametrize("size", [0, 1, 3])
def test_chunks_do_not_show(monkeypatch, size):
    rng = np.random.default_rng(0)
    scores, members, index = naive.simulate(rng, 16, np.full(25, 2))
    if size:
        scores = np.stack([scores, *rng.standard_normal((size - 1, *scores.shape))], axis=2)
    for online, variance in VARIANTS:
        whole = run_lira(scores, members[:, index], online, variance)
        monkeypatch.setattr(
            multilabel if size else lira,
            "NUMBERS_PER_BLOCK" if size else "SCORES_PER_BLOCK",
            7 * 16,
        )
        np.testing.assert_allclose(
            run_lira(scores, members[:, index], online, variance), whole, rtol=1e-5, atol=1e-5
        )
        monkeypatch.undo()


@pytest.mark.parametrize("size", [1, 2, 4])
def test_auto_shares_the_variance_below_64_references_and_10_of_a_kind_for_each_label(size):
    for targets, chosen in (
        (64, "shared"),
        (66, "record" if size < 4 else "shared"),
        (82, "record"),
    ):
        scores, members, _ = naive.simulate(np.random.default_rng(1), targets, np.ones(20, int))
        if size > 1:
            scores = np.stack(
                [scores, *np.random.default_rng(1).standard_normal((size - 1, *scores.shape))],
                axis=2,
            )
        np.testing.assert_array_equal(
            run_lira(scores, members), run_lira(scores, members, variance=chosen)
        )
        assert (
            run_lira(scores, members, variance="record")
            != run_lira(scores, members, variance="shared")
        ).any()


def test_what_does_not_fit_is_refused():
    scores, members, _ = naive.simulate(np.random.default_rng(1), 8, np.ones(20, int))
    with pytest.raises(InputError, match="variance 'both': expected auto, record or shared"):
        run_lira(scores, members, variance="both")
    with pytest.raises(InputError, match="differ; expected both"):
        run_lira(scores[:, :3], members)
    with pytest.raises(InputError, match="6 targets; expected at least 8"):
        run_lira(scores[:6], members[:6])
    two = np.stack([scores, scores], axis=2)
    with pytest.raises(
        InputError,
        match="3 references with a record, or without; expected more than 3 for 2 labels: use variance shared",
    ):
        run_lira(two, members, variance="record")
    with pytest.raises(InputError, match="too few for a covariance of 2 labels"):
        run_lira(two[:, :1], members[:, :1], variance="shared")
    two[5, 9, 1] = np.inf
    with pytest.raises(InputError, match="target 5, record 9 is NaN or infinite"):
        run_lira(two, members)
    odd = members.copy()
    odd[:, 4] = np.arange(8) < 2
    with pytest.raises(InputError, match="2 of 8 targets had record 4; expected at least 3"):
        run_lira(scores, odd)


@pytest.mark.parametrize(("online", "variance"), VARIANTS)
def test_one_label_is_the_attack_on_scores(online, variance):
    scores, members, _ = naive.simulate(np.random.default_rng(6), 16, np.ones(40, int))
    scores = scores.astype(np.float64)  # to which a spread of 0.001 is added
    np.testing.assert_allclose(
        run_lira(scores[..., None], members, online, variance),
        run_lira(scores, members, online, variance),
        rtol=1e-3,
        atol=1e-4,
    )


@pytest.mark.parametrize(("online", "variance"), VARIANTS)
def test_labels_on_other_scales_change_nothing(online, variance):
    """A label in other units (the ridge aside) and in another place gives the same statistic; a constant label adds nothing."""
    rng = np.random.default_rng(8)
    members = naive.paired(rng, 16, 30)
    scores = rng.standard_normal((16, 30, 2)) + members[..., None]
    plainly = run_lira(scores, members, online, variance)
    np.testing.assert_allclose(
        run_lira((scores * [30, 7] + [5, -5])[..., ::-1], members, online, variance),
        plainly,
        rtol=1e-3,
        atol=1e-4,
    )
    constant = np.concatenate([scores, np.full((16, 30, 1), 3.0)], axis=2)
    if online:
        np.testing.assert_allclose(
            run_lira(constant, members, online, variance), plainly, rtol=1e-3, atol=1e-4
        )
    else:  # offline it is one label more in which scores might have been higher, and are not
        ratio = run_lira(constant, members, online, variance) / plainly
        assert ratio.min() > 0
        assert 0.5 < np.median(ratio) < 1


def test_a_score_near_the_members_is_more_like_a_member():
    """One record with 'in' scores about 2 and 'out' scores about 0: the target's own score moves the statistic up, and nothing else's."""
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


def mean_auc(attack, targets, repeats, patients, shift=0.0, size=0):
    """(mean, Monte-Carlo error) of the AUC of `attack` over `repeats` simulated audits, each the mean over its targets; of `size` correlated labels."""
    areas = []
    for seed in range(repeats):
        scores, members, index = naive.simulate(
            np.random.default_rng([seed, targets]), targets, np.ones(patients, int), shift
        )
        if size:
            scores = scores[..., None] + np.random.default_rng(
                [seed, targets, size]
            ).standard_normal((*scores.shape, size), np.float32)
        result = attack(scores, members)
        areas.append(np.mean([metrics.auc(result[t], members[t]) for t in range(targets)]))
    return np.mean(areas), np.std(areas, ddof=1) / np.sqrt(repeats)


@pytest.mark.parametrize(("targets", "repeats"), [(8, 60), (16, 40), (64, 15)])
@pytest.mark.parametrize(("online", "variance"), VARIANTS)
def test_no_leakage_gives_half(online, variance, targets, repeats):
    """Within 4 Monte-Carlo errors of 0.5 (12 cases: fails by chance in about 1 of 100 choices of seeds), and those under 0.0025."""
    mean, error = mean_auc(lambda s, m: run_lira(s, m, online, variance), targets, repeats, 1000)
    assert error < 0.0025
    assert abs(mean - 0.5) < 4 * error


@pytest.mark.parametrize(
    ("targets", "repeats", "variances"),
    [(8, 60, ["shared"]), (16, 40, ["shared", "record"]), (64, 15, ["shared", "record"])],
)
@pytest.mark.parametrize("online", [True, False])
def test_no_leakage_gives_half_with_several_labels(online, targets, repeats, variances):
    """As above, of 10 cases. Of 8 targets too few references are left for a covariance of each record."""
    for variance in variances:
        mean, error = mean_auc(
            lambda s, m: run_lira(s, m, online, variance), targets, repeats, 600, size=2
        )
        assert error < 0.0025
        assert abs(mean - 0.5) < 4 * error


@pytest.mark.parametrize(("online", "variance"), VARIANTS)
def test_members_shifted_up_raise_the_attack_on_labels(online, variance):
    areas = [
        mean_auc(lambda s, m: run_lira(s, m, online, variance), 16, 3, 400, shift, size=2)[0]
        for shift in (0.0, 0.5, 2.0)
    ]
    assert areas[1] > 0.5
    assert areas[0] < areas[1] < areas[2]


def test_leaving_out_the_target_alone_would_not_give_half():
    """What the pairs are for: on the same null at 8 targets, online LiRA with the partner kept as a reference is at 0.445 (SE 0.004)."""
    areas = {True: [], False: []}
    for seed in range(20):
        scores, members, _ = naive.simulate(np.random.default_rng([seed, 3]), 8, np.ones(150, int))
        for pair in areas:
            result, _ = plain.lira(scores, members, online=True, shared=False, pair=pair)
            areas[pair].append(np.mean([metrics.auc(result[t], members[t]) for t in range(8)]))
    assert np.mean(areas[False]) < 0.465
    assert abs(np.mean(areas[True]) - 0.5) < 4 * np.std(areas[True], ddof=1) / np.sqrt(20)


@pytest.mark.parametrize("name", ATTACKS, ids="-".join)
def test_members_shifted_up_raise_every_attack(name):
    areas = [mean_auc(ATTACKS[name], 16, 3, 600, shift)[0] for shift in (0.0, 0.5, 2.0)]
    assert areas[1] > 0.5
    assert areas[0] < areas[1] < areas[2]
