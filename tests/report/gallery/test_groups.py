"""The figures of groups draw what the tables say."""

import numpy as np
import pandas as pd

from rollcall.paper import published
from rollcall.report.gallery import groups
from rollcall.report.gallery.comparison import correlate
from rollcall.report.gallery.runs import find_runs
from tests.report.gallery.made_runs import make_run
from tests.runs.stamping import replace_table


def test_subgroups_list_attributes_and_groups(out):
    chexpert, ptb_xl = find_runs(str(out)).runs
    drawing = groups.subgroups(ptb_xl).drawing
    labels = [text.get_text() for text in drawing.axes[0].get_yticklabels()]
    assert labels[0] == "SEX"
    assert len(labels) == 7
    assert sum(text.get_text().startswith("$\\chi^2$") for text in drawing.axes[2].texts) == 2
    assert not groups.subgroups(chexpert).drawing.axes[2].texts


def test_group_size_says_the_published_correlation(out):
    drawing = groups.group_size(find_runs(str(out))).drawing
    known = published.subgroups()
    correlations = correlate(known["train_share"], known["residual"])
    rho, r = (f"{value:.2f}".replace("-", "\N{MINUS SIGN}") for value in correlations)
    text = drawing.axes[0].texts[0].get_text()
    assert f"ρ {rho}, r {r}, {len(known)} groups" in text


def test_hidden_numbers_are_not_drawn(tmp_path):
    path = make_run(tmp_path, "ptb_xl")
    table = pd.read_parquet(path / "shown_groups.parquet").assign(
        share_exposed=np.nan, risk_ratio=np.nan, share=np.nan
    )
    replace_table(path, "shown_groups", table)
    panel = pd.read_parquet(path / "shown_panel.parquet")
    replace_table(path, "shown_panel", panel.assign(residual=np.nan, chi2=np.nan, stars=""))
    finished = find_runs(str(tmp_path))
    figure = groups.subgroups(finished.runs[0])
    assert "No group's share of the exposed can be shown." in figure.alt
    assert "nan" not in figure.alt + figure.caption
    figure.drawing.canvas.draw()
    groups.group_size(finished).drawing.canvas.draw()
    replace_table(path, "shown_groups", table.iloc[:0])
    assert groups.subgroups(find_runs(str(tmp_path)).runs[0]).drawing is None


def test_without_tables_they_say_so(tmp_path):
    make_run(tmp_path, "ptb_xl", tables=[])
    finished = find_runs(str(tmp_path))
    figure = groups.subgroups(finished.runs[0])
    assert figure.drawing is None
    assert figure.alt == "No groups."
    drawing = groups.group_size(finished).drawing
    assert drawing.axes[2].texts[0].get_text() == "no run has the table"
