"""From executed notebooks to sections of the page: text and outputs, inert, headings in order."""

from __future__ import annotations

from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter

ERROR_CELL = "papermill-error-cell-tag"  # of cells that papermill adds where a notebook failed
LEFT_OUT = {ERROR_CELL, "not-in-report"}  # the latter: what is for who runs the notebook
ACTIVE_TAGS = ["script", "iframe", "object", "embed", "link", "meta", "base", "form"]


def read_section(path: Path, mark: str) -> tuple[str, str]:
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
        and not LEFT_OUT & set(cell.metadata.get("tags", []))
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
