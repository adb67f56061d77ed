"""The report once more, for programs: the same sentences, tables and captions, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from bs4 import BeautifulSoup

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.tables.showing import read_tables

FORMAT = 1  # of the file; raised when a reader of it would break


def make_twin(
    title: str,
    notice: str,
    summary: Sequence[str],
    sections: Sequence[tuple[str, str]],
    facts: dict[str, str],
    smallest: int = MIN_GROUP_SIZE,
    made_from: dict | None = None,
    decision: dict | None = None,
) -> dict:
    """Return what a page shows as a dict for JSON, read off its sections (heading, HTML).

    format; title; notice; made_from; smallest_cell: of patients; decision: as
    rollcall.report.appetite.describe_verdict, null where no thresholds were stated; summary: the
    sentences; parts: heading, tables (caption, columns, rows of texts as they are shown) and
    figures (alt, caption); facts.
    """
    return {
        "format": FORMAT,
        "title": title,
        "notice": notice,
        "made_from": made_from or {},
        "smallest_cell": smallest,
        "decision": decision,
        "summary": list(summary),
        "parts": [_read_part(heading, body) for heading, body in sections],
        "facts": {key: str(value) for key, value in facts.items()},
    }


def _read_part(heading: str, body: str) -> dict:
    soup = BeautifulSoup(body, "html.parser")
    return {
        "heading": heading,
        "tables": read_tables(soup),
        "figures": [
            {"alt": figure.img.get("alt", ""), "caption": _text(figure.figcaption)}
            for figure in soup.find_all("figure")
            if figure.img
        ],
    }


def _text(tag) -> str:
    return " ".join(tag.get_text().split()) if tag else ""
