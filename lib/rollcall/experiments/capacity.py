"""Model size against risk and skill: several models of one cohort, each with a run of its own, side by side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall import audit
from rollcall.util.errors import InputError
from rollcall.util.files import home


@dataclass(frozen=True)
class Capacity:
    """What `compare` gives: one row per variant, and the patients and noise floor of each, by the variant's name."""

    table: pd.DataFrame
    patients: dict[str, pd.DataFrame]
    floors: dict[str, np.ndarray]


def compare(cohort: str, variants: list[str], **parameters) -> Capacity:
    """Train and attack each variant of a cohort's model, and set risk beside skill. `parameters` as audit.plan takes them.

    A variant is what sets it apart, words with spaces between: a model's name ("wrn_40_4"), settings of the model or the recipe
    ("settings.width=64 epochs=10"; ":" does as well), options of the cohort ("option.size=128"). Its run is called "width-64-epochs-10".

    table: variant, run, parameters (of one model), targets; auroc (mean over targets on the pool's patients a model has not seen),
    auroc_sd, auroc_members, auroc_test (NaN without a test set); lira_auc; exposed, exposed_share, high (patients of AUC 0.9 or more) and
    floor_high (what the noise floor gives of those). Raises InputError for a variant given twice or one that audit.plan refuses.
    """
    if not variants:
        raise InputError('variants is empty; expected at least one, e.g. "settings.width=64"')
    names = [run_name(variant) for variant in variants]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise InputError(f"variants: {repeated[0]!r} is there more than once; expected each once")
    rows, patients, floors = [], {}, {}
    for variant, name in zip(variants, names):
        model, options, recipe = parse(variant)
        given = parameters | {
            "model": model or parameters.get("model", ""),
            "run": name,
            "options": [*parameters.get("options", ()), *options],
            "recipe": [*parameters.get("recipe", ()), *recipe],
        }
        plan = audit.plan(cohort, **given)
        performance, attacked = audit.train(plan), audit.attack(plan)
        people, floor = attacked.risk.patients, attacked.risk.floor
        chosen = attacked.attacks[
            (attacked.attacks["attack"] == "LiRA") & (attacked.attacks["variant"] == "online")
        ]
        high = people["auc_joint"] >= 0.9
        rows.append(
            {
                "variant": variant.replace("settings.", "").replace("=", " ").replace(":", " "),
                "run": name,
                "parameters": parameters_of(plan),
                "targets": plan.run.targets,
                "auroc": performance["auroc_non_members"].mean(),
                "auroc_sd": performance["auroc_non_members"].std(),
                "auroc_members": performance["auroc_members"].mean(),
                "auroc_test": performance["auroc_test"].mean()
                if "auroc_test" in performance
                else np.nan,
                "lira_auc": chosen["auc"].mean(),
                "exposed": int(people["exposed"].sum()),
                "exposed_share": float(people["exposed"].mean()),
                "high": int(high.sum()),
                "floor_high": float((floor >= 0.9).mean() * len(people)),
            }
        )
        patients[rows[-1]["variant"]], floors[rows[-1]["variant"]] = people, floor
    return Capacity(pd.DataFrame(rows), patients, floors)


def folder(cohort: str, out: str = "") -> Path:
    """Where the figures that compare runs of one cohort go: <out>/<cohort>/figures."""
    return Path(out or home() / "results") / cohort / "figures"


def parse(variant: str) -> tuple[str, list[str], list[str]]:
    """(model, options of the cohort, recipe entries) of a variant."""
    words = [word if "=" in word else word.replace(":", "=", 1) for word in variant.split()]
    models = [word for word in words if "=" not in word]
    if len(models) > 1 or not words:
        raise InputError(
            f"variant {variant!r}: expected one model name at most, and KEY=VALUE settings"
        )
    options = [word.removeprefix("option.") for word in words if word.startswith("option.")]
    return (
        models[0] if models else "",
        options,
        [word for word in words if "=" in word and not word.startswith("option.")],
    )


def run_name(variant: str) -> str:
    """A folder name made of the variant: "settings.width=64 epochs=10" -> "width-64-epochs-10"."""
    return (
        re.sub(
            r"[^A-Za-z0-9._]+", "-", variant.replace("settings.", "").replace("option.", "")
        ).strip("-._")
        or "variant"
    )


def parameters_of(plan: audit.Audit) -> int:
    """Number of trainable numbers of one target model."""
    import torch

    from rollcall import models

    recipe = plan.run.recipe
    with torch.device("meta"):
        network = models.build(
            recipe.model, plan.cohort.inputs.shape[1:], plan.cohort.outputs, **recipe.settings
        )
    return sum(value.numel() for value in network.parameters())
