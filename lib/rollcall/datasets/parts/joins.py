"""Joins of a release's tables: ids are cleaned on both sides, and a join that fails is an error."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rollcall.data import tables
from rollcall.data.cleaning import is_missing, make_keys, strip_fields
from rollcall.datasets.parts.common import count_text
from rollcall.util.errors import InputError
from rollcall.util.text import with_article

MOST_UNNOTED = 0.5  # share of ids without a match, beyond which a note says how many have one


def clean_numbers(path: Path, table: pd.DataFrame, column: str, missing: bool = False) -> pd.Series:
    """Return a column of ids that are whole numbers, in digits and nothing else.

    Spaces around one go, and the ".0" of a table that kept them as floats; leading zeros stay.
    missing: whether one may be missing; it becomes "". InputError for anything else.
    """
    ids = strip_fields(table[column])
    ids = ids.mask(is_missing(ids), "") if missing else ids
    ids = ids.str.replace(r"[.]0*$", "", regex=True)
    whole = ids.str.fullmatch(r"[0-9]+") | (missing & (ids == ""))
    expected = "expected a whole number" + (" or nothing" if missing else "")
    tables.refuse_rows(path, table, column, ~whole, expected)
    return ids


def refuse_repeated(path: Path, table: pd.DataFrame, column: str) -> None:
    """Refuse a table in which a cleaned id stands twice."""
    expected = f"this {column} is in the table already; expected each once"
    tables.refuse_rows(path, table, column, table.duplicated(column), expected)


def require_matches(
    path: Path, column: str, ids: pd.Series, wanted: pd.Series, where: str, what: str = "patient"
) -> list[str]:
    """Refuse a table of which no row names one of `wanted`; note it if few of those are named.

    path, column, ids: the table and its ids. wanted: the ids that are looked up; where: what they
    are from, for messages. Both cleaned, or compared as they are; whole numbers without leading
    zeros. InputError if there are some of each and none is the same.
    """
    keys, names = make_keys(wanted.drop_duplicates()), make_keys(ids.drop_duplicates())
    matched = int(keys.isin(names).sum())
    if not matched and len(keys) and len(names):
        raise InputError(
            f"{path}: no row of it names {with_article(what)} of {where}: column {column!r} "
            f"holds such as {ids.iloc[0][:40]!r}, expected such as {wanted.iloc[0][:40]!r}; are "
            "they of one release, and of the same people?"
        )
    if matched >= (1 - MOST_UNNOTED) * len(keys):
        return []
    return [f"{count_text(matched)} of {len(keys):,} {what}s of {where} are in {path.name}"]
