"""Later outcomes and the paired effect of having known a patient, against loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.later import compare, draw_patients, name, train
from rollcall.experiments.later import effects as it
from rollcall.experiments.later.naming import stratify, sum_losses
from rollcall.experiments.later.predictions import judge
from rollcall.experiments.later.splitting import shuffle_late
from rollcall.stats.moments import pair_signs


def test_kinds_of_outcomes():
    index = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    labels = np.array([1, 0, 1, 2, 2, 0, 0, 1])
    late = np.array([0, 0, 1, 0, 1, 0, 0, 1], bool)
    cells = it.list_cells(labels, late, index)
    assert cells.record.tolist() == [2, 4, 7]
    assert [it.KINDS[kind] for kind in cells.kind] == [it.MIXED, it.SAME, it.CHANGED]
    assert stratify(cells, 4).tolist() == [2, 0, 1, -1]
    several = it.list_cells(np.column_stack([labels > 0, labels > 1]).astype(int), late, index)
    assert several.record.tolist() == [2, 2, 4, 4, 7, 7]
    assert several.kind.tolist() == [2, 0, 0, 0, 1, 0]
    assert several.label.tolist() == [1, 2, 1, 3, 1, 2]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_the_effect_is_that_of_loops(seed):
    """In each pair known less unknown, less what the pair does to other patients alike."""
    labels, index, late, remembered = draw_patients(seed, 0.5, patients=12)
    loss, members, cells = train(seed, labels, index, late, remembered, 1.0, targets=8)
    chosen = cells.kind == 0
    averaged = it.average_patients(
        it.pair_differences(loss, cells), pair_signs(members), cells, chosen
    )
    for pair in range(4):
        for patient in range(12):
            values = []
            for cell in np.flatnonzero(chosen & (cells.patient == patient)):
                one, other = loss[2 * pair], loss[2 * pair + 1]
                alike = (cells.label == cells.label[cell]) & (cells.patient != patient)
                common = (one - other)[alike].mean() if alike.any() else 0.0
                sign = 1 if members[2 * pair, patient] else -1
                values.append(sign * (one[cell] - other[cell] - common))
            expected = np.mean(values) if values else np.nan
            np.testing.assert_allclose(averaged[pair, patient], expected, atol=2e-5)


def test_the_mean_and_its_parts():
    rng = np.random.default_rng(0)
    values = rng.normal(0.3, 1, (6, 40)) + rng.normal(0, 0.5, (6, 1))
    values[:, 7] = np.nan
    effect = it.estimate_effect(values.astype(np.float32))
    assert effect.patients == 39
    assert effect.mean == pytest.approx(np.nanmean(values), abs=1e-6)
    of_patients = np.var(np.delete(values, 7, 1).mean(0), ddof=1) / 39
    assert (effect.influence**2).sum() == pytest.approx(of_patients, rel=1e-4)
    assert effect.low < effect.mean < effect.high
    nothing = it.contrast(effect, effect)
    assert nothing.mean == 0
    assert nothing.low < 0 < nothing.high
    assert np.isnan(it.estimate_effect(np.full((4, 3), np.nan, np.float32)).mean)


def test_a_split_by_chance_takes_as_many_of_each_patient():
    _, index, late, _ = draw_patients(1, 0.0, patients=50)
    shuffled = shuffle_late(late, index, 3)
    assert (np.bincount(index, shuffled) == np.bincount(index, late)).all()
    assert (shuffled != late).any()
    assert (shuffled == shuffle_late(late, index, 3)).all()


def test_losses_are_less_the_level_of_the_model():
    cells = it.Cells(np.arange(4), np.array([0, 0, 2, 3]), np.zeros(4, int), np.zeros(4, int))
    loss = np.array([[1, 3, 2, 6], [0, 0, 0, 4]], np.float32)
    np.testing.assert_allclose(sum_losses(loss, cells, 5), [[-1, 0, -1, 3, 0], [-1, 0, -1, 3, 0]])


def test_what_a_model_misjudges():
    labels = np.array([0, 1, 0, 1, 0, 0, 1, 0])
    unknown = np.array([1, 1, 1, 1, 0, 0, 0, 0], bool)
    z = np.array([0.1, 0.9, 0.3, 0.2, 0.8, 0.1, 0.15, 0.0])[:, None]
    # half of the unknown have the label, so the threshold lies at the middle of their scores
    assert judge(z, labels, "binary", unknown).tolist() == [0, 0, 1, 1, 1, 0, 1, 0]
    assert judge(np.stack([z, z], 1), labels, "binary", unknown).sum() == 4
    three = np.array([[2.0, 1, 0], [0, 1, 2]])
    assert judge(three, np.array([0, 1]), "multiclass", unknown[:2]).tolist() == [False, True]
    both = judge(np.hstack([z, -z]), np.column_stack([labels, labels]), "multilabel", unknown)
    assert both.shape == (8, 2)


def test_planted_memory_is_named_and_nothing_else():
    effects, counts = compare(0, 0.1, 3.0), name(0, 0.1, 3.0)
    assert effects[it.CHANGED].low > 0
    assert effects[it.SAME].high < 0
    assert counts["harmed"] >= 5
    assert counts["share of the harmed who are not"] <= 0.2
    assert counts["share found of those who are"] >= 0.5
    effects, counts = compare(1, 0.0, 0.0), name(1, 0.0, 0.0)
    assert effects["all"].low < 0 < effects["all"].high
    assert effects["difference"].low < 0 < effects["difference"].high
    assert not counts["some patient is named"]
