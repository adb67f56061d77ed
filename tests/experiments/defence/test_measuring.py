"""The worst patients, and the AUROC of each group, against a loop."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from rollcall.data.cohort import Cohort
from rollcall.experiments.defence import measuring
from rollcall.stats.members import draw_members
from tests.oracles import risk as naive


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(1)
    patients, groups = np.repeat(np.arange(120), 2), np.repeat(np.arange(120) % 8 == 0, 2)
    labels = (rng.random(240) < 0.4).astype(int)
    return Cohort.of(
        rng.normal(size=(240, 3)).astype(np.float32),
        labels,
        groups=patients,
        attributes={"site": np.where(groups, "small", "large")},
    )


def test_the_worst_are_as_many_as_may_be_shown():
    auc = np.round(np.arange(0.5, 0.995, 0.01), 2)
    survival = pd.DataFrame({"auc": auc, "patients": 100.1 * (1 - auc), "low": 60.1 * (1 - auc)})
    value, least = measuring.worst_tpr(survival, 10)

    def told(area):
        return norm.cdf(np.sqrt(2) * norm.ppf(area) + norm.ppf(0.001))

    assert value == pytest.approx(told(0.9))
    assert least == pytest.approx(told(0.83))
    assert np.isnan(measuring.worst_tpr(survival, 101)).all()


def test_aurocs_of_groups(cohort):
    rng = np.random.default_rng(2)
    members = draw_members(8, 120, 0)
    outputs = [rng.normal(size=(240, 1)) + cohort.labels[:, None] for _ in range(8)]
    groups = measuring.list_measurable(cohort, 3)
    assert [group[:2] for group in groups] == [("all", "all"), ("site", "large"), ("site", "small")]
    aurocs = measuring.measure_groups(iter(outputs), members, cohort, groups)
    for target in range(8):
        for number, (_, _, inside) in enumerate(groups):
            rows = (~members[target] & inside)[cohort.patient_index]
            truth = naive.auc(outputs[target][rows, 0], cohort.labels[rows] == 1)
            assert aurocs[target, number] == pytest.approx(truth)


def test_a_group_without_enough_of_a_class_is_left_out(cohort):
    positive = np.bincount(cohort.patient_index, cohort.labels == 1) > 0
    small = (np.arange(120) % 8 == 0) & positive
    groups = measuring.list_measurable(cohort, int(small.sum()) + 1)
    assert ("site", "small") not in [group[:2] for group in groups]


@pytest.mark.parametrize("paired", [True, False])
def test_changes_and_their_intervals(paired):
    rng = np.random.default_rng(3)
    groups = [("all", "all", np.ones(40, bool)), ("site", "a", np.arange(40) < 20)]
    covered = 0
    for _ in range(200):
        common = rng.normal(0.7, 0.02, (16, 2))
        plain = measuring.Measured(groups, common + rng.normal(0, 0.005, (16, 2)))
        other = common if paired else rng.normal(0.7, 0.02, (16, 2))
        mine = measuring.Measured(groups[1:], (other + rng.normal(-0.01, 0.005, (16, 2)))[:, 1:])
        (row,) = measuring.compare_groups(mine, plain, paired).itertuples()
        covered += row.low <= -0.01 <= row.high
    assert 180 <= covered <= 199
    assert (row.attribute, row.group, row.patients) == ("site", "a", 20)


def test_groups_that_are_the_outcome_are_left_out(cohort):
    had = np.bincount(cohort.patient_index, cohort.labels == 1) > 0
    records = cohort.records.assign(outcome=np.where(had, "yes", "no")[cohort.patient_index])
    records["outcome"] = records["outcome"].astype("category")
    with_it = replace(cohort, records=records, attributes=("site", "outcome"))
    listed = {group[0] for group in measuring.list_measurable(with_it, 3)}
    assert listed == {"all", "site"}
