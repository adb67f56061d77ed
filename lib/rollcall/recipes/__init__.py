"""Recipes: how a model is trained on a cohort; data, not code.

One TOML file for each dataset and recipe: `recipes/<dataset>/<name>.toml`. `paper` is the recipe of
Knolle et al. 2026, where docs/deviations.md says nothing else; `quick` makes sense on a laptop.
For whatever a dataset has none for, and for data of one's own, there are those of its kind of
input: `recipes/features/`, `images/` and `signals/`. A user's own is a file of the same keys.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from rollcall.models.given import is_given, parse_given
from rollcall.models.given.names import check_kind
from rollcall.models.registry import KINDS, family_of
from rollcall.recipes.privacy import PREFIX
from rollcall.recipes.reading import (
    KEYS,
    change_settings,
    is_file,
    put_model,
    read_own,
    read_recipe,
)
from rollcall.recipes.settings import Recipe
from rollcall.util.errors import InputError, unknown_name
from rollcall.util.settings import parse_settings

__all__ = ["Recipe", "choose", "find_paths", "list_recipes", "load"]

FOLDER = Path(__file__).parent
# the recipe taken when none is asked for: the first of these that the dataset has
DEFAULTS = ("quick", "mlp")
SMALL = ("mlp", "small_cnn")  # for a laptop, and none of the paper's: not under its recipes


def list_recipes(dataset: str) -> dict[str, Recipe]:
    """Read every recipe of a dataset: name -> Recipe, by name."""
    return {path.stem: read_own(path) for path in sorted((FOLDER / dataset).glob("*.toml"))}


def load(dataset: str, name: str = "", model: str = "", kind: str = "") -> Recipe:
    """Read the recipe `name` of a dataset, trained with `model` if one is given.

    Without a name: the recipe called like the model, else the one that has it ("paper" first), else
    "paper" with its model exchanged, as the paper's comparison of model sizes does (but never with
    one of SMALL); with neither, the dataset's default. What the dataset has no recipe for comes
    from those of its `kind` of input, a name in KINDS: "" if it is not known, and then these are
    none. InputError for an unknown recipe or model, or a model that does not take this kind of
    input.
    """
    if kind and model:  # before any file or package is asked for
        check_kind(model, kind, f"cohort {dataset!r}")
    recipes, others = list_recipes(dataset), list_recipes(kind) if kind in KINDS else {}
    if name and name not in recipes | others:
        raise unknown_name("recipe", name, recipes | others, f"of cohort {dataset!r}")
    if name:
        recipe = _exchange((others | recipes)[name], model)
    elif not model and recipes | others:
        recipe = _default(recipes or others)
    elif is_given(model) and recipes | others:
        recipe = replace(put_model(_default(recipes or others), model), stack=Recipe.stack)
    elif chosen := _find_for(model, recipes):
        recipe = chosen
    elif "paper" in recipes and not (model in SMALL and others):
        recipe = put_model(recipes["paper"], model)
    elif others:
        recipe = _find_for(model, others) or put_model(_closest(model, others | recipes), model)
        # the same inputs as for its other models
        recipe = replace(recipe, cohort=_default(recipes).cohort if recipes else {})
    else:
        known = {*recipes, *(recipe.model for recipe in recipes.values())}
        raise unknown_name("model", model, known, f"of cohort {dataset!r}")
    if kind:
        check_kind(recipe.model, kind, f"cohort {dataset!r}")
    return recipe


def choose(dataset: str, model: str = "", entries: Iterable[str] = (), kind: str = "") -> Recipe:
    """Make the recipe that a user's `entries` ask for; kind as for `load`.

    "paper" names a recipe, "my.toml" a file with one; "epochs=5" changes it; "settings.width=16"
    changes its model, "privacy.epsilon=3" its privacy (":" does as well as "="). InputError for
    what cannot be read or is out of range.
    """
    entries = [
        entry if "=" in entry or is_file(entry) else entry.replace(":", "=", 1) for entry in entries
    ]
    names = [entry for entry in entries if "=" not in entry or is_file(entry)]
    if len(names) > 1:
        raise InputError(
            f"recipes {', '.join(names)}: expected one name at most; settings are KEY=VALUE"
        )
    if names and is_file(names[0]):
        recipe = read_recipe(Path(names[0]).expanduser(), model)
        if kind:
            check_kind(recipe.model, kind, f"cohort {dataset!r}")
    else:
        recipe = load(dataset, names[0] if names else "", model, kind)
    model_settings, privacy = {}, {}
    for entry in entries:
        if entry.startswith("settings.") and "=" in entry:
            text = entry.removeprefix("settings.").replace("=", " = ", 1)
            try:
                model_settings |= tomllib.loads(text)
            except tomllib.TOMLDecodeError as error:
                raise InputError(
                    f"recipe setting {entry!r}: {error}; expected settings.KEY=VALUE, the value a "
                    'number, true, false or "text"'
                ) from None
        elif entry.startswith(PREFIX) and "=" in entry:
            key, _, text = entry.removeprefix(PREFIX).partition("=")
            privacy[key] = text
    recipe = change_settings(recipe, model_settings)
    if privacy:
        recipe = replace(recipe, privacy=recipe.privacy | privacy)
    dotted = ("settings.", PREFIX)
    others = [each for each in entries if each not in names and not each.startswith(dotted)]
    defaults = {
        key: getattr(recipe, key)
        for key in KEYS
        if key not in ("model", "settings", "cohort", "privacy")
    }
    return replace(recipe, **parse_settings("recipe setting", others, defaults))


def find_paths(model: str, entries: Iterable[str] = ()) -> tuple[str, list[str]]:
    """Return a model and a recipe's entries with paths that hold in every folder.

    InputError for a model's file that is not there.
    """
    if is_given(model) and (path := parse_given(model).path):
        model = f"{path}:{model.rpartition(':')[2]}"
    return model, [
        str(Path(entry).expanduser().absolute()) if is_file(entry) else entry for entry in entries
    ]


def _exchange(recipe: Recipe, model: str) -> Recipe:
    """Exchange a recipe's model, if one is given."""
    return put_model(recipe, model) if model else recipe


def _default(recipes: dict[str, Recipe]) -> Recipe:
    """Return the recipe that is taken when none is asked for."""
    return recipes[next(default for default in DEFAULTS if default in recipes)]


def _find_for(model: str, recipes: dict[str, Recipe]) -> Recipe | None:
    """Return the recipe called like a model, or one that has it, "paper" first; None without."""
    if model in recipes:
        return recipes[model]
    names = [key for key, recipe in recipes.items() if recipe.model == model]
    return recipes["paper" if "paper" in names else names[0]] if names else None


def _closest(model: str, recipes: dict[str, Recipe]) -> Recipe:
    """Return the recipe of a model's family, or the default one."""
    family = family_of(model)
    alike = [recipe for recipe in recipes.values() if family_of(recipe.model) is family]
    return alike[-1] if alike else _default(recipes)
