"""The paper's Figures 1 to 4 of these runs, whole pages with letters, published values beside.

They follow what the paper shows, in the order of its abstract and of its author's companion page:
the attack on average, the risk of single patients, groups, group size. Not its layout, and not its
numbers, where these differ.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from rollcall.report.gallery import curves, groups, pictures, sizes, survival
from rollcall.report.gallery.looks import size_grid, take_panels
from rollcall.report.gallery.runs import FinishedRuns
from rollcall.report.style import DOUBLE, MM, TALLEST, Figure, styled

NEXT = 25  # letters there are at most


@styled
def figure_1(finished: FinishedRuns) -> Figure:
    """Compose the attack on average: ROC by LiRA and RMIA, with AUCs beside the published ones."""
    table = curves.PAPERS if finished.having(curves.PAPERS) else curves.OURS
    draw = curves.paper_roc if table == curves.PAPERS else curves.roc
    return _rename("1", "The attack on average", draw(finished))


@styled
def figure_2(finished: FinishedRuns) -> Figure:
    """Compose the risk of single patients: by the largest and by the mean record AUC.

    Below, records of highest risk beside random ones with their scores, of one open cohort.
    """
    parts = (survival.LARGEST, survival.MEAN)
    entries = survival.list_entries(finished, survival.LARGEST)
    if not entries:
        return _rename("2", "The risk of single patients", survival.largest(finished))
    lines, columns, _ = size_grid(len(entries), 0)
    shown = pictures.find_open(finished)
    extra = [] if shown is None else [pictures.measure_height(shown[1])]
    panel = min(40, ((TALLEST / MM - 2 - sum(extra)) / 2 - 9) / lines)
    drawing, blocks = _make_blocks([panel * lines + 9] * 2 + extra)
    tables, words, first = [], [], "a"
    for block, definition in zip(blocks[:2], parts, strict=True):
        axes = block.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
        panels = take_panels(axes, len(entries))
        drawn, texts = survival.draw_survival(panels, entries, definition, first, False)
        survival.label_axes(block, definition)
        tables += [table.assign(risk=definition.words) for table in drawn]
        words.append(f"{definition.words}: {'; '.join(texts)}")
        first = chr(min(ord(first) + len(entries), ord("a") + NEXT))
    caption = ""
    if shown is not None:
        drawn, text = pictures.draw_records(blocks[2], *shown, first)
        tables.append(drawn)
        words[-1] += f". {text}"
        caption = (
            " Last, records of highest risk and at random, of an open cohort, with the patient's "
            "AUC: a tick for each model's score (blue: models that had the record; dashed curve "
            "and orange ticks: that had not), one scale for all."
        )
    return Figure(
        "figure_2",
        drawing,
        alt="Line plots on log axes of the share of patients at or above each risk, a panel for "
        f"each run. At {survival.AT} or more, by {' By '.join(words)}.",
        caption="The risk of single patients: above by the largest of their record AUCs, below by "
        f"the mean. Dashed: when membership is redrawn; dotted: published, of the paper's data "
        f"set.{caption}",
        title="The risk of single patients",
        data=pd.concat(tables, ignore_index=True),
    )


@styled
def figure_3(finished: FinishedRuns) -> Figure:
    """Compose the groups among the records of highest AUC, every run, published ones beside."""
    return _rename("3", "Groups at risk", groups.residuals(finished))


@styled
def figure_4(finished: FinishedRuns) -> Figure:
    """Compose group size against risk, a panel a data set, published ones beside."""
    return _rename("4", "Group size and risk", sizes.group_size(finished))


def _rename(number: str, title: str, figure: Figure) -> Figure:
    caption = f"{title}. {figure.caption}"
    return replace(figure, name=f"figure_{number}", caption=caption, title=title)


def _make_blocks(heights: list[float]) -> tuple[Any, Any]:
    """Make a figure of blocks below each other, of so many mm each."""
    import matplotlib.figure

    tall = min(sum(heights) * MM, TALLEST)
    drawing = matplotlib.figure.Figure(figsize=(DOUBLE, tall), layout="constrained")
    return drawing, drawing.subfigures(len(heights), 1, height_ratios=heights)
