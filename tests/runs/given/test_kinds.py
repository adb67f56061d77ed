"""Probabilities, logits and losses give the log odds that they came from; all else is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from rollcall.attacks.scores import exact_scores
from rollcall.runs.given import kinds
from rollcall.util.errors import InputError
from tests.runs.given.files import class_probabilities, create, make


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "in"
    scores, _, _, owner = make(folder)
    labels = np.random.default_rng(3).integers(0, 3, len(owner))
    np.save(folder / "three.npy", labels)
    np.save(folder / "two.npy", labels % 2)
    return folder, scores, labels


def save(folder, array):
    np.save(folder / "given.npy", array)
    return "given.npy"


def test_each_kind_gives_the_log_odds(files):
    folder, scores, labels = files
    two = labels % 2
    of_class_1 = np.where(two == 1, expit(scores.astype(float)), expit(-scores.astype(float)))
    three = class_probabilities(scores, labels, 3)
    for array, kind, name in (
        (scores.astype(float), "log-odds", None),
        (np.logaddexp(0, -scores.astype(float)), "loss", None),
        (three, "proba", "three.npy"),
        (np.log(three) + 7, "logits", "three.npy"),
        (class_probabilities(scores, two), "proba", "two.npy"),
        (of_class_1, "proba", "two.npy"),
        (of_class_1[:, :, None], "proba", "two.npy"),
        (logit(of_class_1), "logits", "two.npy"),
        (of_class_1.astype(">f8"), "proba", "two.npy"),
        (np.asfortranarray(three), "proba", "three.npy"),
    ):
        run, cohort = create(folder, scores=save(folder, array), kind=kind, labels=name)
        assert run.scores() == pytest.approx(scores, abs=1e-4), kind
        assert run.config["kind"] == kind
        assert not cohort.notes


def test_logits_are_scored_as_those_of_trained_targets():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 5, (8, 50, 4)).astype(np.float32), rng.integers(0, 4, 50)
    several = rng.integers(0, 2, (50, 4))
    for kind, given_labels, task in (
        ("logits", labels, "multiclass"),
        ("logits", several, "multilabel"),
    ):
        read = kinds.choose_kind("s.npy", logits, kind, given_labels)
        for target in range(8):
            assert kinds.convert_target(read, target) == pytest.approx(
                exact_scores(logits[target], given_labels, task), rel=1e-6
            )


def test_several_labels_and_losses_of_several():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(0, 3, (8, 40, 3)), rng.integers(0, 2, (40, 3))
    p = expit(np.where(labels == 1, scores, -scores))
    for array, kind, given_labels in (
        (p, "proba", labels),
        (np.logaddexp(0, -scores), "loss", None),
    ):
        read = kinds.choose_kind("s.npy", array, kind, given_labels)
        assert np.stack(list(kinds.iterate_log_odds(read))) == pytest.approx(scores, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0, 1, allow_subnormal=False), min_size=8, max_size=40),
    st.integers(0, 2**32 - 1),
)
def test_conversion_keeps_the_order(values, seed):
    """Whatever the probabilities, 0 and 1 too: log odds are finite and in their order."""
    p = np.array(values)
    array = np.tile(p, (8, 1))
    labels = np.random.default_rng(seed).integers(0, 2, len(p))
    labels[:2] = 0, 1
    read = kinds.choose_kind("s.npy", array, "proba", labels)
    if set(values) <= {0.0, 1.0}:
        with pytest.raises(InputError, match="every probability is 0 or 1"):
            kinds.find_floor(read)
        return
    read, notes = kinds.find_floor(read)
    log_odds = kinds.convert_target(read, 0)
    assert np.isfinite(log_odds).all()
    assert bool(notes) == bool({0.0, 1.0} & set(values))
    one, rest = np.where(labels == 1, (p, 1 - p), (1 - p, p))
    order = np.lexsort((-rest, one))
    assert (np.diff(log_odds[order]) >= 0).all()


def test_votes_of_a_forest_are_smoothed_and_it_is_said(files):
    folder, scores, labels = files
    two = labels % 2
    votes = np.round(expit(np.where(two == 1, scores, -scores)) * 50) / 50
    run, cohort = create(folder, scores=save(folder, votes), kind="proba", labels="two.npy")
    assert np.isfinite(run.scores()).all()
    assert abs(run.scores()).max() == pytest.approx(logit(0.99), abs=0.02)
    assert "infinite log odds" in cohort.notes[0]
    assert "(k + 0.5) / (T + 1)" in cohort.notes[0]


def test_labels_may_be_a_csv_of_the_records(files):
    folder, scores, labels = files
    ids = pd.read_csv(folder / "ids.csv")
    p = save(folder, class_probabilities(scores, labels, 3))
    for table in (pd.DataFrame({"y": labels}), ids.assign(y=labels.astype(float))):
        table.to_csv(folder / "y.csv", index=False)
        run, _ = create(folder, scores=p, kind="proba", labels="y.csv")
        assert run.scores() == pytest.approx(scores, abs=1e-4)
    ids[::-1].assign(y=labels).to_csv(folder / "y.csv", index=False)
    with pytest.raises(InputError, match=r"y.csv: its patient_id are not those of the records"):
        create(folder, scores=p, kind="proba", labels="y.csv")


@pytest.mark.parametrize(
    ("change", "kind", "labels", "message"),
    [
        (lambda s, y: expit(s), "proba", None, "proba needs --labels"),
        (lambda s, y: s, "odds", None, "kind 'odds': expected one of log-odds, proba"),
        (lambda s, y: s, "log-odds", "two.npy", "kind log-odds needs no labels"),
        (lambda s, y: s, "loss", None, "target 0, record .* is negative, as no cross-entropy"),
        (lambda s, y: s, "proba", "two.npy", "target 0, record .*is no probability"),
        (lambda s, y: 100 * expit(s), "proba", "two.npy", "is no probability, from 0 to 1"),
        (lambda s, y: expit(s), "proba", "three.npy", r"labels from 0 to 2; expected 0 to 1"),
        (
            lambda s, y: class_probabilities(s, y, 3),
            "proba",
            "one_based.npy",
            "labels from 1 to 3; expected 0 to 2",
        ),
        (
            lambda s, y: class_probabilities(s, y, 3) ** 2,
            "proba",
            "three.npy",
            "the probabilities of its 3 classes do not add up to 1",
        ),
        (lambda s, y: np.round(expit(s)), "proba", "two.npy", "every probability is 0 or 1"),
        (lambda s, y: class_probabilities(s, y % 2), "log-odds", None, "with --kind proba"),
        (lambda s, y: s.astype(float), "loss", None, "is negative"),
        (lambda s, y: class_probabilities(s, y, 3), "logits", "three.npy", "--kind proba"),
        (lambda s, y: class_probabilities(s, y, 3), "loss", None, "as probabilities of classes do"),
        (lambda s, y: np.zeros_like(s), "loss", None, "every loss is 0"),
        (
            lambda s, y: class_probabilities(s, y, 3)[:, :, [1, 2, 0]],
            "proba",
            "three.npy",
            "fewer than by guessing|Are labels those of these records",
        ),
        (lambda s, y: expit(s), "proba", "short.npy", "expected .* one for each record"),
        (lambda s, y: expit(s), "proba", "words.npy", "expected int, the class of each record"),
        (lambda s, y: expit(s), "proba", "half.npy", "expected whole numbers"),
        (lambda s, y: expit(s), "proba", "ones.npy", "every record has the label 1"),
    ],
)
def test_what_does_not_fit_is_one_line(files, change, kind, labels, message):
    folder, scores, y = files
    np.save(folder / "one_based.npy", y + 1)
    np.save(folder / "short.npy", y[1:])
    np.save(folder / "words.npy", y.astype(str))
    np.save(folder / "half.npy", y + 0.5)
    np.save(folder / "ones.npy", np.ones_like(y))
    with pytest.raises(InputError, match=message) as caught:
        create(folder, scores=save(folder, change(scores + 0.0, y)), kind=kind, labels=labels)
    assert "\n" not in str(caught.value)
    assert not (folder.parent / "out").exists()


def test_probability_of_the_own_label_is_not_taken_for_that_of_class_1(tmp_path):
    folder = tmp_path / "in"
    scores, *_ = make(folder, shift=4.0, each=2)
    labels = np.arange(scores.shape[1]) % 2
    np.save(folder / "y.npy", labels)
    # Sure of every label, as good models are: by class 1, half of the labels are wrong.
    sure = save(folder, expit(scores + 2.0))
    with pytest.raises(InputError, match=r"own label\? Give -log\(p\) with --kind loss|guessing"):
        create(folder, scores=sure, kind="proba", labels="y.npy")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.797e308, "target 3, record 5: 1.8e308 is beyond float32; expected log odds"),
        (-1e300, "target 3, record 5: -1e300 is beyond float32"),
        (3e38, "target 3, record 5: 3e38 is beyond 1,000,000"),
        (-1e9, "target 3, record 5: -1e09 is beyond 1,000,000"),
        (np.inf, "target 3, record 5 is NaN or infinite; .*Of probabilities of 0 and 1"),
        (np.nan, "target 3, record 5 is NaN or infinite; expected finite scores$"),
    ],
)
def test_magnitudes_are_checked_before_anything_is_written(files, value, message):
    folder, scores, _ = files
    array = scores.astype(float)
    array[3, 5] = value
    with pytest.raises(InputError, match=message):
        create(folder, scores=save(folder, array))
    assert not (folder.parent / "out").exists()
