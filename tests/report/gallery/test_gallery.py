"""All finished runs in the notebook, and what it shows where tables are missing."""

import pytest

from rollcall.report import gallery
from rollcall.report.notebooks import execute_notebook
from rollcall.util import files
from rollcall.util.errors import InputError
from tests.report.gallery.made_runs import make_run

NOTEBOOK = files.notebooks() / "7_paper.ipynb"
FIGURES = (
    *("roc_all", "roc_paper", "survival_max", "survival_mean", "survival_joint"),
    *("survival_records", "residuals", "group_size", "standard_error"),
    *("subgroups_ptb_xl_wide", "subgroups_chexpert_small one"),
)


def test_figures_without_tables_say_so(tmp_path):
    make_run(tmp_path, "ptb_xl", tables=[])
    shown = gallery.collect(out=str(tmp_path))
    for name in ("roc_all", "survival_max", "standard_error", "1", "2", "3"):
        assert "Nothing to draw" in shown.show(name).data
    assert "0.677" in shown.table().data
    assert not (tmp_path / gallery.FOLDER).exists()


def test_an_unknown_figure_is_one_line(out):
    with pytest.raises(InputError, match="unknown figure 'roc_al'; did you mean 'roc_all'"):
        gallery.collect(out=str(out)).show("roc_al")


@pytest.mark.slow
def test_the_notebook(out, tmp_path):
    execute_notebook(NOTEBOOK, tmp_path / "7.ipynb", {"out": str(out)}, NOTEBOOK.parent)
    written = {path.name for path in (out / gallery.FOLDER).iterdir()}
    figures = {f"{name}.{suffix}" for name in FIGURES for suffix in ("pdf", "png", "svg", "csv")}
    assert written == {".gitignore", *figures}
    text = (tmp_path / "7.ipynb").read_text()
    assert "secret" not in text
    assert text.count("<figcaption>") == len(FIGURES)
    assert "0.677" in text
    assert "Simulated data" in text
