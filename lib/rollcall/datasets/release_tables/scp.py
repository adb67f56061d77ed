"""Read the SCP statements of PTB-XL's records as superclasses."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import tables
from rollcall.datasets.parts.editions import read_edition

EDITIONS = "scp_statements.csv of PTB-XL 1.0.1 to 1.0.3"
CLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
MAX_CODES_LENGTH = 2_000  # characters
CODES = re.compile(r"\{\s*('[^'\\]{1,40}'\s*:\s*[0-9]+(\.[0-9]*)?\s*(,\s*|(?=\})))*\}")


def read_classes(path: Path) -> dict[str, int]:
    """Read scp_statements.csv: SCP code -> the position of its superclass in CLASSES.

    -1 for a code that is not diagnostic. The table's first column, the code, has no name.
    """
    table = read_edition(path, ("", "diagnostic", "diagnostic_class"), EDITIONS, key=("",))
    no_yes = ("", "0", "0.0", "1", "1.0")
    diagnostic = tables.read_codes(path, table, "diagnostic", no_yes) >= no_yes.index("1")
    tables.read_codes(path, table[diagnostic], "diagnostic_class", CLASSES)
    position = pd.Index(CLASSES).get_indexer(table["diagnostic_class"])
    return dict(zip(table[""], np.where(diagnostic, position, -1).tolist(), strict=True))


def read_labels(path: Path, table: pd.DataFrame, classes: dict[str, int]) -> np.ndarray:
    """Read the superclasses of each row's scp_codes as int64 (rows, 5).

    scp_codes is a dict of likelihoods, written as Python writes it; classes: of `read_classes`.
    """
    text = table["scp_codes"]
    tables.refuse_rows(
        path,
        table,
        "scp_codes",
        text.str.len() > MAX_CODES_LENGTH,
        f"more than {MAX_CODES_LENGTH:,} characters; expected a dict such as {{'NORM': 100.0}}",
    )
    labels = np.zeros((len(table), len(CLASSES)), np.int64)
    for row, cell in enumerate(text):
        codes = _parse_codes(cell)
        unknown = [code for code in codes or [] if code not in classes]
        if codes is None or unknown:
            expected = "expected a dict such as {'NORM': 100.0, 'SR': 0.0}"
            fault = f"{unknown[0]!r} is not in scp_statements.csv" if unknown else expected
            tables.refuse_rows(path, table, "scp_codes", np.arange(len(table)) == row, fault)
        for code in codes or []:
            if classes[code] >= 0:
                labels[row, classes[code]] = 1
    return labels


def _parse_codes(text: str) -> list[str] | None:
    """Parse the keys of a dict such as {'NORM': 100.0}; None if it is not one."""
    if not CODES.fullmatch(text):
        return None
    try:
        return list(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
