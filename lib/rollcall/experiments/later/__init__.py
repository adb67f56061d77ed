"""Is a model that knew a patient before wrong about the patient later?

Each patient's records are split in time. Targets train on the early records of random halves of the
patients; what they say of the late ones is compared within each pair: one target knew the patient,
the other did not. The same is done with records split by chance, where nothing can come of time,
and with coins drawn anew, where nothing can come of knowing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rollcall import auditing
from rollcall.auditing.prepared import choose_recipe, is_prepared, open_prepared
from rollcall.data.cohort import Cohort
from rollcall.data.groups import MIN_GROUP_SIZE, patient_attributes
from rollcall.experiments.later.effects import CHANGED, KINDS
from rollcall.experiments.later.measuring import (
    Measured,
    list_effects,
    list_groups,
    list_named,
    measure_split,
)
from rollcall.experiments.later.naming import stratify
from rollcall.experiments.later.splitting import CHANCE, TIME, find_late, hold_back, shuffle_late
from rollcall.models.given import name_run
from rollcall.runs.derived.manifests import describe
from rollcall.util.files import home
from rollcall.util.progress import track
from rollcall.util.settings import typed

if TYPE_CHECKING:
    from IPython.display import HTML


@dataclass(frozen=True)
class Later:
    """What `follow_patients` gives.

    effects, named, groups: as list_effects, list_named and list_groups of
    rollcall.experiments.later.measuring have them; groups of the split in time. patients, a row for
    each with later records: patient_id, outcome (of KINDS), effect (on the loss), redrawn (the
    same of coins drawn anew), harmed, helped. attributes: theirs. All of these stay where the data
    may be; what `summary`, `show` and `table` give has been through the gate. folder: where the
    figure goes. unit, smallest_cell: as the cohort and the run have them.
    """

    effects: pd.DataFrame
    named: pd.DataFrame
    groups: pd.DataFrame
    patients: pd.DataFrame
    attributes: pd.DataFrame
    folder: Path
    unit: str
    smallest_cell: int
    made_from: dict[str, dict]

    def summary(self) -> HTML:
        """Say in words what it does to later records that the model knew the patient."""
        from rollcall.report import style
        from rollcall.report.tables.later import describe_later

        return style.show_sentences(
            describe_later(self.effects, self.named, self.unit, self.smallest_cell)
        )

    def show(self) -> HTML:
        """Draw the effects and the patients, save it in <out>/<dataset>/figures, and return it."""
        from rollcall.report.registry.kept import show_kept

        return show_kept(
            "later",
            self.folder,
            self.made_from,
            effects=self.effects,
            patients=self.patients[["effect", "redrawn"]],
            unit=self.unit,
            smallest=self.smallest_cell,
        )

    def table(self, name: str = "effects") -> HTML:
        """Return the table of "effects", of who is "named", or of "groups", with its caption."""
        from rollcall.report.tables import later
        from rollcall.report.tables.showing import show_table

        if name == "groups":
            flags = {"changed": self.patients["outcome"].to_numpy() == CHANGED}
            table = later.groups_table(self.groups, self.attributes, flags, self.smallest_cell)
        elif name == "named":
            table = later.named_table(self.named, self.unit, self.smallest_cell)
        else:
            table = later.effects_table(self.effects, self.unit, self.smallest_cell)
        return show_table(table)


@typed
def follow_patients(
    *,
    cohort: str | Cohort = auditing.EMBEDDED,
    model: str = "",
    targets: int = 32,
    run: str = "",
    root: str = "",
    out: str = "",
    data: str = "",
    seed: int = 0,
    options: Sequence[str] = (),
    recipe: Sequence[str] = (),
    smallest_cell: int = MIN_GROUP_SIZE,
    control: bool = True,
) -> Later:
    """Train targets on early records, and compare what they say of later ones.

    Parameters are those of auditing.plan; the runs are called <run>-later and, with control, which
    trains as many targets again on records split by chance, <run>-later-by-chance. InputError for
    a cohort that does not say which of a patient's records came first.
    """
    prepared = Path(data or home() / "data")
    whole, name = _open(cohort, model, targets, run, root, data, seed, options, recipe)
    late = find_late(whole)
    masks = {TIME: late}
    if control:
        masks[CHANCE] = shuffle_late(late, whole.patient_index, seed)
    studies, splits = {}, {}
    for split, mask in track(masks.items(), "Splits", "split", f"{len(masks)} splits"):
        study = auditing.plan(
            cohort=hold_back(whole, mask, split, prepared),
            model=model,
            targets=targets,
            run=f"{name}-later" if split == TIME else f"{name}-later-by-chance",
            out=out,
            data=data,
            seed=seed,
            recipe=recipe,
            smallest_cell=smallest_cell,
        )
        study.train()
        studies[split], splits[split] = study, measure_split(study)
    study, measured = studies[TIME], splits[TIME]
    code = stratify(measured.cells, len(whole.patients))
    return Later(
        list_effects(splits),
        list_named(splits),
        list_groups(study, measured),
        _list_patients(whole, code, measured),
        patient_attributes(whole)[code >= 0].reset_index(drop=True),
        Path(out or home() / "results") / whole.name / "figures",
        whole.unit,
        study.run.smallest_cell,
        {split: describe(each.run, []) for split, each in studies.items()},
    )


def _open(
    cohort: str | Cohort,
    model: str,
    targets: int,
    run: str,
    root: str,
    data: str,
    seed: int,
    options: Sequence[str],
    recipe: Sequence[str],
) -> tuple[Cohort, str]:
    """Return the whole cohort, prepared, and what its runs' names begin with."""
    if is_prepared(cohort):
        whole = open_prepared(cohort, Path(data or home() / "data"), options)
        chosen = choose_recipe(whole, model, recipe)
        return whole, run or name_run(chosen.model)
    chosen, choices = auditing.check_plan(
        cohort=str(cohort),
        model=model,
        targets=targets,
        run=run,
        root=root,
        seed=seed,
        options=options,
        recipe=recipe,
    )
    whole = auditing.load_cohort(str(cohort), root, data, **(chosen.cohort | choices))
    return whole, run or name_run(chosen.model)


def _list_patients(cohort: Cohort, code: np.ndarray, measured: Measured) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "patient_id": cohort.patients,
            "outcome": np.array(KINDS)[code],
            "effect": measured.effect,
            "redrawn": measured.redrawn.effect,
            "harmed": measured.named.harmed,
            "helped": measured.named.helped,
        }
    )
    return table[code >= 0].reset_index(drop=True)
