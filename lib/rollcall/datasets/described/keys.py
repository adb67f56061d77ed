"""The keys of a cohort.toml: what each may hold, and how that is read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from rollcall.data.csv_files import SEPARATORS
from rollcall.util.text import FOLDER_NAME

FORMATS = ("wfdb", "npy", "edf")  # of signals
OTHERS_NAMES = ("own", "gallery")  # folders of results/ that hold something else
LONGEST_NAME = 80  # characters


@dataclass(frozen=True)
class Group:
    """A column whose groups are compared.

    bands   where its numbers are cut, rising; (): words, or bands that are chosen
    over    words that mean more than the last of them, such as "> 89"
    """

    column: str
    bands: tuple[float, ...] = ()
    over: tuple[str, ...] = ()


def _fit_text(value) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError(value)
    return value


def _fit_words(value) -> str:
    """Return a sentence, on one line."""
    return " ".join(_fit_text(value).split())


def _fit_pattern(value) -> str:
    text = _fit_text(value)
    fits = re.fullmatch(FOLDER_NAME, text) and len(text) <= LONGEST_NAME
    if not fits or text.lower() in OTHERS_NAMES:
        raise ValueError(value)
    return text


def _fit_noun(value) -> str:
    words = _fit_words(value)
    if len(words) > LONGEST_NAME:
        raise ValueError(value)
    return words


def _fit_truth(value) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _fit_number(value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(value)
    return value


def _fit_size(value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 8 <= value <= 1024:
        raise TypeError(value)
    return value


def _fit_rate(value) -> float:
    if not 0 < _fit_number(value) <= 100_000:
        raise ValueError(value)
    return float(value)


def _fit_above_0(value) -> float:
    if not 0 < _fit_number(value) <= 1e6:
        raise ValueError(value)
    return float(value)


def _fit_texts(value) -> tuple[str, ...]:
    texts = (value,) if isinstance(value, str) else tuple(value)
    if not texts or len({*texts}) < len(texts) or isinstance(value, dict):
        raise ValueError(value)
    return tuple(map(_fit_text, texts))


def _fit_values(value) -> tuple[str, ...]:
    """Return values of fields as they are written in a table."""
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ValueError(value)
    return tuple(_write(each) for each in values)


def _write(value) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value).lower() if isinstance(value, bool) else f"{_fit_number(value):.15g}"


def _fit_groups(value) -> tuple[Group, ...]:
    groups = tuple(_fit_group(each) for each in (value if isinstance(value, list) else [value]))
    if len({group.column for group in groups}) < len(groups):
        raise ValueError(value)
    return groups


def _fit_group(value) -> Group:
    if not isinstance(value, dict):
        return Group(_fit_text(value))
    if value.keys() - {"column", "bands", "over"}:
        raise KeyError(value)
    bands = tuple(float(_fit_number(edge)) for edge in value.get("bands", ()))
    if any(a >= b for a, b in pairwise(bands)) or ("over" in value and not bands):
        raise ValueError(value)
    return Group(
        _fit_text(value["column"]), bands, _fit_values(value["over"]) if "over" in value else ()
    )


def _one_of(allowed: tuple[str, ...]):
    def fit(value) -> str:
        if value not in allowed:
            raise ValueError(value)
        return value

    return fit


def _fit_encoding(value) -> str:
    try:
        "".encode(_fit_text(value))
    except LookupError:
        raise ValueError(value) from None
    return value


COLUMNS = (_fit_texts, 'a column\'s name, or a list of names: ["age", "sex"]')
COLUMN = (_fit_text, 'a column\'s name, "..."')
# Of each key: what reads its value (TypeError, ValueError or KeyError refuse it), what is expected.
KEYS: dict[str, tuple[Callable, str]] = {
    "name": (_fit_pattern, "letters, digits, '.', '_' and '-', and not the name of another folder"),
    "table": (_fit_text, 'the name of a csv, csv.gz or parquet file, "..."'),
    "header": (_fit_truth, "true or false"),
    "names": (_fit_texts, 'a list of different names: ["id", "age", "died"]'),
    "separator": (_one_of(SEPARATORS), "one of ',', ';', '\\t', '|'"),
    "encoding": (_fit_encoding, 'an encoding that Python knows: "utf-8", "cp1252", "latin-1"'),
    "patient": COLUMN,
    "label": COLUMNS,
    "cut": (_fit_number, "a number"),
    "positive": (_fit_values, "a value of the label, or a list of values"),
    "groups": (
        _fit_groups,
        'a list of different columns: ["sex", {column = "age", bands = [40, 60], over = "> 89"}]',
    ),
    "drop": COLUMNS,
    "words": COLUMNS,
    "missing": (_fit_values, 'a word that stands for nothing, or a list: ["unknown", -9]'),
    "test": COLUMN,
    "time": COLUMN,
    "unit": (_fit_noun, 'what a patient is, "patient" or "lesion"'),
    "restricted": (_fit_truth, "true or false"),
    "source": (_fit_words, "a sentence"),
    "licence": (_fit_words, "a licence's name"),
    "files": COLUMN,
    "folder": (_fit_text, "the name of a folder beside it"),
    "size": (_fit_size, "a whole number of pixels from 8 to 1024"),
    "mode": (_one_of(("grey", "rgb")), "'grey' or 'rgb'"),
    "format": (_one_of(FORMATS), f"one of {', '.join(map(repr, FORMATS))}"),
    "rate": (_fit_rate, "a number of samples a second"),
    "leads": (_fit_texts, 'a list of different channels: ["I", "II"]'),
    "seconds": (_fit_above_0, "a number of seconds above 0"),
    "scale": (_fit_above_0, "a number above 0"),
}
