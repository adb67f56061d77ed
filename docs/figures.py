"""Write docs/figures.md from the registry of figures: `python -m docs.figures`.

tests/report/registry/test_table.py fails where the page is not what it would write.
"""

from __future__ import annotations

from pathlib import Path

from docs.reference import make_table
from rollcall.report.registry import COMPOSED, OF_EXPERIMENT, OF_RUN, OF_RUNS, REGISTRY

PAGE = Path(__file__).with_name("figures.md")
HEADINGS = {
    OF_RUN: ("Of one run", "In the run's `figures/`, a set for each run."),
    OF_RUNS: (
        "Of all finished runs",
        "In `results/figures_paper/`. A published value stands beside a data set of the paper "
        "alone; rehearsals are drawn, and have no part in what is pooled.",
    ),
    COMPOSED: (
        "The paper's figures",
        "Composed with letters and with published values beside, in the order of the paper's "
        "abstract and of its author's companion page: the attack on average, single patients, "
        "groups, group size. The paper's layout, and its numbers where they differ, are not kept. "
        "Records stand in `2` of the first open cohort that is prepared (`--data`), one of images "
        "before others; never of a restricted one.",
    ),
    OF_EXPERIMENT: (
        "Of experiments",
        "A notebook keeps what it draws from in `figures/tables/`, beside the figure.",
    ),
}
OPENING = """# Figures

Made by `python -m docs.figures` from `rollcall.report.registry`; do not edit it by hand.

    rollcall figure                                   # lists them
    rollcall figure survival --run diabetes130/mlp
    rollcall figure 2
    rollcall figure all --to elsewhere

draws figures of finished runs again, in seconds, from stored tables alone: nothing is trained or
attacked, no PyTorch is loaded. Each is 89 or 183 mm wide and comes as PDF, PNG and SVG with its
title and description inside, and as csv with the numbers that are drawn, after the same gate as
the report's. What cannot be drawn is said in a line, with the notebook to run. Figures that show
single records need the prepared cohort (`--data`), and are not drawn of a restricted one.
"""


def write_page() -> str:
    """Return the whole page."""
    lines = [OPENING]
    for kind, (heading, words) in HEADINGS.items():
        lines += [f"## {heading}", "", words, ""]
        rows = []
        for entry in REGISTRY.values():
            if entry.kind != kind:
                continue
            module, _, function = entry.function.partition(":")
            place = f"`{module.removeprefix('rollcall.report.')}.{function}`"
            tables = ", ".join(f"`{table}`" for table in entry.inputs)
            rows.append(
                (f"`{entry.name}`", entry.shows, entry.notebook, place, tables, entry.paper)
            )
        header = ("`rollcall figure` ...", "shows", "notebook", "function", "tables", "the paper's")
        lines += [*make_table(header, rows), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(write_page(), encoding="utf-8")
