"""Audits of data that are described in a cohort.toml: named after the description."""

import pytest

from rollcall import auditing
from rollcall.util.errors import InputError
from tests.datasets.described.made_up import as_toml, invent, write


def test_a_run_is_named_after_the_description(tmp_path):
    path = write(tmp_path / "in", invent(), as_toml(label="died", name="ward-7"))
    for root in (path, path.parent):
        study = auditing.plan(
            cohort="table",
            root=str(root),
            targets=8,
            out=str(tmp_path / "results"),
            data=str(tmp_path / "data"),
        )
        assert study.run.path == tmp_path / "results" / "ward-7" / "mlp"
        assert study.cohort.name == "ward-7"
    assert study.run.recipe.model == "mlp"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"label": "dead"}, "column in label: 'dead'"),
        ({"label": "weight"}, "a quantity; say cut ="),
        ({"label": "died", "nmae": "x"}, r"unknown key 'nmae' in .*did you mean 'name'"),
        ({"label": "died", "name": "simulated"}, "is a dataset that Rollcall knows"),
    ],
)
def test_what_is_wrong_is_said_before_a_run_is_made(tmp_path, keys, words):
    path = write(tmp_path / "in", invent(), as_toml(**keys))
    with pytest.raises(InputError, match=words):
        auditing.plan(
            cohort="table",
            root=str(path),
            out=str(tmp_path / "results"),
            data=str(tmp_path / "data"),
        )
    assert not (tmp_path / "results").exists()


def test_whoever_names_no_cohort_hears_of_the_door(tmp_path):
    for cohort in ("my.csv", "support2"):
        with pytest.raises(InputError, match=r"data of your own: rollcall describe TABLE\.csv"):
            auditing.check_plan(cohort=cohort)
    with pytest.raises(InputError, match=r"data of your own: rollcall describe TABLE\.csv"):
        auditing.check_plan(cohort="simulated", root=str(tmp_path))
    path = write(tmp_path / "in", invent())
    with pytest.raises(InputError, match="model 'resnet1d_32' needs signals"):
        auditing.check_plan(cohort="table", root=str(path), model="resnet1d_32")
