"""Few references against a full audit and in two designs: the parts, and the notebook's way."""

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch

from rollcall import auditing, models, recipes
from rollcall.experiments.open_models import attack_open_model, designs, hospitals, ranking
from rollcall.experiments.open_models.hospitals import draw_places, drop_hospital
from rollcall.report.tables.open_models import ranking_table
from rollcall.util import files
from rollcall.util.errors import InputError
from tests.end_to_end.in_process import execute_notebook

NOTEBOOK = files.notebooks() / "6_open_models.ipynb"
PATIENTS = 600


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A folder of prepared cohorts, and the simulated one."""
    folder = tmp_path_factory.mktemp("open")
    return folder, auditing.load_cohort("simulated", data=str(folder / "data"), patients=PATIENTS)


def test_spearman_is_that_of_ranks_with_ties():
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 5, 60), rng.normal(size=60)
    other += one
    expected = pd.Series(one).rank().corr(pd.Series(other).rank())
    assert ranking.correlate_ranks(one, other) == pytest.approx(expected)
    value, low, high = ranking.correlate_with_limits(one * 1.0, other)
    assert low < value < high
    assert ranking.correlate_ranks(one * 0, other) == 0


def test_the_ceiling_is_the_correlation_of_the_truth():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=4_000)
    halves = truth + 2 * rng.normal(size=(2, 4_000))
    assert ranking.find_ceiling(halves) == pytest.approx(
        ranking.correlate_ranks(truth, halves.mean(0)), abs=0.05
    )
    row = ranking.compare_rankings(truth, halves[0], truth > 1.5)
    assert row["separation"] == 1
    assert row["caught"] == pytest.approx(0.05 / np.mean(truth > 1.5), rel=0.02)
    assert np.isnan(ranking.compare_rankings(truth, halves[0], truth > 99)["separation"])


def test_curves_show_no_step_of_a_few():
    rng = np.random.default_rng(2)
    score, exposed = rng.normal(size=300), rng.random(300) < 0.15
    curve = ranking.draw_caught(score + 2 * exposed, exposed, 10)
    counts = np.rint(np.diff(curve["caught"]) * exposed.sum())
    assert (counts >= 10).all()
    assert curve["caught"].iloc[-1] == 1
    assert not len(ranking.draw_caught(score, exposed & (np.arange(300) < 20), 10))
    inside = np.arange(300) % 2 == 0
    roc = ranking.draw_roc(score, inside, 10)
    above = np.rint(roc["tpr"].dropna() * 150)
    assert roc["fpr"].min() == pytest.approx(10 / 150)
    assert not (((above > 0) & (above < 10)) | ((above > 140) & (above < 150))).any()


def test_places_share_no_patient_and_invented_ones_differ(stored):
    _, cohort = stored
    moved, places = draw_places(cohort)
    total = np.sum(places, axis=0)
    assert total.max() == 1
    assert [int(place.sum()) for place in places] == [200, 100, 120, 180]
    index = cohort.patient_index
    means = [moved.inputs[place[index]].mean() for place in places]
    assert means[0] == pytest.approx(means[1], rel=0.02)
    assert max(means[2:]) > 0 and abs(means[2] / means[0] - 1) > 0.03  # noqa: PT018
    assert np.array_equal(moved.inputs[places.audited[index]], cohort.inputs[places.audited[index]])


def test_a_hospital_is_an_attribute_and_is_not_handed_to_the_control(stored):
    _, cohort = stored
    same, places = draw_places(cohort, "insurance:private:Medicare")
    assert same is cohort
    taken = cohort.records["insurance"][places.other[cohort.patient_index]]
    assert set(taken) == {"Medicare"}
    assert "insurance" not in drop_hospital(cohort, "insurance:private:Medicare").attributes
    for wrong, message in (
        ("insurence:private:Medicare", "did you mean 'insurance'"),
        ("insurance:private", "expected ATTRIBUTE:FIRST:OTHER"),
        ("insurance:private:medicare", "did you mean 'Medicare'"),
        ("race:A:B", r"\d+ patients in the other hospital"),
    ):
        with pytest.raises(InputError, match=message):
            draw_places(cohort, wrong)


@pytest.mark.parametrize("shape", [(400, 50, 2), (400, 6)])
def test_other_hospitals_of_signals_and_features(shape):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=shape).astype(np.float32)
    if len(shape) == 2:
        inputs[:, 0] = inputs[:, 0] > 0  # yes or no stays so
    given = type("Given", (), {"inputs": inputs, "patient_index": np.arange(400) // 2})
    code = np.arange(200) % 3
    moved = hospitals.shift_inputs(given, code)
    assert moved.dtype == np.float32
    assert np.array_equal(moved[code[given.patient_index] == 0], inputs[code.repeat(2) == 0])
    assert not np.array_equal(moved, inputs)
    if len(shape) == 2:
        assert np.array_equal(moved[:, 0], inputs[:, 0])


@pytest.mark.slow
def test_the_notebook_ranks_names_and_flags(stored, tmp_path):
    folder, _ = stored
    parameters = {
        "out": str(tmp_path / "out"),
        "data": str(folder / "data"),
        "targets": 16,
        "options": [f"patients={PATIENTS}"],
    }
    execute_notebook(NOTEBOOK, tmp_path / "6.ipynb", parameters, NOTEBOOK.parent)
    saved = tmp_path / "out" / "simulated" / "figures"
    for name in ("few_references", "open_ranking", "open_designs"):
        assert (saved / f"{name}.pdf").is_file()
    text = str(nbformat.read(tmp_path / "6.ipynb", 4))
    assert "references that never saw the patients" in text
    assert "flagged in 20 of 20" in text  # two hospitals


def test_a_published_model_by_its_weights(stored, tmp_path):
    """Random networks that are nearly alike: nobody is named, and there is no audit."""
    folder, cohort = stored
    torch.manual_seed(0)
    recipe = recipes.choose("simulated")
    network = models.build_for(recipe, cohort)
    words = []
    for name in ("released", "one", "two"):
        weights = {
            key: value + 1e-3 * torch.randn(value.shape)
            for key, value in network.state_dict().items()
        }
        torch.save(weights, tmp_path / f"{name}.pt")
        words.append(f"mlp={tmp_path / name}.pt")
    flags = (np.arange(PATIENTS) % 2).tolist()
    table = pd.DataFrame({"patient_id": cohort.patients, "in": flags})
    table.to_csv(tmp_path / "members.csv", index=False)
    given = {
        "published": words,
        "members": str(tmp_path / "members.csv"),
        "data": str(folder / "data"),
        "out": str(tmp_path / "out"),
        "options": [f"patients={PATIENTS}"],
    }
    study = attack_open_model(**given)
    assert list(study.checks) == [1, 2]
    assert "few_references" in study.show("few_references").data or study.folder.is_dir()
    assert "nothing to draw" in study.show("open_ranking").data
    assert "No audit" in study.table("ranking").data
    assert ranking_table(study.ranking, np.nan, 0).rows is None
    for without, message in (
        ({"members": ""}, "members is missing"),
        ({"published": []}, "members is of a published model"),
        ({"published": words[:1]}, "0 references; expected 1 to 4"),
    ):
        with pytest.raises(InputError, match=message):
            attack_open_model(**given | without)
    with pytest.raises(InputError, match="unknown figure"):
        study.show("roc")


def test_too_few_models_of_an_audit_are_refused(stored):
    folder, _ = stored
    with pytest.raises(InputError, match="targets is 8; expected an even number of at least 16"):
        attack_open_model(
            targets=8, data=str(folder / "data"), options=[f"patients={PATIENTS}"], out="unused"
        )


def test_designs_take_outsiders_from_one_place_each(stored):
    _, cohort = stored
    _, places = draw_places(cohort)
    members = places.audited & (np.arange(PATIENTS) % 2 == 0)
    outsiders = designs.list_outsiders(members, places)
    assert not (outsiders[designs.SAME] & members).any()
    assert np.array_equal(outsiders[designs.TWO], places.other)
