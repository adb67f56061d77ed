"""The one door to an audit: plan it, train, attack, compare groups, show what came out.

    study = auditing.plan(cohort="simulated", targets=16)
    study.train()
    study.attack()
    study.show("survival")

Each step imports what it needs when it is taken: planning, and reading a finished run back, are
light.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from rollcall import datasets, recipes
from rollcall.auditing.prepared import choose_recipe, is_prepared, open_prepared
from rollcall.auditing.steps import Attacked, Study, attack, disparity, paper, train
from rollcall.auditing.watching import show_runs, watch
from rollcall.data.cohort import Cohort
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.models.given import name_run
from rollcall.recipes import Recipe
from rollcall.runs import external
from rollcall.runs import run as run_folder
from rollcall.runs.derived.manifests import describe, forget, note_made
from rollcall.runs.folder import clear_parts
from rollcall.runs.sealed import compute_digest
from rollcall.stats.members import check_targets
from rollcall.util.errors import InputError, unknown_name
from rollcall.util.files import home
from rollcall.util.progress import bar
from rollcall.util.settings import parse_settings, typed
from rollcall.util.text import FOLDER_NAME

if TYPE_CHECKING:
    from IPython.display import HTML

    from rollcall.paper.reproduce import Reproduction

__all__ = [
    "Attacked",
    "Audit",
    "attack",
    "check_plan",
    "disparity",
    "load_cohort",
    "paper",
    "plan",
    "show_runs",
    "train",
    "watch",
]


@dataclass(frozen=True)
class Audit(Study):
    """One run and the cohort it is about; its steps, and what can be shown of them.

    The attack is made once, by whoever asks first: `show("roc")` attacks if nobody has. Groups are
    compared on what an attack has written to the run.
    """

    def train(self, *, workers: int | None = None, scheduler: str = "local") -> pd.DataFrame:
        """Train what is missing, and return the performance of every target, as `train`."""
        return train(self, workers=workers, scheduler=scheduler)

    @cached_property
    def attacked(self) -> Attacked:
        """Return what `attack` gives, computed at first use."""
        return attack(self)

    @cached_property
    def groups(self) -> pd.DataFrame:
        """Return what `disparity` gives, computed at first use."""
        return disparity(self)

    @cached_property
    def reproduction(self) -> Reproduction:
        """Return what `paper` gives, computed at first use."""
        return paper(self)

    def attack(self) -> Attacked:
        """Attack every target and assess records and patients, as `attack`."""
        return self.attacked

    def disparity(self) -> pd.DataFrame:
        """Compare groups of patients, as `disparity`."""
        return self.groups

    def paper(self) -> Reproduction:
        """Compute the paper's scores, attacks and tables from the same logits, as `paper`."""
        return self.reproduction

    def show(self, name: str) -> HTML:
        """Draw a figure of report.catalogue, save it in the run's figures/, return it for display.

        With its alternative text and caption. InputError for an unknown name.
        """
        from rollcall.report import catalogue, style
        from rollcall.report.tables.showing import Table, show_table

        if name not in catalogue.FIGURES:
            raise unknown_name("figure", name, catalogue.FIGURES)
        shown = catalogue.FIGURES[name](self)
        if isinstance(shown, Table):
            return show_table(shown)
        with self.run.hold("figures"):
            needs = ["attack", "disparity"] if catalogue.is_of_groups(name) else ["attack"]
            made_from = describe(self.run, needs, cell=True)
            forget(self.run, name)
            saved = [f"figures/{file}" for file in style.files_of(shown)]
            clear_parts(*map(self.run.file, saved))
            html = style.show(shown, self.run.file("figures"), compute_digest(made_from))
            if shown.drawing is not None:
                note_made(self.run, name, made_from, saved)
        return html

    def table(self, name: str) -> HTML:
        """Return a table of report.catalogue for display, with its caption."""
        from rollcall.report import catalogue
        from rollcall.report.tables.showing import show_table

        if name not in catalogue.TABLES:
            raise unknown_name("table", name, catalogue.TABLES)
        return show_table(catalogue.TABLES[name](self))

    def notice(self) -> HTML | None:
        """Return what must be said before anything is shown; None if there is nothing."""
        from rollcall.report import style
        from rollcall.report.words.facts import write_notices

        sentences = write_notices(self.cohort)
        return style.show_sentences(sentences, strong=True) if sentences else None

    def summary(self) -> list[str]:
        """Write the sentences that matter, from the run's tables."""
        from rollcall.report.words.findings import summarise_run

        return summarise_run(self.run, self.cohort)

    def facts(self) -> dict[str, str]:
        """List what a reader should know of the run: the data, the models, the versions."""
        from rollcall.report.words.facts import list_facts

        return list_facts(self.run, self.cohort)


EMBEDDED = "simulated"  # the cohort that needs no release
OF_YOUR_OWN = "for data of your own: rollcall describe TABLE.csv, then rollcall audit cohort.toml"


@typed
def plan(
    *,
    cohort: str | Cohort = EMBEDDED,
    model: str = "",
    targets: int = 64,
    run: str = "",
    root: str = "",
    out: str = "",
    data: str = "",
    seed: int = 0,
    options: Sequence[str] = (),
    recipe: Sequence[str] = (),
    smallest_cell: int = MIN_GROUP_SIZE,
    train: bool = True,
) -> Audit:
    """Check an audit's parameters, prepare its cohort, and open, create or grow its run.

    cohort: a dataset's name; one made by `Cohort.of`, or the folder it was prepared in (its
    `folder`); or "own": the run that `rollcall attack` has written to `out`. Else the run is
    <out>/<cohort>/<run>; out defaults to results/, run to the model's name. options and
    recipe: "key=value", of the dataset's options and the recipe's settings, the latter as
    recipes.choose takes them; smallest_cell: the smallest number of patients that a report may
    show, but 0. train: False opens a run that is there, of as many targets, and neither creates nor
    grows one. InputError says what is wrong, and then nothing was written.
    """
    run_folder.check_smallest_cell(smallest_cell)
    if cohort == external.COHORT_NAME:
        given, loaded = external.read(Path(out))
        return Audit(given.with_smallest_cell(smallest_cell), loaded)
    results, stored = Path(out or home() / "results"), data or home() / "data"
    if is_prepared(cohort):
        if root:
            raise InputError(f"root {root!r} is of a release; expected none for this cohort")
        made = cohort if isinstance(cohort, Cohort) else open_prepared(cohort, Path(stored))
        chosen = choose_recipe(made, model, recipe)
        _check_run(targets, run or name_run(chosen.model), seed)
        folder = results / made.name / (run or name_run(chosen.model))
        if not train:
            _check_trained(folder, targets)
        loaded = open_prepared(made, Path(stored), options)
    else:
        chosen, choices = check_plan(
            cohort=cohort,
            model=model,
            targets=targets,
            run=run,
            root=root,
            seed=seed,
            options=options,
            recipe=recipe,
        )
        folder = results / datasets.identify(str(cohort), root)[0] / (run or name_run(chosen.model))
        if not train:
            _check_trained(folder, targets)
        loaded = load_cohort(cohort, root, data, **(chosen.cohort | choices))
    created = run_folder.create(folder, loaded, chosen, targets, seed)
    return Audit(created.with_smallest_cell(smallest_cell), loaded)


@typed
def check_plan(
    *,
    cohort: str,
    model: str = "",
    targets: int = 64,
    run: str = "",
    root: str = "",
    seed: int = 0,
    options: Sequence[str] = (),
    recipe: Sequence[str] = (),
) -> tuple[Recipe, dict]:
    """Check parameters of `plan` that ask for no data; return the recipe and the cohort's options.

    InputError if one cannot be.
    """
    if cohort not in datasets.NAMES:
        raise InputError(f"{unknown_name('cohort', cohort, datasets.NAMES)}; {OF_YOUR_OWN}")
    if root and cohort == EMBEDDED:
        raise InputError(
            f"root {root!r} names data, but no cohort is named, and {EMBEDDED!r} needs none; name "
            f"the cohort of these data, one of: {', '.join(datasets.NAMES)}; {OF_YOUR_OWN}"
        )
    chosen = recipes.choose(cohort, model, recipe, datasets.identify(cohort, root)[1])
    _check_run(targets, run or name_run(chosen.model), seed)
    where, defaults = f"of cohort {cohort!r}", datasets.options(cohort)
    for key, value in chosen.cohort.items():  # of a recipe that may be anybody's
        if key not in defaults:
            raise unknown_name("option", key, defaults, where)
        if type(value) is not type(defaults[key]):
            raise InputError(
                f"recipe: cohort option {key} is {value!r}; expected a value like {defaults[key]!r}"
            )
    return chosen, parse_settings("option", options, defaults, where)


def _check_run(targets: int, name: str, seed: int) -> None:
    """Check what names a run and decides its draws; InputError."""
    check_targets(targets)
    if not re.fullmatch(FOLDER_NAME, name):
        raise InputError(
            f"run {name!r}: expected a plain folder name of letters, digits, '.', '_' and '-'"
        )
    if seed < 0:
        raise InputError(f"seed is {seed}; expected 0 or more")


def _check_trained(folder: Path, targets: int) -> None:
    """Check that a run is there and has as many targets, or InputError."""
    if not (folder / "run.json").exists():
        others = [path.parent.name for path in folder.parent.glob("*/run.json")]
        raise unknown_name("run", folder.name, others or ["none"], f"in {folder.parent}")
    trained = run_folder.open_run(folder).targets
    if trained < targets:
        raise InputError(
            f"{folder}: a run of {trained} targets, not {targets}; ask for {trained}, "
            "or train the others first (1_train)"
        )


def load_cohort(cohort: str, root: str = "", data: str = "", **options) -> Cohort:
    """Load a cohort, preparing it behind a progress bar if it is not prepared yet."""
    with ExitStack() as stack:
        show = None

        def progress(done: int, total: int) -> None:
            nonlocal show
            show = show or stack.enter_context(bar(total, "Preparing", "file"))
            show(done)

        return datasets.load(cohort, root or None, data or home() / "data", progress, **options)
