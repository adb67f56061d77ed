"""Model size against risk and skill: several models of one dataset, each with a run of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from rollcall import auditing
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.experiments.variants import (
    assess,
    check_variants,
    label_variant,
    measure,
    plan_variant,
)
from rollcall.runs.derived.manifests import describe
from rollcall.runs.derived.tables import read_table
from rollcall.runs.run import Run
from rollcall.util.files import home
from rollcall.util.progress import track
from rollcall.util.settings import typed

if TYPE_CHECKING:
    from IPython.display import HTML

FLOOR_POINTS = 500


@dataclass(frozen=True)
class Capacity:
    """What `compare_models` gives.

    variants: a row for each. variant, run, parameters (of one model), and the columns of
    experiments.variants.measure. curves: of each variant, by its name, the table `survival` of
    rollcall.risk.Risk with the share. floor: auc and share, the noise floor of the smallest.
    cohort: its name. folder: where the figure goes. smallest_cell: the smallest number of patients
    that is shown. made_from: of each variant, what its tables were made from.
    """

    variants: pd.DataFrame
    curves: dict[str, pd.DataFrame]
    floor: pd.DataFrame
    cohort: str
    folder: Path
    smallest_cell: int
    made_from: dict[str, dict]

    def show(self) -> HTML:
        """Draw risk and skill against size, save it in <out>/<dataset>/figures, and return it."""
        from rollcall.report.registry.kept import show_kept

        return show_kept(
            "capacity",
            self.folder,
            self.made_from,
            variants=self.variants,
            curves=self.curves,
            smallest=self.smallest_cell,
            floor=self.floor,
            dataset=self.cohort,
        )

    def table(self) -> HTML:
        """Return the table of the variants, with its caption."""
        from rollcall.report.tables.models import capacity_table
        from rollcall.report.tables.showing import show_table

        return show_table(capacity_table(self.variants, self.smallest_cell))


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
    of the cohort ("option.size=128"); or "plain". Its run is called "width-64-epochs-10". All other
    parameters are those of auditing.plan. InputError for a variant given twice or one that plan
    refuses.
    """
    shared = {"cohort": cohort, "model": model, "options": options, "recipe": recipe}
    names = check_variants(variants, **shared)
    rows, curves, floors, made_from, smallest = [], {}, {}, {}, MIN_GROUP_SIZE
    pairs = list(zip(variants, names, strict=True))
    for variant, name in track(pairs, "Variants", "variant", f"{len(pairs)} variants"):
        study = plan_variant(variant, out=out, **shared, **parameters)
        label, smallest = label_variant(variant), study.run.smallest_cell
        performance, assessed = study.train(), assess(study)
        rows.append(
            {"variant": label, "run": name, "parameters": count_parameters(study)}
            | measure(study, performance, assessed)
        )
        floors[rows[-1]["parameters"]] = read_floor(study.run)
        made_from[label] = describe(study.run, ["attack"])
        survival = assessed.survival
        curves[label] = survival.assign(share=survival["patients"] / len(assessed.patients))
    folder = Path(out or home() / "results") / cohort / "figures"
    floor = floors[min(floors)]
    return Capacity(pd.DataFrame(rows), curves, floor, cohort, folder, smallest, made_from)


def read_floor(run: Run) -> pd.DataFrame:
    """Return the noise floor of a run's patients, thinned: auc, share at or above it."""
    from rollcall.report.figures.risk import thin_floor

    draws = read_table(run, "floor")["auc_joint"].to_numpy()
    auc, share = thin_floor(draws, 1 / len(draws), FLOOR_POINTS)
    return pd.DataFrame({"auc": auc, "share": share})


def count_parameters(study: auditing.Audit) -> int:
    """Count the trainable numbers of one target model."""
    from rollcall import models

    network = models.build_for(study.run.recipe, study.cohort, device="meta")
    return models.count_parameters(network)
