"""The release check of a fitted estimator: a forest remembers everybody, a regression nobody."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from rollcall.experiments.release import check_estimator
from rollcall.util.errors import InputError


def make(patients: int = 200):
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(patients), 2)
    X = pd.DataFrame(
        {
            "a": rng.normal(size=len(ids)),
            "b": rng.normal(size=len(ids)),
            "ward": rng.choice(["north", "south"], len(ids)),
        }
    )
    X.loc[::17, "b"] = 0.0
    y = (X["a"] + rng.normal(size=len(ids)) > 0).map({True: "ill", False: "well"}).to_numpy()
    return X, y, ids, (rng.random(patients) < 0.5)[ids]


def fit(model, X, y, members):
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["ward"]), remainder="passthrough"
    )
    return make_pipeline(encode, model).fit(X[members], y[members])


def test_a_forest_exposes_its_members_and_a_regression_nobody():
    X, y, ids, members = make()
    forest = fit(RandomForestClassifier(10, random_state=0), X, y, members)
    result = check_estimator(forest, X, y, members, groups=ids, references=8)
    assert result.members == members[::2].sum()
    assert result.named > 60
    assert not result.control.flagged
    line = fit(LogisticRegression(), X, y, members)
    assert check_estimator(line, X, y, members, groups=ids, references=8).named == 0


def test_outsiders_that_differ_in_a_column_are_flagged():
    X, y, ids, _ = make()
    members = (X["ward"] == "north").to_numpy()
    members = np.repeat(members[::2], 2)
    X["ward"] = np.where(members, "north", "south")
    line = fit(LogisticRegression(), X, y, members)
    result = check_estimator(line, X, y, members, groups=ids, references=8)
    assert result.control.flagged
    assert result.named == 0


def test_what_cannot_be_is_refused():
    X, y, ids, members = make()
    line = fit(LogisticRegression(), X, y, members)
    torn = members.copy()
    torn[0] = ~torn[0]
    for flags, words in (
        (torn, "the patient of row 0 is a member in 1 of 2 rows"),
        (members[:-1], "one for each row of X"),
        (members + 1, "one for each row of X"),
        (np.ones_like(members), "0 known outsiders"),
    ):
        with pytest.raises(InputError, match=words):
            check_estimator(line, X, y, flags, groups=ids, references=8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m, X, members: (LogisticRegression(), X, members), "NotFitted.*is fitted"),
        (lambda m, X, members: (m, X[["a"]], members), "estimator: fails on X"),
        (
            lambda m, X, members: (m, X, pd.Series(members)[::-1]),
            "members: its index is X's in another order",
        ),
    ],
)
def test_what_does_not_belong_together_is_one_line(change, message):
    X, y, ids, members = make(60)
    fitted = LogisticRegression().fit(X[["a", "b"]][members], y[members])
    model, table, flags = change(fitted, X[["a", "b"]], members)
    with pytest.raises(InputError, match=message) as caught:
        check_estimator(model, table, y, flags, groups=ids)
    assert "\n" not in str(caught.value)
