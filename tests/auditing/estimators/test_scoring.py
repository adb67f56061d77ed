import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from rollcall.auditing.estimators.scoring import (
    JOINT,
    PROBA,
    RAW,
    VOTES,
    Reading,
    choose_reading,
    measure,
    predict,
    score_labels,
)
from rollcall.util.errors import InputError


def sample(classes):
    return make_classification(
        150, 6, n_informative=4, n_classes=classes, flip_y=0.2, random_state=classes
    )


def read(model, classes=2):
    X, y = sample(classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X[::2], y[::2])
        reading = choose_reading(model, X, np.unique(y), "model 0")
        values = predict(model, X, np.unique(y), reading, "model 0")
        return reading, score_labels(values, y, reading), model.predict_proba(X), y


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    ("model", "source"),
    [
        (LogisticRegression(), RAW),
        (make_pipeline(StandardScaler(), LogisticRegression()), RAW),
        (GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2), RAW),
        (LinearDiscriminantAnalysis(), RAW),
        (HistGradientBoostingClassifier(max_iter=5), RAW),
        (GaussianNB(), JOINT),
        (RandomForestClassifier(7, random_state=0), VOTES),
        (ExtraTreesClassifier(7, random_state=0), VOTES),
        (make_pipeline(StandardScaler(), BaggingClassifier(n_estimators=5, random_state=0)), VOTES),
        (KNeighborsClassifier(3), VOTES),
        (BaggingClassifier(LogisticRegression(), n_estimators=3, random_state=0), PROBA),
        (DecisionTreeClassifier(min_samples_leaf=5), PROBA),
        (
            VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())], voting="soft"),
            PROBA,
        ),
        (CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2), PROBA),
    ],
)
def test_log_odds_are_of_the_own_label_and_finite(model, source, classes):
    """Wherever probabilities are neither 0 nor 1, they are log(p / (1 - p)), or its smoothing."""
    reading, scores, p, y = read(model, classes)
    assert reading.source == source
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    for row, label in enumerate(y):  # naive
        own = float(p[row, label])
        if reading.votes:
            k = own * reading.votes
            share = (k + 0.5) / (reading.votes + 1)
            expected = math.log(share / (1 - share))
        elif 1e-9 < own < 1 - 1e-9:
            expected = math.log(own / (1 - own))
        else:
            continue
        assert scores[row] == pytest.approx(expected, rel=1e-4, abs=1e-4)
    order = np.argsort(p[np.arange(len(y)), y], kind="stable")
    assert (np.diff(scores[order]) >= -1e-3).all()


def test_outputs_before_the_softmax_are_exact_where_probabilities_are_1():
    X = np.array([[-200.0], [200.0], [-1.0], [1.0]] * 5)
    y = np.array([0, 1, 0, 1] * 5)
    model = LogisticRegression(C=100).fit(X, y)
    assert model.predict_proba(X)[1, 1] == 1
    values = predict(model, X, np.array([0, 1]), Reading(RAW), "model 0")
    assert score_labels(values, y, Reading(RAW))[1] == pytest.approx(model.decision_function(X)[1])


def test_a_decision_function_that_gives_no_log_odds_is_not_taken():
    X, y = sample(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SVC(probability=True, random_state=0).fit(X, y)
    assert choose_reading(model, X, np.array([0, 1]), "model 0").source == PROBA


def test_decisions_of_0_and_1_get_finite_log_odds():
    reading, scores, _, _ = read(DecisionTreeClassifier())
    assert reading == Reading(PROBA, 0, 0.25)
    assert np.unique(scores) == pytest.approx([-math.log(4), math.log(4)])


def test_the_floor_is_half_the_smallest_share_of_a_leaf():
    reading, scores, p, _ = read(DecisionTreeClassifier(min_samples_leaf=5))
    inside = p[(p > 0) & (p < 1)]
    assert reading.floor == pytest.approx(inside.min() / 2)
    assert np.abs(scores).max() == pytest.approx(np.log(1 / reading.floor), rel=1e-5)


@given(
    st.lists(st.integers(0, 9), min_size=2, max_size=20),
    st.integers(9, 40),
)
def test_votes_for_and_against_are_the_same_with_the_sign_turned(votes, total):
    share = np.array(votes) / total
    values, reading = np.stack([1 - share, share], 1), Reading(VOTES, total)
    ones = np.ones(len(votes), int)
    mine, other = (score_labels(values, label, reading) for label in (ones, 0 * ones))
    assert mine == pytest.approx(-other, abs=1e-5)


class Odd:
    """A fitted model of any output."""

    def __init__(self, values, classes=(0, 1)):
        self.values, self.classes_ = np.asarray(values), np.asarray(classes)

    def predict_proba(self, X):
        return self.values


@pytest.mark.parametrize(
    ("values", "classes", "message"),
    [
        ([[0.5, 0.5], [np.nan, 1]], (0, 1), "model 3: predict_proba gives row 1 values NaN"),
        ([[0.5, 0.5], [np.inf, 1]], (0, 1), "model 3: predict_proba gives row 1 values NaN or inf"),
        ([[-0.7, -0.7], [-0.1, -2.4]], (0, 1), "row 0 values no probability"),
        ([[0.5, 0.9], [0.1, 0.9]], (0, 1), "row 0 values that do not add up to 1"),
        (
            [0.5, 0.4],
            (0, 1),
            r"gives float64 \(2,\); expected a row for each of 2 records and a column",
        ),
        ([[1.0], [1.0]], (0,), "model 3 has no class '1' after its fit"),
        ([[0.1, 0.9, 0.0]] * 2, (0, 1), "and a column for each of 2 classes"),
    ],
)
def test_outputs_that_are_none_are_one_line(values, classes, message):
    with pytest.raises(InputError, match=message):
        predict(Odd(values, classes), [[0], [1]], np.array([0, 1]), Reading(PROBA), "model 3")


def test_columns_are_those_of_classes_by_name():
    model = Odd([[0.2, 0.8], [0.7, 0.3]], ("b", "a"))
    values = predict(model, [[0], [1]], np.array(["a", "b"]), Reading(PROBA), "model 0")
    assert values.tolist() == [[0.8, 0.2], [0.3, 0.7]]


def test_performance_is_of_members_and_of_others():
    values = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
    y, member = np.array([0, 1, 0, 1]), np.array([True, True, False, False])
    assert measure(values, y, member, Reading(PROBA)) == {
        "accuracy_members": 1.0,
        "auroc_members": 1.0,
        "accuracy_non_members": 0.0,
        "auroc_non_members": 0.0,
    }
