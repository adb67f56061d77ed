"""How numbers are written in tables: by what they are, never as a machine prints them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from numbers import Integral, Real

import numpy as np
import pandas as pd

from rollcall.report.gate import HIDDEN

SMALLEST_P = 0.001
LARGEST = 9999  # ratio that is written
NUMBER = re.compile(
    r"(?:fewer than |all but |at (?:least|most) |above |[<>≤≥±]\s?)*[+\-−]?(\d|inf\b)"
)


def format_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table's cells as texts: counts with commas, other numbers with fixed decimals.

    Texts stay as they are; what is missing is a dash.
    """
    shown = {}
    for name in rows:
        values = rows[name]
        if all(isinstance(value, str) for value in values):
            shown[name] = list(values)
        else:
            digits = count_decimals(values)
            shown[name] = [_format(value, digits) for value in values]
    return pd.DataFrame(shown, index=rows.index, dtype=object)


def count_decimals(values: Iterable) -> int:
    """Return how many decimals the numbers of a column need: three, fewer where they are large."""
    numbers = [
        abs(float(value))
        for value in values
        if isinstance(value, Real) and not isinstance(value, bool) and np.isfinite(float(value))
    ]
    if all(number == int(number) for number in numbers):
        return 0
    largest = max(numbers)
    return 3 if largest < 10 else 1 if largest < 1000 else 0


def _format(value: object, digits: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if pd.isna(value):  # pyright: ignore
        return HIDDEN
    if isinstance(value, Integral):
        return f"{int(value):,}"
    if isinstance(value, Real):
        return f"{float(value):,.{digits}f}"
    return str(value)


def is_of_numbers(cells: Iterable[str]) -> bool:
    """Tell whether cells are to be read as numbers: most are, or are dashes."""
    cells = list(cells)
    numbers = [cell == HIDDEN or bool(NUMBER.match(cell)) for cell in cells]
    return bool(cells) and 2 * sum(numbers) > len(cells) and not all(c == HIDDEN for c in cells)


def format_share(share: float, digits: int = 1) -> str:
    """Write a share as "12.3%"; "<0.1%" where something is there that would be 0.0%."""
    if np.isnan(share):
        return HIDDEN
    least = 10.0 ** -(digits + 2)
    return f"<{least:.{digits}%}" if 0 < share < least / 2 else f"{share:.{digits}%}"


def format_p(p: float) -> str:
    """Write a p-value: "0.013", "0.34", "<0.001"."""
    if np.isnan(p):
        return HIDDEN
    if p < SMALLEST_P:
        return f"<{SMALLEST_P:g}"
    return f"{p:.3f}" if p < 0.1 else f"{min(p, 1):.2f}"


def state_p(p: float) -> str:
    """Write what a sentence says of a p-value: "p = 0.013", "p < 0.001"."""
    text = format_p(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def format_interval(middle: float, low: float, high: float, template: str) -> str:
    """Write "12.3% (10.1 to 15.0)": what is open stands alone, what is missing is a dash.

    template: of a number under 100; of larger ones nobody reads the decimals, nor what is beyond
    9,999.
    """
    if np.isnan(middle):
        return HIDDEN
    text = _write(middle, template)
    if np.isnan(low) or np.isnan(high):
        return text
    ends = "\u00a0to\u00a0".join(_write(end, template).removesuffix("%") for end in (low, high))
    return f"{text} ({ends})"


def _write(value: float, template: str) -> str:
    if abs(value) < 100 or np.isinf(value):
        text = template.format(value)
        return text if np.isinf(value) or re.search("[1-9]", text) else template.format(0)
    return f"{value:,.0f}" if abs(value) <= LARGEST else f"{'>' if value > 0 else '<−'}{LARGEST:,}"


def count_words(count: int, word: str) -> str:
    """Write "1 column", "3 columns"."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
