"""The composed Figure 2 with records: of open cohorts that are prepared here, never restricted."""

from dataclasses import replace

import numpy as np
import pytest

from rollcall import auditing, datasets, recipes
from rollcall.report.gallery import composed, pictures
from rollcall.report.gallery.runs import find_runs
from rollcall.runs import run as run_folder
from rollcall.runs.config import read_config, write_config
from tests.report.figures.looks import list_faint
from tests.report.gallery.made_runs import make_run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders of results and of prepared cohorts: an open run of images, and one of the paper's."""
    folder = tmp_path_factory.mktemp("pictures")
    cohort = datasets.load("simulated", data=folder / "data", patients=60)
    recipe = recipes.choose("simulated", entries=["epochs=1"])
    run = run_folder.create(folder / "out" / "simulated" / "mlp", cohort, recipe, 8, 0)
    rng, members = np.random.default_rng(0), run.members()
    for target in range(run.targets):
        logits = rng.normal(size=(len(cohort), cohort.outputs)).astype(np.float32)
        logits[np.arange(len(cohort)), cohort.labels] += 2 * members[target][cohort.patient_index]
        run.write_target(target, logits, {"seed": target, "seconds": 1.0, "metrics": {}})
    auditing.Audit(run, cohort).attack()
    write_config(run.path, read_config(run.path) | {"finished": "2026-01-01T00:00:00Z"})
    make_run(folder / "out", "ptb_xl", patients=60)
    return folder


def find(folder, **changes):
    return replace(find_runs(str(folder / "out")), data=folder / "data", **changes)


def list_images(figure):
    return [ax for ax in figure.drawing.axes if ax.images]


def test_records_of_an_open_cohort_are_composed_in(made):
    finished = find(made)
    entry, cohort = pictures.find_open(finished)
    assert entry.dataset == "simulated"
    figure = composed.figure_2(finished)
    shown = list_images(figure)
    assert len(shown) == 2 * pictures.EACH
    titles = [ax.get_title(loc="left") for ax in figure.drawing.axes]
    assert {"simulated: highest risk", "at random"} <= set(titles)
    strips = figure.data[figure.data["models"].notna()]
    assert set(strips["models"]) == {"with the record", "without it"}
    assert len(strips) == 2 * pictures.EACH * 8
    ids = set(cohort.records["patient_id"].astype(str))
    assert not ids & set(figure.data.astype(str).to_numpy().ravel())
    assert "3 records of simulated of highest risk" in figure.alt
    assert list_faint(figure.drawing) == []
    assert 25.4 * figure.drawing.get_figheight() <= 170
    letters = [
        t.get_text() for ax in figure.drawing.axes for t in ax.texts if len(t.get_text()) == 1
    ]
    assert letters == sorted(letters)
    assert letters[0] == "a"


def test_no_record_of_a_restricted_cohort(made, monkeypatch):
    _, cohort = pictures.find_open(find(made))
    closed = replace(cohort, restricted=True)
    monkeypatch.setattr(pictures, "open_cohort", lambda run, data: closed)
    finished = find(made)
    assert pictures.find_open(finished) is None
    figure = composed.figure_2(finished)
    assert not list_images(figure)
    assert "models" not in figure.data
    with pytest.raises(Exception, match="restricted"):
        pictures.draw_records(figure.drawing, finished.runs[-1], closed, "a")


def test_without_prepared_cohorts_there_are_none(made, tmp_path):
    assert pictures.find_open(replace(find(made), data=None)) is None
    assert pictures.find_open(replace(find(made), data=tmp_path)) is None
