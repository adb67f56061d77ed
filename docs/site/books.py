"""Notebooks for the site: executed, their figures labelled so that other pages can show them."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass

WIDGET = "application/vnd.jupyter.widget-view+json"
SHOWN = re.compile(r"<figure>.*?<figcaption>(.*?)</figcaption>", re.DOTALL)
NAMED = re.compile(r'\.show\("(\w+)"\)')  # a figure is called by its name, else by its number
NOT_RUN = "*This notebook is shown as it is, not run.*"


@dataclass(frozen=True)
class Shown:
    """A figure in an executed notebook: its label on the site and its caption as HTML."""

    label: str
    caption: str


def prepare(book: dict, page: str) -> tuple[dict, list[Shown]]:
    """Return a notebook as the site shows it, and its figures.

    Pickers and sliders are left out: no kernel moves them there, and a still is beside each.
    Cells of parameters that papermill added are hidden. page: its path from the top.
    """
    book, figures = copy.deepcopy(book), []
    stem = re.sub(r"[^a-z0-9]+", "-", page.removesuffix(".ipynb").removeprefix("notebooks/"))
    ran = False
    for cell in book["cells"]:
        tags = cell["metadata"].get("tags", [])
        cell["metadata"] = {"tags": tags}
        cell.pop("id", None)
        if cell["cell_type"] != "code":
            continue
        if "injected-parameters" in tags:
            cell["metadata"]["tags"] = ["remove-cell"]
        elif "parameters" in tags:
            cell["metadata"]["tags"] = ["hide-input"]
        cell["outputs"] = [each for each in cell["outputs"] if WIDGET not in each.get("data", {})]
        ran = ran or bool(cell["outputs"])
        html = "".join(
            "".join(each.get("data", {}).get("text/html", "")) for each in cell["outputs"]
        )
        if shown := SHOWN.search(html):
            called = NAMED.search("".join(cell["source"]))
            name = f"{stem}-{called[1].replace('_', '-') if called else len(figures) + 1}"
            cell["metadata"]["label"] = name
            figures.append(Shown(name, shown[1]))
    if not ran:
        first = book["cells"][0]
        first["source"] = "".join(first["source"]) + f"\n\n{NOT_RUN}"
    return book, figures


def fold_code(book: dict) -> None:
    """Fold a prepared notebook's code away, to be opened by a click; silent cells become one."""
    cells: list[dict] = []
    for cell in book["cells"]:
        if cell["cell_type"] == "code" and cell["metadata"]["tags"] != ["remove-cell"]:
            cell["metadata"]["tags"] = ["hide-input"]
            before = cells[-1] if cells else {}
            if before.get("metadata", {}).get("tags") == ["hide-input"] and not before["outputs"]:
                cell["source"] = "".join(before["source"]) + "\n\n" + "".join(cell["source"])
                cells.pop()
            cells.append(cell)
        elif cell["cell_type"] != "code":
            cells.append(cell)
    book["cells"] = cells
