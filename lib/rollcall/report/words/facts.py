"""What must be said of a run before and after its findings; and what there is to choose from."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from rollcall import datasets, models, recipes
from rollcall.data.cohort import Cohort
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.models.registry import KINDS
from rollcall.report.words.promises import describe_refuted, describe_strongest
from rollcall.runs.config import read_config
from rollcall.runs.derived.tables import has_table, read_table
from rollcall.runs.run import Run
from rollcall.util.text import align_columns

# A number with what it counts; "fold 10", "1.0.1" and "none of the 14" count nobody.
COUNT = (
    r"(?<![\w.,/-])[\d,]*\d(?= (?:other |of the )?"
    r"(?:records|patients|subjects|visits|stays|images|exams|studies|lesions|found|are)\b)"
    r"|(?<=of whom )[\d,]*\d"
)
FOUND = r"(?<![\w.,/-])[\d,]*\d found,"
MISSING = r"(missing for )(?:fewer than )?[\d,]*\d "
OTHER_MODELS = (
    "  any other network: --model FILE.py:NAME, a class or function (input_shape, outputs) -> "
    "nn.Module;\n  --model timm:NAME or torchvision:NAME where that package is installed "
    "(docs/own-models.md)"
)
SIMULATED = (
    "Simulated data: a rehearsal. Every patient and every value here is invented; no number below "
    "says anything about real people."
)

DEMO = "A demo with invented patients: Rollcall drew these films. Nobody in this report is real."


def choose_notice(cohort: Cohort) -> str:
    """Return the sentence that stays in sight where patients are invented; "" where they are not.

    A rehearsal of a dataset says another one than the demo, whose cohort is invented for itself.
    """
    if cohort.simulated:
        return SIMULATED
    return DEMO if cohort.name == "simulated" and "drawn by Rollcall" in cohort.source else ""


def write_notices(cohort: Cohort) -> list[str]:
    """Say what must be said first: that data are simulated, what stands for a patient."""
    notice = choose_notice(cohort)
    sentences = [notice] if notice else []
    if cohort.unit != "patient":
        sentences.append(
            "This release does not say which patient a record is of: below, a patient is one "
            f"{cohort.unit}."
        )
    return sentences


def list_facts(run: Run, cohort: Cohort) -> dict[str, str]:
    """List what a reader of the report should know of a run: the data, the models, the versions."""
    config, units = run.config, f"{cohort.unit}s"
    test_set = "none" if cohort.test is None else count_both(cohort.test, run.smallest_cell)
    versions = ", ".join(f"{name} {version}" for name, version in config["versions"].items())
    hardware = config["hardware"]
    is_private = "privacy" in config.get("recipe", {})
    terms = read_config(run.path).get("privacy") if is_private else None  # noted in training
    return {
        "Cohort": f"{cohort.name}: {count_both(cohort, run.smallest_cell)}, {cohort.task}. "
        f"{cohort.source}",
        "Held-out test set": test_set,
        "Notes on the data": "; ".join(clean_notes(cohort.notes, run.smallest_cell)) or "none",
        "Target models": _describe_models(run, units),
        **({"Differential privacy": describe_privacy(terms)} if terms else {}),
        **_describe_promise(config, terms, cohort),
        **_describe_proof(run, terms, cohort.unit),
        "Seed, scores": f"{run.seed}, {config['scores']}",
        "Cohort fingerprint": cohort.fingerprint[:16],
        "Versions, hardware": f"{versions}; {hardware['cores']} cores, {hardware['machine']}",
        "Started": config["started"],
    }


def _describe_promise(config: dict, terms: dict | None, cohort: Cohort) -> dict[str, str]:
    """Say what one patient is promised; nothing of models from elsewhere, or not yet trained."""
    if "recipe" not in config or ("privacy" in config["recipe"] and not terms):
        return {}
    most = int(np.bincount(cohort.patient_index).max())
    strongest = describe_strongest(terms, most, cohort.unit)
    return {f"Strongest epsilon of one {cohort.unit}": strongest}


def _describe_proof(run: Run, terms: dict | None, unit: str) -> dict[str, str]:
    """Say which epsilon of one patient the models refute; nothing before an attack has said."""
    if not has_table(run, "risk"):
        return {}
    refuted = describe_refuted(read_table(run, "risk").iloc[0], terms, run.targets, unit)
    return {f"Epsilon of one {unit} that is refuted": refuted} if refuted else {}


def count_both(cohort: Cohort, smallest: int) -> str:
    """Count records and patients; not records of so few patients, nor a few more than these."""
    from rollcall.report.gate import show_both  # which loads scipy

    return show_both(len(cohort), len(cohort.patients), cohort.unit, smallest)


def clean_notes(notes: Sequence[str], smallest: int = MIN_GROUP_SIZE) -> list[str]:
    """Write notes as clean_note; where one hides a count, none says how much was found at first.

    What was found less what is used, and less what the other notes say was left out, is that count.
    """
    cleaned = [clean_note(note, smallest) for note in notes]
    if any(f"fewer than {smallest}" in note for note in cleaned):
        cleaned = [re.sub(FOUND, r"another number found,", note) for note in cleaned]
    return cleaned


def clean_note(note: str, smallest: int = MIN_GROUP_SIZE) -> str:
    """Write a note on the data without counts of 1 to smallest - 1, and how many lack a value.

    The cohort's table counts patients without a value, where that gives nothing away.
    """

    def hide(match: re.Match) -> str:
        few = 0 < int(match[0].replace(",", "")) < smallest
        return f"fewer than {smallest}" if few else match[0]

    return re.sub(COUNT, hide, re.sub(MISSING, r"\1some ", note))


def _describe_models(run: Run, units: str) -> str:
    if "recipe" not in run.config:
        return f"{run.targets}, trained elsewhere"
    if "epochs" not in run.config["recipe"]:  # an estimator, which no recipe describes
        name = run.config["recipe"]["model"]
        return f"{run.targets} x {name}, each fitted on a random half of the {units}"
    recipe = run.recipe
    accumulated = f" x {recipe.accumulate}" if recipe.accumulate > 1 else ""
    network = read_config(run.path).get("network", {})  # noted after the run was opened
    size = f" ({network['parameters']:,} parameters)" if network else ""
    files = [f"{name} of sha256 {digest[:16]}" for name, digest in recipe.files.items()]
    if digest := recipe.sources.get("recipe sha256"):
        files.append(f"a recipe of sha256 {digest[:16]}")
    if package := recipe.sources.get("package"):
        files.append(package)
    beside = f" From {', '.join(files)}." if files else ""
    notes = "".join(f" {note[0].upper()}{note[1:]}." for note in network.get("notes", ()))
    return (
        f"{run.targets} x {recipe.model}{size}, each trained on a random half of the {units}: "
        f"{recipe.epochs} epochs, batch {recipe.batch}{accumulated}, {recipe.optimiser}, "
        f"learning rate {recipe.learning_rate:g}, weight decay {recipe.weight_decay:g}"
        f"{'.' if beside or notes else ''}{beside}{notes}"
    )


def describe_privacy(terms: dict) -> str:
    """Say what each target's training promises, and by which constants; terms: of run.json."""
    unit, tried = terms["unit"], terms["tried"]
    whose = "one patient, with all records" if unit == "patient" else "one record"
    constants = (
        f"clip {terms['clip']:g}, noise {terms['noise_multiplier']:.3g} clips, each {unit} of the "
        f"half taken at the rate {terms['rate']:.3g} in each of {terms['steps']:,} steps"
    )
    if terms["promised"] == "inf":
        return f"none promised: {unit}s are clipped, and there is no noise ({constants})"
    return (
        f"epsilon {terms['promised']:.3g} at delta {terms['delta']:.2g}, of {whose}, for one "
        f"target and whoever sees nothing but that target ({constants}; {terms['accountant']})."
    ) + (
        f" All {tried} settings that were tried: {terms['promised_together']:.3g} together."
        if tried > 1
        else ""
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
            OTHER_MODELS,
        ]
    if "recipes" in lists:
        rows = [
            (name, key, recipe.model, f"{recipe.epochs:g} epochs", f"batch {recipe.batch}")
            for name in (*datasets.NAMES, *KINDS)
            for key, recipe in recipes.list_recipes(name).items()
        ]
        title = "Recipes (--recipe); of features, signals and images: for data without their own"
        parts += [title, align_columns(rows)]
    return "\n".join(parts)
