"""A table as HTML, the same in a notebook, in the report and on paper."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import pandas as pd
from IPython.display import HTML

from rollcall.report.tables.showing.folding import (
    LONGEST,
    describe_rest,
    fold_columns,
    fold_rows,
    is_slim,
)
from rollcall.report.tables.showing.formats import count_words, format_cells, is_of_numbers
from rollcall.report.tables.showing.table import Table

BREAK = re.compile(r"; |: |\. ")  # between what a table is and what is to be known of it
AND = " · "  # between names that have commas
TEXT = ' style="text-align:left"'  # here, as JupyterLab has no style sheet of ours


def show_table(table: Table) -> HTML:
    """Return the table for a notebook or a page, with its caption and scoped headers."""
    if table.rows is None:
        return HTML(f"<p>{html.escape(table.empty)}</p>")
    cells = format_cells(table.rows)
    numbers = {name for name in cells if is_of_numbers(cells[name])}
    title, note = split_caption(table.caption)
    seen, rest = fold_rows(table)
    first, *others = fold_columns(cells, table)

    def draw(rows: Sequence[int], columns: list[str], words: str = "") -> str:
        return _draw(cells.iloc[list(rows)], columns, table.by, numbers, title, words)

    parts = [draw(seen, first)]
    if len(rest):
        words = describe_rest(table, rest)
        places = " ".join(map(str, seen))
        parts.append(_fold(f'rows" data-seen="{places}', words, draw(rest, first, words)))
    if note:
        parts.append(f'<p class="note">{html.escape(note)}</p>')
    if others:
        names = [name for columns in others for name in columns[1:]]
        words = f"{count_words(len(names), 'more column')}: {AND.join(names)}"
        tables = [draw(range(len(cells)), columns, AND.join(columns[1:])) for columns in others]
        parts.append(_fold("columns", words, "\n".join(tables)))
    return HTML('<div class="table">\n' + "\n".join(parts) + "\n</div>")


def split_caption(caption: str) -> tuple[str, str]:
    """Split a caption into what the table is, and what is to be known to read it."""
    end = BREAK.search(caption)
    if end is None:
        return caption.removesuffix("."), ""
    note = caption[end.end() :]
    note = note[:1].upper() + note[1:]
    return caption[: end.start()], note if note.endswith(".") else f"{note}."


def _fold(kind: str, words: str, body: str) -> str:
    return f'<details class="{kind}"><summary>{html.escape(words)}</summary>\n{body}\n</details>'


def _write_cell(text: str, is_number: bool) -> str:
    """Write a cell; a number with its interval stays on one line."""
    keep = is_number and len(text) <= LONGEST
    return html.escape(text.replace(" ", "\u00a0") if keep else text)


def _write_name(name: str) -> str:
    """Write a name that may be broken after its underscores."""
    return html.escape(name).replace("_", "_<wbr>")


def _draw(
    cells: pd.DataFrame, columns: list[str], by: str, numbers: set[str], title: str, words: str
) -> str:
    """Draw one table; words: what of the whole it shows, "" for the first, whose title is seen."""
    label = html.escape(words or title)
    caption = f'<caption class="part">{label}</caption>' if words else f"<caption>{label}</caption>"
    kind = "slim" if is_slim(cells[columns]) else "broad"
    kinds = {name: "" if name in numbers and name != columns[0] else TEXT for name in columns}
    head = "".join(f'<th scope="col"{kinds[name]}>{html.escape(name)}</th>' for name in columns)
    lines, group = [], None
    for _, row in cells.iterrows():
        if by and row[by] != group:
            group = row[by]
            lines.append(
                f'<tr class="group" data-group="{html.escape(group)}"><th scope="rowgroup" '
                f'colspan="{len(columns)}"{TEXT}>{html.escape(group)}</th></tr>'
            )
        name, *others = columns
        tds = "".join(
            f'<td data-label="{html.escape(other)}"{kinds[other]}>'
            f"{_write_cell(row[other], other in numbers)}</td>"
            for other in others
        )
        lines.append(f'<tr><th scope="row"{TEXT}>{_write_name(row[name])}</th>{tds}</tr>')
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        f'<table class="{kind}" data-by="{html.escape(by)}">{caption}<thead><tr>{head}</tr></thead>'
        + "\n<tbody>\n"
        + "\n".join(lines)
        + "\n</tbody></table></div>"
    )
