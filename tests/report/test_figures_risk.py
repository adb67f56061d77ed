"""Figures of patient risk, with and without exposed patients."""

import numpy as np
import pandas as pd
import pytest

from rollcall.report import figures_risk


def make_patients(exposed: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"auc_joint": np.linspace(0.95, 0.4, 50), "exposed": np.arange(50) < exposed}
    )


@pytest.mark.parametrize("exposed", [0, 3])
def test_survival_marks_the_exposed(exposed):
    patients = make_patients(exposed)
    figure = figures_risk.survival(patients, np.linspace(0.4, 0.7, 500), "lesion")
    (ax,) = figure.drawing.axes
    labels = [line.get_label() for line in ax.lines]
    assert "50 lesions" in labels
    assert any("redrawn (10 passes)" in label for label in labels)
    assert any(label.startswith(f"{exposed} exposed lesions") for label in labels) == bool(exposed)
    assert f"{exposed} patients are exposed; the highest risk is 0.950" in figure.alt
    x, share = ax.lines[0].get_data()
    assert np.array_equal(x, patients["auc_joint"])
    assert share[-1] == 1


def test_images_have_wrapped_titles():
    pixels = np.zeros((2, 4, 4, 1), np.uint8)
    figure = figures_risk.images(pixels, ["patient 0.91\na label that is long", "b"], 0.8)
    assert len(figure.drawing.axes) == 2
    assert figure.drawing.axes[0].get_title() == "patient 0.91\na label that is\nlong"
    assert figure.alt.endswith("patient AUC 0.80 and above.")
