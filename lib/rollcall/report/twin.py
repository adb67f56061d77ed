"""The report once more, for programs: what the page says, and nothing else.

report.schema.json beside this module is its form (JSON Schema, draft 2020-12).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING

from bs4 import BeautifulSoup

from rollcall.report.tables.showing import read_tables

if TYPE_CHECKING:
    from rollcall.report.page.document import Document

FORMAT = 2  # of the file; raised when a reader of it would break
SCHEMA = "urn:rollcall:report:2"


def make_twin(document: Document, results: Sequence[tuple[str, str]]) -> dict:
    """Return what a page shows as a dict for JSON; results: read off their HTML (heading, HTML).

    format; schema; kind; title; notice; made_from; smallest_cell: of patients; decision: as
    rollcall.report.appetite.describe_verdict, null where no thresholds were stated; first_page;
    fields: the 18; numbers: null where one is hidden; summary: the sentences; parts: heading,
    tables (caption, columns, rows of texts as they are shown) and figures (alt, caption); facts;
    hashes; command; made: when, by what.
    """
    opening = document.opening
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "kind": document.kind,
        "title": document.title,
        "notice": document.notice,
        "made": {"day": document.day} | dict(document.tool),
        "made_from": document.made_from or {},
        "smallest_cell": document.smallest,
        "unit": document.unit,
        "decision": document.decision[1] if document.decision else None,
        "first_page": {
            "case": opening.case,
            "headline": opening.headline,
            "audited": dict(document.audited),
            "sentences": [{"lead": lead, "text": text} for lead, text in opening.sentences],
            "figures": [figure for each in document.pictures for figure in _read_figures(each)],
            "meaning": list(opening.meaning),
            "advice": list(opening.advice),
            "files": document.files[0],
            "people": opening.people,
            "deployers": opening.deployers,
        },
        "fields": [asdict(each) for each in document.fields],
        "numbers": dict(document.numbers),
        "summary": list(document.summary),
        "parts": [_read_part(heading, body) for heading, body in results],
        "facts": {key: str(value) for key, value in document.facts.items()},
        "hashes": dict(document.hashes),
        "command": document.command,
    }


def read_schema() -> dict:
    """Return the schema of the file."""
    path = files("rollcall.report").joinpath("report.schema.json")
    return json.loads(path.read_text(encoding="utf-8"))


def _read_part(heading: str, body: str) -> dict:
    return {
        "heading": heading,
        "tables": read_tables(BeautifulSoup(body, "html.parser")),
        "figures": _read_figures(body),
    }


def _read_figures(body: str) -> list[dict]:
    return [
        {"alt": figure.img.get("alt", ""), "caption": _text(figure.figcaption)}
        for figure in BeautifulSoup(body, "html.parser").find_all("figure")
        if figure.img
    ]


def _text(tag) -> str:
    return " ".join(tag.get_text().split()) if tag else ""
