"""Models trained on early records, asked about late ones: the split, the runs, the notebook."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from rollcall import recipes
from rollcall.data.cohort import Cohort
from rollcall.experiments.later import follow_patients
from rollcall.experiments.later.splitting import TIME, find_late, hold_back
from rollcall.experiments.retraining import train_models
from rollcall.report.notebooks import execute_notebook
from rollcall.training.backends.worker import Worker
from rollcall.training.stack import to_device
from rollcall.training.trainer import Trainer
from rollcall.util import files
from rollcall.util.errors import InputError

NOTEBOOK = files.notebooks() / "9_later.ipynb"


def make_cohort(patients=60, **more):
    """Two visits each: a signature of the patient, and an outcome of every visit's own."""
    rng = np.random.default_rng(0)
    signature = rng.normal(size=(patients, 30))
    inputs = np.repeat(signature, 2, 0) + 0.1 * rng.normal(size=(2 * patients, 30))
    return Cohort.of(
        inputs.astype(np.float32),
        rng.integers(0, 2, 2 * patients),
        groups=np.repeat(np.arange(patients), 2),
        attributes={"site": np.repeat(np.arange(patients) % 2, 2).astype(str)},
        name="visits",
        **more,
    )


def test_the_later_half_is_late():
    times = [3, 1, 2, 5, 5, 5, 1, 2, 2, 1, 1, 2, 1, np.nan]
    patient = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4]
    rest = np.repeat(np.arange(5, 40), 2)
    cohort = Cohort.of(
        np.zeros((84, 1), np.float32),
        np.arange(84) % 2,
        groups=[*patient, *rest],
        time=[*times, *np.tile([1, 2], 35)],
    )
    late = find_late(cohort)
    assert late[:14].astype(int).tolist() == [1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0]
    assert late[14:].tolist() == [False, True] * 35


def test_a_cohort_without_an_order_is_refused():
    with pytest.raises(InputError, match="does not say which of a patient's records came first"):
        follow_patients(cohort=make_cohort())
    with pytest.raises(InputError, match="expected at least 20"):
        find_late(make_cohort(time=np.zeros(120)))


def test_late_records_are_trained_on_by_nobody(tmp_path, monkeypatch):
    """Other late records, other labels of them: the same models; and a worker leaves them out."""
    cohort, scores = make_cohort(time=np.tile([0, 1], 60)), []
    late, members = find_late(cohort), np.arange(60) % 2 == np.arange(2)[:, None]
    for number, label in enumerate((cohort.labels, np.where(late, 1, cohort.labels))):
        values = np.asarray(cohort.inputs) * np.where(late, number, 1)[:, None].astype(np.float32)
        changed = Cohort.of(
            values, label, groups=cohort.patient_index, time=cohort.order, name="visits"
        )
        held = hold_back(changed, late, TIME, tmp_path)
        assert held.test is None
        assert held.notes[0].endswith("is held back: 60 records")
        recipe = recipes.load("visits", model="mlp", kind="features")
        scores.append(train_models(held, replace(recipe, epochs=2), members)[:, ~late])
    assert (scores[0] == scores[1]).all()

    def take(records, seeds, progress):
        assert [rows.tolist() for rows in records] == [list(range(2, 120, 4))]
        yield np.zeros((120, 1), np.float32), None

    data = to_device(held)
    trainer = Trainer(data, recipe)
    monkeypatch.setattr(trainer, "train", take)
    run = SimpleNamespace(members=lambda: members)
    worker = SimpleNamespace(run=run, data=data, trainer=trainer)
    assert len(list(Worker._results(worker, [1], {1: [0]}, print))) == 1


@pytest.mark.slow
def test_memory_of_outcomes_that_change_harms(tmp_path):
    """What is remembered of a visit says nothing of the next: models that knew are more wrong."""
    followed = follow_patients(
        cohort=make_cohort(100, time=np.tile([0, 1], 100)),
        targets=8,
        recipe=["epochs=40"],
        out=str(tmp_path / "out"),
        data=str(tmp_path / "data"),
    )
    effects = followed.effects.set_index(["split", "kind"])
    for split in ("time", "chance"):
        assert effects.loc[(split, "changed outcome"), "loss_low"] > 0.05
        assert effects.loc[(split, "same outcome"), "loss_high"] < -0.05
    difference = effects.loc[("difference", "all")]
    assert difference["loss_low"] < 0 < difference["loss_high"]
    assert (followed.named["missed"] <= 15).all()
    assert len(followed.patients) == 100
    assert "changed outcome" in followed.table().data
    assert "site" in followed.table("groups").data
    assert "drawn anew" in followed.table("named").data
    assert "misjudged" in followed.summary().data
    assert "<figure>" in followed.show().data
    folder = tmp_path / "out" / "visits"
    assert (folder / "figures" / "later.pdf").is_file()
    assert len(list(folder.glob("*-later*/run.json"))) == 2


@pytest.mark.slow
def test_the_notebook(tmp_path):
    parameters = {
        "out": str(tmp_path / "out"),
        "data": str(tmp_path / "data"),
        "targets": 8,
        "options": ["patients=60", "changing=true"],
        "recipe": ["epochs=1"],
        "control": False,
    }
    execute_notebook(NOTEBOOK, tmp_path / "9.ipynb", parameters, NOTEBOOK.parent)
    assert (tmp_path / "out" / "simulated" / "figures" / "later.pdf").is_file()
