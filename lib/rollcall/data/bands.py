"""Columns of words and numbers that somebody collected, as groups that can be compared."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pandas as pd

from rollcall.data import cleaning

AGES = ("0-17", "18-39", "40-59", "60-79", "80+")
OLDEST = 130  # years; a column of ages in months or days goes beyond
NO_AGES = ("-1", "-9", "-99", "-999", "-9999", "999", "9999")  # codes of an age nobody knows
MOST_NUMBERS = 12  # so many different numbers are codes of groups; more are measured
MOST_WORDS = 50  # more words than these are free text, unless each is of many
WORDS_OF_EACH = 10  # rows a word must have on average, where there are more than MOST_WORDS;
MOST_GROUPS = 1000  # and no column makes more groups than these
MOSTLY = 0.9  # of the rows are numbers where a few words among them are missing values
MOST_NAMED = 3  # of such words
NUMBER = r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?"
COMMA = r"[+-]?[0-9]+,[0-9]+"  # 57,3 in half of Europe
DATE = (
    r"([0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4})"
    r"([ T].*)?"
)


def age_bands(years: np.ndarray) -> pd.Categorical:
    """Put ages in years into AGES, ordered; NaN stays missing."""
    edges = [0, 18, 40, 60, 80, np.inf]
    return pd.cut(np.asarray(years, float), edges, right=False, labels=list(AGES))


def group_column(name: str, values: pd.Series) -> tuple[pd.Categorical | None, str]:
    """Return a column of text as groups, and what must be said of it ("": nothing).

    Words are groups, and so are up to MOST_NUMBERS different numbers; a MISSING_WORDS is missing.
    More numbers are put into bands: ages into AGES, others into quarters of the rows; a few words
    among them ("Unknown", inf) are missing. None, left out, for dates, for ids and free text, and
    if nothing is there.
    """
    codes, written = pd.factorize(values)  # what is done to a value is done to it once
    words = cleaning.strip_fields(pd.Series(written, dtype="str"))
    missing = cleaning.is_missing(words)
    named = sorted(set(words[missing]) - {""})
    note = f"{name}: {' and '.join(map(repr, named))} taken as missing" if named else ""
    if words[~missing].str.fullmatch(cleaning.WHOLE_AS_FLOAT).all():
        words = words.str.replace(r"[.]0*$", "", regex=True)
    words = words.mask(missing)
    words, unknown = _mask_words(name, words, np.bincount(codes[codes >= 0], minlength=len(words)))
    note = "; ".join(filter(None, (note, unknown)))
    if _is_age(name):
        words, unknown = _mask_no_ages(words)
        note = "; ".join(filter(None, (note, unknown and f"{name}: {unknown} taken as missing")))
    to_group, different = pd.factorize(words)  # -1: missing
    codes, different = to_group[codes], pd.Series(different, dtype="str")
    rows = int((codes >= 0).sum())
    if not rows:
        return None, f"{name}: left out, every value is missing"
    order = np.argsort(different.to_numpy(str), kind="stable")
    place = np.append(np.argsort(order), -1)  # of each word in their order; -1 stays -1
    groups = pd.Categorical.from_codes(place[codes], different.iloc[order])
    note = "; ".join(filter(None, (note, _note_capitals(name, different))))
    if len(different) <= MOST_NUMBERS:
        return groups, note
    numbers = _as_numbers(different, name)
    if numbers is not None:
        if _are_ids(numbers, rows):
            return None, f"{name}: left out, every value is another, as of ids"
        banded, bands = _band(name, np.where(codes >= 0, numbers[codes], np.nan))
        return banded, "; ".join(filter(None, (note, bands)))
    if different.str.fullmatch(DATE).mean() > 0.9:
        return None, f"{name}: left out, dates; give years or ages in bands"
    if len(different) > MOST_WORDS and rows < WORDS_OF_EACH * len(different):
        return None, f"{name}: left out, {len(different):,} different words, as of free text or ids"
    if len(different) > MOST_GROUPS:
        return None, f"{name}: left out, {len(different):,} words, more than {MOST_GROUPS:,}"
    return groups, note


def _note_capitals(name: str, different: pd.Series) -> str:
    """Say that words which differ by capitals alone are groups of their own."""
    plain = different.str.casefold()
    twice = plain.duplicated()
    if not twice.any():
        return ""
    one, other = different[plain == plain[twice].iloc[0]].iloc[:2]
    return f"{name}: {one!r:.42} and {other!r:.42} are two groups, though only capitals differ"


def _as_numbers(different: pd.Series, name: str) -> np.ndarray | None:
    """Return each word as a number, float (words,), and "> 89" and "90+" of ages; else None."""
    plain = different
    if different.str.fullmatch(rf"{COMMA}|[+-]?[0-9]+").all():
        plain = different.str.replace(",", ".")
    plain = _take_signs(plain, name)
    if not plain.str.fullmatch(NUMBER).all():
        return None
    numbers = plain.astype(float).to_numpy()
    return numbers if np.isfinite(numbers).all() else None


def _mask_words(name: str, words: pd.Series, rows: np.ndarray) -> tuple[pd.Series, str]:
    """Mask a few words among many numbers, which are of no group; say which were masked.

    words: those of a column, each once; rows: how often each stands there. At least MOSTLY of the
    rows that are not missing hold numbers. Words with figures in them may be codes of something,
    and are masked among ages alone.
    """
    known, numbers = words.notna().to_numpy(), _are_numbers(words, name)
    others = known & ~numbers
    if not others.any() or words[numbers].nunique() <= MOST_NUMBERS:
        return words, ""
    coded = words[others].str.contains(r"[0-9]") & ~words[others].str.fullmatch(NUMBER)
    if rows[numbers].sum() < MOSTLY * rows[known].sum() or (coded.any() and not _is_age(name)):
        return words, ""
    if _as_numbers(words[numbers], name) is None:
        return words, ""
    order = np.argsort(-rows[others], kind="stable")
    named = [f"{word!r:.42}" for word in words[others].iloc[order].unique()]
    if len(named) > MOST_NAMED:
        named = [*named[:MOST_NAMED], "other words"]
    return words.mask(others), f"{name}: {' and '.join(named)} among numbers taken as missing"


def _take_signs(words: pd.Series, name: str) -> pd.Series:
    """Write ages that stand for more or less as numbers: "> 89" and "90+"."""
    if not _is_age(name):
        return words
    return words.str.replace(r"^[<>≥≤]?=?\s*([0-9.]+)\s*\+?$", r"\1", regex=True)


def _are_numbers(words: pd.Series, name: str) -> np.ndarray:
    """Say which words are finite numbers, however they are written. bool (words,)"""
    plain = _take_signs(words, name)
    numbers = plain.str.fullmatch(f"{NUMBER}|{COMMA}").eq(True).to_numpy(bool).copy()
    values = plain[numbers].str.replace(",", ".").astype(float)
    numbers[numbers] = np.isfinite(values.to_numpy())
    return numbers


def _is_age(name: str) -> bool:
    return "age" in re.split(r"[^a-z]+", name.lower())


def _mask_no_ages(words: pd.Series) -> tuple[pd.Series, str]:
    """Mask NO_AGES where all other ages lie within 0 and OLDEST; name the ones that were masked."""
    coded = words.isin(NO_AGES)
    years = pd.to_numeric(words[~coded].dropna(), errors="coerce")
    if not coded.any() or not len(years) or not years.between(0, OLDEST).all():
        return words, ""
    return words.mask(coded), " and ".join(sorted(words[coded].unique()))


def _are_ids(numbers: np.ndarray, rows: int) -> bool:
    """Say whether whole numbers are of no quantity: almost each row has another."""
    whole = (numbers == np.round(numbers)).all()
    return bool(whole and len(numbers) > MOST_WORDS and len(numbers) > 0.9 * rows)


def _band(name: str, values: np.ndarray) -> tuple[pd.Categorical, str]:
    """Return numbers in bands of AGES, or of a quarter of the rows each, and what to say of it."""
    known = values[np.isfinite(values)]
    if _is_age(name) and known.min() >= 0 and known.max() <= OLDEST and known.max() > 12:
        return age_bands(values), f"{name}: in bands, {', '.join(AGES)} years"
    edges = np.unique(np.quantile(known, [0.25, 0.5, 0.75]))
    edges = np.unique([float(f"{edge:.4g}") for edge in edges])
    edges = edges[(edges > known.min()) & (edges <= known.max())]
    if not len(edges):
        edges = np.array([float(f"{np.median(known):.4g}")])
    text = [f"{edge:.4g}" for edge in edges]
    labels = [f"under {text[0]}"]
    labels += [f"{a} to under {b}" for a, b in pairwise(text)]
    labels += [f"{text[-1]} and over"]
    codes = np.where(np.isfinite(values), np.searchsorted(edges, values, side="right"), -1)
    banded = pd.Categorical.from_codes(codes, labels, ordered=True).remove_unused_categories()
    return banded, f"{name}: numbers in bands, {', '.join(labels)}"
