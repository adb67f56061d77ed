"""What is said in words: a run's sentences, notices and facts; and what there is to choose from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rollcall import datasets, models, recipes
from rollcall.data.cohort import Cohort
from rollcall.runs.run import Run, read_table
from rollcall.util.text import align_columns

SIMULATED = (
    "Simulated data: a rehearsal. Every patient and every value here is invented; no number below "
    "says anything about real people."
)
HIGH_AUC = 0.9


def write_notices(cohort: Cohort) -> list[str]:
    """Say what must be said first: that data are simulated, what stands for a patient."""
    sentences = []
    if cohort.simulated:
        sentences.append(SIMULATED)
    if cohort.unit != "patient":
        sentences.append(
            "This release does not say which patient a record is of: below, a patient is one "
            f"{cohort.unit}."
        )
    return sentences


def summarise_run(run: Run) -> list[str]:
    """Write the three sentences that matter, from the tables of a finished run."""
    attacks, patients, floor, risk = (
        read_table(run, name) for name in ("attacks", "patients", "floor", "risk")
    )
    exposed, total, units = int(patients["exposed"].sum()), len(patients), f"{run.unit}s"
    passes = len(floor) / total
    high = int((patients["auc_joint"] >= HIGH_AUC).sum())
    high_by_floor = float((floor["auc_joint"] >= HIGH_AUC).sum()) / passes
    auc = attacks.groupby(["attack", "variant"])["auc"].mean()
    sentences = [
        f"{exposed:,} of {total:,} {units} are exposed (95% interval {risk['exposed_low'][0]:,.0f} "
        f"to {risk['exposed_high'][0]:,.0f}): whether they were in the training set can be told, "
        f"at a false-discovery rate of 5% ({high:,} have an AUC of {HIGH_AUC} or more, where the "
        f"noise floor has {high_by_floor:.2g}).",
        f"The average {'hides it' if exposed else 'agrees'}: over all records LiRA has an AUC of "
        f"{auc['LiRA', 'online']:.3f} and RMIA of {auc['RMIA', 'online']:.3f}, where 0.5 is "
        "guessing.",
    ]
    if run.file("disparity.parquet").exists():
        sentences.append(_summarise_groups(read_table(run, "disparity"), units))
    return sentences


def _summarise_groups(groups: pd.DataFrame, units: str) -> str:
    """Write the sentence on groups: the two attributes with the highest significant risk ratio."""
    significant = groups[
        (groups["p_adjusted"] < 0.05) & (groups["risk_ratio"] > 1) & ~groups["intersection"]
    ]
    if not len(significant):
        return (
            f"No group of {len(groups)} is over-represented among the most exposed 1% beyond "
            f"chance (smallest p = {groups['p_adjusted'].min():.2g} after Holm)."
        )
    worst = significant.sort_values("risk_ratio", ascending=False).drop_duplicates("attribute")
    descriptions = []
    for _, row in worst.head(2).iterrows():
        times = f"more than {row['ci_low']:.1f} times"
        if np.isfinite(row["risk_ratio"]):
            times = (
                f"{row['risk_ratio']:.1f} times (95% interval {row['ci_low']:.1f} to "
                f"{row['ci_high']:.1f})"
            )
        descriptions.append(f"with {row['attribute']} {row['group']!r} are {times}")
    return (
        f"{units.capitalize()} {', and those '.join(descriptions)} as likely as all others to be "
        "among the most exposed 1% (Holm-adjusted p < 0.05)."
    )


def list_facts(run: Run, cohort: Cohort) -> dict[str, str]:
    """List what a reader of the report should know of a run: the data, the models, the versions."""
    config, units = run.config, f"{cohort.unit}s"
    test_set = "none"
    if cohort.test is not None:
        test_set = f"{len(cohort.test):,} records of {len(cohort.test.patients):,} {units}"
    versions = ", ".join(f"{name} {version}" for name, version in config["versions"].items())
    hardware = config["hardware"]
    return {
        "Cohort": f"{cohort.name}: {len(cohort):,} records of {len(cohort.patients):,} {units}, "
        f"{cohort.task}. {cohort.source}",
        "Held-out test set": test_set,
        "Notes on the data": "; ".join(cohort.notes) or "none",
        "Target models": _describe_models(run, units),
        "Seed, scores": f"{run.seed}, {config['scores']}",
        "Cohort fingerprint": cohort.fingerprint[:16],
        "Versions, hardware": f"{versions}; {hardware['cores']} cores, {hardware['machine']}",
        "Started": config["started"],
    }


def _describe_models(run: Run, units: str) -> str:
    if "recipe" not in run.config:
        return f"{run.targets}, trained elsewhere"
    recipe = run.recipe
    accumulated = f" x {recipe.accumulate}" if recipe.accumulate > 1 else ""
    return (
        f"{run.targets} x {recipe.model}, each trained on a random half of the {units}: "
        f"{recipe.epochs} epochs, batch {recipe.batch}{accumulated}, {recipe.optimiser}, "
        f"learning rate {recipe.learning_rate:g}, weight decay {recipe.weight_decay:g}"
    )


def list_choices(lists: Sequence[str]) -> str:
    """List "datasets", "models", "recipes", or some of these, as text for a terminal."""
    parts = []
    if "datasets" in lists:
        rows = [(a.name, a.title, a.licence, a.access) for a in datasets.list_datasets()]
        parts += ["Datasets (--cohort)", align_columns(rows)]
    if "models" in lists:
        rows = [
            (row["name"], f"{row['parameters']:,}", " x ".join(map(str, row["input_shape"])))
            for row in models.list_models()
        ]
        parts += [
            "Models (--model), with their parameters for an input of that shape",
            align_columns(rows),
        ]
    if "recipes" in lists:
        rows = [
            (name, key, recipe.model, f"{recipe.epochs:g} epochs", f"batch {recipe.batch}")
            for name in datasets.NAMES
            for key, recipe in recipes.list_recipes(name).items()
        ]
        parts += ["Recipes (--recipe)", align_columns(rows)]
    return "\n".join(parts)
