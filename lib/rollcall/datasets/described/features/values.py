"""What words of a column mean: numbers, limits such as "> 89", dates, yes and no."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd

from rollcall.data.bands import COMMA, DATE, NUMBER

THOUSANDS = r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+([.][0-9]*)?"
POINTS = r"[+-]?[1-9][0-9]{0,2}([.][0-9]{3})+(,[0-9]*)?"  # 1.234,5 in half of Europe
GAPS = " '\u2019\u00a0\u202f\u2009"  # 1 234 and 1'234
GAPPED = rf"[+-]?[1-9][0-9]{{0,2}}([{GAPS}][0-9]{{3}})+([.,][0-9]*)?"
FIGURES = rf"[+-]?[0-9][0-9.,]*(?:[{GAPS}][0-9]{{3}})*(?:[.,][0-9]*)?"
# behind a number: 45%, 120 mmHg, 57 years, 70kg
UNIT = r"\s*%|\s+[^\d\s]\S{0,11}|[^\W\d_]{2,11}|[a-z\u00b5]"
MINUS = dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d", "-")
CURRENCY = r"[$€£]\s*"
LIMIT = rf"([<>≤≥]=?|more than |less than |over |under )\s*({NUMBER})|({NUMBER})\s*\+"
# yes and no, as forms, databases and programs write them; the first of each pair is 1
YES_NO = (
    *(
        ("true", "false"),
        ("yes", "no"),
        ("y", "n"),
        ("t", "f"),
        ("1", "0"),
        ("positive", "negative"),
    ),
    *(("present", "absent"), ("ja", "nein"), ("oui", "non"), ("si", "no"), ("sí", "no")),
    *(("case", "control"), ("pos", "neg"), ("dead", "alive"), ("died", "survived")),
)
DATE_FORMATS = ("%d%b%Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%b %d, %Y", "%d %B %Y")
EARLIEST, LATEST = 1800, 2400  # years; de-identified dates lie in 2100 to 2200


def parse_numbers(words: pd.Series) -> tuple[np.ndarray, str]:
    """Return the number that each word is, float (words,), and what must be said of them.

    NaN for what is none. Where no word could be read otherwise, 57,3 is 57.3; where groups of three
    figures follow commas, and nothing else does, 1,234 is 1234; so are 1 234, 1'234 and 1.234,0.
    (5) among numbers is -5. Figures and minus signs of any script count.
    """
    notes = []
    if not (are := words.str.fullmatch(NUMBER)).all():
        words = _make_plain(words)
        for take in (_take_unit, _take_gaps, _take_commas):
            words, note = take(words)
            notes += [note] if note else []
        are = words.str.fullmatch(NUMBER)
    numbers = words.where(are).astype(float).to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan), "; ".join(notes)


def _make_plain(words: pd.Series) -> pd.Series:
    """Return words with the figures and minus signs of any script as ASCII has them."""
    foreign = words.str.contains(r"[^\x00-\x7f]", regex=True)
    if not foreign.any():
        return words
    plain = words[foreign].map(
        lambda word: "".join(
            str(unicodedata.digit(each)) if each.isdecimal() else each for each in word
        )
    )
    plain = plain.map(lambda word: MINUS.get(word[:1], word[:1]) + word[1:])
    return words.where(~foreign, plain.reindex(words.index))


def _take_gaps(words: pd.Series) -> tuple[pd.Series, str]:
    """Return words without what stands between thousands but for commas, and what must be said."""
    spaced = words.str.contains(f"[0-9][{GAPS}][0-9]", regex=True)
    if spaced.any() and words[spaced].str.fullmatch(GAPPED).all():
        plain = words.where(~spaced, words.str.replace(f"[{GAPS}]", "", regex=True))
        return plain, "gaps between thousands taken off"
    pointed = words.str.contains(".", regex=False)
    sure = words.str.fullmatch(POINTS) & words.str.contains(r",|[.].*[.]", regex=True)
    if sure.any() and words[pointed].str.fullmatch(POINTS).all():
        return words.str.replace(".", "", regex=False), "points between thousands taken off"
    bracketed = words.str.fullmatch(rf"\(({NUMBER})\)")
    if bracketed.any() and words[~bracketed].str.fullmatch(NUMBER).any():
        plain = words.where(~bracketed, "-" + words.str.slice(1, -1))
        return plain, "numbers in brackets taken as negative"
    return words, ""


def _take_commas(words: pd.Series) -> tuple[pd.Series, str]:
    """Return words whose commas are points, or gone, and which of it, as `parse_numbers` says."""
    note, plain = "", words
    if not words.str.contains(",", regex=False).any():
        return words, ""
    commas = words.str.fullmatch(COMMA)
    thousands = words.str.fullmatch(THOUSANDS)
    points = words.str.fullmatch(NUMBER) & words.str.contains(".", regex=False)
    if thousands.any() and not (commas & ~thousands).any() and not _are_decimals(words, thousands):
        plain = words.where(~thousands, words.str.replace(",", ""))
        note = "commas of thousands taken off"
    elif commas.any() and not points.any():
        plain = words.where(~commas, words.str.replace(",", "."))
        note = "decimal commas"
    return plain, note


def _take_unit(words: pd.Series) -> tuple[pd.Series, str]:
    """Return words without the unit that all of them have, and what must be said of it."""
    if not re.fullmatch(rf"({CURRENCY})?({FIGURES})({UNIT})?", "".join(words[:1])):
        return words, ""  # most columns: they need no more than a look at one word
    if words.str.fullmatch(NUMBER).any():
        return words, ""
    parts = words.str.extract(rf"^({CURRENCY})?({FIGURES})({UNIT})?$").fillna("")
    sides = (parts[0] + "#" + parts[2]).unique()
    if len(sides) != 1 or sides[0] == "#" or not (parts[1] != "").all():
        return words, ""
    unit = sides[0].replace("#", " ").strip()
    return parts[1].astype("str"), f"{unit!r} taken off"


def _are_decimals(words: pd.Series, thousands: pd.Series) -> bool:
    """Say whether 1,234 is rather 1.234: each word has one comma and no more, none is a plain one.

    Then both readings give the same z-scores.
    """
    one = words.str.count(",") == 1
    return bool((thousands & one & ~words.str.contains(".", regex=False)).all())


def parse_limits(words: pd.Series) -> np.ndarray:
    """Return the limit that each word names, float (words,): 89 for "> 89" and "89+"; else NaN."""
    parts = words.str.extract(rf"^(?:{LIMIT})$", flags=2)  # whatever its capitals
    limits = parts[1].fillna(parts[5])
    return pd.to_numeric(limits, errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def parse_dates(words: pd.Series) -> tuple[np.ndarray | None, str]:
    """Return the days since 1970 that each word is, float (words,), and what must be said.

    None unless each is a date, of one layout. Of 03/04/2020 day and month are told apart by the
    other dates of the column.
    """
    first, figures = str(words.iloc[0]), r"[12][0-9]{3}[01][0-9][0-3][0-9]"
    if re.fullmatch(figures, first) and words.str.fullmatch(figures).all():
        return _to_days(words, "%Y%m%d"), ""
    if re.fullmatch(DATE, first) and words.str.fullmatch(DATE).all():
        return _parse_plain_dates(words)
    if not (re.search(r"[0-9]", first) and re.search(r"[A-Za-z]{3}", first)):
        return None, ""
    for layout in DATE_FORMATS:
        days = _to_days(words, layout) if _to_days(words[:3], layout) is not None else None
        if days is not None:
            return days, ""
    return None, ""


def _parse_plain_dates(words: pd.Series) -> tuple[np.ndarray | None, str]:
    """Parse dates of figures, with a time of day or without."""
    first = words.str.extract(r"^([0-9]+)[-/.]([0-9]+)[-/.]([0-9]+)[ T]*(.*)$")
    year_first = first[0].str.len() == 4
    if year_first.all():
        plain = first[0] + "-" + first[1].str.zfill(2) + "-" + first[2].str.zfill(2)
        note = ""
    elif year_first.any():
        return None, ""
    else:
        one, two = first[0].astype(int), first[1].astype(int)
        dotted = words.str.contains(r"^[0-9]+[.]", regex=True).all()
        day_first = bool((one > 12).any() or (dotted and not (two > 12).any()))
        open_order = not dotted and (one <= 12).all() and (two <= 12).all()
        note = "day and month cannot be told apart; month taken first" if open_order else ""
        day, month = (first[0], first[1]) if day_first else (first[1], first[0])
        year = first[2].where(first[2].str.len() == 4, "20" + first[2].str.zfill(2))
        if (first[2].str.len() <= 2).all():
            note = "; ".join(filter(None, (note, "years of two figures taken as 20..")))
        plain = year + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)
    days = _to_days(plain, "%Y-%m-%d")
    if days is None:
        return None, ""
    return days + _read_times(first[3]), note


def _to_days(words: pd.Series, layout: str) -> np.ndarray | None:
    """Return days since 1970 of words of one layout; None unless each is such a date."""
    dates = pd.to_datetime(words, format=layout, errors="coerce")
    if dates.isna().any() or not dates.dt.year.between(EARLIEST, LATEST).all():
        return None
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64).astype(float)


def _read_times(times: pd.Series) -> np.ndarray:
    """Return times of day as parts of a day, 0 where there is none; zones are not looked at."""
    parts = times.str.extract(r"^(\d{1,2}):(\d{2})(?::(\d{2}))?").astype(float).fillna(0.0)
    return (parts[0] / 24 + parts[1] / 1440 + parts[2] / 86_400).to_numpy(float)


def find_yes(words: pd.Series) -> str:
    """Return which of two words means yes; "" where they are no such pair, or not two."""
    plain = words.str.casefold()
    for yes, no in YES_NO:
        if len(words) == 2 and {*plain} == {yes, no}:
            return str(words[plain == yes].iloc[0])
    return ""
