import importlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import metrics
from lib.attacks import ATTACKS, evaluate
from lib.attacks.lira import lira
from lib.errors import InputError
from tests import naive
from tests.naive import FIXED

module = importlib.import_module("lib.attacks.lira")  # the package's `lira` is the function

VARIANTS = [(True, "record"), (True, "shared"), (False, "record"), (False, "shared")]


@pytest.mark.parametrize("online, variance", VARIANTS)
@FIXED
@given(seed=st.integers(0, 2**32), half=st.integers(4, 7), records=st.integers(1, 6), kind=st.sampled_from(["normal", "tied", "constant"]))
def test_lira_is_its_definition(online, variance, seed, half, records, kind):
    rng = np.random.default_rng(seed)
    members = naive.paired(rng, 2 * half, records)
    scores = rng.standard_normal((2 * half, records)) * 3 + 5
    if kind == "tied":
        scores = np.round(scores / 2)
    if kind == "constant":
        scores[:, 0] = 1.1
    scores = scores.astype(np.float32)
    expected, size = naive.lira(scores, members, online, variance == "shared")
    got = lira(scores, members, online, variance)
    assert got.dtype == np.float32 and np.isfinite(got).all()
    assert (abs(got - expected) <= 1e-5 * abs(expected) + 2e-5 * size).all()


def test_chunks_do_not_show(monkeypatch):
    rng = np.random.default_rng(0)
    scores, members, index = naive.simulate(rng, 8, np.full(25, 2))
    for online, variance in VARIANTS:
        whole = lira(scores, members[:, index], online, variance)
        monkeypatch.setattr(module, "CHUNK", 7)
        np.testing.assert_allclose(lira(scores, members[:, index], online, variance), whole, rtol=1e-5, atol=1e-5)
        monkeypatch.undo()


def test_auto_shares_the_variance_below_64_references():
    for targets, chosen in ((64, "shared"), (66, "record")):
        scores, members, _ = naive.simulate(np.random.default_rng(1), targets, np.ones(20, int))
        np.testing.assert_array_equal(lira(scores, members), lira(scores, members, variance=chosen))
    with pytest.raises(InputError, match="variance 'both': expected auto, record or shared"):
        lira(scores, members, variance="both")
    with pytest.raises(InputError, match="differ; expected both"):
        lira(scores[:, :3], members)


def test_a_score_near_the_members_is_more_like_a_member():
    """One record with 'in' scores about 2 and 'out' scores about 0: the target's own score moves the statistic up, and nothing else's."""
    rng = np.random.default_rng(2)
    members = naive.paired(rng, 16, 30)
    scores = (rng.standard_normal((16, 30)) + 2 * members).astype(np.float32)
    higher = scores.copy()
    higher[3] += 0.5
    for online, _ in VARIANTS[::2]:
        before, after = lira(scores, members, online, "shared"), lira(higher, members, online, "shared")
        assert (after[3] > before[3]).mean() > 0.9 and (after[2] == before[2]).mean() > 0.9  # partner's references lack target 3


def mean_auc(attack, targets, repeats, patients, shift=0.0):
    """(mean, Monte-Carlo error) of the AUC of `attack` over `repeats` simulated audits, each the mean over its targets."""
    areas = []
    for seed in range(repeats):
        scores, members, index = naive.simulate(np.random.default_rng([seed, targets]), targets, np.ones(patients, int), shift)
        result = attack(scores, members)
        areas.append(np.mean([metrics.auc(result[t], members[t]) for t in range(targets)]))
    return np.mean(areas), np.std(areas, ddof=1) / np.sqrt(repeats)


@pytest.mark.parametrize("targets, repeats", [(8, 60), (16, 40), (64, 15)])
@pytest.mark.parametrize("online, variance", VARIANTS)
def test_no_leakage_gives_half(online, variance, targets, repeats):
    """Within 4 Monte-Carlo errors of 0.5 (12 cases: fails by chance in about 1 of 100 choices of seeds), and those under 0.0025."""
    mean, error = mean_auc(lambda s, m: lira(s, m, online, variance), targets, repeats, 1000)
    assert error < 0.0025
    assert abs(mean - 0.5) < 4 * error


def test_leaving_out_the_target_alone_would_not_give_half():
    """What the pairs are for: on the same null at 8 targets, online LiRA with the partner kept as a reference is at 0.445 (SE 0.004)."""
    areas = {True: [], False: []}
    for seed in range(20):
        scores, members, _ = naive.simulate(np.random.default_rng([seed, 3]), 8, np.ones(150, int))
        for pair in areas:
            result, _ = naive.lira(scores, members, online=True, shared=False, pair=pair)
            areas[pair].append(np.mean([metrics.auc(result[t], members[t]) for t in range(8)]))
    assert np.mean(areas[False]) < 0.465
    assert abs(np.mean(areas[True]) - 0.5) < 4 * np.std(areas[True], ddof=1) / np.sqrt(20)


@pytest.mark.parametrize("name", ATTACKS, ids="-".join)
def test_members_shifted_up_raise_every_attack(name):
    areas = [mean_auc(ATTACKS[name], 16, 3, 600, shift)[0] for shift in (0.0, 0.5, 2.0)]
    assert areas[1] > 0.5 and areas[0] < areas[1] < areas[2]


def test_evaluate_has_a_row_per_attack_and_target():
    scores, members, index = naive.simulate(np.random.default_rng(4), 8, np.arange(1, 31) % 3 + 1, shift=1.0)
    attacks, roc = evaluate(scores, members, index)
    assert len(attacks) == len(ATTACKS) * 8 and not attacks.isna().any().any()
    row = attacks[(attacks.attack == "LiRA") & (attacks.variant == "online") & (attacks.target == 5)].iloc[0]
    result, _ = naive.lira(scores, members[:, index], online=True, shared=True)
    assert row.auc == pytest.approx(naive.auc(result[5], members[5, index]), abs=1e-3)  # float32 may order near-ties otherwise
    assert row.auc_se == pytest.approx(naive.auc_se_clustered(result[5], members[5, index], index), abs=1e-3)
    for (attack, variant), part in roc.groupby(["attack", "variant"]):
        assert part.tpr.is_monotonic_increasing and part.tpr.iloc[-1] == 1, (attack, variant)
        assert list(part.fpr) == sorted(part.fpr)
