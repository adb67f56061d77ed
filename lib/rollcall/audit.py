"""The one door to an audit: plan it, train, attack, compare groups, show what came out.

    study = audit.plan(cohort="simulated", targets=16)
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

import numpy as np
import pandas as pd

from rollcall import datasets, recipes
from rollcall.data.cohort import Cohort
from rollcall.data.groups import patient_attributes, patient_labels
from rollcall.runs import external
from rollcall.runs import run as run_folder
from rollcall.runs.run import Run, read_array, read_table
from rollcall.stats.members import check_targets
from rollcall.util import forkserver
from rollcall.util.errors import InputError, unknown_name
from rollcall.util.files import home, write_array, write_table
from rollcall.util.progress import bar, track
from rollcall.util.settings import parse_settings

if TYPE_CHECKING:
    from IPython.display import HTML

    from rollcall.paper.reproduce import Reproduction
    from rollcall.risk import Risk


@dataclass(frozen=True)
class Attacked:
    """What `attack` gives.

    scores: one of each record, float32 (targets, records). attacks, pooled, roc: tables of
    rollcall.attacks.run_all. risk: of rollcall.risk.assess_risk.
    """

    scores: np.ndarray
    attacks: pd.DataFrame
    pooled: pd.DataFrame
    roc: pd.DataFrame
    risk: Risk


@dataclass(frozen=True)
class Audit:
    """One run and the cohort it is about; its steps, and what can be shown of them.

    The attack is made once, by whoever asks first: `show("roc")` attacks if nobody has. Groups are
    compared on what an attack has written to the run.
    """

    run: Run
    cohort: Cohort

    def train(self, *, workers: int | None = None, scheduler: str = "local") -> pd.DataFrame:
        """Train what is missing, and return the performance of every target, as `train`."""
        return train(self, workers=workers, scheduler=scheduler)

    def performance(self) -> pd.DataFrame:
        """List seed, seconds and metrics on in and out of each target, all of them trained."""
        infos = [self.run.info(target) for target in range(self.run.targets)]
        columns = ("target", "seed", "seconds")
        return pd.DataFrame(
            [{key: info[key] for key in columns} | info["metrics"] for info in infos]
        )

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

        if name not in catalogue.FIGURES:
            raise unknown_name("figure", name, catalogue.FIGURES)
        shown = catalogue.FIGURES[name](self)
        if isinstance(shown, style.Table):
            return style.show_table(shown)
        return style.show(shown, self.run.file("figures"))

    def table(self, name: str) -> HTML:
        """Return a table of report.catalogue for display, with its caption."""
        from rollcall.report import catalogue, style

        if name not in catalogue.TABLES:
            raise unknown_name("table", name, catalogue.TABLES)
        return style.show_table(catalogue.TABLES[name](self))

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


def plan(
    *,
    cohort: str = "simulated",
    model: str = "",
    targets: int = 64,
    run: str = "",
    root: str = "",
    out: str = "",
    data: str = "",
    seed: int = 0,
    options: Sequence[str] = (),
    recipe: Sequence[str] = (),
) -> Audit:
    """Check an audit's parameters, prepare its cohort, and open, create or grow its run.

    cohort: a dataset's name, or "own": the run that `rollcall attack` has written to `out`. Else
    the run is <out>/<cohort>/<run>; out defaults to results/, run to the model's name. options and
    recipe: "key=value", of the dataset's options and the recipe's settings, the latter as
    recipes.choose takes them. InputError says what is wrong, and then nothing was written.
    """
    if cohort == external.COHORT_NAME:
        return Audit(*external.read(Path(out)))
    check_targets(targets)
    if cohort not in datasets.NAMES:
        raise unknown_name("cohort", cohort, datasets.NAMES)
    chosen = recipes.choose(cohort, model, recipe)
    name = run or chosen.model
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise InputError(
            f"run {name!r}: expected a plain folder name of letters, digits, '.', '_' and '-'"
        )
    if seed < 0:
        raise InputError(f"seed is {seed}; expected 0 or more")
    choices = parse_settings(f"option of cohort {cohort!r}", options, datasets.options(cohort))
    loaded = load_cohort(cohort, root, data, **(chosen.cohort | choices))
    folder = Path(out or home() / "results") / cohort / name
    return Audit(run_folder.create(folder, loaded, chosen, targets, seed), loaded)


def load_cohort(cohort: str, root: str = "", data: str = "", **options) -> Cohort:
    """Load a cohort, preparing it behind a progress bar if it is not prepared yet."""
    with ExitStack() as stack:
        show = None

        def progress(done: int, total: int) -> None:
            nonlocal show
            show = show or stack.enter_context(bar(total, "Preparing", "file"))
            show(done)

        return datasets.load(cohort, root or None, data or home() / "data", progress, **options)


def train(audit: Audit, *, workers: int | None = None, scheduler: str = "local") -> pd.DataFrame:
    """Train what is missing, behind a progress bar, and return the performance of every target.

    scheduler: "local", this machine; or a Dask scheduler's address (tcp://...) or scheduler file.
    """
    missing = len(audit.run.missing())
    if missing:
        if scheduler in ("", "local"):
            forkserver.start_early()  # torch is loaded there while it is loaded here
        from rollcall import training

        with bar(missing, "Training", "target") as show:
            training.train(audit.run, audit.cohort, workers, show, scheduler or "local")
    return audit.performance()


def attack(audit: Audit) -> Attacked:
    """Attack every target with the others as references, and assess records and patients.

    Writes attacks, pooled, roc, records, patients, floor, survival and risk to the run, as parquet,
    and statistic.npy.
    """
    from rollcall import attacks, risk
    from rollcall.attacks.scores import score_run

    run, cohort, members = audit.run, audit.cohort, audit.run.members()
    elsewhere = cohort.name == external.COHORT_NAME  # trained there, scores given
    scores = run.scores() if elsewhere else score_run(run, cohort)
    index, attributes = cohort.patient_index, cohort.records[list(cohort.attributes)]
    features = attacks.compute_features(
        cohort.inputs, cohort.labels, len(cohort.classes), index, attributes
    )
    evaluated = attacks.run_all(
        scores, members, index, features, lambda items: track(items, "Attacking", "attack")
    )
    if scores.ndim == 3:
        scores = risk.combine_labels(scores, members, index)
    assessed = risk.assess_risk(
        scores,
        members,
        index,
        cohort.patients,
        run.seed,
        labels=patient_labels(cohort),
        progress=lambda items: track(items, "Assessing patients", "part"),
    )
    tables = vars(evaluated) | {
        "records": assessed.records,
        "patients": assessed.patients,
        "floor": assessed.floors.astype(np.float32),
        "survival": assessed.survival,
        "risk": pd.DataFrame([assessed.cohort]),
    }
    for name, table in tables.items():
        write_table(run.file(f"{name}.parquet"), table)
    write_array(run.file("statistic.npy"), assessed.statistic)
    return Attacked(scores, evaluated.attacks, evaluated.pooled, evaluated.roc, assessed)


def disparity(audit: Audit) -> pd.DataFrame:
    """Compare groups of patients as risk.groups.compare; InputError if nobody has attacked yet."""
    from rollcall.risk import groups

    run, patients = audit.run, read_table(audit.run, "patients")
    attributes, statistic = patient_attributes(audit.cohort), read_array(run, "statistic")
    tables = groups.compare(patients, attributes, statistic, run.members(), run.seed)
    for name, table in tables.items():
        write_table(run.file(f"{name}.parquet"), table)
    return tables["disparity"]


def paper(audit: Audit) -> Reproduction:
    """Compute the paper's scores, attacks and tables from the same logits, and write them.

    paper_records, _patients, _attacks, _roc, _errors and, where a group is large enough, _panel.
    Of scores that were given, not trained, only the statistics are the paper's.
    """
    from rollcall.paper import reproduce, sources

    run, cohort = audit.run, audit.cohort
    elsewhere = cohort.name == external.COHORT_NAME
    reproduction = reproduce.reproduce_paper(
        sources.read_given_scores(run) if elsewhere else sources.score_as_published(run, cohort),
        run.members(),
        cohort.patient_index,
        cohort.patients,
        cohort.records[list(cohort.attributes)],
        run.seed,
        lambda items: track(items, "As the paper did", "part"),
    )
    for name in ("records", "patients", "attacks", "roc", "errors", "panel"):
        table = getattr(reproduction, name)
        if table is not None:
            write_table(run.file(f"paper_{name}.parquet"), table)
    return reproduction
