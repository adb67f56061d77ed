"""What stands in the fields of a table that somebody made: ids, and words for missing values."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.util.errors import InputError

# A field that is one of these, once the spaces around it are gone, holds no value: as statistics
# programs, databases and spreadsheets write it. Written as here: "none" and "na" are words that
# people use for groups.
MISSING_WORDS = (
    *("", "NA", "<NA>", "N/A", "n/a", "#N/A", "NaN", "nan", "NaT", "None", "NULL", "null"),
    *("N.A.", "n.a.", "NAN", "-nan", "-NaN", "1.#QNAN", "-1.#IND", "#NA", "#N/A N/A", "Null"),
    *("\\N", "(null)", "[null]", "#NULL!", "#VALUE!", "#REF!", "#DIV/0!", "#NAME?", "#NUM!"),
    *("?", ".", "-", "--", "..", "...", "\u2013", "\u2014"),
)
SPACES = " \t\r\n\u00a0\u200b\u2007\u202f\ufeff"  # what is taken off both ends of a field
WHOLE = r"[+-]?[0-9]+"
WHOLE_AS_FLOAT = WHOLE + r"([.]0*)?"  # how a whole number looks that a table kept as a float
ROUNDED = r"[0-9]([.][0-9]+)?[eE][+][0-9]+"  # how a spreadsheet shows a long number


def strip_fields(values: pd.Series) -> pd.Series:
    """Return text without the spaces around it, accented letters composed."""
    values = values.str.strip(SPACES)
    foreign = values.str.contains(r"[^\x00-\x7f]", regex=True)
    if foreign.any():
        composed = values[foreign].map(lambda text: unicodedata.normalize("NFC", text))
        values = values.where(~foreign, composed.reindex(values.index))
    return values


def is_missing(values: pd.Series) -> pd.Series:
    """Say of each field, already stripped, whether it is one of MISSING_WORDS. bool (rows,)"""
    return values.isin(MISSING_WORDS)


def clean_ids(path: Path, table: pd.DataFrame, column: str) -> pd.Series:
    """Return a column of ids: no spaces around them, and no ".0" where every id is a whole number.

    InputError where one is missing, was rounded by a spreadsheet, or differs from another by
    leading zeros alone.
    """
    ids = strip_fields(table[column])
    expected = "expected the id of a patient"
    tables.refuse_rows(path, table, column, is_missing(ids), expected)
    rounded = ids.str.fullmatch(ROUNDED)
    rounded_off = "a number that a spreadsheet has rounded; save the column as text"
    tables.refuse_rows(path, table, column, rounded, rounded_off)
    different = pd.Series(ids.unique(), dtype=ids.dtype)
    if different.str.fullmatch(WHOLE_AS_FLOAT).all():
        ids = ids.str.replace(r"[.]0*$", "", regex=True)
        different = pd.Series(ids.unique(), dtype=ids.dtype)
    _refuse_two_spellings(path, column, different)
    keys = make_keys(different)
    twice = keys.duplicated()
    if twice.any():
        one, other = different[keys == keys[twice].iloc[0]].iloc[:2]
        raise InputError(
            f"{path}: column {column!r} has {one!r} and {other!r}, which differ by leading zeros "
            "alone; write the id of a patient the same in every row"
        )
    return ids


def _refuse_two_spellings(path: Path, column: str, different: pd.Series) -> None:
    """InputError where two ids differ by capitals, signs or spaces alone: one patient, or two?"""
    plain = different.map(lambda text: unicodedata.normalize("NFKC", text).casefold())
    plain = plain.str.replace(r"^[+']|[\u00ad\u200b-\u200f\ufeff]", "", regex=True)
    plain = plain.str.replace(r"\s+", " ", regex=True)
    plain = plain.str.replace(r"[\u2010-\u2015\u2212]", "-", regex=True)
    twice = plain.duplicated()
    if twice.any():
        one, other = different[plain == plain[twice].iloc[0]].iloc[:2]
        raise InputError(
            f"{path}: column {column!r} has {one!r:.42} and {other!r:.42}, which differ by "
            f"capitals, signs or spaces alone ({int(twice.sum()):,} such ids); write the id of a "
            "patient the same in every row, and those of two patients differently"
        )


def make_keys(ids: pd.Series) -> pd.Series:
    """Return what ids are compared by: whole numbers without leading zeros, all else as it is."""
    whole = ids.str.fullmatch(r"0+[0-9]+")
    return ids.where(~whole, ids.str.replace(r"^0+(?=[0-9])", "", regex=True))


def find_rows(ids: pd.Series, patients: pd.Series) -> np.ndarray:
    """Return the row of `ids` that holds each of `patients`, -1 where none does. int (patients,)

    ids: cleaned and each once.
    """
    return pd.Index(make_keys(ids)).get_indexer(make_keys(patients))


def find_id_column(table: pd.DataFrame, patients: pd.Series) -> str | None:
    """Return the name of a column that holds ids of the patients, under whatever name.

    A column of which at least 9 in 10 values are ids, and which has at least half of the ids; of
    numbers, which may be ages, 9 in 10 of the ids.
    """
    different = pd.Series(patients.unique(), dtype="str")
    needed = 0.9 if different.str.fullmatch(WHOLE).all() else 0.5
    wanted = set(make_keys(different))
    for column in table:
        values = pd.Series(strip_fields(table[column]).unique(), dtype="str")
        values = values[~is_missing(values)]
        if values.str.fullmatch(WHOLE_AS_FLOAT).all():
            values = values.str.replace(r"[.]0*$", "", regex=True)
        shared = wanted & set(make_keys(values))
        if len(shared) >= 0.9 * len(values) and len(shared) >= needed * len(wanted):
            return column
    return None
