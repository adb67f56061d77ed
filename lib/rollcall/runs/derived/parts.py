"""The parts of a run: which steps there are, what they write, and what they need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CELL = "smallest_cell"
APPETITE = "appetite"  # the sha256 of the file of thresholds


@dataclass(frozen=True)
class Step:
    """A step that writes tables: their names, the steps it needs, and the notebook that takes it.

    cell: whether the smallest cell decides what is written.
    """

    tables: tuple[str, ...]
    notebook: str
    needs: tuple[str, ...] = ()
    cell: bool = False


STEPS = {
    "attack": Step(
        (
            *("attacks", "pooled", "roc", "records", "patients", "floor", "survival", "risk"),
            *("statistic", "statistic_rmia"),
        ),
        "2_attack",
    ),
    "disparity": Step(
        ("disparity", "cutoffs", "shown_groups", "shown_cutoffs", "shown_levels"),
        "3_disparity",
        needs=("attack",),
        cell=True,
    ),
    "paper": Step(
        (
            *("paper_records", "paper_patients", "paper_attacks", "paper_roc", "paper_errors"),
            *("paper_panel", "shown_panel"),
        ),
        "3_disparity",
        cell=True,
    ),
}
ARRAYS = ("statistic", "statistic_rmia")  # which are .npy and not .parquet
FIGURES = (
    *("roc", "in_out", "bundle", "survival", "definitions", "trade_off", "named", "most_exposed"),
    *("forest", "cutoffs", "group_survival", "shares", "first_icons", "first_rates"),
)
ENDINGS = ("pdf", "png", "svg", "csv")  # of a figure's files
NOTEBOOKS = ("1_train", "2_attack", "3_disparity")
FAILED = ".failed.ipynb"  # the ending of a notebook that has not run to its end
REPORT = ("report.html", "report.json")
VERDICT, CARD = "verdict", "model_card"  # parts of one file each
FILE_OF = {VERDICT: "verdict.json", CARD: "model_card.md"}


def name_file(table: str) -> str:
    """Return the file name of a table or array of a step."""
    return f"{table}.npy" if table in ARRAYS else f"{table}.parquet"


def step_of(table: str) -> str:
    """Return the step that writes a table or array."""
    return next(name for name, step in STEPS.items() if table in step.tables)


def list_derived() -> Iterator[str]:
    """List the files that steps, figures, notebooks, the report and what goes with it have."""
    for step in STEPS.values():
        yield from map(name_file, step.tables)
    for name in FIGURES:
        yield from (f"figures/{name}.{ending}" for ending in ENDINGS)
    for name in NOTEBOOKS:
        yield from (f"notebooks/{name}{ending}" for ending in (".ipynb", FAILED, ".part.ipynb"))
    yield from (*REPORT, *FILE_OF.values())
