"""Figures of patient risk, with and without patients at high risk."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rollcall.report.figures import risk as figures_risk


def make_risk(high: float, patients: int = 500) -> SimpleNamespace:
    """Risks of 500 patients, `high` of whom have a true one of 0.9 or more."""
    auc = np.round(np.arange(0.5, 0.995, 0.01), 2)
    count = np.interp(auc, [0.5, 0.9, 0.99], [patients, high, high / 2])
    survival = pd.DataFrame({"auc": auc, "patients": count, "low": count / 2, "high": count * 1.5})
    table = pd.DataFrame({"auc_joint": np.linspace(0.97, 0.3, patients)})
    return SimpleNamespace(patients=table, survival=survival, floor=np.linspace(0.3, 0.7, 5000))


@pytest.mark.parametrize("high", [4.0, 40.0])
def test_survival_has_no_step_of_few_patients(high):
    figure = figures_risk.survival(make_risk(high), "lesion")
    (ax,) = figure.drawing.axes
    true, estimates, floor = ax.lines
    assert "estimates of 500 lesions" in estimates.get_label()
    assert "noise floor" in floor.get_label()
    assert true.get_xdata()[0] == 0.64  # beyond a standard error: 84% of the floor lie below
    assert (true.get_ydata() * 500 >= 10).all()
    counts = np.round(estimates.get_ydata() * 500)
    assert counts[0] == 500
    assert (-np.diff(counts) >= 10).all()
    assert counts[-1] >= 10
    said = "fewer than 10 lesions" if high < 10 else "about 40 lesions"
    assert f"{said} have a true risk of 0.9 or more" in figure.alt.replace("About", "about")
    assert "0.97" not in figure.alt


def test_images_have_wrapped_titles():
    pixels = np.zeros((2, 4, 4, 1), np.uint8)
    figure = figures_risk.images(pixels, ["patient 0.91\na label that is long", "b"], 0.8)
    assert len(figure.drawing.axes) == 2
    assert figure.drawing.axes[0].get_title() == "patient 0.91\na label that is\nlong"
    assert figure.alt.endswith("patient AUC 0.80 and above.")
