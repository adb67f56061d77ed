from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.attacks.lira import multilabel, run_lira
from rollcall.util.errors import InputError
from tests.attacks.simulation import VARIANTS, mean_auc, random_scores
from tests.oracles import attacks as plain
from tests.oracles import risk as naive


@pytest.mark.parametrize(("online", "variance"), VARIANTS)
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


@pytest.mark.parametrize("size", [1, 3])
def test_blocks_do_not_show(monkeypatch, size):
    rng = np.random.default_rng(0)
    scores, members, index = naive.simulate(rng, 16, np.full(25, 2))
    scores = np.stack([scores, *rng.standard_normal((size - 1, *scores.shape))], axis=2)
    for online, variance in VARIANTS:
        whole = run_lira(scores, members[:, index], online, variance)
        monkeypatch.setattr(multilabel, "NUMBERS_PER_BLOCK", 7 * 16)
        in_blocks = run_lira(scores, members[:, index], online, variance)
        monkeypatch.undo()
        np.testing.assert_allclose(in_blocks, whole, rtol=1e-5, atol=1e-5)


def test_too_few_references_are_refused():
    scores, members, _ = naive.simulate(np.random.default_rng(1), 8, np.ones(20, int))
    two = np.stack([scores, scores], axis=2)
    message = (
        "3 references with a record, or without; expected more than 3 for 2 labels: "
        "use variance shared"
    )
    with pytest.raises(InputError, match=message):
        run_lira(two, members, variance="record")
    with pytest.raises(InputError, match="too few for a covariance of 2 labels"):
        run_lira(two[:, :1], members[:, :1], variance="shared")
    two[5, 9, 1] = np.inf
    with pytest.raises(InputError, match="target 5, record 9 is NaN or infinite"):
        run_lira(two, members)


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
    """A label in other units (the ridge aside) and in another place gives the same statistic.

    A constant label adds nothing.
    """
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("targets", "repeats", "variances"),
    [(8, 60, ["shared"]), (16, 40, ["shared", "record"]), (64, 15, ["shared", "record"])],
)
@pytest.mark.parametrize("online", [True, False])
def test_no_leakage_gives_half(online, targets, repeats, variances):
    """Within 4 Monte-Carlo errors of 0.5, in 10 cases, and those under 0.0025.

    Of 8 targets too few references are left for a covariance of each record.
    """
    for variance in variances:
        mean, error = mean_auc(
            partial(run_lira, online=online, variance=variance), targets, repeats, 600, size=2
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
