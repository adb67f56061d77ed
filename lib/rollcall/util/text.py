"""Text for a terminal."""

from __future__ import annotations

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
