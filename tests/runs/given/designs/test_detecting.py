"""How training sets were drawn is seen in them; what is not exchangeable is refused with a word."""

from pathlib import Path

import numpy as np
import pytest

from rollcall.runs.given.designs.detecting import choose_design
from rollcall.stats.members import draw_members
from rollcall.util.errors import InputError

PATH = Path("members.csv")
PATIENTS = 400


def bernoulli(rng, rates, patients=PATIENTS):
    return rng.random((len(rates), patients)) < np.asarray(rates)[:, None]


def of_size(rng, sizes, patients=PATIENTS):
    return np.stack([rng.permutation(patients) < size for size in sizes])


def folds(rng, repeats, count=5):
    place = [rng.permutation(PATIENTS) % count for _ in range(repeats)]
    return np.concatenate([[each != fold for fold in range(count)] for each in place])


def test_pairs_are_seen_and_left_as_they_are():
    design = choose_design(PATH, draw_members(16, PATIENTS, 0))
    assert design.kind == "pairs"
    assert not design.few.any()
    assert not design.notes


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("rates", "kind"),
    [
        ([0.2] * 32, "independent"),
        ([0.5] * 9, "independent"),
        ([0.8] * 31, "independent"),
        ([0.95] * 100, "independent"),
        (np.resize([0.2, 0.5, 0.8], 30), "independent"),
        (200, "fixed-size"),
        (80, "fixed-size"),
    ],
)
def test_sets_drawn_one_by_one_pass(seed, rates, kind):
    rng = np.random.default_rng(seed)
    members = of_size(rng, [rates] * 33) if kind == "fixed-size" else bernoulli(rng, rates)
    design = choose_design(PATH, members)
    assert design.kind == kind
    assert np.allclose(design.rates, members.mean(1), atol=0.01)
    assert "one by one" in design.notes[0]


def test_patients_of_unequal_rates_pass():
    rng = np.random.default_rng(0)
    of_patient = rng.choice([0.2, 0.5, 0.8], 600)
    assert choose_design(PATH, rng.random((32, 600)) < of_patient).kind == "independent"


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda rng: folds(rng, 10), "folds"),
        (lambda rng: folds(rng, 20, 4), "folds"),
        (lambda rng: np.arange(PATIENTS) < np.linspace(40, 360, 20)[:, None], "nested"),
        (lambda rng: abs(np.arange(PATIENTS) - np.linspace(0, 400, 20)[:, None]) < 90, "time"),
        (lambda rng: np.repeat(bernoulli(rng, [0.5] * 20, 40), 10, axis=1), "together"),
        (lambda rng: np.repeat(bernoulli(rng, [0.5] * 10), 2, axis=0), "nested"),
        (
            lambda rng: (
                bernoulli(rng, [0.5] * 20) & (np.arange(20)[:, None] % 2 == np.arange(PATIENTS) % 2)
            ),
            "folds",
        ),
    ],
)
def test_what_is_not_exchangeable_is_refused_with_a_word(make, word):
    with pytest.raises(InputError, match=rf"members\.csv: the training sets of .*{word}"):
        choose_design(PATH, np.asarray(make(np.random.default_rng(1))))


def test_pairs_that_are_none_are_refused():
    members = draw_members(16, PATIENTS, 0)
    damaged = members.copy()
    damaged[0, 5] = ~damaged[0, 5]
    with pytest.raises(InputError, match="column 5 is in both or neither of targets 0 and 1"):
        choose_design(PATH, damaged)
    with pytest.raises(InputError, match="target 0 has it in target 8; expected pairs beside"):
        choose_design(PATH, np.concatenate([members[0::2], members[1::2]]))
    with pytest.raises(InputError, match="expected complementary pairs"):
        choose_design(PATH, bernoulli(np.random.default_rng(0), [0.5] * 16), "pairs")


def test_patients_of_few_models_are_left_out_and_counted():
    rng = np.random.default_rng(0)
    members = bernoulli(rng, [0.2] * 20)
    design = choose_design(PATH, members)
    few = (members.sum(0) < 3) | (members.sum(0) > 17)
    assert (design.few == few).all()
    assert f"{few.sum()} of 400 patients are left out" in design.notes[1]
    with pytest.raises(InputError, match="no patient is in at least 3 and out of at least 3"):
        choose_design(PATH, of_size(rng, [4] * 6))


@pytest.mark.parametrize(
    ("kind", "rates", "message"),
    [
        ("independent", "0.5,0.5", "20 with commas"),
        ("independent", "1", "between 0 and 1"),
        ("independent", "half", "between 0 and 1"),
        ("", "0.5", "need --design independent"),
        ("folds", "", "unknown design"),
    ],
)
def test_rates_and_designs_that_cannot_be(kind, rates, message):
    with pytest.raises(InputError, match=message):
        choose_design(PATH, bernoulli(np.random.default_rng(0), [0.5] * 20), kind, rates)


def test_given_rates_are_taken():
    members = bernoulli(np.random.default_rng(0), [0.5] * 20)
    design = choose_design(PATH, members, "independent", "0.5")
    assert (design.rates == 0.5).all()
    assert "as was given" in design.notes[0]


@pytest.mark.parametrize("rates", ["0.8", "0.5", ",".join(["0.3"] * 19 + ["0.9"])])
def test_rates_that_the_training_sets_contradict_are_refused(rates):
    members = np.random.default_rng(0).random((20, 400)) < 0.3
    with pytest.raises(InputError, match="of the patients, and its rate is"):
        choose_design(Path("m.csv"), members, "independent", rates)
    assert choose_design(Path("m.csv"), members, "independent", "0.3").kind == "independent"
