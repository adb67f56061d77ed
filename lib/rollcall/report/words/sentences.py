"""The sentences of a report, by cases: what may be said depends on what is seen, how surely.

No sentence holds a count of 1 to 9 patients, nor a claim about groups that would rest on so few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import show_limit, show_told
from rollcall.util.text import with_article

FEWEST_TARGETS = 10  # of anything but a trial of the machinery
ENOUGH_POWER = 0.8
HIGH_AUC = 0.9
LEAST_SKILL = 0.55  # AUROC on patients not seen, below which a model has hardly learnt anything
LARGE_AVERAGE = 0.6  # AUC of an attack over all records that hides nothing
MANY = 0.2  # share of the patients who are exposed
GUESSING = 0.52  # AUC of an attack that is hardly better


@dataclass(frozen=True)
class Findings:
    """What the sentences are made of.

    unit                 "patient", or what stands for one
    patients, targets    their numbers
    risk                 the cohort's numbers, as rollcall.risk.Risk lists them
    lira, rmia           AUC over all records, online, mean over targets
    control              "passed", "failed" or "nothing to predict from": attacks.blind.judge_blind
    control_auc          its AUC with interval: (auc, low, high)
    skill                AUROC on patients not seen, mean over targets; NaN if it is not known
    smallest             smallest number of patients that may be said, but 0
    groups               table of rollcall.risk.groups with hidden numbers missing; None: no groups
    """

    unit: str
    patients: int
    targets: int
    risk: dict[str, float]
    lira: float
    rmia: float
    control: str = "passed"
    control_auc: tuple[float, float, float] = (0.5, 0.5, 0.5)
    skill: float = np.nan
    smallest: int = MIN_GROUP_SIZE
    groups: pd.DataFrame | None = None


def write_sentences(findings: Findings) -> list[str]:
    """Write all sentences: cautions first, then the exposed, the average, the groups."""
    sentences = _write_cautions(findings)
    if findings.control == "failed":
        return [*sentences, _write_average(findings)]
    sentences += [_write_exposed(findings), *_write_certainty(findings), _write_average(findings)]
    if findings.groups is not None:
        sentences += _write_groups(findings)
    return sentences


def write_first(findings: Findings) -> list[str]:
    """Write what the first models of an audit say, while the others are still to come.

    What an attack makes beside it is not needed: lira, rmia, control, groups.
    """
    if findings.targets >= FEWEST_TARGETS:
        return [_write_exposed(findings), *_write_certainty(findings)]
    few = (
        f"{findings.targets} models are too few to name anybody: at least {FEWEST_TARGETS} are "
        "needed, and 64 are usual."
    )
    return [few, _write_above(findings)]


def _write_cautions(findings: Findings) -> list[str]:
    cautions = []
    if findings.control == "failed":
        auc, low, high = findings.control_auc
        cautions.append(
            f"The control failed: membership can be told without any model (blind attack: AUC "
            f"{auc:.3f}, 95% interval {low:.3f} to {high:.3f}). No number below says anything "
            "about the models."
        )
    if findings.skill < LEAST_SKILL:
        cautions.append(
            f"The models have hardly learnt their task (AUROC {findings.skill:.2f} on "
            f"{findings.unit}s not seen, where 0.5 is guessing): what they betray says little "
            "about a model that is of use."
        )
    if findings.targets < FEWEST_TARGETS:
        cautions.append(
            f"{findings.targets} target models are a trial of the machinery and no audit: "
            f"at least {FEWEST_TARGETS} are needed, and 64 are usual."
        )
    return cautions


def is_undecided(findings: Findings) -> bool:
    """Return whether nobody is named and nobody could have been: not enough models to tell."""
    return findings.risk["exposed"] == 0 and not findings.risk["power_99"] >= ENOUGH_POWER


def _write_exposed(findings: Findings) -> str:
    """Write how many are exposed, in one of four cases."""
    unit, everybody = f"{findings.unit}s", f"{findings.patients:,}"
    exposed = int(findings.risk["exposed"])
    low, high = (
        show_limit(findings.risk[name], findings.patients, findings.smallest)
        for name in ("exposed_low", "exposed_high")
    )
    models = f"with {findings.targets} models"
    if is_undecided(findings):
        chance = _percent(findings.risk["power_99"])
        return (
            f"Not enough models to tell: none of {everybody} {unit} is named, but {models} even "
            f"{with_article(findings.unit)} with an AUC of 0.99 would be named with a chance of "
            f"only {chance}. Train more."
        )
    if exposed == 0:
        return f"None of {everybody} {unit} is exposed {models}."
    if exposed < findings.smallest:
        return (
            f"Fewer than {findings.smallest} of {everybody} {unit} are exposed: whether they were "
            "in the training set can be told."
        )
    if exposed == findings.patients:
        return (
            f"All {everybody} {unit} are exposed: whether they were in the training set can be "
            "told."
        )
    if findings.patients - exposed < findings.smallest:
        return (
            f"All but fewer than {findings.smallest} of {everybody} {unit} are exposed: whether "
            "they were in the training set can be told."
        )
    share = (
        "" if exposed < MANY * findings.patients else f", {exposed / findings.patients:.0%} of all,"
    )
    return (
        f"{exposed:,} of {everybody} {unit}{share} are exposed (95% interval {low} to {high}, for "
        "as many new models): whether they were in the training set can be told."
    )


def _write_certainty(findings: Findings) -> list[str]:
    """Write what chance may have named, what lies behind the estimates, what was missed."""
    risk, sentences = findings.risk, []
    exposed = int(risk["exposed"])
    if exposed >= findings.smallest:
        expected, most = int(np.round(risk["by_chance"])), int(risk["at_most_false"])
        by_chance = "hardly any of them is" if expected < 1 else f"about {expected:,} of them"
        by_chance += " there by chance" if expected < 1 else _be(expected) + " there by chance"
        again = risk["named_again"]
        repeat = "" if np.isnan(again) else f"; as many new models would name {again:.0%} again"
        sentences.append(f"On average {by_chance}, with 95% confidence at most {most:,}{repeat}.")
    if is_undecided(findings):
        return sentences
    sentences.append(_write_above(findings))
    if 0 < exposed < findings.smallest:
        return sentences  # what the models could find would narrow how many they did
    smallest = risk["smallest_named"]
    if np.isnan(smallest):
        sentences.append(
            f"{findings.targets} models name surely only whom nearly everything betrays: "
            f"{with_article(findings.unit)} with an AUC of 0.99 has a chance of less than "
            "80%. More models would name more."
        )
    else:
        sentences.append(
            f"{findings.targets} models name {with_article(findings.unit)} with an AUC of "
            f"{smallest:.2f} with a chance of 80%; more models would name more."
        )
    return sentences


def _write_above(findings: Findings) -> str:
    """Write how many have a high true AUC, with interval, and of how many anything can be told."""
    risk, unit = findings.risk, f"{findings.unit}s"
    above, low, high = (risk[f"above_{HIGH_AUC}{suffix}"] for suffix in ("", "_low", "_high"))
    low, high = (show_limit(end, findings.patients, findings.smallest) for end in (low, high))
    if above < findings.smallest:
        number = f"fewer than {findings.smallest} {unit} have"
    elif findings.patients - above < findings.smallest:
        number = f"nearly all {unit} have"
    else:
        number = f"about {np.round(above):,.0f} {unit} ({low} to {high}) have"
    least = show_told(risk, findings.patients, findings.smallest)
    least = "" if least == "at least 0%" else f", and of {least} of all something can be told"
    return f"Whatever the number of models, {number} a true AUC of {HIGH_AUC} or more{least}."


def _write_average(findings: Findings) -> str:
    """Write what the usual summary, over all records, says beside that."""
    best, exposed = max(findings.lira, findings.rmia), findings.risk["exposed"]
    if is_undecided(findings):
        opening = "The average shows some leakage" if best >= GUESSING else "The average shows none"
    elif exposed and best < LARGE_AVERAGE:
        opening = "The average hides it"
    elif exposed:
        opening = "The average shows it"
    elif best >= GUESSING:
        opening = "The average shows some leakage, of which no single patient stands out"
        opening = opening.replace("patient", findings.unit)
    else:
        opening = "The average agrees"
    return (
        f"{opening}: over all records LiRA has an AUC of {findings.lira:.3f} and RMIA of "
        f"{findings.rmia:.3f}, where 0.5 is guessing."
    )


def _write_groups(findings: Findings) -> list[str]:
    """Write which groups are exposed more often; nothing that would rest on fewer than 10."""
    groups, unit = findings.groups, f"{findings.unit}s"
    assert groups is not None
    if not len(groups):
        return [
            f"No groups can be compared: none of at least {findings.smallest} {unit} may be shown."
        ]
    if is_undecided(findings) or not findings.risk["exposed"]:
        return []
    if findings.risk["exposed"] < findings.smallest:
        return [f"Too few {unit} are exposed to compare groups."]
    groups = groups[~groups["intersection"].astype(bool)]
    known = groups[groups[["ratio_within", "p_adjusted"]].notna().all(axis=1)]
    significant = known[(known["p_adjusted"] < 0.05) & (known["risk_ratio"] > 1)]
    sentences = []
    outcome = significant[significant["is_outcome"].astype(bool)]
    if len(outcome):
        row = outcome.loc[outcome["risk_ratio"].idxmax()]
        others = row["exposed_share"] / row["risk_ratio"]
        sentences.append(
            f"Of {unit} with {row['attribute']} {row['group']!r} {_percent(row['exposed_share'])} "
            f"are exposed, of all others {_percent(others)}; that is the outcome that the models "
            "learn."
        )
    rest = significant[~significant["is_outcome"].astype(bool) & (significant["within_low"] > 1)]
    worst = rest.sort_values("ratio_within", ascending=False).drop_duplicates("attribute").head(2)
    if len(worst):
        times = [
            f"with {row['attribute']} {row['group']!r} are exposed {row['ratio_within']:.1f} "
            f"times (95% interval {row['within_low']:.1f} to {row['within_high']:.1f})"
            for _, row in worst.iterrows()
        ]
        sentences.append(
            f"At the same label and number of records, {unit} "
            f"{', and those '.join(times)} as often as all others (Holm-adjusted p < 0.05)."
        )
    elif not len(known):
        sentences.append(
            f"No group can be compared: too few {unit} are exposed inside or outside of each."
        )
    else:
        other, hidden = "other " if len(outcome) else "", len(groups) - len(known)
        sentences.append(
            f"No {other}group, of {len(known)} compared, is exposed more often than all others "
            "beyond chance (Holm-adjusted p < 0.05), at the same label and number of records."
        )
        if hidden:
            sentences.append(
                f"Nothing is said of {hidden} more: too few {unit} are exposed inside or outside "
                "of each, or another group's count would follow."
            )
    return sentences


def _be(count: int) -> str:
    return " is" if count == 1 else " are"


def _percent(share: float) -> str:
    """Write a share with two digits: 0.3%, 8%, 74%, 99.6%; of 0 and 1 as such."""
    percent = 100 * share
    return f"{percent:.1f}%" if 0 < percent < 2 or 98 < percent < 100 else f"{percent:.0f}%"
