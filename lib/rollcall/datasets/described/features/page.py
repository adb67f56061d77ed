"""The page on a table: a line for each column, and what its owner should look at first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.datasets.described import description, reading
from rollcall.datasets.described.description import Description
from rollcall.datasets.described.features import columns as kinds
from rollcall.datasets.described.features.columns import Column, read_column
from rollcall.datasets.described.features.guessing import (
    check_table,
    guess,
    list_labels,
    open_table,
    write_toml,
)
from rollcall.datasets.described.features.suspects import (
    TOO_WELL,
    find_alike,
    find_no_values,
    find_repeated_ids,
    find_unread,
    has_outcome_name,
    measure_alone,
)
from rollcall.datasets.described.outcomes import Outcome, note_small_classes, read_outcome
from rollcall.util.errors import InputError
from rollcall.util.files import write_bytes
from rollcall.util.text import align_columns

MOST_LINES = 300  # columns that are listed
LONGEST_NAME = 32
MOST_LABELS = 5  # that would fit as well
BECOMES = {
    kinds.NUMBERS: "z-score",
    kinds.DATES: "days, z-score",
    kinds.YES_NO: "0 or 1",
    kinds.WORDS: "a column of 0 and 1 each",
}


@dataclass(frozen=True)
class Described:
    """What `describe` made: a description, whether it was written, and the page's lines."""

    description: Description
    written: bool
    lines: list[str]


def describe(
    path: str | Path, label: str = "", patient: str = "", taken: Sequence[str] = ()
) -> Described:
    """Write a first cohort.toml beside a table, unless one is there, and a page on its columns.

    label, patient: columns; "" to guess. taken: names that the cohort may not have. Where a
    cohort.toml describes this table already, it stays as it is, and the page is about what it says.
    InputError for what is no table, has no column of that name, or is described with another;
    MachineError if the machine refuses.
    """
    path = check_table(Path(path))
    toml = path.parent / description.USUAL
    fitting = []
    if toml.exists():
        described = _read_described(toml, path.name, label, patient)
        table = reading.read(described)
    else:
        first, table = open_table(path, taken)
        described = guess(first, table, label, patient)
        fitting = [] if label else list_labels(table, {described.patient})
    outcome = read_outcome(described, table)
    columns = _read_columns(described, table)
    alone = {
        column.name: measure_alone(column, outcome)
        for column in columns
        if column.name not in _named_elsewhere(described) and column.kind != kinds.CONSTANT
    }
    if not toml.exists():
        too_well = [] if described.files else [n for n, area in alone.items() if area > TOO_WELL]
        described = replace(described, drop=tuple(too_well))
        write_bytes(toml, write_toml(described, not label).encode())
        written = True
    else:
        written = False
    lines = [
        *_write_head(described, table, outcome, fitting),
        *_write_columns(described, columns, alone),
        *_write_suspects(described, table, columns, alone, outcome),
    ]
    return Described(described, written, lines)


def _read_described(toml: Path, table: str, label: str, patient: str) -> Description:
    """Read the description that is there; InputError where it says something else than is asked."""
    described = description.read(toml)
    if described.table != table:
        raise InputError(
            f"{toml} describes {described.table}, and is not replaced; move {table} into a folder "
            "of its own"
        )
    for key, asked in (("label", label), ("patient", patient)):
        stated = described.columns()[key]
        if asked and stated != [asked]:
            raise InputError(
                f"{toml} is there and is not replaced: its {key} is "
                f"{', '.join(map(repr, stated)) or 'not given'}, not {asked!r}; mend it there, or "
                "move it away to have another written"
            )
    return described


def _named_elsewhere(described: Description) -> set[str]:
    named = described.columns()
    return {name for key in ("patient", "label", "test", "files") for name in named[key]}


def _read_columns(described: Description, table: pd.DataFrame) -> list[Column]:
    """Return every column of the table, read as an audit reads it."""
    if described.patient:
        people = pd.factorize(table[described.patient])[0]
    else:
        people = np.arange(len(table))
    return [
        read_column(table[name], people, as_words=name in described.words) for name in table.columns
    ]


def _write_head(
    described: Description, table: pd.DataFrame, outcome: Outcome, fitting: list[str]
) -> list[str]:
    """Say how many rows of how many patients there are, and what is predicted.

    fitting: columns that a label was guessed from.
    """
    rows = len(table)
    if described.patient:
        whose = f"{table[described.patient].nunique():,} patients ({described.patient})"
    else:
        whose = f"as many {described.unit}s: no column of patients is named"
    labels = outcome.labels
    if outcome.task == "multilabel":
        shares = labels.mean(axis=0)
    else:
        shares = np.bincount(labels, minlength=len(outcome.classes)) / len(labels)
    parts = [f"{name:.32} {share:.0%}" for name, share in zip(outcome.classes, shares, strict=True)]
    others = [name for name in fitting if name not in described.label][:MOST_LABELS]
    also = f"; {', '.join(others)} would fit as well" if others else ""
    guessed = [f"  a guess{also}: --label names another"] if fitting else []
    return [
        f"{described.table}: {rows:,} rows of {whose}, {table.shape[1]:,} columns",
        f"label {', '.join(described.label)} ({outcome.task}): {', '.join(parts[:12])}",
        *guessed,
        "",
    ]


def _write_columns(
    described: Description, columns: list[Column], alone: dict[str, float]
) -> list[str]:
    """Write a line for each column: kind, missing, values, AUROC alone, what is done with it."""
    rows = [("column", "kind", "missing", "values", "alone", "becomes")]
    for column in columns[:MOST_LINES]:
        missing = float((column.codes < 0).mean())
        area = alone.get(column.name)
        rows.append(
            (
                f"{column.name:.{LONGEST_NAME}}",
                column.kind,
                "" if not missing else f"{missing:.1%}" if missing >= 0.001 else "<0.1%",
                f"{len(column.words):,}",
                "" if area is None else f"{area:.2f}",
                _say_what_becomes(described, column),
            )
        )
    more = len(columns) - MOST_LINES
    after = [f"  and {more:,} more columns"] if more > 0 else []
    explained = "  alone: the AUROC of this column by itself, as a guess of the label"
    return [align_columns(rows).rstrip("\n"), *after, explained]


def _say_what_becomes(described: Description, column: Column) -> str:
    """Say what an audit makes of a column."""
    name = column.name
    roles = [key for key, names in described.columns().items() if name in names and key != "words"]
    if name in described.label:
        return "label"
    for key in ("patient", "test", "files"):
        if key in roles:
            return {"test": "held-out rows", "files": "file"}.get(key, key)
    as_group = " and groups" if "groups" in roles else ""
    if described.files:
        return "groups" if as_group else "no input: files are"
    if name in described.drop:
        return f"dropped{as_group}"
    if not column.is_input:
        return f"left out: {kinds.LEFT_OUT[column.kind]}{as_group}"
    text = BECOMES[column.kind]
    if column.has_missing and column.numbers is not None:
        text += "; median and flag where missing"
    elif column.has_missing:
        text += "; missing as one more"
    notes = f" ({'; '.join(column.notes)})" if column.notes else ""
    return f"{text}{as_group}{notes}"


def _write_suspects(
    described: Description,
    table: pd.DataFrame,
    columns: list[Column],
    alone: dict[str, float],
    outcome: Outcome,
) -> list[str]:
    """List what an owner should look at before an audit."""
    people = pd.factorize(table[described.patient])[0] if described.patient else table.index
    lines = note_small_classes(outcome, np.asarray(people)[outcome.known])
    inputs = [column for column in columns if column.name in alone]
    too_well = [column.name for column in inputs if alone[column.name] > TOO_WELL]
    if too_well:
        lines.append(
            f"tell the label by themselves (AUROC above {TOO_WELL}), as an outcome in disguise: "
            f"{', '.join(too_well)}; drop what is known only afterwards"
        )
    named = [
        column.name
        for column in inputs
        if has_outcome_name(column.name) and column.name not in {*too_well, *described.drop}
    ]
    if named:
        lines.append(
            f"called like something that is known only afterwards: {', '.join(named)}; drop what is"
        )
    if not described.patient:
        repeated = find_repeated_ids(table, columns)
        repeated = [name for name in repeated if name not in described.label][:3]
        if repeated:
            lines.append(
                f"several rows of one patient? Other columns repeat with {', '.join(repeated)}; "
                f'then say patient = "{repeated[0]}"'
            )
    texts = [column.name for column in inputs if column.kind == kinds.TEXT]
    if texts:
        lines.append(f"free text or many words, left out: {', '.join(texts)}")
    unread = {column.name: find_unread(column) for column in inputs}
    if shown := [f"{name} ({word!r:.42})" for name, word in unread.items() if word]:
        lines.append(
            f"figures that are read as words: {', '.join(shown)}; as inputs write them as numbers, "
            "or as dates of one layout"
        )
    alike = {column.name: find_alike(column) for column in columns}
    if shown := [f"{name} ({two[0]!r:.42}, {two[1]!r:.42})" for name, two in alike.items() if two]:
        lines.append(f"words that differ by capitals or spaces alone: {', '.join(shown)}")
    codes = [
        column.name
        for column in inputs
        if column.kind == kinds.NUMBERS
        and kinds.has_name(column.name, kinds.CODE_NAME)
        and len(column.words) > 2
    ]
    if codes:
        lines.append(f"numbers, or codes? {', '.join(codes)}; codes belong in words = [...]")
    for column in inputs:
        odd = find_no_values(column)
        if odd:
            lines.append(
                f"{column.name}: {' and '.join(odd)} may stand for no value; then "
                f"missing = [{', '.join(odd)}]"
            )
    repeats = int(table.duplicated().sum())
    if repeats:
        lines.append(f"rows that are as an earlier one in every column: {repeats:,}")
    return ["", "Look at these first:", *(f"  - {line}" for line in lines)] if lines else []
