"""Model size against risk and skill: several models of one dataset, each with a run of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rollcall import auditing
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.models.given import name_run as name_model
from rollcall.models.given.names import names_network
from rollcall.report.words.sentences import HIGH_AUC
from rollcall.runs.derived.manifests import describe
from rollcall.runs.folder import hide_from_git
from rollcall.runs.sealed import compute_digest
from rollcall.util.errors import InputError
from rollcall.util.files import home
from rollcall.util.settings import typed

if TYPE_CHECKING:
    from IPython.display import HTML


@dataclass(frozen=True)
class Capacity:
    """What `compare_models` gives.

    variants: a row for each. variant, run, parameters (of one model), targets; auroc (mean over
    targets on the pool's patients that a model has not seen), auroc_sd, auroc_members, auroc_test
    (NaN without a test set); lira_auc; patients, exposed, exposed_share; above, above_low,
    above_high (patients with a true AUC of 0.9 or more, 95% interval). curves: of each variant, by
    its name, the table `survival` of rollcall.risk.Risk with the share. folder: where the figure
    goes. smallest_cell: the smallest number of patients that is shown. made_from: of each variant,
    what its tables were made from.
    """

    variants: pd.DataFrame
    curves: dict[str, pd.DataFrame]
    folder: Path
    smallest_cell: int
    made_from: dict[str, dict]

    def show(self) -> HTML:
        """Draw risk and skill against size, save it in <out>/<dataset>/figures, and return it."""
        from rollcall.report import style
        from rollcall.report.figures import risk

        return style.show(
            risk.capacity(self.variants, self.curves, smallest=self.smallest_cell),
            hide_from_git(self.folder),
            compute_digest(self.made_from),
        )

    def table(self) -> HTML:
        """Return the table of the variants, with its caption."""
        from rollcall.report import style
        from rollcall.report.tables.models import capacity_table

        return style.show_table(capacity_table(self.variants, self.smallest_cell))


@typed
def compare_models(
    *,
    cohort: str,
    variants: Sequence[str],
    model: str = "",
    options: Sequence[str] = (),
    recipe: Sequence[str] = (),
    out: str = "",
    **parameters,
) -> Capacity:
    """Train and attack each variant of a cohort's model, and set risk beside skill.

    A variant is what sets it apart, words with spaces between: a model's name ("wrn_40_4"),
    settings of the model or the recipe ("settings.width=64 epochs=10"; ":" does as well), options
    of the cohort ("option.size=128"). Its run is called "width-64-epochs-10". All other parameters
    are those of auditing.plan. InputError for a variant given twice or one that plan refuses.
    """
    if not variants:
        raise InputError('variants is empty; expected at least one, e.g. "settings.width=64"')
    names = [name_run(variant) for variant in variants]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise InputError(f"variants: {repeated[0]!r} is there more than once; expected each once")
    for variant in variants:  # before hours of training of those before a wrong one
        model_there, options_there, recipe_there = parse_variant(variant)
        auditing.check_plan(
            cohort=cohort,
            model=model_there or model,
            options=[*options, *options_there],
            recipe=[*recipe, *recipe_there],
        )
    rows, curves, made_from, smallest = [], {}, {}, MIN_GROUP_SIZE
    for variant, name in zip(variants, names, strict=True):
        own_model, own_options, own_recipe = parse_variant(variant)
        study = auditing.plan(
            cohort=cohort,
            model=own_model or model,
            run=name,
            out=out,
            options=[*options, *own_options],
            recipe=[*recipe, *own_recipe],
            **parameters,
        )
        label = variant.replace("settings.", "").replace("=", " ").replace(":", " ")
        performance, risk, smallest = study.train(), study.attacked.risk, study.run.smallest_cell
        rows.append(
            {"variant": label, "run": name, "parameters": count_parameters(study)}
            | _measure(study, performance)
        )
        made_from[label] = describe(study.run, ["attack"])
        survival = risk.survival
        curves[label] = survival.assign(share=survival["patients"] / len(risk.patients))
    folder = Path(out or home() / "results") / cohort / "figures"
    return Capacity(pd.DataFrame(rows), curves, folder, smallest, made_from)


def _measure(study: auditing.Audit, performance: pd.DataFrame) -> dict:
    """Measure the skill and the risk of one variant: the columns of Capacity.variants."""
    attacks, risk = study.attacked.attacks, study.attacked.risk
    lira = attacks[(attacks["attack"] == "LiRA") & (attacks["variant"] == "online")]
    has_test = "auroc_test" in performance
    return {
        "targets": study.run.targets,
        "auroc": performance["auroc_non_members"].mean(),
        "auroc_sd": performance["auroc_non_members"].std(),
        "auroc_members": performance["auroc_members"].mean(),
        "auroc_test": performance["auroc_test"].mean() if has_test else np.nan,
        "lira_auc": lira["auc"].mean(),
        "patients": len(risk.patients),
        "exposed": int(risk.patients["exposed"].sum()),
        "exposed_share": float(risk.patients["exposed"].mean()),
        "above": risk.cohort[f"above_{HIGH_AUC}"],
        "above_low": risk.cohort[f"above_{HIGH_AUC}_low"],
        "above_high": risk.cohort[f"above_{HIGH_AUC}_high"],
    }


def parse_variant(variant: str) -> tuple[str, list[str], list[str]]:
    """Split a variant into (model, options of the cohort, recipe entries)."""
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
    words = words.replace("settings.", "").replace("option.", "")
    return re.sub(r"[^A-Za-z0-9._]+", "-", words).strip("-._") or "variant"


def count_parameters(study: auditing.Audit) -> int:
    """Count the trainable numbers of one target model."""
    from rollcall import models

    network = models.build_for(study.run.recipe, study.cohort, device="meta")
    return models.count_parameters(network)
