"""All finished runs side by side: find them under results/, collect their tables without patient ids, and set them beside the published values."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import pearsonr, spearmanr

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.paper import published
from rollcall.report import summary
from rollcall.runs import external
from rollcall.runs.run import Run, open_run, read_table
from rollcall.util.errors import InputError, unknown_name
from rollcall.util.files import home

TABLES = {  # what is compared, and the columns that it takes: no table is collected with its patient ids
    "attacks": ["attack", "variant", "target", "auc"],
    "roc": ["attack", "variant", "fpr", "tpr"],
    "patients": ["auc_joint", "exposed"],
    "floor": ["auc_joint"],
    "disparity": ["attribute", "group", "patients", "share", "share_top", "risk_ratio"],
    "paper_patients": ["auc_max"],
    "paper_attacks": ["attack", "target", "auc"],
    "paper_roc": ["attack", "fpr", "tpr"],
    "paper_panel": ["attribute", "group", "records", "share", "residual", "chi2", "stars"],
    "paper_errors": ["models", "kind", "q05", "q25", "median", "q75", "q95"],
}
KINDS = {
    "sex": "sex",
    "race": "race, skin type",
    "skin type": "race, skin type",
    "age": "age",
    "view": "imaging protocol",
    "image type": "imaging protocol",
}
OTHER = "diagnosis and others"


@dataclass(frozen=True)
class Entry:
    """A finished run: its name "cohort/run", the data set's name, what a legend calls it, and its tables by name, as far as they are there."""

    name: str
    dataset: str
    label: str
    run: Run
    tables: dict[str, pd.DataFrame]

    @property
    def simulated(self) -> bool:
        return self.run.simulated or self.dataset == "simulated"

    @property
    def missing(self) -> list[str]:
        return [name for name in TABLES if name not in self.tables]


@dataclass(frozen=True)
class Gallery:
    """Finished runs by name, the folder they were found in, and how many more there are not finished."""

    entries: tuple[Entry, ...]
    folder: Path
    unfinished: int

    def having(self, *tables: str) -> list[Entry]:
        """The runs that have all of these tables."""
        return [entry for entry in self.entries if all(name in entry.tables for name in tables)]


def collect(out: str = "", runs: list[str] = ()) -> Gallery:
    """The finished runs in <out>/<cohort>/<run>, or those of them named "cohort/run" in `runs`; out defaults to results/.

    Finished: every target is trained, as run.json says; scores of one's own, once they are attacked. InputError for a name that is not
    there or not finished, for a folder without any finished run, and for a table that cannot be read.
    """
    folder = Path(out or home() / "results")
    found = {
        "/".join(path.parts[-3:-1]): open_run(path.parent)
        for path in sorted(folder.glob("*/*/run.json"))
    }
    finished = {
        name: run
        for name, run in found.items()
        if run.config.get("finished")
        or (run.config["cohort"] == external.COHORT_NAME and run.file("attacks.parquet").exists())
    }
    for name in runs:
        if name in found and name not in finished:
            raise InputError(
                f"run {name!r} in {folder} is not finished; train the rest of its targets: {command(found[name])}"
            )
        if name not in finished and finished:
            raise unknown_name(f"run in {folder}", name, finished)
    if not finished:
        more = f" ({len(found)} not finished)" if found else ""
        raise InputError(
            f"{folder}: no finished run{more}; expected one at least, in <cohort>/<run>/: run `make audit` first, or name another folder"
        )
    chosen = {name: run for name, run in finished.items() if not runs or name in runs}
    datasets = [run.config["cohort"] for run in chosen.values()]
    entries = tuple(
        Entry(name, dataset, _label(name, run, datasets.count(dataset) > 1), run, _tables(run))
        for (name, run), dataset in zip(chosen.items(), datasets)
    )
    return Gallery(entries, folder, len(found) - len(finished))


def _tables(run: Run) -> dict[str, pd.DataFrame]:
    tables = {}
    for name, columns in TABLES.items():
        if run.file(f"{name}.parquet").exists():
            table = read_table(run, name)
            lost = [column for column in columns if column not in table]
            if lost:
                raise InputError(
                    f"{run.file(name)}.parquet: no column {lost[0]!r}; it was made by another version, make it again: {command(run)}"
                )
            if "intersection" in table:
                table = table[~table["intersection"]]
            tables[name] = table[columns].reset_index(drop=True)
    return tables


def _label(name: str, run: Run, several: bool) -> str:
    """The data set's name, the run's too where the data set has several; and what must be known of it: the unit, and that it is simulated."""
    said = [f"{run.unit}s"] * (run.unit != "patient") + ["simulated"] * (
        run.simulated and run.config["cohort"] != "simulated"
    )
    return (name if several else run.config["cohort"]) + (f" ({', '.join(said)})" if said else "")


def command(run: Run) -> str:
    """What a user types to complete a run."""
    if run.config["cohort"] == external.COHORT_NAME:
        return (
            f"`rollcall attack --out {shlex.quote(str(run.path))}` with the files of the first time"
        )
    verb, words = (
        "rehearse" if run.simulated and run.config["cohort"] != "simulated" else "audit",
        {"cohort": run.config["cohort"]},
    )
    words |= {
        "model": run.config.get("recipe", {}).get("model", ""),
        "run": run.path.name,
        "targets": str(run.targets),
        "seed": str(run.seed),
    }
    given = " ".join(f"--{key} {shlex.quote(word)}" for key, word in words.items() if word)
    return f"`rollcall {verb} {given}` with the other options of its first time"


def notes(gallery: Gallery) -> list[str]:
    """Sentences that must be said first: which runs are simulated, what is left out and how it is made, what is not finished."""
    said = [f"{entry.name}: {summary.SIMULATED}" for entry in gallery.entries if entry.simulated]
    said += [
        f"{entry.name}: left out below where {', '.join(entry.missing)} would be needed; made by {command(entry.run)}."
        for entry in gallery.entries
        if entry.missing
    ]
    said += [
        f"{entry.name}: a patient is one {entry.run.unit}; the release does not say which patient a record is of."
        for entry in gallery.entries
        if entry.run.unit != "patient"
    ]
    return said + [f"Runs not finished, and not shown: {gallery.unfinished}."] * (
        gallery.unfinished > 0
    )


def aggregate_table(gallery: Gallery) -> pd.DataFrame:
    """Of each run: size; mean LiRA AUC (online) by our scores, by the paper's, and as published; the median and the largest patient AUC likewise."""
    known, rows = published.aggregate().set_index("dataset"), []
    for entry in gallery.entries:
        told = known.loc[entry.dataset] if entry.dataset in known.index else {}
        attacks, theirs, patients = (
            entry.tables.get(name) for name in ("attacks", "paper_attacks", "paper_patients")
        )
        attacks = None if attacks is None else attacks[attacks["variant"] == "online"]
        ours, theirs = (
            np.nan if table is None else table.loc[table["attack"] == "LiRA", "auc"].mean()
            for table in (attacks, theirs)
        )
        largest = pd.Series(dtype=float) if patients is None else patients["auc_max"]
        rows.append(
            {
                "run": entry.label,
                "models": entry.run.targets,
                "records": entry.run.config["records"],
                "patients": entry.run.config["patients"],
                "patients, published": f"{told['patients']:,}" if len(told) else "\N{EN DASH}",
                "LiRA AUC": ours,
                "paper's scores": theirs,
                "published": told.get("aggregate_lira_auc"),
                "median patient AUC, paper's": largest.median(),
                "published median": told.get("median_patient_auc"),
                "largest": largest.max(),
                "published largest": told.get("max_patient_auc"),
            }
        )
    return pd.DataFrame(rows).astype(
        dict.fromkeys(("published", "published median", "published largest"), float)
    )


def groups(entry: Entry) -> pd.DataFrame:
    """One row per group of a run that has at least 10 patients: attribute, group, patients, share and share_top (of patients), risk_ratio; residual,
    chi2 and stars of the paper's panel on this run's records; and train_share, tail_share and published_residual. NaN (stars "") where there is none."""
    ours = entry.tables["disparity"]
    ours = ours[ours["patients"] >= MIN_GROUP_SIZE].reset_index(drop=True)
    theirs = entry.tables.get("paper_panel", pd.DataFrame(columns=TABLES["paper_panel"]))
    theirs = theirs.assign(
        **{column: theirs[column].astype(float) for column in ("residual", "chi2")}
    )
    table = ours.merge(
        theirs[["attribute", "group", "residual", "chi2", "stars"]],
        on=["attribute", "group"],
        how="left",
        validate="one_to_one",
    )
    told = published.beside(entry.dataset, table["attribute"], table["group"]).rename(
        columns={"residual": "published_residual"}
    )
    return pd.concat([table.assign(stars=table["stars"].fillna("")), told], axis=1)


def kind(attribute: str) -> str:
    """What sort of attribute it is, for a marker: sex; race or skin type; age; imaging protocol; all others."""
    return KINDS.get(attribute.split(" (")[0].casefold(), OTHER)


def points(gallery: Gallery) -> pd.DataFrame:
    """What group size is set against: source ("published", "paper", "ours"), dataset, attribute, group, kind, share in percent and value.

    published: residual of the published counts, all seven data sets. paper: the same residual of our runs' records. ours: natural logarithm of
    the risk ratio of our runs' patients, -inf for a group without any patient at the top and inf where no other patient is there.
    """
    told = published.subgroups()
    parts = [
        pd.DataFrame(
            {
                "source": "published",
                "dataset": told["dataset"],
                "attribute": told["attribute"],
                "group": told["group"],
                "share": 100 * told["train_share"],
                "value": told["residual"],
            }
        )
    ]
    for entry in gallery.having("disparity"):
        table = groups(entry)
        with np.errstate(divide="ignore"):
            values = {"paper": table["residual"], "ours": np.log(table["risk_ratio"])}
        panel = entry.tables.get("paper_panel", pd.DataFrame(columns=TABLES["paper_panel"]))
        of_records = (
            table[["attribute", "group"]]
            .merge(panel, on=["attribute", "group"], how="left")["share"]
            .astype(float)
        )
        for source, share in (("paper", of_records), ("ours", table["share"])):
            parts.append(
                table[["attribute", "group"]].assign(
                    source=source, dataset=entry.dataset, share=100 * share, value=values[source]
                )
            )
    result = pd.concat(parts, ignore_index=True).dropna(subset=["share", "value"])
    return result.assign(kind=result["attribute"].map(kind)).reset_index(drop=True)


def correlation(share: np.ndarray, value: np.ndarray) -> tuple[float, float]:
    """(Spearman's rho, Pearson's r) of two (n,) arrays; infinite values count by rank, and not for r. NaN under 3 points or for constant ones."""
    share, value = np.asarray(share, float), np.asarray(value, float)
    finite = np.isfinite(value)
    rho = (
        spearmanr(share, value).statistic
        if len(value) > 2 and np.unique(share).size > 1 and np.unique(value).size > 1
        else np.nan
    )
    enough = finite.sum() > 2 and np.ptp(share[finite]) > 0 and np.ptp(value[finite]) > 0
    return float(rho), float(pearsonr(share[finite], value[finite]).statistic) if enough else np.nan
