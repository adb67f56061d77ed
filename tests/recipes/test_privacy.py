"""What a recipe says of privacy: typed, in a file, in run.json; and what is none."""

import dataclasses
import json
import math

import pytest

from rollcall import recipes
from rollcall.recipes import privacy
from rollcall.recipes.privacy import Privacy, read_privacy
from rollcall.recipes.settings import Recipe
from rollcall.stats.accounting import sampled_gaussian
from rollcall.util.errors import InputError

TYPED = ["privacy.unit=patient", "privacy.epsilon=3"]


def test_it_is_typed_as_other_settings_are():
    recipe = recipes.choose("diabetes130", "", [*TYPED, "privacy.clip:0.5", "epochs=3"])
    assert recipe.private == Privacy("patient", 3.0, clip=0.5)
    assert (recipe.epochs, recipe.model) == (3, "mlp")
    other = recipes.choose("simulated", "small_cnn", ["privacy.unit:record", "privacy.epsilon:inf"])
    assert other.private == Privacy("record", math.inf)


def test_a_file_has_it_and_the_command_changes_it(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'model = "mlp"\nepochs = 5\nbatch = 64\nlearning_rate = 1e-3\n'
        '[privacy]\nunit = "patient"\nepsilon = inf\ndelta = 1e-6\n'
    )
    assert recipes.choose("diabetes130", "", [str(path)]).private == Privacy(
        "patient", math.inf, 1e-6
    )
    changed = recipes.choose("diabetes130", "", [str(path), "privacy.epsilon=3"])
    assert changed.private == Privacy("patient", 3.0, 1e-6)


def test_only_recipes_with_it_say_so():
    """Runs of before are the same runs; an infinite epsilon is plain json."""
    plain = recipes.load("diabetes130")
    assert "privacy" not in plain.asdict()
    assert plain.private is None
    recipe = recipes.choose("diabetes130", "", ["privacy.unit=record", "privacy.epsilon=inf"])
    kept = recipe.asdict()
    assert kept["privacy"]["epsilon"] == "inf"
    assert Recipe(**json.loads(json.dumps(kept, allow_nan=False))) == recipe
    assert dataclasses.replace(recipe, privacy={}).asdict() == plain.asdict()


def test_the_same_terms_are_the_same_recipe():
    typed, table = (
        dataclasses.replace(recipes.load("diabetes130"), privacy=privacy)
        for privacy in (
            {"unit": "patient", "epsilon": 3},
            {"epsilon": "3.0", "unit": "patient", "clip": 1, "tried": 1.0},
        )
    )
    assert typed.asdict() == table.asdict()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["privacy.epsilon=3"], "privacy has no unit; it says at least unit and epsilon"),
        (["privacy.unit=patient"], "privacy has no epsilon"),
        (["privacy.unit=patients", "privacy.epsilon=3"], "unit is 'patients', expected record or"),
        (["privacy.unit=record", "privacy.epsilon=0"], "epsilon is 0.0, expected from 0.001"),
        (["privacy.unit=record", "privacy.epsilon=-1"], "epsilon is -1.0, expected from 0.001"),
        (["privacy.unit=record", "privacy.epsilon=1e-9"], "to 10,000, or inf: clipping without"),
        (["privacy.unit=record", "privacy.epsilon=1e9"], "epsilon is 1000000000.0, expected"),
        (["privacy.unit=record", "privacy.epsilon=nan"], "epsilon is 'nan', expected a number"),
        (["privacy.unit=record", "privacy.epsilon=three"], "epsilon is 'three', expected a number"),
        ([*TYPED, "privacy.delta=1"], "delta is 1.0, expected at least 1e-12"),
        ([*TYPED, "privacy.delta=1e-300"], "delta is 1e-300, expected at least 1e-12"),
        ([*TYPED, "privacy.clip=0"], "clip is 0.0, expected from 1e-06"),
        ([*TYPED, "privacy.clip=inf"], "clip is inf, expected from 1e-06 to 1,000,000"),
        ([*TYPED, "privacy.clip=1e39"], "clip is 1e[+]39, expected from"),
        ([*TYPED, "privacy.tried=0"], "tried is 0, expected at least 1"),
        ([*TYPED, "privacy.tried=1.5"], "tried is '1.5', expected a whole number"),
        ([*TYPED, "privacy.eps=1"], "unknown key 'eps'.*did you mean 'epsilon'"),
        ([*TYPED, "privacy.augmentations=2"], "augmentations is 2, and augment is 'none'"),
        (["privacy=3"], "unknown recipe setting 'privacy'"),
    ],
)
def test_what_is_none_is_said_in_a_line(entries, message):
    with pytest.raises(InputError, match=message):
        recipes.choose("diabetes130", "", entries)


def test_a_table_of_other_kinds_is_refused(tmp_path):
    for value in (True, "x", [3], {}):
        with pytest.raises(InputError, match=r"privacy\.epsilon is"):
            read_privacy({"unit": "patient", "epsilon": value})
    path = tmp_path / "mine.toml"
    path.write_text('model = "mlp"\nepochs = 5\nbatch = 64\nlearning_rate = 1e-3\nprivacy = 3\n')
    with pytest.raises(InputError, match=r"mine\.toml: privacy is 3; expected a table"):
        recipes.choose("diabetes130", "", [str(path)])


def test_a_recipe_takes_what_the_accountant_does():
    for name in ("LEAST_EPSILON", "MOST_EPSILON", "SMALLEST_DELTA"):
        assert getattr(privacy, name) == getattr(sampled_gaussian, name)
