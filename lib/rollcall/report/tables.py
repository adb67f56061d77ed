"""What stands beside the figures: small tables for reading, and alternative texts that say each figure's message in numbers."""

from __future__ import annotations

import html
from itertools import groupby

import numpy as np
import pandas as pd
from IPython.display import HTML

from rollcall import audit as _audit
from rollcall.data.groups import MIN_GROUP_SIZE, iterate_groups, patient_attributes
from rollcall.report import style, summary
from rollcall.risk.exposed import EXPOSED_FDR, compute_q_values, share_at_least

THRESHOLDS = (0.6, 0.7, 0.8, 0.9, 0.95)


def notice(plan: _audit.Audit) -> HTML | None:
    """What must be said before anything is shown: that the data are simulated, and what stands for a patient; None if there is nothing."""
    said = [summary.SIMULATED] if plan.cohort.simulated else []
    if plan.cohort.unit != "patient":
        said.append(
            f"This release does not say which patient a record is of: below, a patient is one {plan.cohort.unit}."
        )
    return (
        HTML("".join(f"<p><strong>{html.escape(sentence)}</strong></p>" for sentence in said))
        if said
        else None
    )


def cohort_table(plan: _audit.Audit) -> pd.DataFrame:
    """Patients and records of each group, missing values counted, groups under 10 left out."""
    attributes, records = patient_attributes(plan.cohort), np.bincount(plan.cohort.patient_index)
    rows = []
    for name, part in groupby(iterate_groups(attributes), key=lambda group: group[0]):
        part = list(part)
        known = part[0][3]
        for group, own in [*((group, own) for _, group, own, _ in part), ("(missing)", ~known)]:
            if own.sum() >= MIN_GROUP_SIZE:
                rows.append(
                    {
                        "attribute": name,
                        "group": group,
                        f"{plan.cohort.unit}s": int(own.sum()),
                        "records": int(records[own].sum()),
                        f"share of {plan.cohort.unit}s": own.mean(),
                    }
                )
    return pd.DataFrame(rows)


def performance_table(performance: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over targets of each metric: on the pool's patients a model has not seen, on those it has, and on the test set."""
    rows = []
    for metric in ("auroc", "accuracy"):
        for kind, records in (
            ("non_members", "not seen in training"),
            ("members", "seen in training"),
            ("test", "held-out test set"),
        ):
            if f"{metric}_{kind}" in performance:
                values = performance[f"{metric}_{kind}"]
                rows.append(
                    {
                        "metric": metric.replace("auroc", "AUROC"),
                        "records": records,
                        "mean": values.mean(),
                        "sd over targets": values.std(),
                    }
                )
    return pd.DataFrame(rows)


def attack_table(attacked: _audit.Attacked) -> pd.DataFrame:
    """Mean over targets of each attack's AUC, its standard error, its true-positive rates, balanced accuracy and precision."""
    mean = attacked.attacks.groupby(["attack", "variant"], sort=False).mean().reset_index()
    return _attacks(mean, "SE of one target")


def pooled_table(attacked: _audit.Attacked) -> pd.DataFrame:
    """The same with one threshold for all targets, true-positive rates with their intervals."""
    return _attacks(attacked.pooled, "SE", intervals=True)


def _attacks(table: pd.DataFrame, error: str, intervals: bool = False) -> pd.DataFrame:
    shown = {
        "attack": table["attack"] + " " + table["variant"],
        "AUC": table["auc"].map("{:.3f}".format),
        error: table["auc_se"].map("{:.4f}".format),
    }
    for name in table:
        if name.startswith("tpr_at_fpr_"):
            limit = name.removeprefix("tpr_at_fpr_")
            low, high = table[f"tpr_low_{limit}"], table[f"tpr_high_{limit}"]
            shown[f"TPR at FPR {100 * float(limit):g}%"] = [
                f"{100 * rate:.2g}%"
                + (f" ({100 * a:.2g}\u00a0to\u00a0{100 * b:.2g})" if intervals else "")
                for rate, a, b in zip(table[name], low, high)
            ]
    shown["balanced accuracy"] = table["balanced_accuracy"].map("{:.3f}".format)
    for name in table:
        if name.startswith("precision"):
            shown[f"precision, {float(name.rsplit('_', 1)[1]):.0%} members"] = [
                "–" if np.isnan(value) else f"{value:.2g}" for value in table[name]
            ]
    return pd.DataFrame(shown)


def risk_table(attacked: _audit.Attacked) -> pd.DataFrame:
    """Patients at or above each risk, observed and by the noise floor."""
    joint, floor = attacked.risk.patients["auc_joint"], attacked.risk.floor
    return pd.DataFrame(
        [
            {
                "risk at least": f"{limit:g}",
                "patients": int((joint >= limit).sum()),
                "noise floor would give": share_at_least(floor, np.array([limit]))[0] * len(joint),
            }
            for limit in THRESHOLDS
        ]
    )


def statistic_table(attacked: _audit.Attacked) -> pd.DataFrame:
    """Exposed patients by each of the three patient statistics, each against its own noise floor."""
    rows = []
    for name, words in (
        ("auc_joint", "joint: one statistic on all records"),
        ("auc_mean", "mean of the record AUCs"),
        ("auc_max", "largest record AUC"),
    ):
        values, floor = (
            attacked.risk.patients[name].to_numpy(),
            attacked.risk.floors[name].to_numpy(),
        )
        exposed = int((compute_q_values(values, floor) <= EXPOSED_FDR).sum())
        rows.append(
            {
                "risk of a patient": words,
                "exposed": exposed,
                "mean": values.mean(),
                "mean of its floor": floor.mean(),
            }
        )
    return pd.DataFrame(rows)


def trust_table(attacked: _audit.Attacked) -> pd.DataFrame:
    """What the errors rest on."""
    c = attacked.risk.cohort
    exposed = f"{c['exposed']:,.0f} ({c['exposed_low']:,.0f} to {c['exposed_high']:,.0f})"
    return pd.DataFrame(
        [
            {"what": "exposed patients, 95% interval for as many new models", "value": exposed},
            {
                "what": "correlation of a record's two scores within a pair of models",
                "value": f"{c['pair_correlation']:.2f}",
            },
            {
                "what": "records whose scores are not normal (5% level)",
                "value": f"{c['not_normal']:.1%}",
            },
            {
                "what": "patients whose statistic is not normal (5% level)",
                "value": f"{c['not_normal_patients']:.1%}",
            },
            {
                "what": "skewness with the record, without; excess kurtosis",
                "value": f"{c['skew_in']:.2f}, {c['skew_out']:.2f}; {c['kurt']:.2f}",
            },
        ]
    )


def group_table(groups: pd.DataFrame) -> pd.DataFrame:
    """The disparity table as people read it."""
    odds = [
        f"{value:.2f} ({low:.2f}\u00a0to\u00a0{high:.2f})" + ("*" if method == "Firth" else "")
        if np.isfinite(value)
        else "–"
        for value, low, high, method in zip(
            groups["odds_ratio"], groups["odds_low"], groups["odds_high"], groups["odds_method"]
        )
    ]
    ratios = [
        f"{ratio:.2f} ({low:.2f}\u00a0to\u00a0{high:.2f})"
        for ratio, low, high in zip(groups["risk_ratio"], groups["ci_low"], groups["ci_high"])
    ]
    points = [
        f"{100 * mid:+.2f} ({100 * low:+.2f}\u00a0to\u00a0{100 * high:+.2f})"
        for mid, low, high in zip(
            groups["difference"], groups["difference_low"], groups["difference_high"]
        )
    ]
    return pd.DataFrame(
        {
            "attribute": groups["attribute"],
            "group": groups["group"],
            "patients": groups["patients"],
            "share of all": groups["share"].map("{:.1%}".format),
            "share of top 1%": groups["share_top"].map("{:.1%}".format),
            "exposed": groups["exposed"],
            "risk ratio": ratios,
            "difference, in points": points,
            "adjusted odds ratio": odds,
            "p (Holm)": groups["p_adjusted"].map("{:.2g}".format),
        }
    )


def panel(found) -> HTML:
    """The paper's panel of an audit.paper as people read it, or a sentence where no group is large enough."""
    if found.panel is None:
        return HTML("<p>No attribute has a group of at least 10 records.</p>")
    panel = found.panel
    return style.table(
        pd.DataFrame(
            {
                "attribute": panel["attribute"],
                "group": panel["group"],
                "records": panel["records"],
                "share": panel["share"].map("{:.1%}".format),
                "in the top 1%": panel["observed"],
                "expected": panel["expected"].map("{:.1f}".format),
                "Pearson residual": panel["residual"].map("{:+.1f}".format),
                "chi-square of the attribute": [
                    "–" if np.isnan(value) else f"{value:.1f} {stars}"
                    for value, stars in zip(panel["chi2"], panel["stars"])
                ],
            }
        ),
        "The published panel's statistics on this run: records, by attribute; *, **, *** for 5%, 1%, 0.1% after Bonferroni; "
        "n.s. not significant; overlapping groups are not tested",
    )


def capacity_table(result) -> pd.DataFrame:
    """capacity.compare's table as people read it."""
    t = result.table.sort_values("parameters")
    return pd.DataFrame(
        {
            "model": t["variant"],
            "parameters": t["parameters"].map("{:,}".format),
            "AUROC, not seen": t["auroc"].map("{:.3f}".format),
            "AUROC, seen": t["auroc_members"].map("{:.3f}".format),
            "LiRA AUC": t["lira_auc"].map("{:.3f}".format),
            "exposed": t["exposed"].map("{:,}".format),
            "share": t["exposed_share"].map("{:.1%}".format),
            "AUC of 0.9 or more": t["high"].map("{:,}".format),
            "noise floor has": t["floor_high"].map("{:.2g}".format),
        }
    )
