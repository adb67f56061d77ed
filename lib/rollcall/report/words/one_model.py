"""The first page of a check of one model that exists, by cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.words.opening import (
    ATTACKED,
    CONTROL,
    FEW,
    FOUND,
    NONE,
    UNDECIDED,
    Opening,
    write_people,
)

HEADLINES = {
    CONTROL: "No finding: the check of the audit itself failed",
    UNDECIDED: "No finding: nobody could have been named",
    NONE: "No {unit} could be picked out",
    FEW: "Found: this model gives away a few {unit}s",
    FOUND: "Found: this model gives away {unit}s",
}


@dataclass(frozen=True)
class OneModel:
    """What a check of one model says.

    asked: how many were asked about, who: "members", or what else they are; outsiders, references:
    how many; named: how many of those asked are; reason: why nobody can be named, "" where somebody
    can; control_failed: whether that is since members can be told without the model; auc, auc_low,
    auc_high: members against outsiders, NaN if not known; fdr; groups: a sentence.
    """

    unit: str
    asked: int
    who: str
    outsiders: int
    references: int
    named: int
    auc: float
    auc_low: float
    auc_high: float
    reason: str = ""
    control_failed: bool = False
    fdr: float = 0.05
    groups: str = "Groups were not compared."
    smallest: int = MIN_GROUP_SIZE


def find_case_of_one(model: OneModel) -> str:
    """Return which case a check of one model is, by what may be said of it."""
    if model.control_failed:
        return CONTROL
    if model.reason:
        return UNDECIDED
    if model.named == 0:
        return NONE
    return FEW if model.named < model.smallest else FOUND


def write_opening_of_one(model: OneModel, outcome: str = "") -> Opening:
    """Write the first page of a check of one model; outcome: of a verdict, "" where there is none.

    The sentences hold no count of patients under the smallest cell but 0.
    """
    case, unit = find_case_of_one(model), model.unit
    groups = model.groups if case in (FOUND, FEW) else "There is nobody to compare groups by."
    return Opening(
        case=case,
        headline=HEADLINES[case].format(unit=unit),
        sentences=(
            ("Who", _write_who(model, case)),
            ("How sure", _write_how_sure(model, case)),
            ("Which groups", groups),
        ),
        meaning=(
            f"Picked out is not identified. An attacker must already hold the {unit}'s record. "
            "What the model gives away is that it was trained on it.",
            ATTACKED,
            "Not picked out is not safe. Other attacks were not tried, and with more outsiders "
            "more may be seen.",
            "It is about this one model. Another one of the same recipe may give away others.",
        ),
        advice=_advise(case, outcome),
        people=write_people(case, unit).replace("this kind of model", "this model"),
        deployers=_write_deployers(case, unit),
    )


def _write_who(model: OneModel, case: str) -> str:
    everybody = f"{model.asked:,} {model.who}"
    if case == CONTROL:
        return (
            "It can be guessed who was in the training set without asking the model. So nothing "
            f"here says whether it gives away any of the {everybody}."
        )
    if case == UNDECIDED:
        return f"None of {everybody} was picked out, and none could have been. {model.reason}"
    if case == NONE:
        return f"None of {everybody} could be picked out."
    count = f"{model.named:,}" if case == FOUND else f"Fewer than {model.smallest}"
    if case == FOUND and 0 < model.asked - model.named < model.smallest:
        count = "Nearly all"
    return (
        f"{count} of {everybody} can be picked out. Whoever holds such a {model.unit}'s record can "
        "tell from this model's answers that it was trained on it."
    )


def _write_how_sure(model: OneModel, case: str) -> str:
    average = ""
    if np.isfinite(model.auc):
        average = (
            f"Over all, the model's answers tell members from others in {model.auc:.3f} of pairs "
            f"(95% interval {model.auc_low:.3f} to {model.auc_high:.3f}; a coin: 0.5)."
        )
    if case in (CONTROL, UNDECIDED):
        return average or "There is nothing to be sure of."
    return (
        f"Of those who are named, on average at most {model.fdr:.0%} are there by chance, if the "
        f"{model.outsiders:,} outsiders come from where the others come from. {average}"
    ).strip()


def _advise(case: str, outcome: str) -> tuple[str, ...]:
    first = {
        "pass": "The stated thresholds are met. They, not this page, say what follows.",
        "fail": "The stated thresholds are not met. Do not release this model as it is.",
        "not evaluable": "The stated thresholds cannot be judged by this check. That is no pass.",
    }.get(outcome)
    advice = [first] if first else []
    keep = "Keep this report with the data-protection impact assessment."
    if case == CONTROL:
        advice += ["Do not use any number of this report.", "Take outsiders from the same source."]
    elif case == UNDECIDED:
        advice += ["Do not read this as safe.", "Find more outsiders of the same source.", keep]
    elif case == NONE:
        advice += ["Audit the way of training as well (rollcall audit).", keep]
    else:
        advice += [
            "Do not hand out this model, or its exact scores, to people who may hold these "
            "records.",
            "Train another one: smaller, for fewer passes, or with differential privacy; check "
            "it again.",
            keep,
        ]
    return tuple(advice)


def _write_deployers(case: str, unit: str) -> str:
    if case in (FOUND, FEW):
        return (
            f"Take it that this model gives away who was in its training set, for some {unit}s: "
            "limit who may ask it, and how exactly it answers."
        )
    if case == NONE:
        return f"No {unit} could be picked out by this attack; what the limits name is left."
    return "The risk that is left is not known."
