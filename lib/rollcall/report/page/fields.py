"""What a regulator asks of an audit, in 18 fields: each with its answer and where more stands.

After EDPB Opinion 28/2024 (what a controller is to document), CNIL's sheets of July 2025 and the
forms of research environments that let models out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ANSWERED, NOT_APPLICABLE, TO_FILL_IN = "answered", "not applicable", "to fill in"
QUESTIONS = {
    1: "System, purpose, release channel, version of the model or recipe",
    2: "Who audited, when, with which version of the tool; independence",
    3: "Threat model: what an attacker has, and what was not tried",
    4: "Unit, and why; records per unit",
    5: "Training data: size, period, source, licence, fingerprint",
    6: "Size of the model, patients per parameter, performance seen and unseen",
    7: "Average attack: AUC, true positives at 1% and 0.1% false alarms",
    8: "Per person: how many, by chance; how often an alarm is right",
    9: "Worst person: memberships told at 1% and 0.1% false alarms",
    10: "By group: who is exposed more often",
    11: "Formal guarantee: epsilon claimed, and what was measured",
    12: "Residual risk, for who runs the model and for the people in the data",
    13: "Mitigations tried, and their effect",
    14: "Decision against thresholds stated before",
    15: "Limits: half-size training, the game that was played, power, multiplicity",
    16: "Disclosure check of this report itself",
    17: "The same for programs; a form to print",
    18: "Reproduction: command, versions, seeds, hashes of the sources of the numbers",
}
ON_PAGE = {  # the section that has more
    **dict.fromkeys((1, 2, 12), "first"),
    **{3: "methods", 4: "methods", 5: "facts", 6: "summary", 7: "summary", 8: "summary"},
    **{9: "summary", 10: "summary", 11: "facts", 13: "limits", 14: "first", 15: "limits"},
    **{16: "leaving", 17: "facts", 18: "facts"},
}


@dataclass(frozen=True)
class Field:
    """One field: its number, what is asked, the answer, the id of a section, and its state."""

    number: int
    question: str
    answer: str
    where: str
    state: str = ANSWERED


def fill_in(
    answers: Mapping[int, str | tuple[str, str]], where: Mapping[int, str] | None = None
) -> list[Field]:
    """Return all 18 fields; answers: by number, or with a state; where: other sections.

    A field without an answer is to fill in.
    """
    from rollcall.report.words.statement import BLANK

    fields = []
    for number, question in QUESTIONS.items():
        given = answers.get(number, (f"not stated; {BLANK}", TO_FILL_IN))
        answer, state = given if isinstance(given, tuple) else (given, ANSWERED)
        if BLANK in answer:
            state = TO_FILL_IN
        place = ({**ON_PAGE, **(where or {})})[number]
        fields.append(Field(number, question, answer, place, state))
    return fields
