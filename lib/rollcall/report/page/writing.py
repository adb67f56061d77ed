"""The report: one HTML page, complete in itself, and the same for programs beside it.

It asks nothing of the network. page.html, first.html, text/ and style/ beside this file are its
frame; results are executed notebooks without their code.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from rollcall.report.glyphs import make_visible
from rollcall.report.page.document import Document
from rollcall.report.page.fitting import fit_page
from rollcall.report.page.frames import (
    list_links,
    make_fields,
    make_first_page,
    make_origins,
    make_summary,
    make_texts,
    read_frame,
)
from rollcall.report.page.sections import read_section
from rollcall.report.twin import make_twin
from rollcall.runs.sealed import compute_digest
from rollcall.util.files import atomic_write, write_json

STYLES = [f"style/{name}.css" for name in ("screen", "tables", "print", "first")]


def write_page(
    output: Path,
    document: Document,
    notebooks: Sequence[Path] = (),
    sections: Sequence[tuple[str, str]] = (),
) -> None:
    """Write the page: first page, contents, fields, results, methods, limits, glossary, origins.

    Beside it, with the ending .json, the same for programs (rollcall.report.twin). notebooks:
    executed ones, whose text and outputs are the results; sections: more of them, heading and HTML.
    """
    results = [read_section(path, f"part{number}") for number, path in enumerate(notebooks, 1)]
    results += sections
    body = "\n".join(
        [
            make_fields(document.fields),
            *([document.decision[0]] if document.decision else []),
            make_summary(document),
            *(section for _, section in results),
            *make_texts(document),
            make_origins(document),
        ]
    )
    banner = f'<aside class="notice"><span>{html.escape(document.notice)}</span></aside>\n'
    page = read_frame("page.html").format(
        title=html.escape(document.title),
        made_from=compute_digest(document.made_from) if document.made_from else "",
        style="\n".join(map(read_frame, STYLES)),
        notice=banner if document.notice else "",
        first=make_first_page(document),
        links=list_links(body),
        body=body,
    )
    write_json(Path(output).with_suffix(".json"), make_twin(document, results))
    with atomic_write(Path(output)) as file:
        file.write(make_visible(fit_page(page)).encode())
