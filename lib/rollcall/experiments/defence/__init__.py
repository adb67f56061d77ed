"""What protects the patient in the tail, and at what price: settings of one cohort side by side.

comparison = defence.compare_defences(cohort="diabetes130", settings=["weight_decay=1", ...])
comparison.show("survival"), comparison.table(), comparison.remove_exposed()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rollcall import auditing
from rollcall.experiments.defence import measuring
from rollcall.experiments.defence.ceilings import find_promise
from rollcall.experiments.defence.layers import Layer, remove_exposed
from rollcall.experiments.defence.outputs import COARSE, iterate_outputs, release_run
from rollcall.experiments.defence.parts import draw_share, plan_part
from rollcall.experiments.defence.settings import Setting, describe_setting, parse_setting
from rollcall.experiments.variants import (
    PLAIN,
    Assessed,
    assess,
    check_variants,
    label_variant,
    measure,
    plan_variant,
)
from rollcall.runs.derived.manifests import describe
from rollcall.runs.derived.tables import read_table
from rollcall.runs.folder import remove_untrained
from rollcall.util.errors import InputError, unknown_name
from rollcall.util.files import home
from rollcall.util.progress import track
from rollcall.util.settings import typed

if TYPE_CHECKING:
    from IPython.display import HTML

__all__ = ["Comparison", "Layer", "compare_defences", "remove_exposed"]

FIGURES = ("survival", "price", "groups")


@dataclass(frozen=True)
class Comparison:
    """What `compare_defences` gives.

    settings: a row for each, "plain" first: those of settings.describe_setting, run, the columns of
    variants.measure, worst_tpr and worst_low (measuring.worst_tpr), those of ceilings.find_promise,
    most_records (of a patient), coarse (outputs of few values).
    curves: of each setting, by its name, the table `survival` of rollcall.risk.Risk with the share.
    floor: draws of the noise floor of the plain models' patients. groups: measuring.compare_groups
    of each setting, with its name. plain: the audit of the plain models; data: as auditing.plan has
    it. folder, smallest_cell, made_from: as of capacity.Capacity.
    """

    settings: pd.DataFrame
    curves: dict[str, pd.DataFrame]
    floor: np.ndarray
    groups: pd.DataFrame
    plain: auditing.Audit
    data: str
    folder: Path
    smallest_cell: int
    made_from: dict[str, dict]

    def show(self, name: str) -> HTML:
        """Draw "survival", "price" or "groups", save it in <out>/<dataset>/figures, return it."""
        from rollcall.report.registry.kept import show_kept

        if name not in FIGURES:
            raise unknown_name("figure", name, FIGURES)
        unit, smallest = self.plain.run.unit, self.smallest_cell
        arguments = {
            "survival": {"curves": self.curves, "floor": self.floor},
            "price": {},
            "groups": {"groups": self.groups},
        }[name]
        if name != "groups":
            arguments |= {"unit": unit, "smallest": smallest}
        return show_kept(
            f"defence_{name}", self.folder, self.made_from, settings=self.settings, **arguments
        )

    def table(self) -> HTML:
        """Return the table of the settings, with its caption."""
        from rollcall.report.tables.defence import defence_table
        from rollcall.report.tables.showing import show_table

        return show_table(defence_table(self.settings, self.plain.run.unit, self.smallest_cell))

    def table_groups(self) -> HTML:
        """Return the table of what each setting costs each group, with its caption."""
        from rollcall.report.tables.defence import defence_groups_table
        from rollcall.report.tables.showing import show_table

        return show_table(defence_groups_table(self.groups, self.smallest_cell))

    def remove_exposed(self) -> Layer:
        """Remove the patients whom the plain models expose, and train again: `remove_exposed`."""
        return remove_exposed(self.plain, self.data)


@typed
def compare_defences(
    *,
    cohort: str,
    settings: Sequence[str],
    model: str = "",
    options: Sequence[str] = (),
    recipe: Sequence[str] = (),
    out: str = "",
    data: str = "",
    **parameters,
) -> Comparison:
    """Train and attack each setting of a cohort's model, and set risk beside skill.

    A setting is a variant as capacity.compare_models takes them ("epochs=5 weight_decay=0.1",
    "privacy.unit=patient privacy.epsilon=3"), with one more word, if any: "share=0.5", trained on
    halves of a random half of the patients; "outputs=0.01" or "outputs=label", of the targets that
    the other words train only rounded probabilities, or the top label, are released. "plain" is
    always there. Each is a run; what is there is not made again. All else as auditing.plan.
    InputError for a setting given twice, or one that cannot be.
    """
    parsed = [parse_setting(text) for text in settings]
    parsed = [parse_setting(PLAIN), *(each for each in parsed if each.text != PLAIN)]
    names = [each.run for each in parsed]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise InputError(f"settings: {repeated[0]!r} is there more than once; expected each once")
    shared = {"cohort": cohort, "model": model, "options": options, "recipe": recipe}
    check_variants(list(dict.fromkeys(each.variant for each in parsed)), **shared)
    parameters |= shared | {"out": out, "data": data}
    _prepare_all(parsed, parameters)
    rows, curves, tables, made_from, studies = [], {}, [], {}, {}
    measured: measuring.Measured | None = None
    for each in track(parsed, "Settings", "setting", f"{len(parsed)} settings"):
        trained = studies.get(each.training) or _plan(each, parameters)
        performance = trained.train()
        studies[each.training] = trained
        study = trained
        if each.step:
            study = release_run(trained, each.step, each.run)
            performance = study.performance()
        assessed, cell = assess(study), trained.run.smallest_cell
        words = describe_setting(each, trained.run.recipe.private)
        if words["setting"] in curves:  # of the same unit and epsilon, otherwise trained
            words["setting"] += f" ({label_variant(each.text)})"
        label = words["setting"]
        row = _make_row(words, study, performance, assessed)
        rows.append(row | {"coarse": each.step >= COARSE})
        made_from[label] = describe(study.run, ["attack"])
        share = assessed.survival["patients"] / len(assessed.patients)
        curves[label] = assessed.survival.assign(share=share)
        groups = measuring.list_measurable(trained.cohort, cell)
        outputs = iterate_outputs(trained.run, trained.cohort, each.step)
        aurocs = measuring.measure_groups(outputs, trained.run.members(), trained.cohort, groups)
        mine = measuring.Measured(groups, aurocs)
        measured = measured or mine
        compared = measuring.compare_groups(mine, measured, paired=each.share == 1)
        tables.append(compared.assign(setting=label))
    plain = studies[PLAIN]
    return Comparison(
        pd.DataFrame(rows),
        curves,
        read_table(plain.run, "floor")["auc_joint"].to_numpy(),
        pd.concat(tables, ignore_index=True),
        plain,
        data,
        Path(out or home() / "results") / cohort / "figures",
        plain.run.smallest_cell,
        made_from,
    )


def _prepare_all(settings: Sequence[Setting], parameters: dict) -> None:
    """Check every setting's network and terms of privacy: before hours of those before a wrong one.

    InputError for one that cannot be; runs of which nothing is trained are then removed again.
    """
    from rollcall.training import prepare

    planned = []
    try:
        for each in settings:
            planned.append(_plan(each, parameters))
            if planned[-1].run.missing():
                prepare(planned[-1].run, planned[-1].cohort)
    except InputError:
        for study in planned:
            remove_untrained(study.run.path)
        raise


def _plan(setting: Setting, parameters: dict) -> auditing.Audit:
    """Plan the run that a setting's targets are trained in."""
    study = plan_variant(setting.variant, **parameters)
    if setting.share == 1:
        return study
    keep = draw_share(study.cohort, setting.share, study.run.seed)
    return plan_part(study, keep, setting.trained, parameters["data"])


def _make_row(
    words: dict, study: auditing.Audit, performance: pd.DataFrame, assessed: Assessed
) -> dict:
    """Return a row of Comparison.settings."""
    worst, least = measuring.worst_tpr(assessed.survival, study.run.smallest_cell)
    most = int(assessed.patients["records"].max())
    return {
        **words,
        "run": study.run.path.name,
        **measure(study, performance, assessed),
        "worst_tpr": worst,
        "worst_low": least,
        **find_promise(study.run, most),
        "most_records": most,
    }
