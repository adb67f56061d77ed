"""Variants of a cohort's audit, each a run of its own on the same random halves of the patients."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall import auditing
from rollcall.models.given import name_run as name_model
from rollcall.models.given.names import names_network
from rollcall.report.words.sentences import HIGH_AUC
from rollcall.runs.derived.tables import read_table
from rollcall.util.errors import InputError

PLAIN = "plain"  # the variant that changes nothing


@dataclass(frozen=True)
class Assessed:
    """Hold what an attack has written to a run: tables attacks, patients, survival, risk."""

    attacks: pd.DataFrame
    patients: pd.DataFrame
    survival: pd.DataFrame
    cohort: dict[str, float]


def check_variants(
    variants: Sequence[str],
    *,
    cohort: str,
    model: str = "",
    options: Sequence[str] = (),
    recipe: Sequence[str] = (),
) -> list[str]:
    """Return the name of each variant's run; InputError for none, one twice, one plan refuses.

    Before hours of training of those before a wrong one.
    """
    if not variants:
        raise InputError('variants is empty; expected at least one, e.g. "settings.width=64"')
    names = [name_run(variant) for variant in variants]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise InputError(f"variants: {repeated[0]!r} is there more than once; expected each once")
    for variant in variants:
        model_there, options_there, recipe_there = parse_variant(variant)
        auditing.check_plan(
            cohort=cohort,
            model=model_there or model,
            options=[*options, *options_there],
            recipe=[*recipe, *recipe_there],
        )
    return names


def plan_variant(
    variant: str,
    *,
    cohort: str,
    model: str = "",
    options: Sequence[str] = (),
    recipe: Sequence[str] = (),
    **parameters,
) -> auditing.Audit:
    """Plan the run of a variant, named after it; all else as auditing.plan."""
    own_model, own_options, own_recipe = parse_variant(variant)
    return auditing.plan(
        cohort=cohort,
        model=own_model or model,
        run=name_run(variant),
        options=[*options, *own_options],
        recipe=[*recipe, *own_recipe],
        **parameters,
    )


def assess(study: auditing.Audit) -> Assessed:
    """Return what an attack on a trained run says; attacks only if none has that fits the run."""
    try:
        return _read(study)
    except InputError:  # not made yet, or of other scores
        study.attack()
    return _read(study)


def _read(study: auditing.Audit) -> Assessed:
    names = ("attacks", "patients", "survival", "risk")
    attacks, patients, survival, risk = (read_table(study.run, name) for name in names)
    return Assessed(attacks, patients, survival, risk.iloc[0].to_dict())


def measure(study: auditing.Audit, performance: pd.DataFrame, assessed: Assessed) -> dict:
    """Measure the skill and the risk of one variant.

    targets; auroc (mean over targets on the pool's patients that a model has not seen), auroc_sd,
    auroc_members, auroc_test (NaN without a test set); lira_auc, rmia_auc (online); patients,
    exposed, exposed_share, exposed_low, exposed_high (95% interval), by_chance (expected); above,
    above_low, above_high (patients with a true AUC of 0.9 or more, 95% interval).
    """
    attacks, risk = assessed.attacks, assessed.cohort
    online = attacks[attacks["variant"] == "online"].groupby("attack")["auc"].mean()
    has_test = "auroc_test" in performance
    return {
        "targets": study.run.targets,
        "auroc": performance["auroc_non_members"].mean(),
        "auroc_sd": performance["auroc_non_members"].std(),
        "auroc_members": performance["auroc_members"].mean(),
        "auroc_test": performance["auroc_test"].mean() if has_test else np.nan,
        "lira_auc": online["LiRA"],
        "rmia_auc": online["RMIA"],
        "patients": len(assessed.patients),
        "exposed": int(assessed.patients["exposed"].sum()),
        "exposed_share": float(assessed.patients["exposed"].mean()),
        "exposed_low": risk["exposed_low"],
        "exposed_high": risk["exposed_high"],
        "by_chance": risk["by_chance"],
        "above": risk[f"above_{HIGH_AUC}"],
        "above_low": risk[f"above_{HIGH_AUC}_low"],
        "above_high": risk[f"above_{HIGH_AUC}_high"],
    }


def parse_variant(variant: str) -> tuple[str, list[str], list[str]]:
    """Split a variant into (model, options of the cohort, recipe entries); "plain": nothing."""
    if variant.strip() == PLAIN:
        return "", [], []
    words = [
        word if "=" in word or names_network(word) else word.replace(":", "=", 1)
        for word in variant.split()
    ]
    models = [word for word in words if "=" not in word or names_network(word)]
    if len(models) > 1 or not words:
        raise InputError(
            f"variant {variant!r}: expected one model name at most, and KEY=VALUE settings"
        )
    settings = [word for word in words if word not in models]
    options = [word.removeprefix("option.") for word in settings if word.startswith("option.")]
    recipe = [word for word in settings if not word.startswith("option.")]
    return models[0] if models else "", options, recipe


def name_run(variant: str) -> str:
    """Name a run after a variant: "settings.width=64 epochs=10" -> "width-64-epochs-10"."""
    words = " ".join(name_model(word) if names_network(word) else word for word in variant.split())
    words = words.replace("settings.", "").replace("option.", "").replace("privacy.", "")
    return re.sub(r"[^A-Za-z0-9._]+", "-", words).strip("-._") or "variant"


def label_variant(variant: str) -> str:
    """Write a variant for a table or a figure: "settings.width=64" -> "width 64"."""
    words = variant.replace("settings.", "").replace("privacy.", "").replace("option.", "")
    return words.replace("=", " ").replace(":", " ")
