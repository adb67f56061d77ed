"""What a report is made of, whatever was audited: first page, fields, sentences, origins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.page.fields import Field
from rollcall.report.words.opening import Opening

RECIPE, SCORES, RELEASED, OFFLINE = "recipe", "scores", "released", "offline"
KINDS = {
    RECIPE: "Privacy audit of a way of training",
    SCORES: "Privacy audit of models trained elsewhere",
    RELEASED: "Release check of one model",
    OFFLINE: "Privacy audit of one model, by references",
}


@dataclass(frozen=True)
class Document:
    """Hold a report.

    kind: of KINDS. title; opening: the first page in words; audited: what was audited, on which
    data, by whom: a line each. fields: the 18. summary: all sentences; facts: of data, models,
    versions; hashes: sha256 of what is behind the numbers, by name. tool: as describe_tool returns
    it; command: that makes all again; day: of the report, 2026-11-30. notice: a sentence that stays
    in sight, and stands on every sheet when printed. pictures: figures of the first page, as HTML.
    files: which files must stay, short and long. texts: what the sections in words name: made,
    power, mitigations. numbers: the same as the sentences, for programs, None where one is hidden.
    smallest: the smallest number of patients that is shown, but 0. made_from: what the run says of
    what all this was made from. decision: what was decided against stated thresholds, as HTML and
    for programs.
    """

    kind: str
    title: str
    opening: Opening
    audited: Mapping[str, str]
    fields: Sequence[Field]
    summary: Sequence[str]
    facts: Mapping[str, str]
    tool: Mapping[str, str]
    day: str
    files: tuple[str, str]
    texts: Mapping[str, str]
    hashes: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, object] = field(default_factory=dict)
    command: str = ""
    notice: str = ""
    pictures: Sequence[str] = ()
    unit: str = "patient"
    smallest: int = MIN_GROUP_SIZE
    made_from: dict | None = None
    decision: tuple[str, dict] | None = None
