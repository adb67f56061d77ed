"""Figures of patient risk, with and without patients at high risk."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rollcall.report.figures import risk as figures_risk


def make_risk(high: float, patients: int = 500, exposed: int = 40) -> SimpleNamespace:
    """Risks of 500 patients, `high` of whom have a true one of 0.9 or more."""
    auc = np.round(np.arange(0.5, 0.995, 0.01), 2)
    count = np.interp(auc, [0.5, 0.9, 0.99], [patients, high, high / 2])
    survival = pd.DataFrame({"auc": auc, "patients": count, "low": count / 2, "high": count * 1.5})
    cohort = {"exposed": exposed}
    values = np.linspace(0.97, 0.3, patients)
    table = pd.DataFrame(dict.fromkeys(("auc_joint", "auc_mean", "auc_max"), values))
    table = table.assign(exposed=np.arange(patients) < exposed, stratum=0)
    floor = np.linspace(0.3, 0.7, 10 * patients)
    floors = pd.DataFrame(dict.fromkeys(("auc_joint", "auc_mean", "auc_max"), floor))
    return SimpleNamespace(
        patients=table, survival=survival, floor=floor, floors=floors, cohort=cohort
    )


@pytest.mark.parametrize("high", [4.0, 40.0])
def test_survival_has_no_step_of_few_patients(high):
    figure = figures_risk.survival(make_risk(high), "lesion")
    ax = figure.drawing.axes[0]
    by_curve = dict(list(figure.data.groupby("curve")))
    assert "estimates of\n500 lesions" in [text.get_text() for text in ax.texts]
    true, estimates = by_curve["true risks"], by_curve["estimates"]
    assert true["auc"].iloc[0] == 0.64  # beyond a standard error: 84% of the floor lie below
    assert (true["patients"] >= 10).all()
    counts = estimates["patients"].to_numpy()
    assert counts[0] == 500
    assert (-np.diff(counts) >= 10).all()
    assert counts[-1] >= 10
    said = "fewer than 10 lesions" if high < 10 else "about 40 lesions"
    assert f"{said} have a true risk of 0.9 or more" in figure.alt.replace("About", "about")
    assert "0.97" not in figure.alt


@pytest.mark.parametrize(("exposed", "is_shaded"), [(4, False), (40, True), (495, False)])
def test_few_exposed_are_not_shaded(exposed, is_shaded):
    figure = figures_risk.survival(make_risk(40.0, exposed=exposed))
    assert ("exposed" in set(figure.data["curve"])) == is_shaded
    assert (
        any("40 exposed" in text.get_text() for text in figure.drawing.axes[0].texts) == is_shaded
    )
    assert f"{exposed} exposed" not in figure.caption or is_shaded


def test_the_floor_is_counted_pass_by_pass():
    draws = np.array([0.4, 0.6, 0.9, 0.4, 0.4, 0.6])  # two passes over three patients
    floor = figures_risk.count_floor(draws, 3, 0.0).set_index("auc")
    assert floor.loc[0.6, "patients"] == 1.5
    assert floor.loc[0.9, "patients"] == 0.5
    assert floor.loc[0.4, ["low", "high"]].tolist() == [3, 3]
    assert figures_risk.count_floor(draws, 3, 1.0)["patients"].min() >= 1
