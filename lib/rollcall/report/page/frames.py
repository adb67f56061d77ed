"""The parts of the page that are not results: first page, fields, sections in words, origins."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files

from rollcall.report import style
from rollcall.report.page.document import KINDS, OFFLINE, RELEASED, Document
from rollcall.report.page.fields import ANSWERED, TO_FILL_IN, Field
from rollcall.report.style import Figure
from rollcall.report.words.opening import FEW, FOUND
from rollcall.report.words.origins import show_tool, write_day
from rollcall.util.temporary import private_folder

SHOWN_WIDTH = 400  # pixels of a figure of the first page
FIELDS_HEADING = "What a regulator asks, and where it stands"
FACTS_HEADING = "How this report was made, and how to make it again"
SIGNED = ("Name and role", "Date", "Signature")
NOT_STATED = (
    "No thresholds were stated before this audit, so nothing is decided here: whoever answers for "
    "the data decides."
)


def read_frame(name: str) -> str:
    """Read page.html, a text or a sheet of style/, which lie beside this module."""
    return files("rollcall.report.page").joinpath(name).read_text(encoding="utf-8")


def make_first_page(document: Document) -> str:
    """Return the first page as HTML: what, found what, what it does not mean, what to do."""
    opening = document.opening
    pictures = "\n".join(document.pictures)
    return read_frame("first.html").format(
        kind=html.escape(KINDS[document.kind]),
        title=html.escape(document.title),
        day=document.day,
        date=write_day(document.day),
        tool=html.escape(show_tool(dict(document.tool))),
        audited="\n".join(
            f"<dt>{html.escape(name)}</dt><dd>{_mark_blanks(html.escape(text))}</dd>"
            for name, text in document.audited.items()
        ),
        mark="alarm" if opening.case in (FOUND, FEW) else "plain",
        headline=html.escape(opening.headline),
        against=html.escape(_say_against(document)),
        sentences="\n".join(
            f"<li><strong>{html.escape(lead)}.</strong> {html.escape(text)}</li>"
            for lead, text in opening.sentences
        ),
        pictures=f'<div class="pictures">\n{pictures}\n</div>\n' if pictures else "",
        meaning=_list_items(opening.meaning),
        advice=_list_items(opening.advice),
        files=html.escape(document.files[0]),
        people=html.escape(opening.people),
    )


def show_pictures(figures: Iterable[Figure | None]) -> list[str]:
    """Return figures of the first page as HTML, as far as there are any."""
    shown = []
    with private_folder() as folder:
        for figure in filter(None, figures):
            text = style.show(figure, folder).data
            shown.append(re.sub(r'width="\d+"', f'width="{SHOWN_WIDTH}"', text, count=1))
    return shown


def make_fields(fields: Iterable[Field]) -> str:
    """Return the 18 fields as a section, with lines to sign on."""
    rows = "\n".join(
        f'<tr><th scope="row">{field.number}. {html.escape(field.question)}</th>'
        f"<td>{_mark_blanks(html.escape(field.answer))}"
        + ("" if field.state == ANSWERED else f' <em class="state">({field.state})</em>')
        + f'</td><td><a href="#{field.where}">{WHERE[field.where]}</a></td></tr>'
        for field in fields
    )
    left = sum(field.state == TO_FILL_IN for field in fields)
    note = (
        f"<p>{left} of 18 have lines to fill in: by hand, or with --statement FILE "
        "(docs/statement.md) and the same command.</p>"
        if left
        else ""
    )
    signed = "\n".join(f"<dt>{name}</dt><dd></dd>" for name in SIGNED)
    return (
        f'<section id="fields">\n<h2>{FIELDS_HEADING}</h2>\n'
        "<p>The fields that authorities and research environments ask for, the European Data "
        'Protection Board <a href="#source-edpb">[11]</a> and CNIL <a href="#source-cnil">[13]</a> '
        f"among them.</p>\n{note}\n"
        '<table class="facts fields"><caption>Answers to 18 questions</caption><thead><tr>'
        '<th scope="col">Question</th><th scope="col">Answer</th><th scope="col">More</th></tr>'
        f"</thead><tbody>\n{rows}\n</tbody></table>\n"
        '<div class="signing">\n<h3 id="approved">Read and approved</h3>\n'
        f'<dl class="sign">\n{signed}\n</dl>\n</div>\n</section>'
    )


WHERE = {
    "first": "First page",
    "summary": "Findings",
    "methods": "Methods",
    "limits": "Limits",
    "leaving": "What may leave",
    "facts": "How it was made",
}


def make_summary(document: Document) -> str:
    """Return all sentences as a section."""
    return (
        '<section id="summary">\n<h2>Findings in full</h2>\n<ul>\n'
        f"{_list_items(document.summary)}\n</ul>\n</section>"
    )


def make_texts(document: Document) -> list[str]:
    """Return the sections in words: methods, limits, what may leave, glossary, sources."""
    ending = "_one" if document.kind in (RELEASED, OFFLINE) else ""
    values = {
        "unit": document.unit,
        "unit_capital": document.unit.capitalize(),
        "smallest": f"{document.smallest:,}",
        "last": f"{document.smallest - 1:,}",
        "files_long": document.files[1],
    } | dict(document.texts)
    escaped = {name: html.escape(text) for name, text in values.items()}
    names = (f"methods{ending}", f"limits{ending}", "leaving", "glossary", "sources")
    return [read_frame(f"text/{name}.html").strip().format(**escaped) for name in names]


def make_origins(document: Document) -> str:
    """Return the section on data, models, versions, seeds, the command and the hashes."""
    tool = document.tool
    rows = {
        **document.facts,
        "Rollcall": f"{show_tool(dict(tool))}; sha256 of its sources {tool['sources']}",
        "Report made on": document.day,
        "Command": document.command or "called from Python",
    }
    parts = [
        f'<section id="facts">\n<h2>{FACTS_HEADING}</h2>',
        "<p>The command makes all of it again, to the same numbers on the same kind of machine; "
        "paths are cut to their last name. requirements.lock of Rollcall has the versions of all "
        "packages.</p>",
        _make_table("Data, models, versions, seed", ("what", "value"), rows, "facts"),
    ]
    if document.hashes:
        caption = "sha256 of what the numbers were made from"
        parts.append(_make_table(caption, ("file", "sha256"), document.hashes, "facts hashes"))
    return "\n".join([*parts, "</section>"])


def list_links(body: str) -> str:
    """Return the contents: each section, and the headings of the results below theirs."""
    lines = []
    pattern = r'<section id="([^"]+)"[^>]*>(.*?)</section>'
    for mark, inside in re.findall(pattern, body, re.S):
        heading = re.search(r"<h2[^>]*>(.*?)</h2>", inside, re.S)
        if heading:
            text = " ".join(re.sub(r"<[^>]+>", "", heading[1]).split())
            lines.append(f'<li><a href="#{mark}">{text}</a></li>')
    return "\n".join(lines)


def _say_against(document: Document) -> str:
    if document.decision is None:
        return NOT_STATED
    decision = document.decision[1]
    appetite = decision["appetite"]
    return (
        f"{decision['outcome'].upper()} against the thresholds that {appetite['set_by']}, "
        f"{appetite['role']}, stated on {appetite['date']}."
    )


def _make_table(caption: str, heads, rows: Mapping[str, str], kind: str) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "\n".join(
        f'<tr><th scope="row">{html.escape(key)}</th><td>{html.escape(str(value))}</td></tr>'
        for key, value in rows.items()
    )
    return (
        f'<table class="{kind}"><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>\n'
        f"{body}\n</tbody></table>"
    )


def _list_items(texts: Iterable[str]) -> str:
    return "\n".join(f"<li>{html.escape(text)}</li>" for text in texts)


def _mark_blanks(text: str) -> str:
    return re.sub(r"(to fill in: _+)", r'<span class="tofill">\1</span>', text)
