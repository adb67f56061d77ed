"""A table read back from what was shown of it, whole: for the report's file for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag


def read_tables(soup: BeautifulSoup | Tag) -> list[dict]:
    """Return each table as caption, columns and rows of texts, what is folded away in its place.

    Of those that `show_table` cut, the parts are put together again.
    """
    tables = []
    for tag in soup.find_all("table"):
        whole = tag.find_parent("div", class_="table")
        if whole is None:
            tables.append(_read_table(tag))
        elif tag is whole.find("table"):
            tables.append(_put_together(whole))
    return tables


def _put_together(whole: Tag) -> dict:
    first, *parts = [_read_table(tag) for tag in whole.find_all("table")]
    by = [tag.get("data-by") for tag in whole.find_all("table")]
    folded = whole.find("details", class_="rows")
    rows, others = first["rows"], parts
    if folded is not None:
        more, *others = parts
        seen = [int(place) for place in folded["data-seen"].split()]
        places = dict(zip(seen, rows, strict=True))
        rest = iter(more["rows"])
        rows = [places.get(place) or next(rest) for place in range(len(rows) + len(more["rows"]))]
    names = 2 if by[0] else 1
    for part in others:
        rows = [row + also[names:] for row, also in zip(rows, part["rows"], strict=True)]
    columns = first["columns"] + [name for part in others for name in part["columns"][names:]]
    note = whole.find("p", class_="note")
    caption = first["caption"] + (f". {_text(note)}" if note else "")
    return {"caption": caption, "columns": columns, "rows": rows}


def _read_table(table: Tag) -> dict:
    rows, group, by = [], None, table.get("data-by", "")
    for row in table.find_all("tr"):
        cells = [_text(cell) for cell in row.find_all(["th", "td"])]
        if row.has_attr("data-group"):
            group = row["data-group"]
        else:
            rows.append([by if not rows else group, *cells] if by else cells)
    return {
        "caption": _text(table.caption),
        "columns": rows[0] if rows else [],
        "rows": rows[1:],
    }


def _text(tag) -> str:
    return " ".join(tag.get_text().split()) if tag else ""
