"""What comes out of a target: how well it does."""

import numpy as np
import pytest

from rollcall.training import evaluation


def test_a_label_that_never_occurs_does_not_hide_the_others():
    z, y = np.array([[1.0, 2], [-1, 3], [2, -1]]), np.array([[1, 0], [0, 0], [1, 0]])
    assert evaluation._accuracy_auroc(z, y, "multilabel") == (pytest.approx(4 / 6), 1.0)
