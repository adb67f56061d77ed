from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.attacks import scores
from rollcall.util.errors import InputError
from tests.oracles import risk as naive


@given(
    st.integers(0, 2**32), st.integers(1, 12), st.integers(2, 9), st.sampled_from([0.1, 1.0, 4.0])
)
def test_multiclass_is_log_p_over_not_p(seed, records, classes, scale):
    rng = np.random.default_rng(seed)
    logits = (scale * rng.standard_normal((records, classes))).astype(np.float32)
    labels = rng.integers(0, classes, records)
    got = scores.exact_scores(logits, labels, "multiclass")
    assert got.dtype == np.float32
    assert got.shape == (records,)
    np.testing.assert_allclose(
        got,
        [naive.exact(row.astype(float), label) for row, label in zip(logits, labels, strict=True)],
        rtol=1e-5,
        atol=1e-5,
    )


@given(st.floats(-30, 30), st.integers(0, 1))
def test_binary_is_the_signed_logit(z, y):
    got = scores.exact_scores(np.array([[z]], np.float32), np.array([y]), "binary")
    assert got.dtype == np.float32
    p = 1 / (1 + np.exp(-np.float64(np.float32(z))))
    of_label, other = (p, 1 / (1 + np.exp(np.float64(np.float32(z)))))[:: 1 if y else -1]
    np.testing.assert_allclose(got, [np.log(of_label) - np.log(other)], rtol=1e-5, atol=1e-5)


def test_two_classes_are_a_binary_task():
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((50, 2)).astype(np.float32), rng.integers(0, 2, 50)
    np.testing.assert_allclose(
        scores.exact_scores(logits, labels, "multiclass"),
        scores.exact_scores(logits[:, 1:] - logits[:, :1], labels, "binary"),
        rtol=1e-5,
        atol=1e-6,
    )


def test_sure_models_do_not_saturate():
    """At logits of 100 and more, p is 1 in float64 and its logarithm of odds infinite.

    The score stays exact.
    """
    logits = np.array([[500, 0, -500], [0, 500, -500], [500, 499, 0]], np.float32)
    np.testing.assert_allclose(
        scores.exact_scores(logits, np.array([0, 0, 0]), "multiclass"), [500, -500, 1], rtol=1e-6
    )


def test_a_better_fit_scores_higher_and_a_constant_changes_nothing():
    rng = np.random.default_rng(1)
    logits, labels = rng.standard_normal((30, 5)), rng.integers(0, 5, 30)
    raised = logits.copy()
    raised[np.arange(30), labels] += 0.5
    np.testing.assert_allclose(
        scores.exact_scores(raised, labels, "multiclass")
        - scores.exact_scores(logits, labels, "multiclass"),
        0.5,
        atol=1e-5,
    )
    np.testing.assert_allclose(
        scores.exact_scores(logits + 9, labels, "multiclass"),
        scores.exact_scores(logits, labels, "multiclass"),
        atol=1e-5,
    )


def test_every_label_has_its_signed_logit_and_views_are_averaged_first():
    rng = np.random.default_rng(3)
    logits, labels = rng.standard_normal((9, 4, 3)).astype(np.float32), rng.integers(0, 2, (9, 3))
    got = scores.exact_scores(logits, labels, "multilabel")
    assert got.shape == (9, 3)
    assert got.dtype == np.float32
    for record in range(9):
        for label in range(3):
            each = [
                float(z) if labels[record, label] else -float(z) for z in logits[record, :, label]
            ]
            assert got[record, label] == pytest.approx(sum(each) / 4, abs=1e-6)
    plain = rng.integers(0, 3, 9)
    np.testing.assert_allclose(
        scores.exact_scores(logits, plain, "multiclass"),
        np.mean(
            [scores.exact_scores(logits[:, view], plain, "multiclass") for view in range(4)], axis=0
        ),
        rtol=1e-5,
        atol=1e-6,
    )


def test_an_unknown_task_is_refused():
    with pytest.raises(
        InputError, match="task 'ranking': expected multiclass, binary or multilabel"
    ):
        scores.exact_scores(np.zeros((2, 2)), np.zeros(2, int), "ranking")


class Records(SimpleNamespace):
    def __len__(self):
        return len(self.labels)

    def has_fingerprint(self, fingerprint):
        return fingerprint == self.fingerprint


def test_score_run_scores_every_record_under_every_target():
    rng = np.random.default_rng(2)
    logits = rng.standard_normal((3, 10, 4)).astype(np.float32)
    cohort = Records(fingerprint="f" * 64, labels=rng.integers(0, 4, 10), task="multiclass")
    run = SimpleNamespace(
        path="results/x",
        config={"fingerprint": "f" * 64},
        targets=3,
        logits=lambda target: logits[target],
    )
    got = scores.score_run(run, cohort)
    assert got.shape == (3, 10)
    assert got.dtype == np.float32
    for target in range(3):
        for record in range(10):
            assert got[target, record] == pytest.approx(
                naive.exact(logits[target, record].astype(float), cohort.labels[record]), abs=1e-5
            )
    run.config["fingerprint"] = "0" * 64
    with pytest.raises(
        InputError,
        match=r"this run is of another cohort .fingerprint 000000000000, yours ffffffffffff",
    ):
        scores.score_run(run, cohort)
