from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

import rollcall
from rollcall.auditing.estimators import _check_estimator
from rollcall.auditing.estimators.digests import (
    digest_estimator,
    digest_values,
    name_estimator,
)
from rollcall.auditing.estimators.fitting import Work, fit_model
from rollcall.auditing.estimators.inputs import check_classes, check_inputs, take_rows
from rollcall.auditing.estimators.result import _check_path
from rollcall.auditing.estimators.scoring import choose_reading
from rollcall.stats.members import draw_members
from rollcall.util.errors import InputError

N = 60
X = np.random.default_rng(0).normal(size=(N, 3))
Y = np.arange(N) % 2
IDS = np.arange(N) // 2
TABLE = pd.DataFrame(X, columns=["a", "b", "c"])


def put(values, row, value):
    values = list(values)
    values[row] = value
    return values


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"y": Y[:-1]}, r"y: 59 values, X has 60 rows"),
        ({"y": put(Y, 7, None)}, r"y: row 7 is missing \(1 such rows\)"),
        ({"y": put(map(float, Y), 7, np.nan)}, r"y: row 7 is missing"),
        ({"y": pd.array(put(Y, 9, pd.NA), "Int64")}, r"y: row 9 is missing"),
        ({"y": pd.Series(put(["u", "v"] * 30, 3, None), dtype="category")}, r"y: row 3 is missing"),
        ({"y": X[:, 0]}, r"y: numbers such as .* as of a regression; expected classes. Cut it"),
        ({"y": np.arange(N)}, r"y: 60 different numbers, as of a regression"),
        ({"y": np.zeros(N)}, r"y: every row has the label 0.0; expected at least two classes"),
        ({"y": ["a"] * N}, r"y: every row has the label a"),
        ({"y": np.stack([Y, 1 - Y], 1)}, r"y: \(60, 2\); expected \(60,\).*several labels audit"),
        ({"y": put(["a", "b"] * 30, 0, 1)}, r"y: mixes int and str; expected labels of one kind"),
        ({"y": [date(2020, 1, 1 + each) for each in Y]}, r"y: labels are date; expected words"),
        ({"y": "readmitted"}, r"y: 'readmitted'; expected 60 values"),
        ({"y": pd.date_range("2020", periods=N)}, r"y: datetime64.* expected the class"),
        ({"groups": IDS[:-1]}, r"groups: 59 values, X has 60 rows"),
        ({"groups": put(IDS, 5, None)}, r"groups: row 5 is missing .*every row needs its patient"),
        ({"groups": np.arange(N) % 15}, r"groups: 15 patient\(s\) in 60 rows; .* at least 16"),
        ({"groups": 7}, r"groups: 7; expected 60 values, one for each row"),
        ({"X": X[:10], "y": Y[:10], "groups": None}, r"X: 10 patient\(s\) in 10 rows"),
        ({"X": X[:0], "y": Y[:0]}, r"X: \(0, 3\); expected a row for each record"),
        ({"X": {"a": [1]}}, r"X: a dict; expected a pandas table"),
        ({"X": [[1, 2], [3]]}, r"X: rows of different lengths"),
        ({"X": 3}, r"X: a int; expected a pandas table"),
        ({"attributes": TABLE[:-1]}, r"attributes, a: 59 values, X has 60 rows"),
        ({"attributes": ["sex"]}, r"attributes, attribute: 1 values, X has 60 rows"),
        ({"X": TABLE, "attributes": ["a", "sex"]}, r"attributes: X has no column 'sex'"),
        ({"attributes": {"id": [f"x{i}" for i in range(N)]}}, r"none makes groups to compare"),
        ({"attributes": {"patient_id": Y}}, r"the name 'patient_id' cannot be had twice"),
        ({"y": put(map(float, Y), 7, np.inf)}, r"y: row 7 is inf; expected the class"),
        ({"y": put(["a", "b"] * 30, 0, "a ")}, r"y: 'a' and 'a ' differ by capitals or spaces"),
        ({"y": put(["a", "b"] * 30, 0, "B")}, r"y: 'B' and 'b' differ by capitals or spaces"),
        ({"y": put(["a", "b"] * 30, 0, "nan")}, r"y: 'nan' is no class"),
        ({"groups": put(map(str, IDS), 4, "nan")}, r"groups: row 4 is 'nan' \(1 such rows\)"),
        ({"groups": put(map(str, IDS), 4, " ")}, r"groups: row 4 is ' ' .*needs its patient"),
        ({"groups": put(IDS, 1, "0")}, r"groups: holds ids that are the same once written"),
        (
            {"X": TABLE.set_axis(["a", "b", "a"], axis=1), "attributes": ["a"]},
            r"attributes: X has several columns 'a'",
        ),
    ],
)
def test_bad_input_is_one_line(given, message):
    given = {"X": X, "y": Y, "groups": IDS} | given
    with pytest.raises(InputError, match=message) as caught:
        check_inputs(given["X"], given["y"], given["groups"], given.get("attributes"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("estimator", "options", "message"),
    [
        (LinearRegression(), {}, r"LinearRegression is a regressor"),
        (make_pipeline(StandardScaler(), LinearRegression()), {}, r"is a regressor"),
        (LinearSVC(), {}, r"LinearSVC has no predict_proba; .*CalibratedClassifierCV"),
        (make_pipeline(StandardScaler(), RidgeClassifier()), {}, r"has no predict_proba"),
        (RandomForestClassifier, {}, r"the class RandomForestClassifier; give Random.*\(\)"),
        ("forest", {}, r"estimator: a str without fit"),
        (LogisticRegression(), {"models": 7}, r"models is 7; expected an even number of at least"),
        (LogisticRegression(), {"models": 6}, r"models is 6; expected an even number of at least"),
        (LogisticRegression(), {"models": 16.0}, r"models is 16.0; expected a whole number"),
        (LogisticRegression(), {"seed": -1}, r"seed is -1; expected 0 or more"),
        (LogisticRegression(), {"n_jobs": 0}, r"n_jobs is 0; expected a number of processes"),
        (LogisticRegression(), {"smallest_cell": 1}, r"smallest cell is 1"),
        (LogisticRegression(), {"attributes": Y, "sensitive_features": Y}, r"two names for one"),
    ],
)
def test_what_cannot_be_audited_is_one_line(estimator, options, message, tmp_path):
    with pytest.raises(InputError, match=message) as caught:
        rollcall.audit(estimator, X, Y, out=tmp_path / "out", **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("table", [X, sparse.csr_matrix(X), TABLE])
def test_an_estimator_that_works_in_place_changes_nothing(table):
    inputs = check_inputs(table.copy(), Y)
    scaler = StandardScaler(copy=False, with_mean=not sparse.issparse(table))
    work = Work(
        make_pipeline(scaler, LogisticRegression()), inputs.X, Y, Y, np.array([0, 1]), seed=0
    )
    first, second = (fit_model(work, np.arange(N) % 3 > 0, 0, None, False) for _ in range(2))
    assert first[2]["reading"]["source"] == "decision_function"
    assert (first[1] == second[1]).all()
    after = inputs.X.toarray() if sparse.issparse(table) else np.array(inputs.X)
    assert (after == X).all()


def test_a_stack_shows_its_probabilities_once_it_is_fitted():
    def stack(last):
        return StackingClassifier([("a", LogisticRegression())], last, cv=2)

    with pytest.raises(InputError, match="StackingClassifier has no predict_proba"):
        rollcall.audit(stack(LinearSVC()), X, Y, models=8)
    _check_estimator(stack(LogisticRegression()))
    fitted = stack(LogisticRegression()).fit(X, Y)
    assert choose_reading(fitted, X, np.array([0, 1]), "model 0").source in ("decision_function",)


def test_rows_in_another_order_are_refused_by_pandas_index():
    turned = pd.Series(Y, TABLE.index).sample(frac=1, random_state=0)
    with pytest.raises(InputError, match=r"y: its index is X's in another order; give y.loc"):
        check_inputs(TABLE, turned)
    with pytest.raises(InputError, match=r"groups: its index"):
        check_inputs(TABLE, Y, turned)
    with pytest.raises(InputError, match=r"attributes: its index"):
        check_inputs(TABLE, Y, None, turned.to_frame("sex"))
    other = pd.Series(Y, index=TABLE.index + 1000)  # of another origin: by position
    assert check_inputs(TABLE, other).cohort.labels.tolist() == Y.tolist()


@pytest.mark.parametrize(
    "values",
    [
        Y,
        Y.astype(bool),
        Y.astype(float),
        Y[:, None],
        Y.tolist(),
        [["no", "yes"][each] for each in Y],
        pd.Series(Y, dtype="category"),
        pd.array(Y, "Int64"),
        pd.Series(Y.astype(bool), dtype="boolean"),
        pd.Series([["no", "yes"][each] for each in Y], dtype="string"),
        pd.DataFrame({"died": Y}),
    ],
)
def test_labels_of_any_kind_are_the_same_classes(values):
    inputs = check_inputs(X, values, IDS)
    assert inputs.cohort.labels.tolist() == Y.tolist()
    assert inputs.cohort.task == "binary"
    LogisticRegression().fit(X, inputs.y)  # as scikit-learn takes them


@pytest.mark.parametrize("table", [X, TABLE, X.tolist(), sparse.coo_matrix(X), TABLE.astype(str)])
def test_tables_of_any_kind_give_their_rows(table):
    inputs = check_inputs(table, Y)
    rows = take_rows(inputs.X, Y == 1)
    rows = rows.toarray() if sparse.issparse(rows) else np.asarray(rows)
    assert rows.astype(float) == pytest.approx(X[1::2])


@pytest.mark.parametrize(
    "attributes",
    [
        {"sex": ["f", "m"] * 30},
        pd.DataFrame({"sex": ["f", "m"] * 30}),
        pd.Series(["f", "m"] * 30, name="sex"),
        pd.DataFrame({"sex": pd.Categorical(["f", "m"] * 30)}),
        ["sex"],
        "sex",
    ],
)
def test_attributes_of_any_kind_are_the_same_groups(attributes):
    table = TABLE.assign(sex=["f", "m"] * 30)
    cohort = check_inputs(table, Y, None, attributes).cohort
    assert cohort.attributes == ("sex",)
    assert cohort.records["sex"].astype(str).tolist() == ["f", "m"] * 30


def test_a_number_among_attributes_is_put_into_bands():
    inputs = check_inputs(X, Y, None, {"age": np.linspace(20, 90, N), "weight": X[:, 0]})
    assert list(inputs.cohort.records["age"].cat.categories)[-1] == "80+"
    assert inputs.cohort.records["weight"].nunique() == 4
    assert any(note.startswith("weight: numbers in bands") for note in inputs.cohort.notes)


def test_a_half_without_a_class_is_named():
    y = np.array(["NV", "BKL"] * 30)
    y[4] = "MEL"
    inputs = check_inputs(X, y)
    with pytest.raises(
        InputError, match=r"half \d has no member of class 'MEL'.* 1 patient.*merge rare classes"
    ):
        check_classes(inputs, draw_members(8, N, 0))


def test_the_same_content_has_the_same_digest_and_other_content_another():
    mixed = TABLE.assign(sex=["f", None] * 30, flag=True)
    assert digest_values(mixed) == digest_values(mixed.copy())
    assert digest_values(mixed) == digest_values(mixed.set_index(np.arange(N) + 5))
    changed = mixed.copy()
    changed.loc[59, "sex"] = "m"
    others = [
        changed,
        mixed.rename(columns={"a": "A"}),
        mixed[::-1],
        mixed.astype({"a": "float32"}),
    ]
    digests = [
        digest_values(each) for each in [mixed, *others, X, sparse.csr_matrix(X), X[:, ::-1]]
    ]
    assert len(set(digests)) == len(digests)


def double(values):
    return 2 * values


def test_an_estimator_differs_by_what_it_learns():
    forest = RandomForestClassifier(10, random_state=1, n_jobs=2, verbose=1)
    assert digest_estimator(forest) == digest_estimator(RandomForestClassifier(10))
    steps = [FunctionTransformer(double), FunctionTransformer(np.log), StandardScaler()]
    others = [
        RandomForestClassifier(11),
        BaggingClassifier(LogisticRegression(C=2)),
        BaggingClassifier(LogisticRegression(C=3)),
        *[make_pipeline(step, forest) for step in steps],
        make_pipeline(StandardScaler(), RandomForestClassifier(12)),
    ]
    digests = [digest_estimator(each) for each in [forest, *others]]
    assert len(set(digests)) == len(digests)
    assert name_estimator(others[-1]) == "StandardScaler + RandomForestClassifier"
    assert name_estimator(others[1]) == "BaggingClassifier(LogisticRegression)"


class Odd(LogisticRegression):
    """Gives what a classifier should not."""

    decision_function = property()  # hidden, so that probabilities are read

    def __init__(self, change=None):
        super().__init__()
        self.change = change

    def predict_proba(self, X):
        return self.change(np.full((len(X), 2), 0.5))


@pytest.mark.parametrize(
    "change", [lambda p: p[1:], lambda p: p[:, 0], lambda p: p[:, :1], lambda p: p.astype(str)]
)
def test_probabilities_of_another_shape_are_one_line(change):
    with pytest.raises(InputError, match=r"model 0: predict_proba gives .*expected a row for each"):
        rollcall.audit(Odd(change), X, Y, models=8, n_jobs=1)


def test_probabilities_in_a_list_are_read():
    inputs = check_inputs(X, Y)
    fitted = Odd(lambda p: p.tolist()).fit(X, Y)
    assert choose_reading(fitted, X, inputs.classes, "it").source == "predict_proba"


def test_patients_without_groups_are_called_as_their_rows():
    names = [f"p{row}" for row in range(N)]
    assert check_inputs(TABLE.set_axis(names), Y).cohort.patients.tolist() == names
    plain = list(map(str, range(N)))
    for given in (X, TABLE, TABLE.set_axis(["same"] * N)):
        assert check_inputs(given, Y).cohort.patients.tolist() == plain


def test_a_page_goes_into_a_folder_that_is_there(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        _check_path(tmp_path / "nowhere" / "a.html", ".html")
