"""Log odds of each record's own label, from what a fitted classifier gives; and how well it does.

Where a classifier has outputs before the logistic function or softmax, these are taken: they are
exact where probabilities are rounded to 0 and 1. Votes are smoothed. Other probabilities have a
floor. The first model decides, for all, so that all are scored alike.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy import sparse
from scipy.special import expit, logsumexp, softmax

from rollcall.auditing.estimators.digests import name_estimator
from rollcall.stats import metrics
from rollcall.util.errors import InputError

RAW, JOINT, VOTES, PROBA = "decision_function", "predict_log_proba", "votes", "predict_proba"
LARGEST = 1e6  # log odds beyond it are infinite to all that follows
CLOSE = 1e-6  # by which probabilities may differ from those of the outputs before
ALIKE = 256  # records on which that is looked at
SUM_TOLERANCE = 0.02  # by which probabilities may miss 1
DECISION_FLOOR = 0.25  # of classifiers that give 0 and 1 alone


@dataclass(frozen=True)
class Reading:
    """Hold how log odds are read off a classifier.

    source: the method they come from, or "votes" of `votes` trees or neighbours; floor: a
    probability under it is taken for it.
    """

    source: str
    votes: int = 0
    floor: float = 0.0

    def asdict(self) -> dict:
        """Return it as json can hold it."""
        return asdict(self)

    def __str__(self) -> str:
        if self.source == VOTES:
            return f"shares of {self.votes} votes, smoothed as (k + 0.5) / ({self.votes} + 1)"
        if self.source == PROBA:
            return f"predict_proba, probabilities under {self.floor:.2g} taken for that"
        return f"{self.source}, exact"


def check_probabilities(model) -> None:
    """InputError unless a classifier has predict_proba."""
    if not hasattr(model, PROBA):
        raise InputError(
            f"estimator: {name_estimator(model)} has no predict_proba; expected a classifier that "
            "gives probabilities, or CalibratedClassifierCV around it"
        )


def choose_reading(model, X, classes: np.ndarray, where: str) -> Reading:
    """Return how log odds are read off classifiers like this one, which is fitted.

    where: what to call it in an InputError.
    """
    check_probabilities(model)
    rows = X.iloc[:ALIKE] if hasattr(X, "iloc") else X[:ALIKE]
    if _gives_log_odds(model, rows, classes, where):
        return Reading(RAW)
    last = find_last_step(model)
    if hasattr(last, "predict_joint_log_proba"):
        return Reading(JOINT)
    if votes := count_votes(last):
        return Reading(VOTES, votes)
    values = predict(model, X, classes, Reading(PROBA), where)
    inside = values[(values > 0) & (values < 1)]
    if not len(inside):
        return Reading(PROBA, 0, DECISION_FLOOR)
    kind = np.asarray(model.predict_proba(_copy_table(rows))).dtype
    floor = float(np.finfo(kind if kind.kind == "f" else np.float64).eps)
    if (values == 0).any():  # no smaller one can be told from 0
        floor = max(floor, float(min(inside.min(), (1 - inside).min())) / 2)
    return Reading(PROBA, 0, min(floor, DECISION_FLOOR))


def find_last_step(model):
    """Return the classifier at the end of a pipeline or inside a search."""
    while True:
        if getattr(model, "steps", None):
            model = model.steps[-1][1]
        elif hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif type(model).__name__.endswith(("ThresholdClassifier", "ThresholdClassifierCV")):
            model = model.estimator_
        else:
            return model


def count_votes(last) -> int:
    """Return of how many votes a classifier's probabilities are shares; 0 if they are of none."""
    from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.tree import BaseDecisionTree

    if isinstance(last, RandomForestClassifier | ExtraTreesClassifier):
        return len(last.estimators_)
    if isinstance(last, BaggingClassifier):
        inside = last.estimators_[0]
        is_vote = isinstance(inside, BaseDecisionTree) or not hasattr(inside, "predict_proba")
        return len(last.estimators_) if is_vote else 0
    if isinstance(last, KNeighborsClassifier):
        return int(last.n_neighbors)
    return 0


def predict(model, X, classes: np.ndarray, reading: Reading, where: str) -> np.ndarray:
    """Return a column for each of `classes`, float64 (N, C): log odds, or probabilities.

    Of RAW and JOINT the outputs before the softmax (of two classes 0 and z); else probabilities.
    InputError if the model has other classes, or gives what is none of it.
    """
    values = np.asarray(getattr(model, reading.source.replace(VOTES, PROBA))(_copy_table(X)))
    if reading.source == RAW and values.ndim == 1:
        values = np.stack([np.zeros(len(values)), values], axis=1)
    present = np.asarray(model.classes_) if hasattr(model, "classes_") else classes
    rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if values.shape != (rows, len(present)) or values.dtype.kind not in "fiub":
        raise InputError(
            f"{where}: {reading.source} gives {values.dtype} {values.shape}; expected a row for "
            f"each of {rows:,} records and a column for each of {len(present)} classes"
        )
    places = {str(name): place for place, name in enumerate(present)}
    if lost := [name for name in map(str, classes) if name not in places]:
        raise InputError(f"{where} has no class {lost[0]!r} after its fit; merge rare classes")
    values = values[:, [places[str(name)] for name in classes]].astype(np.float64)
    wrong = ~(np.isfinite(values) | (reading.source == JOINT) & (values == -np.inf))
    why = "NaN or infinite"
    if reading.source in (VOTES, PROBA) and not wrong.any():
        wrong, why = (values < -1e-6) | (values > 1 + 1e-6), "no probability"
        if not wrong.any():
            wrong = np.abs(values.sum(1, keepdims=True) - 1) > SUM_TOLERANCE
            why = "that do not add up to 1 over the classes"
    if wrong.any():
        row = int(np.argwhere(wrong)[0][0])
        raise InputError(f"{where}: {reading.source} gives row {row} values {why}; expected finite")
    return values


def _copy_table(X):
    """Return a copy of what scikit-learn may change in place; arrays are read-only."""
    return X.copy() if hasattr(X, "iloc") or sparse.issparse(X) else X


def score_labels(values: np.ndarray, labels: np.ndarray, reading: Reading) -> np.ndarray:
    """Return the log odds of each record's own label, float32 (N,): higher = more like a member.

    values (N, C): of `predict`; labels (N,) int. log p - log(1 - p), of probabilities with 1 - p
    taken as the sum of the others; of a share p of T votes log(Tp + 0.5) - log(T(1 - p) + 0.5).
    """
    rows = np.arange(len(values))
    mine = values[rows, labels]
    others = values.copy()
    if reading.source in (RAW, JOINT):
        others[rows, labels] = -np.inf
        scores = mine - logsumexp(others, axis=1)
        return np.clip(scores, -LARGEST, LARGEST).astype(np.float32)
    if reading.source == VOTES:
        total = reading.votes
        return (np.log(total * mine + 0.5) - np.log(total * (1 - mine) + 0.5)).astype(np.float32)
    others[rows, labels] = 0
    rest = np.maximum(others.sum(1), reading.floor)
    return (np.log(np.maximum(mine, reading.floor)) - np.log(rest)).astype(np.float32)


def measure(values: np.ndarray, labels: np.ndarray, member: np.ndarray, reading: Reading) -> dict:
    """Measure accuracy and AUROC on members and on non-members; values: of `predict`.

    Of several classes the AUROC is the mean over classes of one against the rest. Keys as
    rollcall.training.evaluation.measure_performance has them.
    """
    if reading.source in (RAW, JOINT):
        values = softmax(values, axis=1) if values.shape[1] > 2 else values - values[:, :1]
    result = {}
    for name, chosen in (("members", member), ("non_members", ~member)):
        z, y = values[chosen], labels[chosen]
        columns = [1] if values.shape[1] == 2 else range(values.shape[1])
        areas = [metrics.auc(z[:, column], y == column) for column in columns]
        known = [area for area in areas if not np.isnan(area)]
        result[f"accuracy_{name}"] = float((z.argmax(1) == y).mean())
        result[f"auroc_{name}"] = float(np.mean(known)) if known else float("nan")
    return result


def _gives_log_odds(model, rows, classes: np.ndarray, where: str) -> bool:
    """Tell whether decision_function gives what becomes predict_proba by logistic or softmax."""
    if not hasattr(model, RAW):
        return False
    outputs = np.asarray(model.decision_function(_copy_table(rows)))
    expected = predict(model, rows, classes, Reading(PROBA), where)
    if outputs.ndim == 1 and len(classes) == 2:
        probabilities = expit(outputs)[:, None] * [-1, 1] + [1, 0]
    elif outputs.shape == expected.shape and len(classes) > 2:
        probabilities = softmax(outputs, axis=1)
    else:
        return False
    return bool(np.abs(probabilities - expected).max() <= CLOSE)
