"""A first description of a table that nobody has described: guesses, for its owner to mend."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import csv_files, tables
from rollcall.datasets.described import reading
from rollcall.datasets.described.description import DATASET, TABLES, USUAL, Description
from rollcall.datasets.described.features.columns import CODE_NAME, code_words, has_name
from rollcall.datasets.described.features.suspects import find_patient_column
from rollcall.datasets.described.features.values import find_yes, parse_numbers
from rollcall.datasets.described.keys import OTHERS_NAMES, Group
from rollcall.datasets.described.outcomes import MOST_CLASSES, MOST_NUMBERS, suggest_cut
from rollcall.datasets.described.records.opening import guess_files
from rollcall.util.errors import InputError

LABEL_NAMES = (  # the likeliest first
    r"(^|_)(label|target|outcome|y)($|_)",
    r"(^|_)(hospital_expire_flag|died|dead|death|mortality|hospdead|expired|survived)($|_)",
    r"(^|_)(readm\w*|relapse|recur\w*|event|disease|diagnosis|dx|result|class|status|case)($|_)",
)
GROUP_NAME = (
    r"(^|_)(sex|gender|female|male|race|ethnic\w*|age|insurance|payer|language|marital\w*|religion|"
    r"skin\w*|education|income)($|_)"
)
MOST_GROUPS = 8
MOST_LEVELS = 20  # of a group of words
AGES = (18.0, 40.0, 60.0, 80.0)
TEST_NAME = r"(^|_)(held_?out|is_?test|test_?set|in_?test)($|_)"


def check_table(path: Path) -> Path:
    """Return the path of a table, absolute; InputError for what cannot be one."""
    path = Path(path).expanduser().absolute()
    if not path.name.endswith(TABLES):
        raise InputError(f"{path}: expected a table, {', '.join(TABLES)}")
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a table, {', '.join(TABLES)}")
    return path


def open_table(path: Path, taken: Sequence[str] = ()) -> tuple[Description, pd.DataFrame]:
    """Return a description that reads a table, label unknown, and the table.

    taken: names that the cohort may not have. Without a header the columns are called c1, c2, ...;
    text that is not UTF-8 is taken for Windows'. InputError for a file that is no table.
    """
    path = check_table(path)
    stem = path.name[: -max(len(end) for end in TABLES if path.name.endswith(end))]
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).lstrip("._-")
    if not plain or plain in (*taken, *OTHERS_NAMES):
        plain = f"my-{plain or DATASET}"
    described = Description(path.parent / USUAL, plain, path.name, ())
    if path.name.endswith(".parquet"):
        return described, reading.read(described)
    described = _settle_text(described)
    table = reading.read(described)
    if described.header and reading.recur_below(table):
        described = _without_header(described, table.shape[1])
        table = reading.read(described)
    return described, table


def _settle_text(described: Description) -> Description:
    """Settle encoding, separator and header of a csv."""
    path, encoding = described.table_path, csv_files.UTF8
    tables.read_header(path, ",", reading.MEND, "utf-16" if _is_utf16(path) else "latin-1")
    if _is_utf16(path):
        encoding = "utf-16"
    elif csv_files.find_bad_line(path) != "?":
        encoding = "cp1252"
    if encoding != csv_files.UTF8:
        described = replace(described, encoding=encoding)
    separator = csv_files.choose_separator(path, "", encoding=encoding)
    header = tables.read_header(path, separator, reading.MEND, encoding)
    return (
        _without_header(described, len(header)) if reading.look_like_values(header) else described
    )


def _without_header(described: Description, columns: int) -> Description:
    names = tuple(f"c{place}" for place in range(1, columns + 1))
    return replace(described, header=False, names=names)


def _is_utf16(path: Path) -> bool:
    try:
        with csv_files.open_limited(path) as file:
            return file.read(2) in (b"\xff\xfe", b"\xfe\xff")
    except (OSError, EOFError, zlib.error):
        return False  # whoever reads it says what is wrong


def guess(described: Description, table: pd.DataFrame, label: str, patient: str) -> Description:
    """Guess the label, the patients, groups, codes and the held-out column of a table.

    label, patient: what its owner says; "" if they say nothing. InputError for columns that it
    does not have.
    """
    described = replace(described, label=(label,) if label else (), patient=patient)
    described.check_columns(list(table.columns))
    label = label or list_labels(table, {patient})[0]
    described = replace(described, label=(label,))
    patient = patient or find_patient_column(table, {label})
    codes, words = code_words(table[label])
    numbers = parse_numbers(words)[0]
    cut, positive = None, ()
    if not np.isnan(numbers).any() and len(words) > MOST_NUMBERS:
        cut = suggest_cut(codes[codes >= 0], numbers)
    elif len(words) > MOST_CLASSES:
        positive = (str(words[np.bincount(codes[codes >= 0]).argmax()]),)
    others = {label, patient}
    files, form = guess_files(described.root, table.drop(columns=[label]))
    return replace(
        described,
        files=files,
        format=form,
        patient=patient,
        cut=cut,
        positive=positive,
        groups=_guess_groups(table, others),
        words=() if files else _guess_words(table, others),
        test=next((name for name in table.columns if _is_test(table[name])), ""),
    )


def list_labels(table: pd.DataFrame, others: set[str]) -> list[str]:
    """Return columns that may be the label, the likeliest first.

    By their names, with few values; else those of two values, from the last; else of few; else the
    last column.
    """
    levels = {name: table[name].mask(table[name] == "").nunique() for name in table.columns}
    few = [name for name in levels if name not in others and 2 <= levels[name] <= MOST_NUMBERS]
    named = [name for pattern in LABEL_NAMES for name in few if has_name(name, pattern)]
    two = [name for name in few if levels[name] == 2]
    return list(dict.fromkeys(named)) or two[::-1] or few[::-1] or [str(table.columns[-1])]


def _guess_groups(table: pd.DataFrame, others: set[str]) -> tuple[Group, ...]:
    groups = []
    for name in table.columns:
        if name in others or not has_name(name, GROUP_NAME):
            continue
        words = code_words(table[name])[1]
        numbers = parse_numbers(words)[0]
        years = numbers[np.isfinite(numbers)]
        if has_name(name, r"(^|_)x?age($|_)") and len(years) > MOST_LEVELS and years.max() <= 130:
            bands = tuple(edge for edge in AGES if years.min() < edge < years.max())
            over = tuple(str(word) for word in words[np.isnan(numbers)])
            plain = len(over) <= 1 and all(re.match(r"[<>]|.*\+$", word) for word in over)
            if bands and plain:
                groups.append(Group(name, bands, over))
        elif 2 <= len(words) <= MOST_LEVELS:
            groups.append(Group(name))
    return tuple(groups[:MOST_GROUPS])


def _guess_words(table: pd.DataFrame, others: set[str]) -> tuple[str, ...]:
    """Return columns of whole numbers that are called like codes, and have few of them."""
    chosen = []
    for name in table.columns:
        if name in others or not has_name(name, CODE_NAME):
            continue
        words = code_words(table[name])[1]
        if 3 <= len(words) <= MOST_CLASSES and words.str.fullmatch(r"[+-]?[0-9]+").all():
            chosen.append(name)
    return tuple(chosen)


def _is_test(values: pd.Series) -> bool:
    words = pd.Series(values.unique(), dtype="str")
    return has_name(str(values.name), TEST_NAME) and bool(find_yes(words))


def write_toml(described: Description, is_guess: bool = True) -> str:
    """Write a description as toml, a line for each key that is not as usual.

    is_guess: whether its label is.
    """
    it = described
    lines = [("name", it.name, ""), ("table", it.table, "")]
    if not it.header:
        lines += [("header", False, ""), ("names", list(it.names), "name them")]
    if it.encoding != "utf-8":
        lines.append(("encoding", it.encoding, "the text is not UTF-8"))
    if it.patient:
        lines.append(("patient", it.patient, "its rows are drawn together"))
    lines.append(("label", it.label[0], f"{'a guess: ' * is_guess}what is predicted"))
    if it.cut is not None:
        lines.append(("cut", it.cut, "the median: the label asks whether it is at least this"))
    if it.positive:
        lines.append(("positive", list(it.positive), "a guess: which values are 1, all others 0"))
    if it.files:
        lines.append(
            ("files", it.files, "each row's picture or recording; no other column is an input")
        )
    if it.format:
        lines.append(("format", it.format, ""))
    if it.groups:
        lines.append(("groups", list(it.groups), "whom to compare"))
    if it.drop:
        lines.append(("drop", list(it.drop), "outcomes in disguise?"))
    if it.words:
        lines.append(("words", list(it.words), "codes, not quantities?"))
    if it.test:
        lines.append(("test", it.test, "held out"))
    lines.append(("restricted", it.restricted, "false: inputs may be shown in reports"))
    return "".join(
        f"{key} = {_write(value)}{f'  # {note}' if note else ''}\n" for key, value, note in lines
    )


def _write(value) -> str:
    """Write a value as toml has it; its text is written as json's is."""
    if isinstance(value, Group):
        if not value.bands:
            return _write(value.column)
        over = f", over = {_write(value.over[0])}" if value.over else ""
        bands = ", ".join(f"{edge:g}" for edge in value.bands)
        return f"{{column = {_write(value.column)}, bands = [{bands}]{over}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_write, value))}]"
    if isinstance(value, float):
        return f"{value:g}" if value % 1 else str(int(value))
    return json.dumps(value, ensure_ascii=False)
