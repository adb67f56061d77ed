"""The curves of finished runs draw what their tables say."""

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.report.gallery import curves
from rollcall.report.gallery.runs import find_runs
from tests.paper.test_published import rows_of
from tests.report.gallery.made_runs import make_run


@given(
    st.lists(
        st.sampled_from([0.5, 0.55, 0.6, 0.75, 0.9, 1.0]) | st.floats(0.4, 1),
        min_size=1,
        max_size=60,
    ),
    st.integers(2, 80),
)
def test_survival_curve(values, points):
    x, share = curves.thin_curve(values, points)
    assert len(x) <= points
    assert x[0] == max(values)
    assert x[-1] == min(values)
    assert share[-1] == 1
    assert all(earlier >= later for earlier, later in pairwise(x))
    for limit, value in zip(x, share, strict=True):
        assert value == sum(other >= limit for other in values) / len(values)


def test_roc_draws_the_online_curve_of_each_run(out):
    drawing = curves.roc(find_runs(str(out))).drawing
    titles = [ax.get_title() for ax in drawing.axes]
    assert titles == ["Our scores"] * 2 + ["The paper's scores"] * 2
    curve = pd.read_parquet(out / "ptb_xl" / "wide" / "roc.parquet").query(
        "attack == 'LiRA' and variant == 'online'"
    )
    assert any(
        len(line.get_xdata()) == len(curve) and np.array_equal(line.get_ydata(), curve["tpr"])
        for line in drawing.axes[0].lines
    )


def test_survival_draws_the_published_curves_and_each_noise_floor(out):
    left, right = curves.survival(find_runs(str(out))).drawing.axes
    dotted = [line for line in left.lines if line.get_linestyle() == ":" and len(line.get_xdata())]
    published_counts = [
        [
            float(row["patients"])
            for row in rows_of("survival")
            if row["dataset"] == dataset and float(row["patients"]) > 0
        ]
        for dataset in ("chexpert", "ptb_xl")
    ]
    assert len(dotted) == 2
    assert all(
        np.allclose(line.get_ydata(), np.array(counts) / counts[0])
        for line, counts in zip(dotted, published_counts, strict=True)
    )
    dashed = [line for line in right.lines if line.get_linestyle() == "--"]
    assert sum(len(line.get_xdata()) > 0 for line in dashed) == 2


def test_no_step_of_a_run_stands_for_fewer_than_ten_patients(out):
    finished = find_runs(str(out))
    figure = curves.survival(finished)
    for ax in figure.drawing.axes:
        for line in ax.lines:
            if line.get_drawstyle() == "steps-post":
                counts = 300 * line.get_ydata()
                assert (-np.diff([*counts, 0]) > 9.99).all()
    patients = finished.runs[1].tables["patients"]["auc_joint"]
    assert (patients >= 0.7).sum() > 20
    share = float(re.findall(r"([\d.]+)% by ours", figure.alt)[1]) / 100
    assert 0 <= (patients >= 0.7).mean() - share < 10 / 300
    entry = finished.runs[1]
    entry.tables["patients"] = pd.DataFrame({"auc_joint": np.linspace(0.2, 0.71, 300)})
    assert "fewer than 10 patients by ours" in curves.survival(finished).alt


def test_errors_draw_the_medians_and_the_limit(out):
    drawing = curves.errors(find_runs(str(out))).drawing
    table = pd.read_parquet(out / "ptb_xl" / "wide" / "paper_errors.parquet")
    heights = {
        round(float(line.get_ydata()[0]), 6)
        for line in drawing.axes[0].lines
        if len(line.get_ydata())
    }
    assert {round(value, 6) for value in table["median"]} <= heights
    assert 0.05 in heights
    ticks = [text.get_text() for text in drawing.axes[0].get_xticklabels()]
    assert ticks == ["20", "50", "100", "200"]


@pytest.mark.parametrize("draw", [curves.roc, curves.survival, curves.errors])
def test_without_tables_there_is_no_drawing(tmp_path, draw):
    make_run(tmp_path, "ptb_xl", tables=[])
    figure = draw(find_runs(str(tmp_path)))
    assert figure.drawing is None
    assert "no run has it" in figure.alt
