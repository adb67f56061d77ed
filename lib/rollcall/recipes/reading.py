"""Recipes as files: TOML with the settings of a Recipe, Rollcall's and a user's own."""

from __future__ import annotations

import hashlib
import json
import math
import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path

from rollcall.models.given import digest_given, is_given, parse_given
from rollcall.models.given.installed import find_version
from rollcall.models.registry import check_settings, family_of
from rollcall.recipes.privacy import PREFIX
from rollcall.recipes.settings import Recipe
from rollcall.util.errors import InputError, first_line, unknown_name
from rollcall.util.faults import raise_machine_fault

NOTED = ("files", "sources")  # by Rollcall, never by a recipe
KEYS = tuple(item.name for item in fields(Recipe) if item.name not in NOTED)
REQUIRED = ("epochs", "batch", "learning_rate")
KINDS = {
    "int": ("a whole number", int),
    "float": ("a number", (int, float)),
    "dict": ("a table, { key = value }", dict),
}
TEXT = ("a text", str)


def is_file(entry: str) -> bool:
    """Say whether what was given for a recipe is the path of a file, not a name or a setting."""
    key = re.split("[=:]", entry)[0]
    is_setting = key != entry and (key in KEYS or key.startswith(("settings.", PREFIX)))
    return entry.lower().endswith(".toml") and not is_setting


def read_recipe(path: Path, model: str = "") -> Recipe:
    """Read a file of a user's; its settings, or `model` with them, and the file's sha256.

    The path of a network's file is relative to the recipe's. A model in place of another one has no
    settings. InputError, naming the file and the key, for what is no recipe.
    """
    content = _read_bytes(path)
    table = _parse(path, content)
    folder = path.parent if table.get("model") else Path()
    given = table.pop("model", "") or model
    if not given:
        raise InputError(f'{path}: has no model; add model = "mlp", or give one beside the recipe')
    digest = hashlib.sha256(content).hexdigest()
    sources = {"recipe": str(path.resolve()), "recipe sha256": digest}
    recipe = put_model(Recipe(**({"model": ""} | table), sources=sources), given, folder)
    recipe = replace(recipe, settings=table.get("settings", {}))
    _check_settings(recipe.model, recipe.settings, f"{path}: ")
    return put_model(recipe, model) if model else recipe


def put_model(recipe: Recipe, model: str, folder: str | Path = "") -> Recipe:
    """Exchange a recipe's model; settings belong to the model they were written for.

    folder: where the path of a file begins. InputError for a model that there is not.
    """
    sources = {key: value for key, value in recipe.sources.items() if key.startswith("recipe")}
    if not is_given(model):
        family_of(model)
        kept = recipe.settings if model == recipe.model else {}
        return replace(recipe, model=model, settings=kept, files={}, sources=sources)
    given = parse_given(model, folder)
    if given.path:
        sources["model"] = str(given.path)
    else:
        sources["package"] = f"{given.package} {find_version(given.package)}"
    kept = recipe.settings if given.model == recipe.model else {}
    return replace(
        recipe, model=given.model, settings=kept, files=digest_given(given), sources=sources
    )


def change_settings(recipe: Recipe, settings: dict) -> Recipe:
    """Change settings of a recipe's model; InputError for one that the model does not have."""
    _check_settings(recipe.model, settings)
    return replace(recipe, settings=recipe.settings | settings)


def _check_settings(model: str, settings: dict, where: str = "") -> None:
    """Check settings by the registry; of a network that a user brings, that run.json can hold."""
    if not is_given(model):
        check_settings(model, settings)
        return
    for key, value in settings.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{where}setting {key} of model {model!r} is {value!r}; expected a number, true, "
                "false, a text, or a list or table of them"
            ) from error


def read_own(path: Path) -> Recipe:
    """Read a recipe of Rollcall's; one without a model has that which it is named after."""
    table = _parse(path, _read_bytes(path))
    return Recipe(**({"model": path.stem} | table))


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise InputError(f"{path.absolute()}: there is no such file; expected a recipe in TOML")
        return path.read_bytes()
    except OSError as error:
        raise_machine_fault(error, path)
        raise InputError(f"{path}: cannot be read ({first_line(error)})") from error


def _parse(path: Path, content: bytes) -> dict:
    """Parse a file and check keys and types; InputError, naming it, if it is not a recipe."""
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: {first_line(error)}; expected TOML in UTF-8, with the keys {', '.join(KEYS)}"
        ) from error
    for key, value in table.items():
        if key not in KEYS:
            raise unknown_name("key", key, KEYS, f"of a recipe, in {path}")
        table[key] = _fit(path, key, value)
    if lacking := [key for key in REQUIRED if key not in table]:
        raise InputError(
            f"{path}: has no {lacking[0]}; a recipe says at least {', '.join(REQUIRED)}"
        )
    try:
        Recipe(**({"model": path.stem} | table))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return table


def _fit(path: Path, key: str, value):
    """Return a value as its setting has it; InputError if it is of another type, or not finite."""
    annotation = next(item.type for item in fields(Recipe) if item.name == key)
    expected, kinds = KINDS.get(str(annotation), TEXT)
    fits = isinstance(value, kinds) and not isinstance(value, bool)
    if fits and isinstance(value, float):
        fits = math.isfinite(value)
    if not fits:
        raise InputError(f"{path}: {key} is {value!r}; expected {expected}")
    return float(value) if annotation == "float" else value
