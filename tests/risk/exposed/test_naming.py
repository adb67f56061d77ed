import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.risk.exposed import make_strata, name_exposed, weights
from rollcall.risk.exposed.naming import is_above
from tests.oracles import exposed as naive


def draw_cohort(seed, patients, rounds, strata, leaking):
    rng = np.random.default_rng(seed)
    floor = np.round(rng.normal(0.5, 0.1, (rounds, patients)), 3)
    auc = np.round(rng.normal(0.5, 0.1, patients) + 0.5 * (rng.random(patients) < leaking), 3)
    return auc, floor, rng.random(patients), rng.integers(0, strata, patients)


@pytest.mark.parametrize("least_in_bin", [6, 250])
@given(
    seed=st.integers(0, 2**32),
    patients=st.integers(1, 40),
    strata=st.integers(1, 3),
    leaking=st.sampled_from([0, 0.2, 0.7]),
)
def test_who_is_named_and_what_each_would_have_had_to_reach(
    seed, patients, strata, leaking, least_in_bin
):
    auc, floor, foretold, stratum = draw_cohort(seed, patients, 12, strata, leaking)
    stratum = np.unique(stratum, return_inverse=True)[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "LEAST_IN_BIN", least_in_bin)
        naming = name_exposed(auc, floor, foretold, stratum)
    p, weight, q, exposed, threshold = naive.name(
        list(auc), floor.tolist(), list(foretold), list(stratum), least_in_bin=least_in_bin
    )
    np.testing.assert_allclose(naming.p, p, rtol=1e-12)
    np.testing.assert_allclose(naming.weight, weight, rtol=1e-9)
    np.testing.assert_allclose(naming.q, q, rtol=1e-9)
    np.testing.assert_array_equal(naming.exposed, exposed)
    np.testing.assert_allclose(naming.threshold, threshold)
    assert naming.names.tolist() == [
        naming.exposed[stratum == number].any() for number in range(stratum.max() + 1)
    ]
    named = naming.names[stratum]
    np.testing.assert_array_equal(
        naming.exposed[named], is_above(auc[named], naming.threshold[named])
    )


def test_the_limit_is_the_rules_and_not_the_last_name():
    """Ten patients stand out; the next may have a p-value of 0.05 x 10 / 1,000 and be named."""
    rng = np.random.default_rng(0)
    floor = rng.normal(0.5, 0.05, (100, 1000))
    auc = np.where(np.arange(1000) < 10, 0.99, 0.35 + 0.3 * np.arange(1000) / 1000)
    naming = name_exposed(auc, floor, np.zeros(1000), np.zeros(1000, int))
    assert naming.exposed.sum() == 10
    assert naming.largest[0] * naming.null_share[0] == pytest.approx(0.05 * 10 / 1000)
    assert (floor > naming.threshold).sum() in (49, 50)  # of 100,000; p counts itself


def test_nobody_is_named_for_what_the_others_of_the_label_leak():
    """Where 99 of 100 leak, q-values are small for all: p must be too."""
    floor = np.random.default_rng(1).normal(0.5, 0.05, (100, 500))
    auc = np.where(np.arange(500) % 100 == 0, 0.52, 0.95)
    naming = name_exposed(auc, floor, np.zeros(500), np.zeros(500, int))
    assert naming.p[::100].min() > 0.05
    assert naming.exposed.sum() == 495
    assert (naming.threshold > 0.55).all()


@given(
    sizes=st.lists(st.integers(1, 700), min_size=1, max_size=5),
    seed=st.integers(0, 100),
)
def test_strata_are_labels_of_enough_patients(sizes, seed):
    labels = np.random.default_rng(seed).permutation(
        np.repeat(np.array(list("abcde"))[: len(sizes)], sizes)
    )
    stratum = make_strata(labels, len(labels))
    assert stratum.tolist() == naive.make_strata(labels.tolist())
    assert set(stratum) == set(range(stratum.max() + 1))
    if len(labels) >= 250:
        assert np.bincount(stratum).min() >= 250


def test_without_labels_there_is_one_stratum():
    assert make_strata(None, 4).tolist() == [0, 0, 0, 0]


def test_labels_by_other_names_name_the_same_patients():
    auc, floor, foretold, _ = draw_cohort(3, 900, 20, 1, 0.1)
    labels = np.random.default_rng(3).integers(0, 3, 900)
    namings = [
        name_exposed(auc, floor, foretold, make_strata(names[labels], 900))
        for names in (np.array(["x", "y", "z"]), np.array(["z", "x", "y"]))
    ]
    assert namings[0].exposed.any()
    np.testing.assert_array_equal(namings[0].q, namings[1].q)
    np.testing.assert_array_equal(namings[0].threshold, namings[1].threshold)
