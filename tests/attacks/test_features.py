import numpy as np
import pandas as pd
import pytest

from rollcall.attacks.features import compute_features


@pytest.mark.parametrize(
    ("inputs", "size"),
    [
        (np.arange(40 * 16 * 12 * 3).reshape(40, 16, 12, 3).astype(np.uint8), 8 * 8 * 3),
        (np.ones((40, 5, 4, 1), np.uint8), 20),
        (np.random.default_rng(0).standard_normal((40, 100, 12)).astype(np.float16), 24),
        (np.random.default_rng(0).standard_normal((40, 7)).astype(np.float32), 7),
        (np.random.default_rng(0).standard_normal((40, 300)).astype(np.float32), 128),
    ],
)
def test_what_is_known_without_a_model(inputs, size):
    attributes = pd.DataFrame(
        {
            "sex": pd.Categorical(["f", "m", None, "f"] * 10),
            "finding: a": [True, False] * 20,
        }
    )
    labels, patient_index = np.arange(40) % 3, np.repeat(np.arange(20), 2)
    got = compute_features(inputs, labels, 3, patient_index, attributes)
    assert got.shape == (40, 3 + 1 + 3 + 2 + size)
    assert got.dtype == np.float32
    assert np.isfinite(got).all()
    assert (got[:, :3].argmax(1) == labels).all()
    assert got[:, 3] == pytest.approx(np.log(2))
    if inputs.ndim == 4:
        np.testing.assert_allclose(
            got[:, -size:].sum(1), inputs.reshape(40, -1).sum(1, dtype=float), rtol=1e-6
        )


def test_labels_of_several_kinds():
    """One label is two indicators, whatever it is called; several labels stay as they are."""
    inputs, index, none = np.zeros((6, 2), np.float32), np.arange(6), pd.DataFrame(index=range(6))
    one = np.array([0, 1, 1, 0, 1, 0])
    assert (compute_features(inputs, one, 1, index, none)[:, :2] == np.eye(2)[one]).all()
    several = np.array([[0, 1, 1], [1, 1, 0]] * 3)
    assert (compute_features(inputs, several, 3, index, none)[:, :3] == several).all()


def test_many_values_take_few_columns():
    """Free text, or thousands of attributes: the columns say which records share how much."""
    codes = np.random.default_rng(0).integers(0, 2, (60, 400))
    codes[:, 0] = np.arange(60)
    attributes = pd.DataFrame(codes).astype("category")
    inputs, index = np.zeros((60, 0), np.float32), np.arange(60)
    got, again = (
        compute_features(inputs, np.zeros(60, int), 1, index, attributes)[:, 3:] for _ in range(2)
    )
    assert got.shape == (60, 512)
    shared = (codes[:, None] == codes).sum(2)
    assert np.corrcoef((got @ got.T).ravel(), shared.ravel())[0, 1] > 0.8
    assert (got == again).all()
