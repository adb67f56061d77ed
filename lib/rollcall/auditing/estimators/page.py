"""The report of an audit of an estimator: one page, written without a kernel."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from rollcall.auditing import Audit
from rollcall.report.page import write_page
from rollcall.report.page.gathering import gather_document
from rollcall.runs.derived.manifests import describe
from rollcall.util.temporary import private_folder

# The parts of the page: text, or a figure ("show") or table of rollcall.report.catalogue.
MODELS = (
    ("text", "# Who is in which training set?"),
    (
        "text",
        "Many copies of the estimator are fitted, each on a random half of the patients. Each is "
        "judged on the patients it has not seen. The gap to those it has seen is what an attacker "
        "lives on; an average gap says little about a single patient.",
    ),
    ("table", "performance"),
)
PATIENTS = (
    ("text", "# Which patients could be picked out?"),
    (
        "text",
        "Every model is attacked with the others as references. An AUC of 0.5 is guessing; the "
        "*blind* attack asks no model, and were it above 0.5 no other number could be trusted.",
    ),
    ("show", "roc"),
    ("table", "attacks"),
    (
        "text",
        "A patient is *exposed* where the false-discovery rate against the noise floor is at most "
        "5%, among patients with the same label. The noise floor is what the same computation "
        "gives when membership is redrawn at random.",
    ),
    ("show", "survival"),
    ("table", "risk"),
    ("table", "units"),
    ("table", "trust"),
)
GROUPS = (
    ("text", "# Which groups carry the risk?"),
    (
        "text",
        "For each group: how many of its patients are exposed, and how many times as large their "
        "share is as among all others with the same label.",
    ),
    ("table", "cohort"),
    ("show", "forest"),
    ("show", "cutoffs"),
    ("table", "groups"),
)


def write_report(study: Audit, path: Path, name: str) -> None:
    """Write the page to `path`, and the same for programs beside it; name: of the estimator."""
    parts = {"1_models": MODELS, "2_patients": PATIENTS}
    needs = ["attack"]
    if study.cohort.attributes:
        parts["3_groups"] = GROUPS
        needs.append("disparity")
    with private_folder() as folder:
        books = []
        for part, cells in parts.items():
            books.append(folder / f"{part}.ipynb")
            book = new_notebook(cells=[_make_cell(study, kind, what) for kind, what in cells])
            books[-1].write_text(nbformat.writes(book), encoding="utf-8")
        document = gather_document(
            study.run,
            study.cohort,
            title=f"Privacy audit: {name}",
            summary=study.summary(),
            facts=study.facts(),
            made_from=describe(study.run, needs, True),
        )
        write_page(path, document, books)


def _make_cell(study: Audit, kind: str, what: str):
    """Return a cell of text, or one that has a figure or table as its output."""
    if kind == "text":
        return new_markdown_cell(what)
    shown = study.show(what) if kind == "show" else study.table(what)
    return new_code_cell(outputs=[new_output("display_data", {"text/html": shown.data})])
