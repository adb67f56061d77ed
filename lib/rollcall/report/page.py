"""The report: one HTML page of executed notebooks without their code, complete in itself.

It asks nothing of the network. page.html and page.css beside this file are its frame.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.twin import make_twin
from rollcall.runs.sealed import compute_digest
from rollcall.util.files import atomic_write, write_json

ERROR_CELL = "papermill-error-cell-tag"  # of cells that papermill adds where a notebook failed
ACTIVE_TAGS = ["script", "iframe", "object", "embed", "link", "meta", "base", "form"]


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
    sections = [_section(path, f"part{number}") for number, path in enumerate(notebooks, 1)]
    contents = [
        *([("decision", "Decision")] if decision else []),
        ("summary", "In a few sentences"),
        *((f"part{number}", heading) for number, (heading, _) in enumerate(sections, 1)),
        ("facts", "About this run"),
    ]
    sentences = "\n".join(f"<li>{html.escape(sentence)}</li>" for sentence in summary)
    banner = f'<div class="notice" role="note"><span>{html.escape(notice)}</span></div>\n'
    page = read_frame("page.html").format(
        title=html.escape(title),
        made_from=compute_digest(made_from) if made_from else "",
        style=read_frame("page.css"),
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
        file.write(page.encode())


def read_frame(name: str) -> str:
    """Read page.html or page.css, which lie beside this module."""
    return files("rollcall.report").joinpath(name).read_text(encoding="utf-8")


def _section(path: Path, mark: str) -> tuple[str, str]:
    """Return heading and HTML of one notebook, its ids beginning with `mark`."""
    soup = BeautifulSoup(_export(path), "html.parser")
    _make_inert(soup)
    _order_headings(soup, path.stem)
    marks = set()
    for tag in soup.find_all(id=True):
        tag["id"] = f"{mark}-{tag['id']}"
        if tag["id"] in marks:
            del tag["id"]
        else:
            marks.add(tag["id"])
    for link in soup.find_all("a", href=lambda address: address and address.startswith("#")):
        link["href"] = f"#{mark}-{link['href'][1:]}"
    for table in soup.find_all("table"):
        label = table.caption.get_text(" ", strip=True) if table.caption else "Table"
        region = {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": label}
        table.wrap(soup.new_tag("div", attrs=region))
    heading = " ".join(soup.h2.get_text().split()) if soup.h2 else path.stem
    return heading, f'<section id="{mark}">\n{str(soup).strip()}\n</section>'


def _export(path: Path) -> str:
    """Return a notebook's text and outputs as an HTML fragment, without code, stderr and errors."""
    book = nbformat.read(path, as_version=4)
    book.metadata.pop("widgets", None)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_error(output)]
    book.cells = [
        cell
        for cell in book.cells
        if (cell.cell_type == "markdown" or (cell.cell_type == "code" and cell.outputs))
        and ERROR_CELL not in cell.metadata.get("tags", [])
    ]
    exporter = HTMLExporter(
        template_name="basic",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    return exporter.from_notebook_node(book)[0]


def _is_error(output: dict) -> bool:
    return output.get("name") == "stderr" or output["output_type"] == "error"


def _make_inert(soup: BeautifulSoup) -> None:
    """Take out whatever runs or loads something; an image from elsewhere leaves its alt text."""
    for tag in [*soup.find_all(ACTIVE_TAGS), *soup.find_all("a", class_="anchor-link")]:
        tag.decompose()
    for style in soup.find_all("style"):
        if "url(" in style.get_text() or "@import" in style.get_text():
            style.decompose()
    for tag in soup.find_all(True):
        for name in [name for name in tag.attrs if _may_load(tag, name)]:
            del tag[name]
        if "src" in tag.attrs and not tag["src"].startswith("data:"):
            tag.replace_with(tag.get("alt", ""))


def _may_load(tag, name: str) -> bool:
    """Tell whether an attribute of a tag could run or load something."""
    if name.startswith("on") or name in ("srcset", "poster", "background"):
        return True
    if name == "style":
        return "url(" in tag["style"] or "image-set(" in tag["style"]
    return name in ("href", "xlink:href") and not _may_point(tag.name, tag[name])


def _may_point(tag: str, address: str) -> bool:
    """Tell whether a link may lead there: anywhere on the web; a drawing's, into the page alone."""
    return address.startswith(
        ("#", "https://", "http://", "mailto:") if tag == "a" else ("#", "data:")
    )


def _order_headings(soup: BeautifulSoup, fallback: str) -> None:
    """Make the first heading h2 and keep the others as far below it, without skipping a level."""
    headings = soup.find_all(["h1", "h2", "h3", "h4", "h5", "h6"])
    if not headings:
        heading = soup.new_tag("h2")
        heading.string = fallback
        soup.insert(0, heading)
        return
    shift, last = 2 - int(headings[0].name[1]), 1
    for heading in headings:
        last = min(max(int(heading.name[1]) + shift, 2), last + 1, 6)
        heading.name = f"h{last}"
