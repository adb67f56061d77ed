"""The curves of finished runs draw what their tables say."""

import re

import numpy as np
import pandas as pd
import pytest

from rollcall.report.gallery import curves, errors, survival
from rollcall.report.gallery.runs import find_runs
from rollcall.report.gate import safe_curve
from tests.paper.test_published import rows_of
from tests.report.gallery.made_runs import make_run


def test_roc_draws_the_online_curve_of_each_run_by_both_attacks(out):
    figure = curves.roc(find_runs(str(out)))
    lira, _, _, rmia, *_ = figure.drawing.axes
    assert lira.get_title(loc="left") == "LiRA, linear axes"
    assert rmia.get_title(loc="left") == "RMIA, linear axes"
    table = pd.read_parquet(out / "ptb_xl" / "wide" / "roc.parquet")
    for ax, attack in ((lira, "LiRA"), (rmia, "RMIA")):
        curve = table[(table["attack"] == attack) & (table["variant"] == "online")]
        assert any(np.array_equal(line.get_ydata(), curve["tpr"]) for line in ax.lines)
        assert len(ax.collections) == 2  # a band of each run
    assert "published 0.677" in figure.alt
    assert set(figure.data) == {"run", "attack", "fpr", "tpr", "tpr_sd"}


def test_survival_draws_the_published_curve_and_the_floor_in_the_panel_of_its_run(out):
    figure = survival.largest(find_runs(str(out)))
    for ax, dataset in zip(figure.drawing.axes, ("chexpert", "ptb_xl"), strict=True):
        counts = [
            float(row["patients"])
            for row in rows_of("survival")
            if row["dataset"] == dataset and float(row["patients"]) > 0
        ]
        dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
        assert len(dotted) == 1
        assert np.allclose(dotted[0].get_ydata(), np.array(counts) / counts[0])
        assert sum(line.get_linestyle() == "--" for line in ax.lines) == 1
    assert set(figure.data["curve"]) == {"this run", "published", "if nothing leaked"}


def test_no_published_curve_stands_beside_a_cohort_of_ones_own(tmp_path):
    make_run(tmp_path, "mine")
    figure = survival.largest(find_runs(str(tmp_path)))
    assert "published" not in set(figure.data["curve"])
    assert not [line for line in figure.drawing.axes[0].lines if line.get_linestyle() == ":"]


@pytest.mark.parametrize("draw", [survival.largest, survival.mean, survival.joint])
def test_no_step_of_a_run_stands_for_fewer_than_ten_patients(out, draw):
    figure = draw(find_runs(str(out)))
    for ax in figure.drawing.axes:
        for line in ax.lines:
            if line.get_drawstyle() == "steps-post":
                counts = 300 * line.get_ydata()
                assert (-np.diff([*counts, 0]) > 9.99).all()


def test_what_a_panel_says_is_what_its_curve_shows(out):
    finished = find_runs(str(out))
    entry = finished.runs[1]
    share = float(re.findall(r"this run ([\d.]+)%", survival.joint(finished).alt)[1]) / 100
    risks, counts = safe_curve(entry.tables["patients"]["auc_joint"].to_numpy(), 10)
    assert share == pytest.approx(counts[risks > 0.7 - 1e-6].max() / 300, abs=1e-4)
    entry.tables["patients"] = pd.DataFrame({"auc_joint": np.linspace(0.2, 0.71, 300)})
    assert "this run fewer than 10" in survival.joint(finished).alt


def test_records_have_the_curves_of_both_limits(out):
    figure = survival.records(find_runs(str(out)))
    assert set(figure.data["curve"]) == {"this run", "95% limits"}
    of_run = figure.data[figure.data["run"] == "ptb_xl"]
    middle = of_run[of_run["curve"] == "this run"]
    limits = of_run[of_run["curve"] == "95% limits"]
    at = 0.6
    (gap,) = np.flatnonzero(limits["auc"].isna())
    parts = [limits.iloc[:gap], middle, limits.iloc[gap + 1 :]]
    low, here, high = (part.loc[part["auc"] >= at, "share"].max() for part in parts)
    assert low <= here <= high
    assert "secret" not in figure.data.to_csv()


def test_errors_draw_the_medians_of_the_runs_own_numbers_of_models(out):
    figure = errors.standard_error(find_runs(str(out)))
    (ax,) = figure.drawing.axes
    table = pd.read_parquet(out / "ptb_xl" / "wide" / "paper_errors.parquet")
    heights = {round(float(line.get_ydata()[0]), 6) for line in ax.lines if len(line.get_ydata())}
    told = table.loc[table["median"] >= errors.NOTHING, "median"]
    assert {round(value, 6) for value in told} <= heights
    assert 0.05 in heights
    assert [text.get_text() for text in ax.get_xticklabels()] == ["20", "50", "100", "200"]


def test_a_run_of_one_number_of_models_has_no_panel_of_errors(out):
    finished = find_runs(str(out))
    table = finished.runs[1].tables["paper_errors"]
    finished.runs[1].tables["paper_errors"] = table[table["models"] == 20]
    assert errors.standard_error(finished).drawing is None


@pytest.mark.parametrize(
    "draw",
    [curves.roc, curves.paper_roc, survival.largest, survival.records, errors.standard_error],
)
def test_without_tables_there_is_no_drawing(tmp_path, draw):
    make_run(tmp_path, "ptb_xl", tables=[])
    figure = draw(find_runs(str(tmp_path)))
    assert figure.drawing is None
    assert "no run has it" in figure.alt
