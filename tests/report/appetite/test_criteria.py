"""Every criterion against naive truths; nothing hidden shows through what is decided."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.report.appetite import counts, criteria
from rollcall.report.appetite.resolution import models_to_name, models_to_tell
from tests.report.appetite.examples import make_evidence, make_survival
from tests.report.words.test_sentences import NOBODY, groups

POWERLESS = NOBODY | {"power_99": 0.3}


def outcome(judge, threshold, *args, **changes):
    return judge(make_evidence(*args, **changes), threshold).outcome


@pytest.mark.parametrize(
    ("risk", "most", "expected"),
    [
        ({}, 102, "pass"),  # 89 (77.2 to 101.8, shown as 102)
        ({}, 101, "fail"),
        ({}, 88, "fail"),
        (NOBODY, 9, "pass"),
        (POWERLESS, 9, "not evaluable"),
        (POWERLESS, 500, "not evaluable"),
        ({"power_99": 0.3}, 500, "not evaluable"),
        ({"power_99": 0.3}, 50, "fail"),
        ({"exposed": 4, "exposed_high": 9.3}, 18, "pass"),
        ({"exposed": 4, "exposed_high": 9.3}, 17, "not evaluable"),
        ({"exposed": 4, "exposed_high": 19.0}, 18, "not evaluable"),
        ({"exposed": 4, "exposed_high": 19.0}, 30, "pass"),
        ({"exposed": 1995, "exposed_high": 1999.0}, 1999, "not evaluable"),
        ({"exposed": 1995, "exposed_high": 1999.0}, 1000, "fail"),
        ({"exposed": 2000, "exposed_high": 2000.0}, 1999, "fail"),
        ({}, 2000, "not applicable"),
    ],
)
def test_exposed_patients(risk, most, expected):
    assert outcome(counts.judge_exposed_patients, most, risk) == expected


@pytest.mark.parametrize(
    ("risk", "most", "expected"),
    [
        ({}, 0.051, "pass"),  # 102 of 2,000
        ({}, 0.0509, "fail"),
        (NOBODY, 0.0045, "pass"),  # 9 patients
        (NOBODY, 0.004, "not evaluable"),
        ({"exposed": 4, "exposed_high": 9.3}, 0.009, "pass"),
        ({"exposed": 4, "exposed_high": 9.3}, 0.001, "not evaluable"),
    ],
)
def test_exposed_share(risk, most, expected):
    assert outcome(counts.judge_exposed_share, most, risk) == expected


@given(
    st.integers(10, 1500), st.floats(0.3, 3), st.integers(9, 1999), st.sampled_from([0.2, 0.8, 1])
)
def test_a_shown_count_is_judged_as_one_would_by_hand(exposed, wide, most, power):
    high = exposed + wide * 2 * np.sqrt(exposed)
    risk = {"exposed": exposed, "exposed_high": high, "power_99": power}
    naive = "fail" if min(round(high), 2000) > most else "pass"
    if naive == "pass" and power < 0.8:
        naive = "not evaluable"
    assert outcome(counts.judge_exposed_patients, most, risk) == naive


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.floats(0, 1), st.integers(9, 1999))
def test_a_hidden_count_does_not_show(one, other, power, other_power, most):
    """Audits that differ in what is hidden give the same result, whatever the threshold."""
    results = []
    for exposed, chance in ((one, power), (other, other_power)):
        risk = {"exposed": exposed, "exposed_high": 1.0 + exposed, "power_99": chance}
        risk |= {"smallest_named": 0.5 + power / 3, "by_chance": exposed / 3, "at_most_false": one}
        evidence = make_evidence(risk, groups=groups({}))
        results.append([str(judge(evidence, most)) for judge in criteria.CRITERIA.values()])
    assert results[0] == results[1]


def test_a_count_that_leaves_few_does_not_show():
    for name, judge in criteria.CRITERIA.items():
        threshold = {"exposed_patients": 1995, "exposed_share": 0.9975, "group_ratio": 2}
        results = {
            str(
                judge(
                    make_evidence({"exposed": exposed, "exposed_high": exposed + 1.0}),
                    threshold.get(name, 0.1),
                )
            )
            for exposed in range(1991, 2000)
        }
        assert len(results) == 1, results


@pytest.mark.parametrize(
    ("auc", "expected"),
    [(0.8, "fail"), (0.9, "fail"), (0.895, "fail"), (0.91, "pass"), (0.905, "not evaluable")],
)
def test_worst_auc(auc, expected):
    """70 patients or so reach 0.9, hardly anybody 0.91; between them nobody counted."""
    assert outcome(counts.judge_worst_auc, auc) == expected


def test_worst_auc_where_it_cannot_be_told():
    curve = make_survival().assign(low=3.0, patients=12.0, high=30.0)
    result = counts.judge_worst_auc(make_evidence(survival=curve), 0.9)
    assert result.outcome == "not evaluable"
    assert result.models == 128
    assert "about 128 are needed" in result.reason
    assert outcome(counts.judge_worst_auc, 0.95, POWERLESS) == "not evaluable"


def test_worst_tpr_is_the_auc_that_it_stands_for():
    from scipy.special import ndtr, ndtri

    for tpr in (0.01, 0.05, 0.1, 0.3, 0.5):
        auc = float(ndtr((ndtri(tpr) - ndtri(0.001)) / np.sqrt(2)))
        assert ndtr(np.sqrt(2) * ndtri(auc) + ndtri(0.001)) == pytest.approx(tpr)
        expected = outcome(counts.judge_worst_auc, auc)
        assert outcome(counts.judge_worst_tpr, tpr) == expected


@pytest.mark.parametrize(
    ("most", "expected"), [(0.5596, "pass"), (0.5595, "fail"), (0.55, "fail"), (0.9, "pass")]
)
def test_lira_auc(most, expected):
    assert outcome(criteria.judge_lira_auc, most) == expected  # 0.54 + 1.96 * 0.01 = 0.5596


def test_lira_without_an_error_is_not_evaluable():
    assert outcome(criteria.judge_lira_auc, 0.6, error=np.nan) == "not evaluable"


GROUPS = groups({}, {"group": "A", "ratio_within": 9.0, "within_low": 4.0, "p_adjusted": 0.4}, {})


@pytest.mark.parametrize(
    ("table", "most", "changes", "expected"),
    [
        (groups({}), 3.0, {}, "pass"),  # 5.5 (3.0 to 9.0)
        (groups({}), 2.9, {}, "fail"),
        (GROUPS, 3.5, {}, "pass"),  # the larger one is not beyond chance
        (groups({"p_adjusted": 0.06}), 1.0, {}, "pass"),
        (groups({"is_outcome": True}, {"intersection": True}), 1.0, {}, "not evaluable"),
        (groups({"ratio_within": np.nan, "within_low": np.nan}), 1.0, {}, "not evaluable"),
        (groups({}).iloc[:0], 1.0, {}, "not evaluable"),
        (None, 1.0, {}, "not evaluable"),
        (None, 1.0, {"has_groups": False}, "not applicable"),
        (groups({}), 1.0, {"risk": NOBODY}, "not applicable"),
        (groups({}), 1.0, {"risk": POWERLESS}, "not evaluable"),
        (groups({}), 1.0, {"risk": {"exposed": 5}}, "not evaluable"),
    ],
)
def test_group_ratio(table, most, changes, expected):
    assert outcome(criteria.judge_group_ratio, most, groups=table, **changes) == expected


def test_groups_that_are_too_small_are_counted():
    table = groups({}, {"ratio_within": np.nan}, {"p_adjusted": np.nan})
    result = criteria.judge_group_ratio(make_evidence(groups=table), 4)
    assert "Nothing can be said of 2 more groups" in result.reason
    assert (result.value, result.limit) == (5.5, 3.0)


@pytest.mark.parametrize(
    ("risk", "most", "expected"),
    [
        ({"by_chance": 3.4}, 3 / 89, "pass"),
        ({"by_chance": 3.6}, 3 / 89, "fail"),
        (NOBODY, 0.1, "not applicable"),
        (POWERLESS, 0.1, "not evaluable"),
        ({"exposed": 5}, 0.05, "pass"),
        ({"exposed": 5}, 0.04, "not evaluable"),
        ({"exposed": 1995, "by_chance": 30}, 30 / 1991, "pass"),
    ],
)
def test_false_discovery_rate(risk, most, expected):
    assert outcome(counts.judge_false_discovery_rate, most, risk) == expected


@pytest.mark.parametrize(("most", "expected"), [(0.16, "pass"), (0.157, "fail")])
def test_chance_share(most, expected):
    assert outcome(counts.judge_chance_share, most) == expected  # 14 of 89 are 15.7%
    assert outcome(counts.judge_chance_share, most, {"exposed": 5}) == "not applicable"


def test_models():
    result = criteria.judge_models(make_evidence(targets=32), 64)
    assert (result.outcome, result.models) == ("not evaluable", 64)
    assert outcome(criteria.judge_models, 64, targets=64) == "pass"


@pytest.mark.parametrize("name", sorted(set(criteria.CRITERIA) - {"models"}))
def test_where_the_control_failed_nothing_is_judged(name):
    judge = criteria.CRITERIA[name]
    assert outcome(judge, 0.9, control="failed", groups=groups({})) == "not evaluable"


def test_a_trial_of_the_machinery_passes_nothing():
    result = counts.judge_exposed_patients(make_evidence(NOBODY, targets=8), 100)
    assert result.outcome == "not evaluable"
    assert result.models == models_to_name(2000)


def test_models_needed_by_simulation():
    """Of patients with an AUC of 0.99 about 80% have a t statistic beyond the threshold."""
    from scipy.special import ndtri, stdtrit

    rng, patients = np.random.default_rng(0), 2000
    needed = models_to_name(patients)
    shares = []
    for models in (needed - 4, needed):
        pairs = models // 2
        shift = ndtri(0.99) * np.sqrt(2)
        inside = rng.normal(shift, 1, (20_000, pairs))
        outside = rng.normal(0, 1, (20_000, pairs))
        error = np.sqrt((inside.var(1, ddof=1) + outside.var(1, ddof=1)) / pairs)
        t = (inside.mean(1) - outside.mean(1)) / error
        shares.append((t > stdtrit(2 * pairs - 2.0, 1 - 0.05 / patients)).mean())
    assert shares[0] < 0.8 <= shares[1] + 0.01
    assert models_to_tell(2000, 0.7, 10) > models_to_tell(2000, 0.9, 10)


def test_every_criterion_has_a_threshold_and_words():
    from rollcall.report.appetite.section import WORDS
    from rollcall.report.appetite.thresholds import KINDS

    assert list(criteria.CRITERIA) == list(KINDS) == list(WORDS)
    assert isinstance(make_survival(), pd.DataFrame)
