"""Recipes: how a model is trained on a cohort. One TOML per cohort x model under `lib/recipes/<cohort>/<model>.toml`; data, not code."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from lib.errors import InputError, unknown

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how one target model is trained, apart from the data, its members and its seed.

    model          name in lib.models, with its `settings`
    epochs         passes over the members: every target takes round(epochs * records / 2 / batch) optimiser steps
    batch          records per step; every batch is full
    optimiser      "adamw" or "sgd" (heavy ball, decoupled weight decay is adamw's alone)
    warmup         fraction of the steps over which the learning rate rises linearly; then it falls to 0 along a cosine
    stack          how many targets train side by side. Part of the recipe, not of who asks: a target alone trains in the same
                   arithmetic as one in a full stack, and so comes out the same
    """

    model: str
    epochs: int
    batch: int
    learning_rate: float
    settings: dict = field(default_factory=dict)
    optimiser: str = "adamw"
    weight_decay: float = 0.0
    momentum: float = 0.9
    warmup: float = 0.05
    stack: int = 8

    def asdict(self) -> dict:
        return asdict(self)


def load(cohort: str, model: str | None = None) -> Recipe:
    """The recipe of `model` on `cohort`; without a model, the cohort's default ("mlp")."""
    model = model or "mlp"
    known = {path.stem for path in (FOLDER / cohort).glob("*.toml")}
    if model not in known:
        raise unknown(f"model for cohort {cohort!r}", model, known)
    path = FOLDER / cohort / f"{model}.toml"
    try:
        return check(Recipe(**({"model": model} | tomllib.loads(path.read_text()))))
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise InputError(f"{path}: {error}; expected the keys {', '.join(f.name for f in fields(Recipe))}") from error


def check(recipe: Recipe) -> Recipe:
    """The recipe itself, or InputError naming the setting that cannot be."""
    for name, fine, wanted in (("epochs", recipe.epochs > 0, "above 0"), ("batch", recipe.batch >= 1, "at least 1"),
                               ("learning_rate", recipe.learning_rate > 0, "above 0"), ("weight_decay", recipe.weight_decay >= 0, "0 or more"),
                               ("warmup", 0 <= recipe.warmup < 1, "from 0 to below 1"), ("stack", recipe.stack >= 1, "at least 1"),
                               ("optimiser", recipe.optimiser in ("adamw", "sgd"), "adamw or sgd")):
        if not fine:
            raise InputError(f"recipe: {name} is {getattr(recipe, name)!r}, expected {wanted}")
    return recipe
