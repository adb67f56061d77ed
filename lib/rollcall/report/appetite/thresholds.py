"""What was decided before the audit: how much risk is accepted, by whom, and what for.

A TOML file, docs/appetite.md. It is read and checked before anything is trained.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.runs.run import LEAST_CELL
from rollcall.stats.members import MIN_TARGETS
from rollcall.util.errors import InputError, first_line, unknown_name
from rollcall.util.files import read_short_toml

LONGEST_TEXT = 1_000  # characters of who, and what for
FEWEST_PATIENTS = 4  # the upper 95% limit of a count of 0 is 3.7
TEXTS = {
    "set_by": "who set the thresholds",
    "role": "the role in which they did",
    "system": "the model, with its version",
    "purpose": "what it is for",
    "channel": "how it is released: weights, probabilities, labels only, ...",
}
CELL, DATE, THRESHOLDS = "smallest_cell", "date", "thresholds"


@dataclass(frozen=True)
class Kind:
    """What a threshold may be: its bounds, in words; whether it is a whole number."""

    words: str
    low: float
    high: float
    whole: bool = False
    low_is_allowed: bool = True
    high_is_allowed: bool = False

    def allows(self, value: float) -> bool:
        """Return whether a number lies within the bounds."""
        above = value >= self.low if self.low_is_allowed else value > self.low
        return above and (value <= self.high if self.high_is_allowed else value < self.high)


SHARE = Kind("a share above 0 and below 1", 0, 1, low_is_allowed=False)
KINDS = {
    "exposed_patients": Kind("a whole number of patients", 0, math.inf, whole=True),
    "exposed_share": SHARE,
    "worst_auc": Kind("an AUC above 0.5, at most 0.99", 0.5, 0.99, False, False, True),
    "worst_tpr": Kind(
        "a share above 0.001 (what guessing gives), at most 0.57 (an AUC of 0.99)",
        *(0.001, 0.57, False, False, True),
    ),
    "lira_auc": Kind("an AUC above 0.5 and below 1", 0.5, 1, low_is_allowed=False),
    "group_ratio": Kind("a ratio of 1 or more", 1, math.inf),
    "false_discovery_rate": SHARE,
    "chance_share": SHARE,
    "models": Kind(f"a whole number of at least {MIN_TARGETS}", MIN_TARGETS, math.inf, whole=True),
}


@dataclass(frozen=True)
class Appetite:
    """Hold the thresholds and where they come from.

    thresholds: by the names of KINDS, as far as they were stated. text: the file; sha256: of its
    bytes.
    """

    set_by: str
    role: str
    date: date
    system: str
    purpose: str
    channel: str
    thresholds: dict[str, float] = field(default_factory=dict)
    smallest_cell: int = MIN_GROUP_SIZE
    text: str = ""
    sha256: str = ""


def read_appetite(path: str | Path) -> Appetite:
    """Read a file of thresholds.

    InputError, one line with the file's name, if it cannot be read, has a key that is not known or
    lacks one, a value of another type, a threshold that nothing could pass or that is past what an
    audit can say, or a date that is still to come. MachineError if the machine refuses.
    """
    text, sha256 = read_short_toml(Path(path), "thresholds")
    return parse_appetite(text, str(path), sha256)


def parse_appetite(text: str, name: str = "appetite", sha256: str = "") -> Appetite:
    """Read the text of a file of thresholds, as read_appetite; name: of the file, for messages."""
    try:
        values = tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{name}: no TOML ({first_line(error)}); see docs/appetite.md") from error
    known = (*TEXTS, DATE, CELL, THRESHOLDS)
    for key in values:
        if key not in known:
            if key in KINDS:
                raise InputError(f"{name}: {key} stands before [thresholds]; expected after it")
            raise unknown_name("key", key, known, f"in {name}")
    words = {key: _check_text(name, key, values) for key in TEXTS}
    cell = _check_cell(name, values.get(CELL, MIN_GROUP_SIZE))
    stated = values.get(THRESHOLDS)
    if not isinstance(stated, dict) or not stated:
        raise InputError(
            f"{name}: no thresholds; expected [thresholds] with at least one of {', '.join(KINDS)}"
        )
    for key in stated:
        if key not in KINDS:
            raise unknown_name("threshold", key, KINDS, f"in {name}")
    thresholds = {
        key: _check_threshold(name, key, stated[key], cell) for key in KINDS if key in stated
    }
    return Appetite(
        **words,
        date=_check_date(name, values),
        thresholds=thresholds,
        smallest_cell=cell,
        text=text,
        sha256=sha256 or hashlib.sha256(text.encode()).hexdigest(),
    )


def choose_cell(appetite: Appetite | None, given: int) -> int:
    """Return the smallest cell of an audit: of the file of thresholds, else the one given.

    InputError if both say one, and not the same. given: as an option has it, which says nothing
    where it is the default.
    """
    if appetite is None:
        return given
    if given not in (MIN_GROUP_SIZE, appetite.smallest_cell):
        raise InputError(
            f"smallest cell is {given}, and {appetite.smallest_cell} in the file of thresholds; "
            "leave the option out"
        )
    return appetite.smallest_cell


def check_began(appetite: Appetite, started: str) -> None:
    """Refuse thresholds that are dated after an audit began: who knows the result sets none.

    started: in UTC, as run.json has it. InputError. Of a start that cannot be read nothing follows.
    """
    try:
        start = datetime.fromisoformat(started)
    except ValueError:
        return
    began = max(start.date(), start.astimezone().date())  # whoever wrote the date has a clock
    if appetite.date > began:
        raise InputError(
            f"the thresholds were set on {appetite.date}, after this audit began ({began}): "
            "thresholds are set before; audit into another --run (or --out)"
        )


def _check_text(name: str, key: str, values: dict) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value.strip():
        came = "is missing" if key not in values else f"is {value!r:.80}"
        raise InputError(f'{name}: {key} {came}; expected {TEXTS[key]}, as "text"')
    if len(value) > LONGEST_TEXT:
        raise InputError(
            f"{name}: {key} has {len(value):,} characters; expected at most {LONGEST_TEXT:,}"
        )
    return " ".join(value.split())


def _check_date(name: str, values: dict) -> date:
    value = values.get(DATE)
    try:
        chosen = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        chosen = None
    if type(chosen) is not date:
        came = "is missing" if DATE not in values else f"is {value!r:.80}"
        raise InputError(
            f"{name}: date {came}; expected the day the thresholds were set, 2025-01-15"
        )
    if chosen > max(date.today(), datetime.now(UTC).date()):
        raise InputError(
            f"{name}: date is {chosen}, which is still to come; thresholds are set before the audit"
        )
    return chosen


def _check_cell(name: str, value) -> int:
    if type(value) is not int or value < LEAST_CELL:
        raise InputError(
            f"{name}: {CELL} is {value!r:.80}; expected a whole number of at least {LEAST_CELL}: "
            "the smallest number of patients that the report may show"
        )
    return value


def _check_threshold(name: str, key: str, value, cell: int) -> float:
    kind = KINDS[key]
    number = type(value) is int or (type(value) is float and not kind.whole)
    if not number or not math.isfinite(value) or not kind.allows(value):
        raise InputError(f"{name}: {key} is {value!r:.80}; expected {kind.words}")
    least = max(cell - 1, FEWEST_PATIENTS)
    if key == "exposed_patients" and value < least:
        raise InputError(
            f"{name}: exposed_patients is {value}; expected at least {least}: the report says no "
            f"number under the smallest cell ({cell}), and no audit shows that nobody is exposed"
        )
    return value
