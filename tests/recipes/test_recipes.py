"""Recipes: the paper's table, which one is taken, and what cannot be."""

import dataclasses
import re

import pytest

from rollcall import datasets, models, recipes
from rollcall.models.registry import family_of
from rollcall.runs.run import Run
from rollcall.util.errors import InputError

# Knolle et al. 2026: model, learning rate, momentum, weight decay, warm-up, EMA, batch,
# accumulation, epochs, augmentation, views
TABLE = {
    "chexpert": ("wrn_28_2", 1.0, 0.9, 1e-4, 0.05, 0.9995, 512, 2, 60, "medium", 16),
    "mimic_cxr": ("wrn_28_2", 0.25, 0.99, 1e-3, 0.2, 0.95, 512, 2, 60, "medium", 16),
    "embed": ("wrn_28_2", 0.1, 0.9, 1e-8, 0.1, 0.995, 512, 2, 30, "contrast", 16),
    "fairvision": ("wrn_28_2", 1e-4, 0.9, 1e-6, 0.1, 0.99, 256, 1, 100, "weak", 16),
    "fitzpatrick17k": ("wrn_28_2", 5e-3, 0.9, 1e-4, 0.05, 0.99, 256, 1, 100, "medium", 16),
    "ptb_xl": ("resnet1d_128", 0.25, 0.9, 5e-3, 0.05, 0.995, 512, 2, 100, "none", 1),
    "mimic_iv_ed": ("tabresnet_300_6", 0.1, 0.9, 1e-7, 0.05, 0.995, 512, 2, 100, "none", 1),
}


@pytest.mark.parametrize("dataset", TABLE)
def test_the_papers_recipes(dataset):
    recipe = recipes.load(dataset, "paper")
    assert (
        recipe.model,
        recipe.learning_rate,
        recipe.momentum,
        recipe.weight_decay,
        recipe.warmup,
        recipe.ema,
        recipe.batch,
        recipe.accumulate,
        recipe.epochs,
        recipe.augment,
        recipe.views,
    ) == TABLE[dataset]
    assert (recipe.optimiser, recipe.schedule, recipe.cohort) == (
        "sgd",
        "paper",
        {"rules": "paper"},
    )
    assert recipes.load(dataset).model in models.MODELS
    assert recipes.load(dataset) == recipes.load(dataset, "quick")


def test_which_recipe_is_taken():
    assert recipes.load("chexpert", model="wrn_28_2") == recipes.load("chexpert", "paper")
    wide = recipes.load("chexpert", model="wrn_40_4")
    assert (wide.model, wide.learning_rate) == ("wrn_40_4", 1.0)
    assert recipes.load("chexpert", "quick", "wrn_28_2").epochs == recipes.load("chexpert").epochs
    assert recipes.load("simulated").model == "mlp"
    assert recipes.load("simulated", model="small_cnn").model == "small_cnn"
    for call, message in (
        (lambda: recipes.load("chexpert", "papre"), "did you mean 'paper'"),
        (lambda: recipes.load("chexpert", model="wrn_28_3"), "did you mean 'wrn_28_"),
        (
            lambda: recipes.load("simulated", model="vit"),
            "unknown model 'vit' of cohort 'simulated'",
        ),
    ):
        with pytest.raises(InputError, match=message):
            call()


SMALL = {"model": "mlp", "epochs": 3, "batch": 16, "learning_rate": 1e-3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs is 0, expected above 0"),
        ({"batch": 0}, "batch is 0, expected at least 1"),
        ({"learning_rate": -1}, "learning_rate is -1, expected above 0"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1, expected 0 or more"),
        ({"momentum": 1.0}, "momentum is 1.0, expected from 0 to below 1"),
        ({"warmup": 1}, "warmup is 1, expected from 0 to below 1"),
        ({"ema": -0.5}, "ema is -0.5, expected from 0 to below 1"),
        ({"accumulate": 0}, "accumulate is 0, expected at least 1"),
        ({"views": 0}, "views is 0, expected at least 1"),
        ({"stack": 0}, "stack is 0, expected at least 1"),
        ({"precision": "fp8"}, "precision is 'fp8', expected auto or float32 or bf16"),
        ({"optimiser": "adam"}, "optimiser is 'adam', expected adamw or sgd"),
        ({"schedule": "flat"}, "schedule is 'flat', expected cosine or paper"),
    ],
)
def test_a_recipe_checks_itself(tmp_path, change, message):
    """When it is made, when it is changed, and when it is read back from a run."""
    message = re.escape(f"recipe: {message}")
    with pytest.raises(InputError, match=message):
        recipes.Recipe(**(SMALL | change))
    valid = recipes.Recipe(**SMALL)
    with pytest.raises(InputError, match=message):
        dataclasses.replace(valid, **change)
    with pytest.raises(InputError, match=message):
        _ = Run(tmp_path, {"recipe": valid.asdict() | change}).recipe
    assert Run(tmp_path, {"recipe": valid.asdict()}).recipe == valid


def test_recipes_are_listed_by_name():
    assert list(recipes.list_recipes("chexpert")) == ["paper", "quick"]
    assert recipes.list_recipes("simulated")["mlp"] == recipes.load("simulated")
    assert recipes.list_recipes("nowhere") == {}


@pytest.mark.parametrize(
    ("kind", "model"), [("features", "mlp"), ("signals", "resnet1d_32"), ("images", "small_cnn")]
)
def test_a_dataset_without_recipes_takes_those_of_its_kind(kind, model):
    assert recipes.load("table", kind=kind).model == model
    assert recipes.load("table", "quick", kind=kind) == recipes.load("table", kind=kind)
    assert recipes.choose("table", entries=["epochs=3"], kind=kind).epochs == 3


def test_a_dataset_keeps_its_recipes_whatever_its_kind():
    """What could be asked for before there were recipes of a kind is what it was."""
    for about in datasets.list_datasets():
        for name, recipe in recipes.list_recipes(about.name).items():
            assert recipes.load(about.name, name, kind=about.kind) == recipe
            for model in {recipe.model, name} & set(models.MODELS):
                assert recipes.load(about.name, "", model, about.kind) == recipes.load(
                    about.name, "", model
                )
        if recipes.list_recipes(about.name):
            assert recipes.load(about.name, kind=about.kind) == recipes.load(about.name)
    assert recipes.load("chexpert", model="vit_b_16", kind="images").schedule == "paper"


@pytest.mark.parametrize("model", models.MODELS)
def test_every_model_trains_on_every_cohort_that_it_takes(model):
    """A recipe for it, or one line with the models that fit; never without a cohort's options."""
    for about in datasets.list_datasets():
        if about.kind in family_of(model).takes:
            recipe = recipes.load(about.name, model=model, kind=about.kind)
            assert recipe.model == model
            own = recipes.list_recipes(about.name)
            if own and (model == "mlp" or "paper" not in own):
                assert recipe.cohort == recipes.load(about.name).cohort
        else:
            message = f"cohort '{about.name}' has {about.kind}; models that fit: mlp, "
            with pytest.raises(InputError, match=message):
                recipes.load(about.name, model=model, kind=about.kind)


def test_a_model_is_trained_as_others_of_its_family():
    own = recipes.load("diabetes130", "tabular_resnet")
    large = recipes.load("diabetes130", model="tabresnet_300_6", kind="features")
    assert (large.batch, large.settings) == (own.batch, {})
    assert recipes.load("table", model="vit_b_32", kind="images").learning_rate == 1e-4
    with pytest.raises(InputError, match="did you mean 'small_cnn'"):
        recipes.load("table", model="smal_cnn", kind="images")
    with pytest.raises(InputError, match="unknown recipe 'quik' of cohort 'table'; did you mean"):
        recipes.load("table", "quik", kind="images")
    with pytest.raises(InputError, match="unknown model 'mlp' of cohort 'table'"):
        recipes.load("table", model="mlp")
