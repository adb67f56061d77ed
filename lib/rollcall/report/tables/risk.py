"""Tables of the risk of patients: how many, what it means for one person, how sure it is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import (
    HIDDEN,
    count_public,
    explain_hidden,
    reached_by,
    show_few,
    show_limit,
    show_told,
)
from rollcall.report.tables.showing import Table
from rollcall.report.tables.showing.formats import format_share
from rollcall.risk import Risk
from rollcall.risk.exposed import EXPOSED_FDR
from rollcall.risk.units import PRIORS, describe_risk

RISK_LIMITS = (0.6, 0.7, 0.8, 0.9, 0.95)


def risk_table(risk: Risk, unit: str = "patient", smallest: int = MIN_GROUP_SIZE) -> Table:
    """List how many patients have a true risk of each size or more."""
    total = len(risk.patients)
    rows = risk.survival.set_index("auc").loc[list(RISK_LIMITS)]
    hidden = [count < smallest or total - count < smallest for count in rows["patients"]]
    shown = {
        "true risk at least": [f"{limit:g}" for limit in RISK_LIMITS],
        f"{unit}s, estimated": [
            HIDDEN if hide else f"{count:,.0f}"
            for hide, count in zip(hidden, rows["patients"], strict=True)
        ],
        "95% interval": [
            HIDDEN if hide else " to ".join(show_limit(end, total, smallest) for end in ends)
            for hide, *ends in zip(hidden, rows["low"], rows["high"], strict=True)
        ],
        "share": [
            HIDDEN if hide else format_share(count / total)
            for hide, count in zip(hidden, rows["patients"], strict=True)
        ],
    }
    return Table(
        pd.DataFrame(shown),
        f"{unit.capitalize()}s of each true risk (AUC) or more, the noise of the estimates taken "
        "out: the number hardly depends on how many models there are. Intervals are for as many "
        f"new models. {HIDDEN}: fewer than {smallest}, or all but so few",
    )


def units_table(risk: Risk, unit: str = "patient", smallest: int = MIN_GROUP_SIZE) -> Table:
    """Say what risks mean for one person: of some AUCs, and of the most exposed patients."""
    joint = risk.patients["auc_joint"].to_numpy()
    low = risk.patients["auc_joint_low"].to_numpy()
    reached, lowest = reached_by(joint, smallest), reached_by(low, smallest)
    rows = [(f"AUC {limit:g}", limit, np.nan) for limit in RISK_LIMITS]
    if not np.isnan(reached):
        rows.append((f"the {smallest} most exposed, at least", reached, lowest))
    names, aucs, lows = zip(*rows, strict=True)
    units = describe_risk(aucs, lows)
    columns = {"risk": list(names), "mu": units["mu"].map("{:.2f}".format)}
    for fpr in ("0.01", "0.001"):
        columns[f"memberships told, false alarms {float(fpr):.1%}"] = [
            f"{value:.1%}" + ("" if np.isnan(least) else f" (at least {least:.1%})")
            for value, least in units[[f"recognised_{fpr}", f"recognised_{fpr}_low"]].itertuples(
                index=False
            )
        ]
    for prior in PRIORS:
        columns[f"alarms right, {prior:.0%} are members"] = units[f"right_0.01_{prior:g}"].map(
            "{:.0%}".format
        )
    return Table(
        pd.DataFrame(columns),
        f"What a risk means for one {unit}: the share of memberships that an attacker tells, and "
        "how often an alarm is right at 1% false alarms, by how many of those asked about are "
        "members. mu: Gaussian differential privacy of this one attack; at least: by the lower "
        "ends of the intervals",
    )


def statistic_table(risk: Risk, smallest: int = MIN_GROUP_SIZE) -> Table:
    """Count exposed patients by each of the three statistics, each against its own noise floor.

    Hidden where a few patients more or fewer would be the difference to what stands elsewhere.
    """
    public, rows = count_public(risk.patients, risk.floors, smallest), []
    for name, words in (
        ("auc_joint", "joint: one statistic on all records"),
        ("auc_mean", "mean of the record AUCs"),
        ("auc_max", "largest record AUC"),
    ):
        values, floor = risk.patients[name].to_numpy(), risk.floors[name].to_numpy()
        rows.append(
            {
                "risk of a patient": words,
                "exposed": HIDDEN if np.isnan(public[name]) else f"{public[name]:,.0f}",
                "mean": f"{values.mean():.3f}",
                "mean of its floor": f"{floor.mean():.3f}",
            }
        )
    return Table(
        pd.DataFrame(rows),
        "Exposed patients by each statistic, each against its own noise floor, without what their "
        f"records foretell; false-discovery rate {EXPOSED_FDR:.0%}. {explain_hidden(smallest)}",
    )


def trust_table(risk: Risk, smallest: int = MIN_GROUP_SIZE) -> Table:
    """List how sure the numbers are, and what the errors rest on."""
    c, patients = risk.cohort, len(risk.patients)
    few, left = 0 < c["exposed"] < smallest, 0 < patients - c["exposed"] < smallest
    number = show_few(c["exposed"], patients, smallest)
    ends = (show_limit(c[f"exposed_{end}"], patients, smallest) for end in ("low", "high"))
    not_normal, not_normal_patients = (
        HIDDEN if 0 < min(share, 1 - share) * patients < smallest else f"{share:.1%}"
        for share in (c["not_normal"], c["not_normal_patients"])
    )
    values = {
        "exposed patients, 95% interval for as many new models": (
            number if few or left else f"{number} ({' to '.join(ends)})"
        ),
        "of these there by chance: expected; at most, with 95% confidence": (
            HIDDEN if few else f"{c['by_chance']:,.0f}; {c['at_most_false']:,.0f}"
        ),
        "exposed patients whom as many new models would name again": (
            HIDDEN if few else _show_share(c["named_again"])
        ),
        "named by one half of the models, share that the other half names too": (
            HIDDEN if few else _show_share(c["named_by_both"])
        ),
        "patients of whom anything at all can be told": show_told(c, patients, smallest),
        "smallest true AUC that is named with a chance of 80%": (
            HIDDEN
            if few
            else "none up to 0.99"
            if np.isnan(c["smallest_named"])
            else f"{c['smallest_named']:.2f}"
        ),
        "chance to name a patient with a true AUC of 0.99": (
            HIDDEN if few else _show_share(c["power_99"])
        ),
        "correlation of a record's two scores within a pair of models": (
            _show_number(c["pair_correlation"])
        ),
        "records whose scores are not normal (5% level)": not_normal,
        "patients whose statistic is not normal (5% level)": not_normal_patients,
        "skewness with the record, without; excess kurtosis": (
            f"{_show_number(c['skew_in'])}, {_show_number(c['skew_out'])}; "
            f"{_show_number(c['kurt'])}"
        ),
    }
    return Table(
        pd.DataFrame({"what": list(values), "value": list(values.values())}),
        "How sure these numbers are, what these models can find, and what their errors rest on. "
        f"{HIDDEN}: nothing to say, or of fewer than {smallest} patients",
    )


def _show_number(value: float) -> str:
    return f"{round(value, 2) + 0:.2f}"  # and not -0.00


def _show_share(share: float) -> str:
    return HIDDEN if np.isnan(share) else f"{share:.0%}"
