"""Whom the control removes."""

import numpy as np

from rollcall.experiments.defence.layers import draw_alike


def test_as_many_of_each_label_are_drawn():
    rng = np.random.default_rng(0)
    labels, removed = rng.integers(0, 3, 300), rng.random(300) < 0.3
    drawn = draw_alike(removed, labels, 0)
    for label in range(3):
        assert drawn[labels == label].sum() == removed[labels == label].sum()
    assert (drawn != removed).any()
    assert (draw_alike(removed, labels, 0) == drawn).all()
