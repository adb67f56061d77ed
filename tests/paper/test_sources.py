from types import SimpleNamespace

import numpy as np
import pytest

from rollcall.paper import reproduce, sources


def test_given_scores_of_one_label_and_of_several():
    """LiRA takes the sum over labels, RMIA the product of their probabilities."""
    scores = np.random.default_rng(0).standard_normal((4, 6, 3)).astype(np.float32)
    p = 1 / (1 + np.exp(-scores.astype(float)))
    for given, likelihood in ((scores, p.prod(2)), (scores[..., 0], p[..., 0])):
        read = sources.read_given_scores(SimpleNamespace(scores=lambda given=given: given))
        values, confidence = read(2, slice(1, 4))
        total = given.reshape(4, 6, -1).astype(float).sum(2)
        assert values.shape == (3, 1)
        assert values[:, 0] == pytest.approx(total[2, 1:4])
        assert confidence == pytest.approx(likelihood[2, 1:4])


@pytest.mark.parametrize(("first", "positive"), [("No Finding", 1), ("Edema", 0)])
def test_logits_as_published(first, positive):
    """A record without a label is positive for "No Finding" where the first label is that."""
    logits = np.random.default_rng(1).standard_normal((4, 6, 3)).astype(np.float32)
    labels = np.array([[0, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]])
    run = SimpleNamespace(targets=4, logits=lambda target: logits[target])
    cohort = SimpleNamespace(
        labels=labels, task="multilabel", outputs=3, classes=(first, "Mass", "Nodule")
    )
    scores, confidence = sources.score_as_published(run, cohort)(3, slice(0, 4))
    y = labels[:4].copy()
    y[0, 0] = positive
    p = reproduce.compute_probabilities(logits[3, :4], "multilabel")
    assert (scores == reproduce.score_records(p, y)).all()
    assert (confidence == reproduce.compute_confidence(p, y, "multilabel")).all()
    assert confidence[0] == pytest.approx(p[0, 0, 0] * positive)
