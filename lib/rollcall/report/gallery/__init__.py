"""All finished runs side by side, and beside the values that the paper published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from IPython.display import HTML, display

from rollcall.report import style
from rollcall.report.gallery import comparison, composed, curves, errors, groups, sizes, survival
from rollcall.report.gallery.runs import FinishedRuns, find_runs, notes
from rollcall.report.tables.showing import show_table
from rollcall.runs.derived.manifests import describe_inputs
from rollcall.runs.folder import hide_from_git
from rollcall.runs.sealed import compute_digest
from rollcall.util.errors import unknown_name
from rollcall.util.settings import typed

FIGURES = {
    "roc_all": curves.roc,
    "roc_paper": curves.paper_roc,
    "survival_max": survival.largest,
    "survival_mean": survival.mean,
    "survival_joint": survival.joint,
    "survival_records": survival.records,
    "residuals": groups.residuals,
    "group_size": sizes.group_size,
    "standard_error": errors.standard_error,
}
COMPOSED = {
    "1": composed.figure_1,
    "2": composed.figure_2,
    "3": composed.figure_3,
    "4": composed.figure_4,
}
FOLDER = "figures_paper"  # of the figures, beside the datasets' folders


@dataclass(frozen=True)
class Gallery:
    """Finished runs, and the figures and tables that compare them."""

    finished: FinishedRuns

    def notes(self) -> HTML:
        """Say what must be said before anything is shown, a paragraph each."""
        names = ", ".join(entry.name for entry in self.finished.runs)
        return style.show_sentences([f"Runs: {names}.", *notes(self.finished)])

    def show(self, name: str) -> HTML:
        """Draw a figure by name, save it in <out>/figures_paper and return it with its texts."""
        known = FIGURES | COMPOSED
        if name not in known:
            raise unknown_name("figure", name, known)
        return self._save(known[name](self.finished))

    def show_subgroups(self) -> None:
        """Display a figure of each run's groups, one after another, and save them likewise."""
        for entry in self.finished.runs:
            display(self._save(groups.subgroups(entry)))

    def _save(self, figure: style.Figure) -> HTML:
        """Save a figure with a digest of what the runs were made from, and return it."""
        made_from = {run.name: describe_inputs(run.run) for run in self.finished.runs}
        folder = self.finished.folder / FOLDER
        if figure.drawing is not None:
            hide_from_git(folder)
        return style.show(figure, folder, compute_digest(made_from))

    def table(self) -> HTML:
        """Return the table of each run's averages beside the published ones."""
        return show_table(comparison.tabulate_averages(self.finished))


@typed
def collect(*, out: str = "", runs: Sequence[str] = ()) -> Gallery:
    """Collect the finished runs in <out>/<dataset>/<run>, or those named "dataset/run" in `runs`.

    out defaults to results/. InputError as find_runs.
    """
    return Gallery(find_runs(out, runs))
