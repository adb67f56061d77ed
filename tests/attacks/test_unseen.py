"""One model and one to a few references that never saw the patients: formulas, chance, power."""

import numpy as np
import pytest
from scipy.special import expit

from rollcall.attacks.unseen import BINS, FREEDOM, PSEUDO_RECORDS, score_unseen
from rollcall.experiments.release import check_release, conformal
from rollcall.experiments.release.words import write_sentences
from rollcall.stats.metrics import auc
from rollcall.util.errors import InputError

PATIENTS = 600


def simulate(seed, references=1, leak=4.0, patients=PATIENTS):
    """(target, references, index, members, leaks); what leaks is what references find hard."""
    rng = np.random.default_rng([seed, 3])
    index = np.repeat(np.arange(patients), rng.integers(1, 4, patients))
    members, odd = rng.random(patients) < 0.5, rng.random(patients) < 0.15
    hard = rng.normal(1, 1.5, len(index)) - 2.5 * odd[index]
    noise = np.exp(0.3 * rng.standard_normal(len(index))) * rng.standard_t(5, (6, len(index)))
    scores = hard + 0.6 * noise
    scores[0] += leak * expit(-hard) * (members & odd)[index]
    scores[0] = 0.5 + 1.4 * scores[0]  # more confident throughout
    return scores[0], scores[1 : 1 + references], index, members, members & odd


def test_the_formulas_by_a_loop():
    target, references, index, _, _ = simulate(0, 2, patients=40)
    label = np.arange(len(index)) % 2
    rng = np.random.default_rng(0)
    outside = rng.random(references.shape) < 0.7
    outside[0] |= ~outside.any(0)
    scores = score_unseen(target, references, outside, index, label)
    n = len(index)
    hardness = np.array([references[outside[:, i], i].mean() for i in range(n)])
    rest = np.empty(n)
    for code in (0, 1):
        slope, level = np.polyfit(hardness[label == code], target[label == code], 1)
        rest[label == code] = (target - slope * hardness - level)[label == code]
    rank = {record: place for place, record in enumerate(np.argsort(hardness))}
    cell = [(label[i], rank[i] * BINS // n) for i in range(n)]
    alike = [[j for j in range(n) if cell[j] == cell[i]] for i in range(n)]
    weight = [len(each) + PSEUDO_RECORDS for each in alike]
    rest = np.array([rest[i] - rest[alike[i]].sum() / weight[i] for i in range(n)])
    whole = np.mean(rest**2)
    variance = [
        (np.sum(rest[alike[i]] ** 2) + PSEUDO_RECORDS * whole) / weight[i] for i in range(n)
    ]
    s, q = rest / np.sqrt(variance), 1 / (1 + np.exp(hardness))
    d = q / np.sqrt(variance)
    d /= np.sqrt(np.mean(d**2))
    ratio = np.zeros(40)
    for i in range(n):
        up, down = 1 + (s[i] + d[i] / 2) ** 2 / FREEDOM, 1 + (s[i] - d[i] / 2) ** 2 / FREEDOM
        ratio[index[i]] += (FREEDOM + 1) / 2 * np.log(up / down)
    np.testing.assert_allclose(scores.ratio, ratio, rtol=1e-8, atol=1e-10)
    for patient in (0, 17, 39):
        mine = index == patient
        assert scores.expected[patient] == pytest.approx(np.sqrt(np.sum(q[mine] ** 2)))
        assert scores.plain[patient] == pytest.approx(s[mine].sum() / np.sqrt(mine.sum()))
    assert ((scores.rmia >= 0) & (scores.rmia <= 1)).all()


def test_a_model_more_confident_throughout_and_the_order_of_records_change_nothing():
    target, references, index, _, _ = simulate(1, 2)
    none, order = np.ones(references.shape, bool), np.random.default_rng(0).permutation(len(index))
    scores = score_unseen(target, references, none, index)
    other = score_unseen(3 * target - 7, references, none, index)
    np.testing.assert_allclose(other.ratio, scores.ratio, rtol=1e-6, atol=1e-8)
    again = score_unseen(target[order], references[:, order], none[:, order], index[order])
    np.testing.assert_allclose(again.ratio, scores.ratio, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(again.rmia, scores.rmia, atol=1e-9)


def name(case):
    """Whom the release check would name, bool (P,), and the AUC of members against outsiders."""
    target, references, index, members, _ = case
    ratio = score_unseen(target, references, np.ones(references.shape, bool), index).ratio
    p, _ = conformal.compute_p_values(ratio[members], ratio[~members])
    named = np.zeros(len(members), bool)
    named[members] = conformal.adjust_for_discoveries(p) <= conformal.FDR
    return named, auc(ratio, members)


@pytest.mark.parametrize("references", [1, 4])
def test_who_is_named_leaks_and_members_without_a_trace_are_outsiders(references):
    """50 models each: at most a twentieth of the named is false on average."""
    false, power = [], []
    for seed in range(50):
        case = simulate(seed, references, patients=1200)
        named, area = name(case)
        false.append((named & ~case[4]).sum() / max(named.sum(), 1))
        power.append(named[case[4]].mean())
        assert area > 0.5
    assert np.mean(false) <= 0.05 + 2 * np.std(false) / np.sqrt(len(false))
    assert np.mean(power) > 0.1


def test_nobody_is_named_where_nothing_leaks():
    named, areas = zip(*(name(simulate(seed, 1, leak=0.0)) for seed in range(100)), strict=True)
    assert np.mean([each.any() for each in named]) <= 0.1
    assert np.mean(areas) == pytest.approx(0.5, abs=0.01)


def test_the_release_check_says_what_few_references_are_worth():
    target, references, index, members, _ = simulate(0, 1)
    nobody = np.zeros((1, len(members)), bool)
    result = check_release(target, references, nobody, index, members)
    assert result.unseen
    assert {"rmia", "expected", "statistic"} <= set(result.patients)
    assert any("1 reference that never saw" in line for line in write_sentences(result))
    inverted = check_release(target, references, nobody, index, ~members)
    assert any("the wrong way round" in line for line in write_sentences(inverted))


def test_what_does_not_fit_is_refused():
    target, references, index, members, _ = simulate(0, 3)
    outside = np.ones(references.shape, bool)
    with pytest.raises(InputError, match=r"expected .records.*, bool of the same shape"):
        score_unseen(target, references, outside[:, :-1], index)
    outside[:, 5] = False
    with pytest.raises(InputError, match="every one of 3 references had the patient of record 5"):
        score_unseen(target, references, outside, index)
    had = np.ones((3, len(members)), bool)
    with pytest.raises(InputError, match="of at most 4 references, each out of one"):
        check_release(target, references, had, index, members)
