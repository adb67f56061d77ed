"""The sentences of a report, on tables made by hand."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rollcall.report import summary
from rollcall.runs.run import Run
from rollcall.util.files import write_table


@pytest.fixture
def run(tmp_path):
    """A run of 200 patients, 3 of them exposed, and of two groups."""
    attacks = [("LiRA", "online", 0.6), ("LiRA", "online", 0.7), ("RMIA", "online", 0.55)]
    tables = {
        "attacks": pd.DataFrame(attacks, columns=["attack", "variant", "auc"]),
        "patients": pd.DataFrame(
            {"exposed": np.arange(200) < 3, "auc_joint": np.linspace(0.95, 0.4, 200)}
        ),
        "floor": pd.DataFrame({"auc_joint": np.linspace(0.95, 0.4, 400)}),
        "risk": pd.DataFrame({"exposed_low": [1.2], "exposed_high": [5.4]}),
        "disparity": make_groups(),
    }
    for name, table in tables.items():
        write_table(tmp_path / f"{name}.parquet", table)
    return Run(tmp_path, {})


def make_groups(**columns):
    groups = {
        "attribute": ["race", "sex", "race x sex"],
        "group": ["B", "female", "B, female"],
        "risk_ratio": [3.21, 2.0, 9.0],
        "ci_low": [1.5, 0.9, 2.0],
        "ci_high": [6.0, 3.0, 20.0],
        "p_adjusted": [0.01, 0.2, 0.001],
        "intersection": [False, False, True],
    }
    return pd.DataFrame(groups | columns)


def test_the_three_sentences(run):
    first, second, third = summary.summarise_run(run)
    assert first.startswith("3 of 200 patients are exposed (95% interval 1 to 5)")
    high = int((np.linspace(0.95, 0.4, 200) >= 0.9).sum())
    floor = int((np.linspace(0.95, 0.4, 400) >= 0.9).sum()) / 2
    assert f"({high} have an AUC of 0.9 or more, where the noise floor has {floor:.2g})" in first
    assert second == (
        "The average hides it: over all records LiRA has an AUC of 0.650 and RMIA of 0.550, where "
        "0.5 is guessing."
    )
    assert third == (
        "Patients with race 'B' are 3.2 times (95% interval 1.5 to 6.0) as likely as all others to "
        "be among the most exposed 1% (Holm-adjusted p < 0.05)."
    )


def test_without_groups_there_are_two_sentences(run):
    run.file("disparity.parquet").unlink()
    assert len(summary.summarise_run(run)) == 2


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"p_adjusted": [0.3, 0.2, 0.001]},
            "No group of 3 is over-represented among the most exposed 1% beyond chance",
        ),
        ({"risk_ratio": [np.inf, 2.0, 9.0]}, "with race 'B' are more than 1.5 times as likely"),
        (
            {"p_adjusted": [0.01, 0.02, 0.5]},
            "and those with sex 'female' are 2.0 times (95% interval 0.9 to 3.0)",
        ),
    ],
)
def test_the_sentence_on_groups(run, columns, words):
    write_table(run.file("disparity.parquet"), make_groups(**columns))
    assert words in summary.summarise_run(run)[2]


def test_units_that_are_not_patients(run):
    images = Run(run.path, {"unit": "image"})
    assert summary.summarise_run(images)[0].startswith("3 of 200 images are exposed")


def test_notices(tiny):
    assert summary.write_notices(tiny) == []
    (sentence,) = summary.write_notices(replace(tiny, simulated=True))
    assert sentence.startswith("Simulated data")
    (sentence,) = summary.write_notices(SimpleNamespace(simulated=False, unit="image"))
    assert sentence.endswith("below, a patient is one image.")
