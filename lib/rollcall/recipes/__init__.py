"""Recipes: how a model is trained on a cohort; data, not code.

One TOML file for each dataset and recipe: `recipes/<dataset>/<name>.toml`. `paper` is the recipe of
Knolle et al. 2026, where docs/deviations.md says nothing else; `quick` makes sense on a laptop.
For whatever a dataset has none for, and for data of one's own, there are those of its kind of
input: `recipes/features/`, `images/` and `signals/`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Literal, get_args

from rollcall.models.registry import KINDS, MODELS, check_kind, check_settings, family_of
from rollcall.util.errors import InputError, unknown_name
from rollcall.util.settings import parse_settings

FOLDER = Path(__file__).parent
# the recipe taken when none is asked for: the first of these that the dataset has
DEFAULTS = ("quick", "mlp")
Precision = Literal["auto", "float32", "bf16"]
Schedule = Literal["cosine", "paper"]
OptimiserName = Literal["adamw", "sgd"]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how one target is trained, but the data, its members and its seed.

    model          name in rollcall.models, with its `settings`
    epochs         passes over the members: every target takes about epochs * records / 2 / batch
                   batches, all of them full
    batch          records per (micro-)batch
    accumulate     batches whose gradients are averaged for one step of the optimiser
    optimiser      "adamw" or "sgd" (heavy ball: v <- momentum v - lr g, w <- w + v); weight decay
                   is decoupled in both and applies to every tensor: w <- w - lr * weight_decay * w
    warmup         fraction of the steps over which the learning rate rises linearly
    schedule       "cosine": after the warm-up half a cosine to 0.
                   "paper": cos(7 pi t / 16) * min(1, t / warmup), t from 0 to 1
    ema            decay per batch of the moving average of the weights that is kept in the end;
                   0: the last weights themselves
    augment        policy of rollcall.training.augmentation for training images
    views          stored views of each record: the clean image and views - 1 fixed draws of
                   `augment`, the same for all targets
    stack          targets that train side by side. Part of the recipe, so that a target trained
                   alone goes through the same arithmetic as one in a full stack: the same logits
    precision      of training: "float32"; "bf16" (products in bf16; heads, losses, weights and
                   stored logits in float32); or "auto": bf16 where the device multiplies it faster
                   and the family is one for which it was measured harmless.
                   Decided once for a run, by the first worker, in run.json
    cohort         options of the cohort that go with the recipe (`rules = "paper"`)

    InputError, naming the setting, if a value is out of its range; also when read back from a run.
    """

    model: str
    epochs: int
    batch: int
    learning_rate: float
    settings: dict = field(default_factory=dict)
    optimiser: OptimiserName = "adamw"
    weight_decay: float = 0.0
    momentum: float = 0.9
    warmup: float = 0.05
    schedule: Schedule = "cosine"
    accumulate: int = 1
    ema: float = 0.0
    augment: str = "none"
    views: int = 1
    stack: int = 8
    precision: Precision = "auto"
    cohort: dict = field(default_factory=dict)

    def __post_init__(self):
        precisions, optimisers, schedules = map(get_args, (Precision, OptimiserName, Schedule))
        for name, is_valid, expected in (
            ("epochs", self.epochs > 0, "above 0"),
            ("batch", self.batch >= 1, "at least 1"),
            ("learning_rate", self.learning_rate > 0, "above 0"),
            ("weight_decay", self.weight_decay >= 0, "0 or more"),
            ("momentum", 0 <= self.momentum < 1, "from 0 to below 1"),
            ("warmup", 0 <= self.warmup < 1, "from 0 to below 1"),
            ("ema", 0 <= self.ema < 1, "from 0 to below 1"),
            ("accumulate", self.accumulate >= 1, "at least 1"),
            ("views", self.views >= 1, "at least 1"),
            ("stack", self.stack >= 1, "at least 1"),
            ("precision", self.precision in precisions, " or ".join(precisions)),
            ("optimiser", self.optimiser in optimisers, " or ".join(optimisers)),
            ("schedule", self.schedule in schedules, " or ".join(schedules)),
        ):
            if not is_valid:
                raise InputError(f"recipe: {name} is {getattr(self, name)!r}, expected {expected}")

    def asdict(self) -> dict:
        """Return the recipe as run.json keeps it."""
        return asdict(self)


def list_recipes(dataset: str) -> dict[str, Recipe]:
    """Read every recipe of a dataset: name -> Recipe, by name."""
    return {path.stem: _read(path) for path in sorted((FOLDER / dataset).glob("*.toml"))}


def load(dataset: str, name: str = "", model: str = "", kind: str = "") -> Recipe:
    """Read the recipe `name` of a dataset, trained with `model` if one is given.

    Without a name: the recipe called like the model, else the one that has it ("paper" first), else
    "paper" with its model exchanged, as the paper's comparison of model sizes does; with neither,
    the dataset's default. What the dataset has no recipe for comes from those of its `kind` of
    input, a name in KINDS: "" if it is not known, and then these are none. InputError for an
    unknown recipe or model, or a model that does not take this kind of input.
    """
    recipes, others = list_recipes(dataset), list_recipes(kind) if kind in KINDS else {}
    if name and name not in recipes | others:
        raise unknown_name("recipe", name, recipes | others, f"of cohort {dataset!r}")
    if name:
        recipe = _with_model((others | recipes)[name], model)
    elif not model and recipes | others:
        recipe = _default(recipes or others)
    elif chosen := _find_for(model, recipes):
        recipe = chosen
    elif "paper" in recipes:
        recipe = _with_model(recipes["paper"], model)
    elif others:
        recipe = _find_for(model, others) or _with_model(_closest(model, others | recipes), model)
        # the same inputs as for its other models
        recipe = replace(recipe, cohort=_default(recipes).cohort if recipes else {})
    else:
        known = {*recipes, *(recipe.model for recipe in recipes.values())}
        raise unknown_name("model", model, known, f"of cohort {dataset!r}")
    if kind:
        check_kind(recipe.model, kind, f"cohort {dataset!r}")
    return recipe


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


def choose(dataset: str, model: str = "", entries: Iterable[str] = (), kind: str = "") -> Recipe:
    """Make the recipe that a user's `entries` ask for; kind as for `load`.

    "paper" names a recipe; "epochs=5" changes it; "settings.width=16" changes its model (":" does
    as well as "="). InputError for what cannot be read or is out of range.
    """
    entries = [entry if "=" in entry else entry.replace(":", "=", 1) for entry in entries]
    names = [entry for entry in entries if "=" not in entry]
    if len(names) > 1:
        raise InputError(
            f"recipes {', '.join(names)}: expected one name at most; settings are KEY=VALUE"
        )
    recipe = load(dataset, names[0] if names else "", model, kind)
    model_settings = {}
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
    check_settings(recipe.model, model_settings)
    changes = parse_settings(
        "recipe setting",
        [entry for entry in entries if "=" in entry and not entry.startswith("settings.")],
        {
            item.name: getattr(recipe, item.name)
            for item in fields(Recipe)
            if item.name not in ("model", "settings", "cohort")
        },
    )
    return replace(recipe, settings=recipe.settings | model_settings, **changes)


def _with_model(recipe: Recipe, model: str) -> Recipe:
    """Exchange a recipe's model; settings belong to the model they were written for."""
    if not model or model == recipe.model:
        return recipe
    if model not in MODELS:
        raise unknown_name("model", model, MODELS)
    return replace(recipe, model=model, settings={})


def _read(path: Path) -> Recipe:
    """Read one file; InputError, naming it, if it is not a recipe."""
    try:
        return Recipe(**({"model": path.stem} | tomllib.loads(path.read_text(encoding="utf-8"))))
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise InputError(
            f"{path}: {error}; expected the keys {', '.join(item.name for item in fields(Recipe))}"
        ) from error
