"""The report: one HTML page of executed notebooks without their code, complete in itself.

It asks nothing of the network. page.html and style/ beside this file are its frame.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.page.fitting import fit_page
from rollcall.report.page.sections import read_section
from rollcall.report.twin import make_twin
from rollcall.runs.sealed import compute_digest
from rollcall.util.files import atomic_write, write_json

STYLES = [f"style/{name}.css" for name in ("screen", "tables", "print")]


def write_page(
    output: Path,
    *,
    title: str,
    summary: Sequence[str],
    notebooks: Sequence[Path],
    facts: dict[str, str],
    notice: str = "",
    smallest: int = MIN_GROUP_SIZE,
    made_from: dict | None = None,
    decision: tuple[str, dict] | None = None,
) -> None:
    """Write the page: title, summary, what each executed notebook shows, facts of the run.

    Beside it, with the ending .json, the same for programs (rollcall.report.twin). notice: a
    sentence that stays in sight at the top, and stands on every sheet when printed. smallest: the
    smallest number of patients that the sections show, but 0. made_from: what the run says of what
    all this was made from; the page carries its digest, the other file all of it. decision: what
    was decided against stated thresholds, as HTML and for the other file; it stands first.
    """
    sections = [read_section(path, f"part{number}") for number, path in enumerate(notebooks, 1)]
    contents = [
        *([("decision", "Decision")] if decision else []),
        ("summary", "In a few sentences"),
        *((f"part{number}", heading) for number, (heading, _) in enumerate(sections, 1)),
        ("facts", "About this run"),
    ]
    sentences = "\n".join(f"<li>{html.escape(sentence)}</li>" for sentence in summary)
    banner = f'<aside class="notice"><span>{html.escape(notice)}</span></aside>\n'
    page = read_frame("page.html").format(
        title=html.escape(title),
        made_from=compute_digest(made_from) if made_from else "",
        style="\n".join(map(read_frame, STYLES)),
        notice=banner if notice else "",
        links="\n".join(
            f'<li><a href="#{mark}">{html.escape(heading)}</a></li>' for mark, heading in contents
        ),
        decision=f"{decision[0]}\n" if decision else "",
        summary=f"<ul>\n{sentences}\n</ul>",
        sections="\n".join(body for _, body in sections),
        facts="\n".join(
            f'<tr><th scope="row">{html.escape(key)}</th><td>{html.escape(str(value))}</td></tr>'
            for key, value in facts.items()
        ),
    )
    write_json(
        Path(output).with_suffix(".json"),
        make_twin(
            *(title, notice, summary, sections, facts, smallest, made_from),
            decision[1] if decision else None,
        ),
    )
    with atomic_write(Path(output)) as file:
        file.write(fit_page(page).encode())


def read_frame(name: str) -> str:
    """Read page.html or a sheet of style/, which lie beside this module."""
    return files("rollcall.report.page").joinpath(name).read_text(encoding="utf-8")
