"""Records of an open cohort in a composed figure: the highest risk beside random ones, with scores.

Never of a restricted cohort, nor of one that is not prepared on this machine.
"""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort, describe_label
from rollcall.report.catalogue import read_risk
from rollcall.report.examples import list_most_exposed, list_panels, pick_at_random
from rollcall.report.figures.attacks import draw_strip
from rollcall.report.gallery.runs import FinishedRun, FinishedRuns
from rollcall.report.style import letter
from rollcall.runs.derived.tables import has_table
from rollcall.runs.listing import open_cohort
from rollcall.util.errors import InputError

EACH = 3  # records of highest risk, and as many at random
HEIGHT, STRIPS_ALONE = 52, 30  # mm, of pictures with strips; of strips
NEEDED = ("records", "patients", "floor", "survival", "risk", "statistic")


def find_open(finished: FinishedRuns) -> tuple[FinishedRun, Cohort] | None:
    """Find the run whose records are shown: the first of an open cohort, one of images before all.

    None if there is none whose prepared cohort and attack are stored.
    """
    if finished.data is None:
        return None
    first = None
    for entry in finished.runs:
        if not all(has_table(entry.run, table) for table in NEEDED):
            continue
        try:
            cohort = open_cohort(entry.run, finished.data)
        except InputError:
            continue  # damaged: what is of that run alone says so
        if cohort is None or cohort.restricted:
            continue
        if cohort.inputs.ndim == 4:
            return entry, cohort
        first = first or (entry, cohort)
    return first


def measure_height(cohort: Cohort) -> float:
    """Return the height in mm that records of a cohort take."""
    return HEIGHT if cohort.inputs.ndim == 4 else STRIPS_ALONE


def draw_records(
    block: Any, entry: FinishedRun, cohort: Cohort, first: str
) -> tuple[pd.DataFrame, str]:
    """Draw records of highest risk and random ones into a subfigure; (what is drawn, words).

    Above, where the cohort is of images, each record; below, its scores under models that had it
    and under models that had not, on one scale for all.
    """
    risk = read_risk(entry.run)
    highest, _ = list_most_exposed(cohort, risk, EACH)
    both = np.concatenate([highest, pick_at_random(len(cohort), highest, len(highest))])
    auc = risk.patients["auc_joint"].to_numpy()[cohort.patient_index][both]
    titles = [f"AUC {value:.2f}, {describe_label(cohort, record)}" for value, record in zip(
        auc, both, strict=True)]  # fmt: skip
    panels = list_panels(entry.run, cohort, list(zip(titles, both.tolist(), strict=True)))
    has_pictures = cohort.inputs.ndim == 4
    heights = [2.1, 1] if has_pictures else [1]
    axes = block.subplots(len(heights), len(both), squeeze=False, height_ratios=heights)
    if has_pictures:
        for ax, image in zip(axes[0], np.asarray(cohort.inputs[both]), strict=True):
            shown = image[..., 0] if image.shape[-1] == 1 else image
            ax.imshow(shown, cmap="gray", vmin=0, vmax=255)
            ax.set_axis_off()
    tables = []
    for number, (ax, (title, *scores)) in enumerate(zip(axes[-1], panels, strict=True)):
        kind = "highest risk" if number < len(highest) else "at random"
        tables.append(draw_strip(ax, *scores).assign(panel=f"{kind}, {title}", run=entry.label))
        ax.set_xlabel("\n".join(textwrap.wrap(title, 24)[:2]), fontsize=6.5)
    ends = np.array([ax.get_xlim() for ax in axes[-1]])
    for ax in axes[-1]:
        ax.set_xlim(ends[:, 0].min(), ends[:, 1].max())
        ax.tick_params(length=1.5)
    marked = [axes[0][0], axes[0][len(highest)]]
    letter(marked, [f"{entry.label}: highest risk", "at random"], first)
    words = (
        f"{len(highest)} records of {entry.label} of highest risk, patient AUC "
        f"{auc[: len(highest)].min():.2f} and above, beside {len(both) - len(highest)} at random, "
        f"{np.median(auc[len(highest) :]):.2f} in the median"
    )
    return pd.concat(tables), words
