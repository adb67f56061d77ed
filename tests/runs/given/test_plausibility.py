"""Scores that are plainly something else are refused; those that tell nothing are not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from rollcall.runs.given import kinds
from rollcall.runs.given.order import refuse_order
from rollcall.runs.given.plausibility import look, note_oddities, refuse_kind, refuse_sign
from rollcall.util.errors import InputError
from tests.oracles import risk as naive

MEMBERS, PATIENTS = Path("members.npy"), Path("ids.csv")


def make(seed=0, shift=2.0, targets=32, patients=300, each=2):
    """(scores, members, codes, names): `each` records a patient, in random order."""
    rng = np.random.default_rng(seed)
    ids = rng.permutation(np.repeat([f"p{number:03d}" for number in range(patients)], each))
    codes, names = pd.factorize(ids)
    members = naive.paired(rng, targets, patients)
    scores = rng.standard_normal((targets, len(ids))) + rng.normal(0, 1, len(ids))
    scores += shift * members[:, codes]
    return scores.astype(np.float32), members, codes, pd.Index(names)


def check(scores, members, codes, names, kind="log-odds", labels=None):
    """All that is looked at before scores are believed; returns the notes."""
    given = kinds.choose_kind(Path("scores.npy"), scores, kind, labels)
    given, notes = kinds.find_floor(given)
    looks = look(given, members, codes)
    refuse_kind(given, looks)
    refuse_sign(given, MEMBERS, looks)
    contrast = max(looks.contrast, looks.by_rank)
    refuse_order(given, MEMBERS, PATIENTS, members, codes, names, contrast)
    return notes + note_oddities(given, looks)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3, 2.0])
@pytest.mark.parametrize("targets", [8, 32])
def test_what_is_right_passes(shift, targets):
    assert not check(*make(shift=shift, targets=targets))


def test_copies_of_one_model_are_said():
    scores, *rest = make(shift=0.0, targets=8)
    scores[5:] = scores[1]
    assert check(scores, *rest) == [
        "3 target models give the very scores of another: are they copies?"
    ]


def heavy(rng, shape):
    return rng.standard_cauchy(shape) * np.exp(rng.normal(0, 2, shape[1]))


def of_groups(rng, shape):
    """Models that differ by the half that they saw: records of one kind move together."""
    return (
        rng.normal(0, 1, shape) * 0.1 + rng.normal(0, 1, (shape[0], 2))[:, np.arange(shape[1]) % 2]
    )


def rounded(rng, shape):
    return np.round(rng.normal(0, 1, shape))


def constant(rng, shape):
    return np.full(shape, 3.0)


def plain(rng, shape):
    return rng.normal(0, 1, shape)


@pytest.mark.parametrize("law", [plain, heavy, of_groups, rounded, constant])
def test_audits_without_leakage_pass(law):
    """Whatever the scores, chance refuses 2 in 100 million by sign; none of these."""
    for seed in range(18):
        rng = np.random.default_rng(seed)
        targets, patients = (8, 16, 32)[seed % 3], (16, 60, 300)[seed // 3 % 3]
        codes = np.sort(rng.integers(0, patients, 2 * patients))
        codes, names = pd.factorize(np.concatenate([np.arange(patients), codes]))
        members = naive.paired(rng, targets, patients)
        scores = np.clip(law(rng, (targets, len(codes))), -1e5, 1e5)
        check(scores.astype(np.float32), members, codes, pd.Index(names.astype(str)))


def test_probabilities_are_refused():
    scores, *rest = make()
    p = expit(scores)
    for given in (p, np.stack([p, 1 - p], axis=2)):
        with pytest.raises(InputError, match=r"all values lie .*--kind proba --labels"):
            check(given, *rest)


@pytest.mark.parametrize(
    "damage",
    [
        lambda scores: -scores,
        lambda scores: np.logaddexp(0, -scores),  # the loss itself
        lambda scores: expit(-scores) * 100,
    ],
)
@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_losses_are_refused(damage, shift):
    scores, *rest = make(shift=shift)
    with pytest.raises(InputError, match=r"lower where a model had the record .*--kind loss"):
        check(damage(scores), *rest)


def test_losses_of_good_models_are_refused():
    """Where models are sure, losses differ little, but in their ranks."""
    scores, members, codes, names = make(targets=16, patients=240)
    rng = np.random.default_rng(4)
    scores = 3 + rng.normal(0, 1, scores.shape) + 3 * (members & (np.arange(240) < 40))[:, codes]
    with pytest.raises(InputError, match="lower where a model had the record"):
        check(np.logaddexp(0, -scores).astype(np.float32), members, codes, names)
    assert not check(scores.astype(np.float32), members, codes, names)


def test_members_that_say_who_was_left_out_are_refused():
    scores, members, *rest = make()
    with pytest.raises(InputError, match=r"Or does members.npy say who was left out"):
        check(scores, ~members, *rest)


def test_log_odds_of_one_class_are_refused():
    scores, members, codes, names = make()
    label = np.random.default_rng(1).integers(0, 2, len(codes))
    with pytest.raises(InputError, match=r"lower .* for some records, and higher for others"):
        check(np.where(label, scores, -scores), members, codes, names)


def classes(scores, label, number=3):
    """Logits (M, N, C) whose log odds of the own label are `scores`."""
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1, (*scores.shape, number))
    rows = np.arange(scores.shape[1])
    logits[:, rows, label] = -np.inf
    rest = np.log(np.exp(logits).sum(2))
    logits[:, rows, label] = scores + rest
    return logits


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda z: z - np.log(np.exp(z).sum(2, keepdims=True)), "log-probabilities"),
        (lambda z: z - z.mean(2, keepdims=True), "add up to the same"),
        (lambda z: 100 * np.exp(z) / np.exp(z).sum(2, keepdims=True), "add up to the same"),
        (lambda z: z - 0.8 * z.mean(2, keepdims=True), "for some records, and higher for others"),
    ],
)
def test_logits_of_classes_are_no_labels(change, words):
    scores, members, codes, names = make(targets=16)
    label = np.random.default_rng(1).integers(0, 3, len(codes))
    with pytest.raises(InputError, match=words):
        check(change(classes(scores, label)).astype(np.float32), members, codes, names)


def brier_of_classes(p, rng):
    """Of three classes, the others sharing what is left: (1 - p)^2 and theirs."""
    share = rng.random(p.shape[1])
    return (1 - p) ** 2 * (1 + share**2 + (1 - share) ** 2)


ERRORS = {
    "of one label": lambda p, rng: (1 - p) ** 2,
    "absolute": lambda p, rng: 1 - p,
    "of two classes": lambda p, rng: 2 * (1 - p) ** 2,
    "of three classes": brier_of_classes,
}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_brier_scores_are_no_losses(error, shift):
    """Refused where many come near the largest there is; said where none does."""
    scores, *rest = make(shift=shift, patients=600)
    rng = np.random.default_rng(3)
    sure = ERRORS[error](expit(4 * scores.astype(float)), rng)
    with pytest.raises(InputError, match="as Brier scores and other errors of probabilities end"):
        check(sure, *rest, kind="loss")
    unsure = ERRORS[error](expit(np.clip(scores.astype(float) + 1, -1, 9)), rng)
    assert "are they Brier scores" in " ".join(check(unsure, *rest, kind="loss"))


@pytest.mark.parametrize("scale", [0.2, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("mean", [-1.0, 0.0, 3.0])
def test_cross_entropies_are_not_refused_as_brier_scores(scale, mean):
    """Of sure models and of models that hardly beat guessing."""
    for seed in range(3):
        scores, *rest = make(seed=seed, shift=0.5, targets=8)
        loss = np.logaddexp(0, -(mean + scale * scores.astype(float)))
        assert not check(loss, *rest, kind="loss") or loss.max() < 2


def test_log_probabilities_are_refused_where_models_are_sure():
    scores, *rest = make()
    with pytest.raises(InputError, match=r"as log-probabilities are; .*--kind loss"):
        check(-np.logaddexp(0, -scores - 2), *rest)


def test_what_is_odd_but_may_be_right_is_said():
    scores, *rest = make(shift=0.0)
    assert "every score is 3" in check(np.full_like(scores, 3.0), *rest)[0]
    assert "target 4 gives every record one score" in " ".join(
        check(np.where(np.arange(32)[:, None] == 4, 1.5, scores), *rest)
    )
    assert "one and the same number" in check(np.minimum(scores, 0.3), *rest)[0]
    assert "no score is negative" in check(scores - scores.min(), *rest)[0]
    assert "no score is positive" in check(scores - scores.max() - 1, *rest)[0]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (lambda names: np.argsort(names), "in the order of their sorted ids"),
        (lambda names: np.argsort(names)[::-1], "in the order of their sorted ids, backwards"),
        (lambda names: np.arange(len(names))[::-1], "first come, backwards"),
    ],
)
def test_members_in_another_order_are_refused(order, words):
    scores, members, codes, names = make(targets=16)
    other = members[:, order(np.asarray(names, str))]
    with pytest.raises(InputError, match=f"members.npy: .*{words}; expected"):
        check(scores, other, codes, names)


def test_members_in_the_order_of_numbers_are_refused():
    scores, members, codes, names = make(targets=16)
    numbers = pd.Index([str(int(name[1:])) for name in names])
    other = members[:, np.argsort(numbers.astype(int))]
    with pytest.raises(InputError, match="in the order of their ids as numbers"):
        check(scores, other, codes, numbers)


BY_ID = {
    "sorted ids": lambda ids: np.argsort(ids, kind="stable"),
    "sorted ids, backwards": lambda ids: np.argsort(ids, kind="stable")[::-1],
    "ids by the numbers in them": lambda ids: np.argsort(
        [int(text[1:]) for text in ids], kind="stable"
    ),
    "their order backwards": lambda ids: np.arange(len(ids))[::-1],
    "each one further": lambda ids: np.roll(np.arange(len(ids)), 1),
    "each one before": lambda ids: np.roll(np.arange(len(ids)), -1),
    "grouped by patient": lambda ids: np.argsort(pd.factorize(ids)[0], kind="stable"),
}


@pytest.mark.parametrize("shift", [0.3, 1.0])
@pytest.mark.parametrize("words", BY_ID)
def test_scores_in_a_usual_order_are_refused(words, shift):
    """Though so little leaks that no record alone shows it."""
    scores, members, codes, names = make(targets=16, shift=shift)
    names = pd.Index([f"p{int(name[1:])}" for name in names])  # p2 comes after p10, as text
    order = BY_ID[words](np.asarray(names, str)[codes])
    with pytest.raises(InputError, match=rf"scores\.npy: fits the members only .*{words}; exp"):
        check(scores[:, order], members, codes, names)


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("by_id", [False, True])
def test_members_shifted_by_one_are_refused(step, by_id):
    scores, members, codes, names = make(targets=16, shift=0.5)
    order = np.argsort(np.asarray(names, str)) if by_id else np.arange(len(names))
    other = np.roll(members[:, order], step, axis=1)
    words = f"{'of their sorted ids' if by_id else 'first come'}, each one"
    with pytest.raises(InputError, match=f"members.npy: .*{words} .*; expected"):
        check(scores, other, codes, names)


def test_orders_of_many_patients_are_tried(monkeypatch):
    monkeypatch.setattr("rollcall.runs.given.order.MOST_PATIENTS", 100)
    scores, members, codes, names = make(targets=16, shift=0.5)
    order = np.argsort(np.asarray(names, str)[codes], kind="stable")
    with pytest.raises(InputError, match="records in the order of their sorted ids; expected"):
        check(scores[:, order], members, codes, names)


def test_members_in_any_other_order_are_refused_where_it_shows():
    scores, members, codes, names = make()
    other = members[:, np.random.default_rng(5).permutation(len(names))]
    with pytest.raises(InputError, match="fit members of other patients than their own"):
        check(scores, other, codes, names)
    with pytest.raises(InputError, match="fit members of other patients than their own"):
        check(scores[:, np.random.default_rng(5).permutation(len(codes))], members, codes, names)


@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_targets_in_another_order_are_refused(shift):
    scores, members, codes, names = make(shift=shift)
    rows = np.random.default_rng(5).permutation(len(scores))
    pairs = np.ravel(np.random.default_rng(6).permutation(np.arange(32).reshape(16, 2)))
    for order in (rows, pairs, np.arange(32)[::-1]):
        with pytest.raises(InputError, match=r"members.npy: .*in the same order"):
            check(scores[order], members, codes, names)


def test_two_targets_exchanged_are_refused():
    scores, members, codes, names = make()
    order = np.arange(32)
    order[[4, 11]] = 11, 4
    with pytest.raises(InputError, match=r"row 11 fits the scores of target 4 .*2 such targets"):
        check(scores[order], members, codes, names)
    order = np.arange(32)
    order[[6, 7]] = 7, 6  # one pair the wrong way round
    with pytest.raises(InputError, match=r"row 7 fits the scores of target 6"):
        check(scores[order], members, codes, names)
