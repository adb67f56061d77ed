"""Finished runs are found, without patient ids; what cannot be compared is one clear line."""

import json

import pandas as pd
import pytest

from rollcall.report.gallery import runs
from rollcall.report.gallery.runs import find_runs
from rollcall.util.errors import InputError
from rollcall.util.files import write_json
from tests.report.gallery.made_runs import make_run
from tests.runs.stamping import replace_table


def test_finished_runs_are_found_without_patient_ids(out):
    finished = find_runs(str(out))
    assert [run.name for run in finished.runs] == ["chexpert/small one", "ptb_xl/wide"]
    assert finished.unfinished == 1
    assert finished.folder == out
    assert [run.label for run in finished.runs] == ["chexpert (simulated)", "ptb_xl"]
    assert [run.simulated for run in finished.runs] == [True, False]
    assert finished.runs[0].missing == ["shown_panel", "paper_errors"]
    assert finished.runs[1].missing == []
    assert [run.name for run in finished.having("shown_panel", "roc")] == ["ptb_xl/wide"]
    for run in finished.runs:
        for table in run.tables.values():
            assert "patient_id" not in table
            assert not any(
                table[column].astype(str).str.contains("secret").any() for column in table
            )
        assert all(list(table) == runs.TABLES[name] for name, table in run.tables.items())
        whole = pd.read_parquet(run.run.file("shown_groups.parquet"))
        assert whole["intersection"].any()
        assert len(run.tables["shown_groups"]) == (~whole["intersection"]).sum()


def test_what_must_be_said_first(out):
    finished = find_runs(str(out))
    sentences = runs.notes(finished)
    assert sentences[0].startswith("chexpert/small one: Simulated data")
    assert sentences[-1] == "Runs not finished, and not shown: 1."
    assert sentences[1] == (
        "chexpert/small one: left out below where shown_panel, paper_errors would be needed; made "
        "by `rollcall rehearse --cohort chexpert "
        f"--model {finished.runs[0].run.recipe.model} --run 'small one' --targets 16 --seed 1` "
        "with the other options of its first time."
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ptb_xl/wid", "did you mean 'ptb_xl/wide'"),
        (
            "simulated/half",
            "is not finished; train the rest of its targets: `rollcall audit --cohort simulated",
        ),
    ],
)
def test_a_run_that_cannot_be_chosen_is_one_line(out, name, message):
    with pytest.raises(InputError, match=message) as caught:
        find_runs(str(out), [name])
    assert "\n" not in str(caught.value)


def test_a_run_can_be_chosen(out):
    assert [run.name for run in find_runs(str(out), ["ptb_xl/wide"]).runs] == ["ptb_xl/wide"]


def test_a_damaged_run_beside_it_is_not_looked_at(tmp_path):
    make_run(tmp_path, "ptb_xl", tables=[], patients=30)
    (tmp_path / "simulated" / "torn").mkdir(parents=True)
    (tmp_path / "simulated" / "torn" / "run.json").write_text("")
    assert len(find_runs(str(tmp_path), ["ptb_xl/wide"]).runs) == 1
    with pytest.raises(InputError, match="unknown run 'ptb_xl/wider'"):
        find_runs(str(tmp_path), ["ptb_xl/wider"])
    with pytest.raises(InputError, match="not a readable run"):
        find_runs(str(tmp_path))


NONE_FINISHED = "no finished run; expected one at least, in <cohort>/<run>/: run `make audit` first"


@pytest.mark.parametrize("name", [".", "nowhere"])
def test_no_finished_run_is_one_clear_line(tmp_path, name):
    with pytest.raises(InputError, match=NONE_FINISHED):
        find_runs(str(tmp_path / name))
    with pytest.raises(InputError, match="no finished run"):
        find_runs(str(tmp_path / name), ["ptb_xl/wide"])


def test_unfinished_runs_are_counted(tmp_path):
    make_run(tmp_path, "ptb_xl", finished=None, tables=[])
    with pytest.raises(InputError, match=r"no finished run \(1 not finished\)"):
        find_runs(str(tmp_path))


def test_tables_that_are_not_what_they_should_be(tmp_path):
    path = make_run(tmp_path, "ptb_xl", tables=["paper_errors"])
    replace_table(path, "paper_errors", pd.DataFrame({"models": [20]}))
    with pytest.raises(InputError, match=r"paper_errors\.parquet: no column 'kind'"):
        find_runs(str(tmp_path))
    (path / "paper_errors.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(InputError, match=r"paper_errors\.parquet: damaged"):
        find_runs(str(tmp_path))


def test_two_runs_of_a_dataset_and_other_units_have_labels_of_their_own(tmp_path):
    make_run(tmp_path, "fitzpatrick17k", "a", unit="image", tables=[])
    make_run(tmp_path, "fitzpatrick17k", "b", unit="image", tables=[])
    path = make_run(tmp_path, "mine", "x", tables=["attacks"], finished=None)
    write_json(path / "run.json", json.loads((path / "run.json").read_text()) | {"cohort": "own"})
    finished = find_runs(str(tmp_path))
    assert [run.label for run in finished.runs] == [
        "fitzpatrick17k/a (images)",
        "fitzpatrick17k/b (images)",
        "own",
    ]
    assert runs.command_of(finished.runs[2].run).startswith("`rollcall attack --out ")
    assert sum("a patient is one image" in sentence for sentence in runs.notes(finished)) == 2
