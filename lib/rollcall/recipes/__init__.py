"""Recipes: how a model is trained on a cohort. One TOML per cohort and recipe under `recipes/<cohort>/<name>.toml`; data, not code.

`paper` is the recipe of Knolle et al. 2026 (facts, table 1.1) without the faults of their code; `quick` makes sense on a laptop.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from rollcall.util.errors import InputError, unknown_name
from rollcall.util.settings import parse_settings

FOLDER = Path(__file__).parent
DEFAULTS = (
    "quick",
    "mlp",
)  # a cohort's recipe when none is asked for: the first of these that it has
MODELS = (
    "mlp",
    "small_cnn",
    "tabular_resnet",
    "tabresnet_300_6",
    "wide_resnet",
    "wrn_28_2",
    "wrn_40_4",
    "wrn_28_5",
    "vit",
    "vit_b_16",
    "vit_b_32",
    "vit_l_16",
    "resnet1d",
    "resnet1d_128",
    "resnet1d_64",
    "resnet1d_32",
)  # names of rollcall.models, known here without torch: a run is read back without it
PRECISIONS = ("auto", "float32", "bf16")
SCHEDULES = ("cosine", "paper")
OPTIMISERS = ("adamw", "sgd")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how one target model is trained, apart from the data, its members and its seed.

    model          name in rollcall.models, with its `settings`
    epochs         passes over the members: every target takes about epochs * records / 2 / batch batches, all of them full
    batch          records per (micro-)batch
    accumulate     batches whose gradients are averaged for one step of the optimiser
    optimiser      "adamw" or "sgd" (heavy ball: v <- momentum v - lr g, w <- w + v); weight decay is decoupled in both and
                   applies to every tensor: w <- w - lr * weight_decay * w
    warmup         fraction of the steps over which the learning rate rises linearly
    schedule       "cosine": after the warm-up half a cosine to 0. "paper": cos(7 pi t / 16) * min(1, t / warmup), t from 0 to 1
    ema            decay per batch of the moving average of the weights that is kept in the end; 0: the last weights themselves
    augment        policy of rollcall.training.augmentation for training images
    views          stored views of each record: the clean image and views - 1 fixed draws of `augment`, the same for all targets
    stack          how many targets train side by side. Part of the recipe, not of who asks: a target alone trains in the same
                   arithmetic as one in a full stack, and so comes out the same
    precision      of training: "float32", "bf16" (its products in bf16; heads, losses, weights and stored logits stay in float32), or "auto": bf16
                   where the device multiplies it faster. Settled once for a run, by whoever trains first, in run.json
    cohort         options of the cohort that go with the recipe (`rules = "paper"`)
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
    schedule: str = "cosine"
    accumulate: int = 1
    ema: float = 0.0
    augment: str = "none"
    views: int = 1
    stack: int = 8
    precision: str = "auto"
    cohort: dict = field(default_factory=dict)

    def asdict(self) -> dict:
        return asdict(self)


def load(cohort: str, name: str = "", model: str = "") -> Recipe:
    """The recipe `name` of a cohort, trained with `model` if one is given.

    Without a name: the recipe called like the model, else the one that has it ("paper" first), else "paper" with its model exchanged, as
    the paper's comparison of model sizes does; with neither, the cohort's default.
    """
    found = {path.stem: _read(path) for path in sorted((FOLDER / cohort).glob("*.toml"))}
    if name:
        if name not in found:
            raise unknown_name(f"recipe for cohort {cohort!r}", name, found)
        return _with_model(found[name], model)
    if not model:
        return found[next(default for default in DEFAULTS if default in found)]
    if model in found:
        return found[model]
    holders = sorted(
        (key for key, recipe in found.items() if recipe.model == model),
        key=lambda key: (key != "paper", key),
    )
    if holders:
        return found[holders[0]]
    if "paper" not in found:
        raise unknown_name(
            f"model for cohort {cohort!r}",
            model,
            {*found, *(recipe.model for recipe in found.values())},
        )
    return _with_model(found["paper"], model)


def choose(cohort: str, model: str = "", entries=()) -> Recipe:
    """The recipe that a user's `entries` ask for: "paper" names one; "epochs=5" changes it; "settings.width=16" changes its model."""
    entries = [entry if "=" in entry else entry.replace(":", "=", 1) for entry in entries]
    names = [entry for entry in entries if "=" not in entry]
    if len(names) > 1:
        raise InputError(
            f"recipes {', '.join(names)}: expected one name at most; settings are KEY=VALUE"
        )
    recipe = load(cohort, names[0] if names else "", model)
    own = {}
    for entry in entries:
        if entry.startswith("settings.") and "=" in entry:
            try:
                own |= tomllib.loads(entry.removeprefix("settings.").replace("=", " = ", 1))
            except tomllib.TOMLDecodeError as error:
                raise InputError(
                    f'recipe setting {entry!r}: {error}; expected settings.KEY=VALUE, the value a number, true, false or "text"'
                ) from None
    defaults = {
        field.name: getattr(recipe, field.name)
        for field in fields(Recipe)
        if field.name not in ("model", "settings", "cohort")
    }
    changed = parse_settings(
        "recipe setting",
        [entry for entry in entries if "=" in entry and not entry.startswith("settings.")],
        defaults,
    )
    return check(replace(recipe, settings=recipe.settings | own, **changed))


def _with_model(recipe: Recipe, model: str) -> Recipe:
    """The recipe with another model; settings belong to the model they were written for."""
    if not model or model == recipe.model:
        return recipe
    if model not in MODELS:
        raise unknown_name("model", model, MODELS)
    return replace(recipe, model=model, settings={})


def _read(path: Path) -> Recipe:
    try:
        return check(Recipe(**({"model": path.stem} | tomllib.loads(path.read_text()))))
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise InputError(
            f"{path}: {error}; expected the keys {', '.join(f.name for f in fields(Recipe))}"
        ) from error


def check(recipe: Recipe) -> Recipe:
    """The recipe itself, or InputError naming the setting that cannot be."""
    for name, fine, wanted in (
        ("epochs", recipe.epochs > 0, "above 0"),
        ("batch", recipe.batch >= 1, "at least 1"),
        ("learning_rate", recipe.learning_rate > 0, "above 0"),
        ("weight_decay", recipe.weight_decay >= 0, "0 or more"),
        ("momentum", 0 <= recipe.momentum < 1, "from 0 to below 1"),
        ("warmup", 0 <= recipe.warmup < 1, "from 0 to below 1"),
        ("ema", 0 <= recipe.ema < 1, "from 0 to below 1"),
        ("accumulate", recipe.accumulate >= 1, "at least 1"),
        ("views", recipe.views >= 1, "at least 1"),
        ("stack", recipe.stack >= 1, "at least 1"),
        ("precision", recipe.precision in PRECISIONS, " or ".join(PRECISIONS)),
        ("optimiser", recipe.optimiser in OPTIMISERS, " or ".join(OPTIMISERS)),
        ("schedule", recipe.schedule in SCHEDULES, " or ".join(SCHEDULES)),
    ):
        if not fine:
            raise InputError(f"recipe: {name} is {getattr(recipe, name)!r}, expected {wanted}")
    return recipe
