"""`figure all` of a run that was rehearsed: every figure is made, none is written as a picture."""

from pathlib import Path
from unittest import mock

import pandas as pd

from rollcall.report import style
from rollcall.report.gallery.runs import find_runs
from rollcall.report.registry import REGISTRY
from rollcall.report.registry.drawing import draw
from rollcall.runs.listing import open_cohort

ALWAYS = {  # of any finished run of 60 patients, of whom nobody may be exposed
    *("roc", "bundle", "survival", "trade_off", "forest", "cutoffs"),
    *("roc_all", "roc_paper", "survival_max", "survival_mean", "survival_records"),
    *("subgroups", "group_size", "1", "2", "4"),
}
OF_RECORDS = {"in_out", "most_exposed"}
WIDTHS, TALLEST = (89, 183), 170  # mm


def redraw(out: Path, data: Path, to: Path) -> tuple[dict[str, style.Figure], dict[str, str]]:
    """Draw all figures of the runs in `out`: (figures by name of the registry, reasons why not).

    The pictures themselves, three files of each, are tested elsewhere: they take a second each.
    """
    made: list[style.Figure] = []

    def keep(figure: style.Figure, folder: Path, made_from: str = "") -> None:
        assert made_from, figure.name
        made.append(figure)

    figures, reasons = {}, {}
    with mock.patch.object(style, "save", keep):
        for drawn in draw("all", find_runs(str(out)), data, to):
            if drawn.path is None:
                reasons[drawn.name] = drawn.why
            else:
                figures[drawn.name] = made[-1]
    return figures, reasons


def check_figures(folder: Path, name: str) -> None:
    """Look through all figures of the run of a rehearsal in <folder>/out."""
    out, data = folder / "out", folder / "data"
    figures, reasons = redraw(out, data, folder / "figures")
    assert set(figures) | set(reasons) == set(REGISTRY)
    assert set(figures) >= ALWAYS, reasons
    for key, why in reasons.items():
        assert why, key
        assert "\n" not in why, key
    (entry,) = find_runs(str(out)).runs
    cohort = open_cohort(entry.run, data)
    ids = set(pd.read_parquet(entry.run.file("patients.parquet"))["patient_id"].astype(str))
    long = {each for each in ids if len(each) > 3}
    for key, figure in figures.items():
        width, height = 25.4 * figure.drawing.get_size_inches()
        assert min(abs(width - each) for each in WIDTHS) < 0.3, key
        assert height <= TALLEST + 0.3, key
        assert figure.title, key
        assert any(letter.isdigit() for letter in figure.alt), key
        words = figure.data.to_csv().replace(",", " ").replace("\n", " ").split()
        assert not long & set(words), key
        assert not long & set(figure.alt.split()), key
        if cohort.restricted:
            assert not [ax for ax in figure.drawing.axes if ax.images], key
    assert cohort.restricted == (name not in ("ptb_xl",)), name
    assert ("models" in figures["2"].data) != cohort.restricted  # scores of single records
    if cohort.restricted:
        assert not OF_RECORDS & set(figures)
