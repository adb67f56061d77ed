"""Text for a terminal: columns, and how a process ended."""

from __future__ import annotations

import signal
from collections.abc import Iterable


def align_columns(rows: Iterable[tuple[str, ...]]) -> str:
    """Return rows of cells as lines, indented, each column as wide as its widest cell."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append(f"  {'  '.join(cells).rstrip()}\n")
    return "".join(lines)


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
