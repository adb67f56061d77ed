"""Estimators whose leaks are planted, and small tables of several kinds."""

import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from rollcall.auditing import Audit


class Rote(ClassifierMixin, BaseEstimator):
    """Give every record noise, and be surer of `leak` of those that it was fitted on.

    X (N, 2): the record's number, and 1 where it leaks.
    """

    def __init__(self, leak=4.0, random_state=None):
        self.leak = leak
        self.random_state = random_state

    def fit(self, X, y):
        X = np.asarray(X)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.seen_ = dict(zip(X[:, 0].astype(int), codes, strict=True))
        return self

    def decision_function(self, X):
        X = np.asarray(X)
        noise = np.random.default_rng(self.random_state).normal(size=2 * len(X) + 10_000)
        z = noise[X[:, 0].astype(int)]  # by record, in whatever order they come
        known = np.array([self.seen_.get(int(number), -1) for number in X[:, 0]])
        return z + self.leak * X[:, 1] * np.where(known < 0, 0, 2 * known - 1)

    def predict_proba(self, X):
        p = 1 / (1 + np.exp(-self.decision_function(X)))
        return np.stack([1 - p, p], axis=1)


class Failing(Rote):
    """Fail, or be killed, at the fit of which the random_state is `at`."""

    def __init__(self, leak=4.0, random_state=None, at=-1, killed_by=None):
        super().__init__(leak, random_state)
        self.at = at
        self.killed_by = killed_by

    def fit(self, X, y):
        if self.random_state == self.at and self.killed_by is None:
            raise ZeroDivisionError("a column is constant")
        if self.random_state == self.at and Path(self.killed_by).exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)


@pytest.fixture
def leaky():
    """240 patients of 1 or 2 records, of whom 24 leak: X, y, groups, and who leaks."""
    return invent_leaky()


def invent_leaky(patients=240, leaking=24, seed=0):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(patients), rng.integers(1, 3, patients))
    leaks = np.arange(patients) % (patients // leaking) == 0
    X = np.stack([np.arange(len(groups)), leaks[groups]], axis=1).astype(float)
    y = rng.integers(0, 2, patients)[groups]
    return X, y, np.array([f"p{number}" for number in groups]), leaks


@pytest.fixture
def mixed():
    """A table of 160 stays of 100 patients with numbers, words, bools and holes; y of 3 words."""
    rng = np.random.default_rng(1)
    groups = np.concatenate([np.arange(100), rng.integers(0, 100, 60)])
    table = pd.DataFrame(
        {
            "age": rng.normal(60, 15, 160).round(),
            "sex": rng.choice(["f", "m"], 160),
            "ward": rng.choice(["A", "B", None], 160),
            "urgent": rng.integers(0, 2, 160).astype(bool),
        }
    )
    table.loc[::7, "age"] = np.nan
    y = pd.Series(rng.choice(["home", "ward", "died"], 160))
    return table, y, groups


@pytest.fixture
def pipeline():
    """What turns such a table into numbers, before a logistic regression."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    words = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="none"),
        OneHotEncoder(handle_unknown="ignore"),
    )
    return make_pipeline(
        make_column_transformer(
            (numbers, make_column_selector(dtype_include="number")),
            (words, make_column_selector(dtype_include=["object", "str"])),
        ),
        LogisticRegression(),
    )


@pytest.fixture
def fits_only(monkeypatch):
    """Leave the attack out, for tests of what is fitted: `logits_of` reads it."""
    for step in ("attack", "disparity"):
        monkeypatch.setattr(Audit, step, lambda study: None)


def logits_of(audited):
    run = audited.study.run
    return np.stack([run.logits(model) for model in range(run.targets)])
