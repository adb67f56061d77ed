"""The first page in words, by cases: what was found, what it does not mean, what to do.

For a clinician and a data-protection officer: no abbreviation, and words of everyday.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcall.report.gate import show_limit
from rollcall.report.words.comparing import find_outcome_group, find_worst_group, list_comparable
from rollcall.report.words.sentences import (
    FEWEST_TARGETS,
    GUESSING,
    LARGE_AVERAGE,
    LEAST_SKILL,
    Findings,
    is_undecided,
)

CONTROL, TRIAL, UNDECIDED = "control failed", "trial", "not enough models"
NONE, FEW, FOUND = "none", "few", "found"
HEADLINES = {
    CONTROL: "No finding: the check of the audit itself failed",
    TRIAL: "A trial of the machinery: too few models for a finding",
    UNDECIDED: "No finding: too few models to tell",
    NONE: "No {unit} could be picked out",
    FEW: "Found: a few {unit}s can be picked out",
    FOUND: "Found: {unit}s can be picked out",
}


ATTACKED = (
    "It does not show that anyone has attacked. It shows what someone could do. Whether a model "
    "is anonymous in law is not decided here: see Limits."
)


@dataclass(frozen=True)
class Opening:
    """What the first page says.

    case: one of the words above; headline: that in a line; sentences: three (lead, text): who, how
    sure, which groups; meaning: what it does not mean; advice: what to do; people: a sentence for
    those whose data these are; deployers: one for whoever runs the model.
    """

    case: str
    headline: str
    sentences: tuple[tuple[str, str], ...]
    meaning: tuple[str, ...]
    advice: tuple[str, ...]
    people: str
    deployers: str


def find_case(findings: Findings) -> str:
    """Return which case a finished audit is, by what may be said of it."""
    if findings.control == "failed":
        return CONTROL
    exposed = findings.risk["exposed"]
    if is_undecided(findings):
        return TRIAL if findings.targets < FEWEST_TARGETS else UNDECIDED
    if exposed == 0:
        return NONE
    return FEW if exposed < findings.smallest else FOUND


def write_opening(findings: Findings, needed: int, outcome: str = "") -> Opening:
    """Write the first page of an audit over many models.

    needed: about how many models it takes till silence says something; outcome: of a verdict
    against stated thresholds: "pass", "fail", "not evaluable"; "" where nobody stated any.
    """
    case, unit = find_case(findings), findings.unit
    return Opening(
        case=case,
        headline=HEADLINES[case].format(unit=unit),
        sentences=(
            ("Who", _write_who(findings, case)),
            ("How sure", _write_how_sure(findings, case, needed)),
            ("Which groups", _write_which(findings, case)),
        ),
        meaning=(
            f"Picked out is not identified. An attacker must already hold the {unit}'s record. "
            "What the model gives away is that it was trained on it.",
            ATTACKED,
            "Not picked out is not safe. Other attacks were not tried, and more models would see "
            "more.",
            f"It is about a way of training, tried {findings.targets} times, each with other "
            f"{unit}s. It is not about one finished model.",
        ),
        advice=_advise(findings, case, needed, outcome),
        people=write_people(case, unit),
        deployers=write_deployers(case, unit),
    )


def _write_who(findings: Findings, case: str) -> str:
    unit, everybody = findings.unit, f"{findings.patients:,} {findings.unit}s"
    if case == CONTROL:
        return (
            f"It can be guessed who was in the training sets without asking any model. So nothing "
            f"in this report says whether the models give away any of the {everybody}."
        )
    if case in (TRIAL, UNDECIDED):
        return (
            f"None of {everybody} was picked out. But {findings.targets} models are too few: even "
            f"if one {unit} were wide open, the audit would probably have missed it."
        )
    who = f"Whoever holds the record of such a {unit} can tell from a model's answers whether it"
    tells = f"{who} was trained on that record."
    if case == NONE:
        return (
            f"None of {everybody} could be picked out. The audit would probably have seen a {unit} "
            "who is wide open."
        )
    if case == FEW:
        return f"Fewer than {findings.smallest} of {everybody} can be picked out. {tells}"
    exposed = int(findings.risk["exposed"])
    if 0 < findings.patients - exposed < findings.smallest:
        return f"Nearly all of {everybody} can be picked out. {tells}"
    if exposed == findings.patients:
        return f"All of {everybody} can be picked out. {tells}"
    return f"{exposed:,} of {everybody} can be picked out. {tells}"


def _write_how_sure(findings: Findings, case: str, needed: int) -> str:
    risk, best = findings.risk, max(findings.lira, findings.rmia)
    if case == CONTROL:
        auc, low, high = findings.control_auc
        return (
            f"The check guesses right more often than a coin: {auc:.3f} on a scale where 0.5 is a "
            f"coin and 1 is always right (95% interval {low:.3f} to {high:.3f})."
        )
    average = (
        f"over all records an attack guesses hardly better than a coin ({best:.3f}, where 0.5 is "
        "a coin and 1 is always right)"
        if best < LARGE_AVERAGE
        else f"over all records an attack scores {best:.3f}, where 0.5 is a coin and 1 is always "
        "right"
    )
    if case in (TRIAL, UNDECIDED):
        return f"To see anything takes about {needed:,} models. On average, {average}."
    if case == NONE:
        end = " That is some leakage, of which nobody stands out." if best >= GUESSING else ""
        return f"The average agrees: {average}.{end}"
    hides = "The average hides this:" if best < LARGE_AVERAGE else "The average shows it:"
    if case == FEW:
        return f"{hides} {average}."
    total, smallest = findings.patients, findings.smallest
    low, high = (show_limit(risk[f"exposed_{end}"], total, smallest) for end in ("low", "high"))
    most = int(np.round(risk["at_most_false"]))
    hidden = 0 < total - risk["exposed"] < smallest
    again = "" if hidden else f"As many new models would name {low} to {high} (95% interval). "
    return (
        f"{again}At most {most:,} of those named are there by chance (95% confidence). {hides} "
        f"{average}."
    )


def _write_which(findings: Findings, case: str) -> str:
    groups, unit = findings.groups, findings.unit
    if groups is None:
        return "No groups were given, so none were compared."
    if case in (CONTROL, TRIAL, UNDECIDED):
        return "Groups were not compared, for the same reason."
    if case == NONE:
        return "There is nobody to compare groups by."
    if case == FEW or not len(groups):
        return f"Too few {unit}s can be picked out to compare groups."
    outcome, worst = find_outcome_group(groups), find_worst_group(groups)
    sentences = []
    if worst is not None:
        sentences.append(
            f"{unit.capitalize()}s with {worst['attribute']} {worst['group']!r} are picked out "
            f"{worst['ratio_within']:.1f} times as often as others with the same outcome (95% "
            f"interval {worst['within_low']:.1f} to {worst['within_high']:.1f}). The cause may be "
            "something that goes with the group, such as a device or a rare disease."
        )
    elif len(known := list_comparable(groups)):
        sentences.append(f"No group stands out beyond chance, of {len(known)} compared.")
    else:
        sentences.append("No group can be compared: the numbers are too small to be shown.")
    if outcome is not None:
        sentences.append(
            f"Of those with {outcome['attribute']} {outcome['group']!r}, which the models learn to "
            f"predict, {_in_hundred(outcome['exposed_share'])} can be picked out."
        )
    return " ".join(sentences)


def _advise(findings: Findings, case: str, needed: int, outcome: str) -> tuple[str, ...]:
    first = {
        "pass": "The stated thresholds are met. They, not this page, say what follows.",
        "fail": "The stated thresholds are not met. Do not release such a model as it is.",
        "not evaluable": "The stated thresholds cannot be judged by this audit. That is no pass.",
    }.get(outcome)
    advice = [first] if first else []
    if findings.skill < LEAST_SKILL and case in (NONE, UNDECIDED, TRIAL):
        advice.append("The models have hardly learnt their task. Audit one that is of use.")
    check = "Check the very model that is to be released (rollcall release)."
    keep = "Keep this report with the data-protection impact assessment."
    if case == CONTROL:
        return (
            *advice,
            "Do not use any number of this report.",
            "Find out how those in the training sets differ from the others: another time, place "
            "or source. Draw the training sets by lot, and audit again.",
        )
    if case in (TRIAL, UNDECIDED):
        return (
            *advice,
            "Do not read this as safe.",
            f"Train about {needed:,} models and audit again (--targets {needed}).",
            keep,
        )
    if case == NONE:
        return (*advice, check, keep, "Audit again when the data or the training change.")
    return (
        *advice,
        "Do not hand the model, or its exact scores, to people who may hold these records.",
        "Lower the risk and audit again: a smaller model, fewer passes over the data, or training "
        "with differential privacy.",
        check,
        keep,
    )


def write_people(case: str, unit: str = "patient") -> str:
    """Write the sentence for those whose data these are."""
    whose = "your record" if unit == "patient" else f"a record of your {unit}"
    if case in (FOUND, FEW):
        return (
            f"Someone who already has {whose} may be able to find out that it was used to train "
            "this kind of model. The attack that was tried does not give them the record."
        )
    if case == NONE:
        return (
            "We tried to find out whose records were used to train this kind of model, and could "
            "not. That is a good sign, and no promise."
        )
    return (
        "We tried to find out whose records were used to train this kind of model. The test was "
        "not strong enough to say whether that can be done."
    )


def write_deployers(case: str, unit: str = "patient") -> str:
    """Write the sentence on what is left of the risk, for whoever runs the model."""
    if case in (FOUND, FEW):
        return (
            f"Take it that the model can give away who was in its training set, for some {unit}s: "
            "limit who may ask it, and how exactly it answers, and say so where it is described."
        )
    if case == NONE:
        return (
            f"No {unit} of this audit could be picked out by these attacks; what remains is what "
            "the limits name, and that more models or other attacks could see more."
        )
    return (
        "The risk that is left is not known: treat the model as one that may give away who was in "
        "its training set."
    )


def _in_hundred(share: float) -> str:
    """Write a share as "7.2 in 100"."""
    return f"{100 * share:.0f} in 100" if share >= 0.1 else f"{100 * share:.1f} in 100"
