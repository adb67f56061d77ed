"""Set finished runs beside the published values: averages, groups, group size against risk."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.paper import published
from rollcall.report.gallery.runs import TABLES, FinishedRun, FinishedRuns
from rollcall.report.gate import reached_by
from rollcall.report.tables.showing import Table
from rollcall.stats.rank import average_ranks

ATTRIBUTE_KINDS = {
    "sex": "sex",
    "race": "race, skin type",
    "skin type": "race, skin type",
    "age": "age",
    "view": "imaging protocol",
    "image type": "imaging protocol",
}
OTHER_KIND = "diagnosis and others"


def tabulate_averages(finished: FinishedRuns) -> Table:
    """Set each run's averages beside the published ones, as compare_averages, with a caption."""
    return Table(
        compare_averages(finished),
        "Each run beside the published values of its data set; patient AUC: the largest of a "
        "patient's record AUCs, and what so many of the most exposed reach",
    )


def compare_averages(finished: FinishedRuns) -> pd.DataFrame:
    """Set each run's size, mean LiRA AUC and patient AUCs beside the published ones.

    Mean LiRA AUC (online) by our scores, by the paper's, and as published; then the median patient
    AUC by the paper's definition, and what the 10 most exposed reach: a maximum is one patient's.
    """
    smallest = max(entry.run.smallest_cell for entry in finished.runs)
    table_of, rows = published.aggregate().set_index("dataset"), []
    for entry in finished.runs:
        known = table_of.loc[entry.dataset] if entry.dataset in table_of.index else {}
        attacks, paper_attacks, patients = (
            entry.tables.get(name) for name in ("attacks", "paper_attacks", "paper_patients")
        )
        if attacks is not None:
            attacks = attacks[attacks["variant"] == "online"]
        largest = pd.Series(dtype=float) if patients is None else patients["auc_max"]
        rows.append(
            {
                "run": entry.label,
                "models": entry.run.targets,
                "records": _count_records(entry),
                "patients": entry.run.config["patients"],
                "patients, published": f"{known['patients']:,}" if len(known) else "\N{EN DASH}",
                "LiRA AUC": _mean_lira(attacks),
                "paper's scores": _mean_lira(paper_attacks),
                "published": known.get("aggregate_lira_auc"),
                "median patient AUC, paper's": largest.median(),
                "published median": known.get("median_patient_auc"),
                f"reached by {smallest}": reached_by(largest.to_numpy(), smallest),
            }
        )
    published_columns = ("published", "published median")
    return pd.DataFrame(rows).astype(dict.fromkeys(published_columns, float))


def _count_records(entry: FinishedRun) -> float:
    """Return the number of records; nan where it would say how few patients have several."""
    records, patients = (entry.run.config[name] for name in ("records", "patients"))
    return np.nan if 0 < records - patients < entry.run.smallest_cell else records


def _mean_lira(attacks: pd.DataFrame | None) -> float:
    if attacks is None:
        return np.nan
    return attacks.loc[attacks["attack"] == "LiRA", "auc"].mean()


def compare_groups(entry: FinishedRun) -> pd.DataFrame:
    """List a run's groups that may be shown beside the paper's panel and published shares.

    attribute, group, patients, share and share_exposed (of patients), risk_ratio; residual, chi2
    and stars of the paper's panel on this run's records; train_share, tail_share and
    published_residual. NaN (stars "") where there is none, or it is hidden.
    """
    groups = entry.tables["shown_groups"]
    panel = _panel_of(entry)
    panel = panel.assign(**{name: panel[name].astype(float) for name in ("residual", "chi2")})
    table = groups.merge(
        panel[["attribute", "group", "residual", "chi2", "stars"]],
        on=["attribute", "group"],
        how="left",
        validate="one_to_one",
    )
    known = published.beside(entry.dataset, table["attribute"], table["group"]).rename(
        columns={"residual": "published_residual"}
    )
    return pd.concat([table.assign(stars=table["stars"].fillna("")), known], axis=1)


def _panel_of(entry: FinishedRun) -> pd.DataFrame:
    return entry.tables.get("shown_panel", pd.DataFrame(columns=TABLES["shown_panel"]))


def kind_of(attribute: str) -> str:
    """Sort an attribute for a marker: sex; race or skin type; age; imaging protocol; others."""
    return ATTRIBUTE_KINDS.get(attribute.split(" (")[0].casefold(), OTHER_KIND)


def collect_points(finished: FinishedRuns) -> pd.DataFrame:
    """Collect what group size is set against: a row for each group and source.

    source, dataset, run, simulated, attribute, group, kind, share in percent, value. Sources:
    "published", the residual of the published counts of all seven datasets; "paper", the same
    residual of our runs' records; "ours", the natural logarithm of the risk ratio of our runs'
    patients: -inf for a group without any exposed patient, inf where no other is exposed.
    """
    known = published.subgroups()
    columns = ["dataset", "attribute", "group"]
    tables = [
        known[columns].assign(
            source="published",
            run="",
            simulated=False,
            share=100 * known["train_share"],
            value=known["residual"],
        )
    ]
    for entry in finished.having("shown_groups"):
        groups = compare_groups(entry)
        with np.errstate(divide="ignore"):
            values = {"paper": groups["residual"], "ours": np.log(groups["risk_ratio"])}
        share_of_records = (
            groups[["attribute", "group"]]
            .merge(_panel_of(entry), on=["attribute", "group"], how="left")["share"]
            .astype(float)
        )
        tables += [
            groups[["attribute", "group"]].assign(
                source=source,
                dataset=entry.dataset,
                run=entry.label,
                simulated=entry.simulated,
                share=100 * share,
                value=values[source],
            )
            for source, share in (("paper", share_of_records), ("ours", groups["share"]))
        ]
    points = pd.concat(tables, ignore_index=True).dropna(subset=["share", "value"])
    return points.assign(kind=points["attribute"].map(kind_of)).reset_index(drop=True)


def correlate(share: np.ndarray, value: np.ndarray) -> tuple[float, float]:
    """Return (Spearman's rho, Pearson's r) of two (n,) arrays.

    Infinite values count by rank, and not for r. NaN under 3 points or for constant ones.
    """
    share, value = np.asarray(share, float), np.asarray(value, float)
    finite = np.isfinite(value)
    rho = r = np.nan
    if len(value) > 2 and np.unique(share).size > 1 and np.unique(value).size > 1:
        rho = np.corrcoef(average_ranks(share), average_ranks(value))[0, 1]
    if finite.sum() > 2 and np.ptp(share[finite]) > 0 and np.ptp(value[finite]) > 0:
        r = np.corrcoef(share[finite], value[finite])[0, 1]
    return float(rho), float(r)


def describe_correlation(names: tuple[str, str], points: pd.DataFrame) -> list[str]:
    """Write rho and r of points under two names, to two decimals; what is NaN is left out."""
    values = correlate(points["share"], points["value"])
    return [
        f"{name} {value:.2f}"
        for name, value in zip(names, values, strict=True)
        if not np.isnan(value)
    ]
