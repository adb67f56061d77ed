"""What is predicted: classes made of the label column of a table, or of several."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.datasets.described.description import Description
from rollcall.datasets.described.features.columns import code_words
from rollcall.datasets.described.features.values import find_yes, parse_numbers
from rollcall.datasets.parts.common import count_text
from rollcall.util.errors import InputError, unknown_name

MOST_CLASSES = 50
MOST_NUMBERS = 20  # more different numbers are a quantity, which needs a cut


@dataclass(frozen=True)
class Outcome:
    """The labels of a table's rows, as a Cohort has them.

    known    (rows,) bool: rows that have a label; the others are in none of what follows
    labels   (known rows,) int64: the class; of several labels (known rows, labels), 0 and 1
    columns  what a table of records holds of it, by name
    attributes  the names of those columns that groups are made of
    """

    known: np.ndarray
    labels: np.ndarray
    task: str
    classes: tuple[str, ...]
    columns: dict[str, pd.Categorical | np.ndarray]
    attributes: tuple[str, ...]
    notes: tuple[str, ...]


def read_outcome(described: Description, table: pd.DataFrame) -> Outcome:
    """Make classes of the label column(s); rows where one is missing are left out, and counted.

    InputError for a quantity without a cut, one class, too many, or a value that is none.
    """
    if len(described.label) > 1:
        return _read_several(described, table)
    name = described.label[0]
    codes, words = code_words(table[name])
    known = codes >= 0
    if not known.any():
        raise InputError(f"{described.path}: label {name!r} has no value in any row")
    notes = _note_missing(name, known)
    if described.cut is not None:
        of_word, classes = _cut(described, words)
    elif described.positive:
        of_word, classes = _pick(described, words)
    else:
        of_word, classes = _list_classes(described, codes[known], words)
    labels = of_word[codes[known]]
    missing = [classes[k] for k in range(len(classes)) if not (labels == k).any()]
    if missing or len(classes) < 2:
        only = classes[0] if len(classes) < 2 else classes[1 - classes.index(missing[0])]
        raise InputError(
            f"{described.path}: every row has the label {only!r}; a model needs two classes at "
            "least"
        )
    if len(classes) == 2:
        notes.append(f"label: {name}, 1 is {classes[1]!r}")
    elif not np.isnan(parse_numbers(words)[0]).any():
        notes.append(f"label: {name}, each of {len(classes)} numbers a class; cut asks for a limit")
    attribute = name if name != "patient_id" else "patient_id (column)"
    grouped = pd.Categorical.from_codes(labels, list(classes))
    return Outcome(
        known,
        labels.astype(np.int64),
        "binary" if len(classes) == 2 else "multiclass",
        classes,
        {"label": grouped, attribute: grouped},
        (attribute,),
        tuple(notes),
    )


def _note_missing(name: str, known: np.ndarray) -> list[str]:
    gone = int((~known).sum())
    return [f"left out: {count_text(gone)} rows without {name}"] if gone else []


def _cut(described: Description, words: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return whether each word is a number of at least the cut, int (words,), and the classes."""
    numbers, name, cut = parse_numbers(words)[0], described.label[0], described.cut
    if np.isnan(numbers).any():
        word = words[np.isnan(numbers)].iloc[0]
        raise InputError(
            f"{described.path}: cut = {cut:g}, but label {name!r} has {word!r:.42}; expected "
            "numbers alone (or list the word in missing)"
        )
    low, high = numbers.min(), numbers.max()
    if not low < cut <= high:
        raise InputError(
            f"{described.path}: cut = {cut:g}, but label {name!r} goes from {low:g} to {high:g}; "
            f"half of its different values are at least {np.median(numbers):g}"
        )
    return (numbers >= cut).astype(int), (f"under {cut:g}", f"{cut:g} and over")


def _pick(described: Description, words: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return whether each word is one of `positive`, int (words,), and the classes."""
    plain = words.str.casefold()
    chosen = np.zeros(len(words), bool)
    for value in described.positive:
        same = (words == value).to_numpy()
        same = same if same.any() else (plain == value.casefold()).to_numpy()
        if not same.any():
            raise unknown_name("value in positive:", value, words[:30], f"({described.path})")
        chosen |= same
    first, second = words[~chosen], words[chosen]
    if not len(first):
        raise InputError(f"{described.path}: positive names every value of the label")
    name = " or ".join(second) if len(second) <= 3 else "positive"
    return chosen.astype(int), (first.iloc[0] if len(first) == 1 else f"not {name}", name)


def _list_classes(
    described: Description, codes: np.ndarray, words: pd.Series
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the class of each word, int (words,), and the classes: yes after no."""
    name, numbers = described.label[0], parse_numbers(words)[0]
    quantity = len(words) > MOST_NUMBERS or (len(words) > 2 and (numbers % 1 != 0).any())
    if quantity and not np.isnan(numbers).any():
        middle = suggest_cut(codes, numbers)
        raise InputError(
            f"{described.path}: label {name!r} has {len(words):,} different numbers, a quantity; "
            f"say cut = {middle:g} to ask whether it is at least that, or another number"
        )
    if len(words) > MOST_CLASSES:
        raise InputError(
            f"{described.path}: label {name!r} has {len(words):,} different words; expected at "
            f"most {MOST_CLASSES}: say positive = [...] to ask for some of them against all others"
        )
    classes = words.tolist()
    if not np.isnan(numbers).any() and len(np.unique(numbers)) < len(words):
        at = int(np.argmax(np.diff(numbers) == 0))
        raise InputError(
            f"{described.path}: label {name!r} has {words[at]!r:.42} and {words[at + 1]!r:.42}, "
            "which are one number; write each class in one way"
        )
    plain = words.str.casefold()
    if plain.duplicated().any():
        one, other = words[plain == plain[plain.duplicated()].iloc[0]].iloc[:2]
        raise InputError(
            f"{described.path}: label {name!r} has {one!r:.42} and {other!r:.42}, which differ by "
            "capitals alone; write each class in one way"
        )
    yes = find_yes(words)
    if yes:
        classes = [*(word for word in classes if word != yes), yes]
    return np.array([classes.index(word) for word in words]), tuple(classes)


def suggest_cut(codes: np.ndarray, numbers: np.ndarray) -> float:
    """Return the rows' median, or the second smallest number if that is the smallest.

    codes: (rows,) positions in `numbers`, which rise.
    """
    return float(f"{max(np.median(numbers[codes]), numbers[1]):.4g}")


def _read_several(described: Description, table: pd.DataFrame) -> Outcome:
    """Read labels that are yes or no each; where only one value is ever written, empty is no."""
    columns, known, notes = [], np.ones(len(table), bool), []
    for name in described.label:
        codes, words = code_words(table[name])
        gone = codes < 0
        if len(words) == 1 and gone.any() and words[0] in ("1", "x", "X", "yes", "true"):
            notes.append(f"{name}: empty taken as no")
            columns.append(~gone)
            continue
        yes = find_yes(words)
        if not yes:
            shown = ", ".join(f"{word!r:.42}" for word in words[:5])
            raise InputError(
                f"{described.path}: label {name!r} has {len(words):,} values ({shown}); of several "
                "labels each is yes or no: 1 and 0, true and false, ..."
            )
        known &= ~gone
        columns.append(codes == words.tolist().index(yes))
    if not known.any():
        raise InputError(f"{described.path}: no row has a value of every label")
    labels = np.stack(columns, axis=1)[known].astype(np.int64)
    notes += _note_missing("one of the labels", known)
    names = {f"label: {name}": labels[:, k] == 1 for k, name in enumerate(described.label)}
    return Outcome(known, labels, "multilabel", described.label, names, tuple(names), tuple(notes))


def note_small_classes(outcome: Outcome, patients: np.ndarray) -> list[str]:
    """Say which classes have few patients. patients: (known rows,) int."""
    labels, small = outcome.labels, []
    for k, name in enumerate(outcome.classes):
        has = labels == k if labels.ndim == 1 else labels[:, k] == 1
        if len(np.unique(patients[has])) < MIN_GROUP_SIZE:
            small.append(f"{name:.42}")
    if not small:
        return []
    return [
        f"fewer than {MIN_GROUP_SIZE} patients have {', '.join(small)}: some models train on none "
        "of them, and what is reported of them says little"
    ]
