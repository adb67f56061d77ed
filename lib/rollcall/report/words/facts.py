"""What must be said of a run before and after its findings; and what there is to choose from."""

from __future__ import annotations

from collections.abc import Sequence

from rollcall import datasets, models, recipes
from rollcall.data.cohort import Cohort
from rollcall.runs.run import Run
from rollcall.util.text import align_columns

SIMULATED = (
    "Simulated data: a rehearsal. Every patient and every value here is invented; no number below "
    "says anything about real people."
)


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
