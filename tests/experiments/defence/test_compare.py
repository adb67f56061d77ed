"""A comparison of a tiny cohort: runs side by side, read back, released and peeled."""

from functools import partial

import numpy as np
import pytest

from rollcall import risk
from rollcall.attacks.scores import score_run
from rollcall.experiments import defence
from rollcall.experiments.defence import layers
from rollcall.experiments.defence.outputs import score_released
from rollcall.experiments.defence.parts import draw_share, take_patients
from rollcall.risk import assess_risk
from rollcall.runs.run import open_run
from rollcall.training.backends import local
from rollcall.util.errors import InputError
from tests.end_to_end import in_process

SETTINGS = ["outputs:label", "share:0.5"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(comparison, its parameters): plain, the top label alone, half of the patients."""
    folder = tmp_path_factory.mktemp("defence")
    parameters = {
        "cohort": "simulated",
        "targets": 8,
        "options": ["patients=80"],
        "recipe": ["epochs=3"],
        "out": str(folder / "out"),
        "data": str(folder / "data"),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "train", in_process.train)
        few = partial(assess_risk, draws=2_000)
        patch.setattr(risk, "assess_risk", few)
        patch.setattr(layers, "assess_risk", few)
        yield defence.compare_defences(settings=SETTINGS, **parameters), parameters


def test_each_setting_has_a_row_and_a_run(made):
    comparison, _ = made
    table = comparison.settings
    assert table["setting"].tolist() == ["plain", "top label alone", "50% of the patients"]
    assert table["patients"].tolist() == [80, 80, 40]
    assert table["kind"].tolist() == ["plain", "outputs", "patients"]
    assert np.isnan(table["ceiling_record"]).all()
    assert table["coarse"].tolist() == [False, True, False]
    assert set(comparison.curves) == set(table["setting"])
    changes = comparison.groups[comparison.groups["setting"] == "plain"]["change"]
    assert (changes == 0).all()


def test_what_is_released_is_scored_and_nothing_is_trained_again(made):
    comparison, parameters = made
    plain = comparison.plain
    released = open_run(plain.run.path.with_name("outputs-label"))
    scores = score_run(released, plain.cohort)
    for target in range(8):
        logits = np.asarray(plain.run.logits(target))
        expected = score_released(logits, plain.cohort.labels, "multiclass", 1)
        assert np.abs(scores[target] - expected).max() <= 1.001e-3
        assert len(np.unique(scores[target])) > len(expected) / 2  # ties are broken
    before = {path: path.stat().st_mtime_ns for path in released.path.parent.rglob("*.npy")}
    again = defence.compare_defences(settings=SETTINGS, **parameters)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert again.settings.equals(comparison.settings)


def test_figures_and_tables(made):
    comparison, _ = made
    comparison.show("price")
    assert (comparison.folder / "defence_price.png").is_file()
    assert "top label alone" in comparison.table().data
    assert "everybody" in comparison.table_groups().data
    with pytest.raises(InputError, match="unknown figure"):
        comparison.show("prize")


def test_half_of_the_patients_is_the_same_whatever_their_order(made):
    comparison, parameters = made
    cohort = comparison.plain.cohort
    keep = draw_share(cohort, 0.5, 0)
    assert keep.sum() == 40
    part = take_patients(cohort, keep, parameters["data"])
    assert part.patients.tolist() == cohort.patients[keep].tolist()
    rows = keep[cohort.patient_index]
    assert (part.inputs == cohort.inputs[rows]).all()
    assert part.records["race"].tolist() == cohort.records["race"][rows].tolist()


def test_the_next_layer_looks_at_those_who_stayed(made, monkeypatch):
    comparison, _ = made
    first = layers.assess(comparison.plain)
    exposed = np.arange(80) < 6
    fake = first.patients.assign(exposed=exposed)
    monkeypatch.setattr(
        layers, "assess", lambda study: type(first)(**vars(first) | {"patients": fake})
    )
    arms = comparison.remove_exposed().arms
    assert arms["removed"].tolist() == [6, 6]
    assert arms["trained"].tolist() == [74, 74]
    assert arms["patients"][0] == arms["patients"][1]
    assert 68 <= arms["patients"][0] <= 74
    assert (arms["named"] <= arms["patients"]).all()


def test_nobody_exposed_is_said(made, monkeypatch):
    comparison, _ = made
    first = layers.assess(comparison.plain)
    fake = first.patients.assign(exposed=False)
    monkeypatch.setattr(
        layers, "assess", lambda study: type(first)(**vars(first) | {"patients": fake})
    )
    with pytest.raises(InputError, match="nobody is exposed"):
        comparison.remove_exposed()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["epochs:2", "epochs:2"], "more than once"),
        (["epochs:none"], "epochs"),
        (["outputs:0.7"], "outputs"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_trained(settings, message, tmp_path):
    with pytest.raises(InputError, match=message):
        defence.compare_defences(cohort="simulated", settings=settings, out=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("privacy.unit:patient privacy.epsilon:3 batch:90", "batch is 90 patients"),
        ("privacy.unit:patient privacy.epsilon:inf batch:4 privacy.delta:0.5", "delta is 0.5"),
    ],
)
def test_terms_that_cannot_be_are_refused_before_anything_is_trained(
    made, setting, message, tmp_path, monkeypatch
):
    """Though the setting before it could be trained: and no run is left."""
    monkeypatch.setattr(local, "train", lambda *_: pytest.fail("something is trained"))
    parameters = made[1] | {"out": str(tmp_path / "out")}
    with pytest.raises(InputError, match=message):
        defence.compare_defences(settings=["epochs:2", setting], **parameters)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
