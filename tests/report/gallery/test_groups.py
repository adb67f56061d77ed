"""The figures of groups draw what the tables say."""

import numpy as np
import pandas as pd

from rollcall.paper import published
from rollcall.report.gallery import groups, sizes
from rollcall.report.gallery.comparison import correlate
from rollcall.report.gallery.runs import find_runs
from tests.report.gallery.made_runs import make_run
from tests.runs.stamping import replace_table


def test_subgroups_list_attributes_and_groups_and_drop_a_panel_without_anything(out):
    chexpert, ptb_xl = find_runs(str(out)).runs
    drawing = groups.subgroups(ptb_xl).drawing
    labels = [text.get_text() for text in drawing.axes[0].get_yticklabels()]
    assert labels[0] == "sex"
    assert len(labels) == 7
    assert sum(text.get_text().startswith("χ²") for text in drawing.axes[2].texts) == 2
    without = groups.subgroups(find_runs(str(out), ["chexpert/small one"]).runs[0])
    assert chexpert.missing == ["shown_panel", "paper_errors"]
    known = published.subgroups()
    has_residuals = (known["dataset"] == "chexpert").any()
    assert len(without.drawing.axes) == 2 + has_residuals


def test_each_data_set_says_its_own_correlation(out):
    figure = sizes.group_size(find_runs(str(out)))
    known = published.subgroups()
    panels = {ax.get_title(loc="left"): ax for ax in figure.drawing.axes}
    for dataset in ("ptb_xl", "embed"):
        table = known[known["dataset"] == dataset]
        rho, _ = correlate(table["train_share"], table["residual"])
        texts = [text.get_text() for text in panels[dataset].texts]
        written = [] if np.isnan(rho) else [f"ρ {rho:.2f}".replace("-", "\N{MINUS SIGN}")]
        assert ", ".join(["published: ", *written]).replace(": , ", ": ") in " ".join(texts)
        assert any(f"n = {len(table)}" in text for text in texts)
    assert "chexpert (simulated)" in panels


def test_rehearsals_have_no_part_in_what_is_pooled(out):
    points = sizes.collect_points(find_runs(str(out)))
    pooled = sizes._pool(points)
    assert set(pooled["run"]) == {"ptb_xl"}
    only = find_runs(str(out), ["chexpert/small one"])
    assert sizes.POOLED not in sizes.list_panels(sizes.collect_points(only))


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
    sizes.group_size(finished).drawing.canvas.draw()
    assert groups.residuals(finished).drawing is None
    replace_table(path, "shown_groups", table.iloc[:0])
    assert groups.subgroups(find_runs(str(tmp_path)).runs[0]).drawing is None


def test_without_tables_they_say_so(tmp_path):
    make_run(tmp_path, "ptb_xl", tables=[])
    finished = find_runs(str(tmp_path))
    figure = groups.subgroups(finished.runs[0])
    assert figure.drawing is None
    assert figure.alt == "No groups."
    assert len(sizes.group_size(finished).drawing.axes) >= 7  # the published ones stand alone
