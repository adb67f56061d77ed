"""Text for a terminal: columns, and how a process ended."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable

FOLDER_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"  # of a folder, on every system
SPELT = r"[A-Z](?![a-z])"  # letter by letter: MRI, CT, X-ray
VOWEL_LETTERS = "AEFHILMNORSX"  # whose names begin with a vowel
VOWELS = r"[aeiou]|hour|heir|honest|8|11(?!\d)|18(?!\d)"
CONSONANTS = r"eu|ewe|one\b|once\b|uni(?![nm])|us[aeu]|ut[ei]|ura|ure|uro"  # as in you, or in won


def align_columns(rows: Iterable[tuple[str, ...]]) -> str:
    """Return rows of cells as lines, indented, each column as wide as its widest cell."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append(f"  {'  '.join(cells).rstrip()}\n")
    return "".join(lines)


def with_article(words: str) -> str:
    """Put "a" or "an" before words as they are spoken: an eye, an ECG, an MRI, a unit, a CT."""
    if re.match(SPELT, words):
        vowel = words[0] in VOWEL_LETTERS
    else:
        spoken = words.casefold()
        vowel = re.match(VOWELS, spoken) and not re.match(CONSONANTS, spoken)
    return f"{'an' if vowel else 'a'} {words}"


def describe_exit(code: int) -> str:
    """Say how a process ended, by its exit code as subprocess has it: negative for a signal."""
    if code >= 0:
        return f"ended with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        return f"was killed by the system ({name}), probably for memory"
    return f"was ended by {name} ({signal.strsignal(-code)})"
