"""What is released, and scores that are a function of that and of nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax

from rollcall.attacks.scores import exact_scores
from rollcall.experiments.defence import outputs

LOGITS = st.lists(
    st.lists(st.floats(-800, 800, width=32), min_size=3, max_size=3), min_size=1, max_size=8
)


@settings(max_examples=20)
@given(LOGITS, st.sampled_from([1.0, 0.1, 0.01, 0.5]))
def test_scores_are_finite_and_know_no_more_than_is_released(rows, step):
    z = np.array(rows)
    labels = np.arange(len(z)) % 3
    shown = outputs.release_outputs(z, "multiclass", step)
    scores = outputs.score_released(z, labels, "multiclass", step)
    assert np.isfinite(scores).all()
    mine = shown[np.arange(len(z)), labels]
    for a in range(len(z)):
        for b in range(len(z)):
            if mine[a] == mine[b]:
                assert scores[a] == scores[b]
            elif mine[a] > mine[b]:
                assert scores[a] > scores[b]


def test_rounded_probabilities_by_hand():
    z = np.log([[0.994, 0.006], [0.996, 0.004], [0.26, 0.74]])
    shown = outputs.release_outputs(z, "multiclass", 0.01)
    assert shown == pytest.approx(np.array([[0.99, 0.01], [1, 0], [0.26, 0.74]]))
    scores = outputs.score_released(z, np.array([0, 0, 1]), "multiclass", 0.01)
    assert expit(scores) == pytest.approx([0.99, 0.9975, 0.74])
    others = outputs.score_released(z, np.array([1, 1, 0]), "multiclass", 0.01)
    assert scores == pytest.approx(-others, abs=1e-5)


def test_binary_and_labels_are_scored_by_their_own_side():
    z = np.array([[2.0], [-0.3], [0.0]])
    assert outputs.release_outputs(z, "binary", 1).ravel().tolist() == [1, 0, 0]
    scores = outputs.score_released(z, np.array([1, 1, 0]), "binary", 1)
    assert scores.tolist() == [1, -1, 1]
    many = outputs.score_released(
        np.tile(z, 2), np.array([[1, 0], [0, 1], [1, 1]]), "multilabel", 1
    )
    assert many.tolist() == [[1, -1], [1, -1], [-1, -1]]


def test_all_digits_are_the_exact_scores_and_views_are_averaged():
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=(6, 4, 3)), rng.integers(0, 3, 6)
    exact = outputs.score_released(z, labels, "multiclass", 0)
    assert (exact == exact_scores(z, labels, "multiclass")).all()
    views = [outputs.score_released(z[:, v], labels, "multiclass", 0.1) for v in range(4)]
    assert outputs.score_released(z, labels, "multiclass", 0.1) == pytest.approx(
        np.mean(views, axis=0), abs=1e-6
    )
    assert outputs.release_outputs(z[:, 0], "multiclass", 0) == pytest.approx(
        softmax(z[:, 0], axis=1)
    )
