"""Scores from elsewhere: the same tables and report without training anything."""

import re

import numpy as np
import pandas as pd
import pytest

from rollcall.__main__ import build_parser, main
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report import notebooks
from rollcall.runs import external
from rollcall.stats.members import draw_members
from rollcall.util.errors import InputError
from tests.end_to_end import in_process


def write(folder, targets=16, patients=80, seed=0):
    """Write scores of patients with 1 to 3 records each, the first 8 of whom leak; and groups."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(patients), rng.integers(1, 4, patients))
    members = draw_members(targets, patients, seed)
    scores = (
        rng.normal(size=(targets, len(owner))) + 8 * (members & (np.arange(patients) < 8))[:, owner]
    )
    np.save(folder / "scores.npy", scores.astype(np.float32))
    np.save(folder / "members.npy", members)
    pd.DataFrame({"patient_id": [f"p{k:03d}" for k in owner]}).to_csv(
        folder / "ids.csv", index=False
    )
    pd.DataFrame(
        {
            "patient_id": [f"p{k:03d}" for k in range(patients)],
            "ward": ["east"] * 20 + ["west"] * (patients - 20),
            "sex": ["f", ""] * (patients // 2),
        }
    ).to_csv(folder / "table.csv", index=False)
    return folder, owner, members


def arguments(folder, out, attributes="table.csv", **other):
    names = {"scores": "scores.npy", "members": "members.npy", "patients": "ids.csv"} | other
    return [
        "attack",
        *(word for key, name in names.items() for word in (f"--{key}", str(folder / name))),
        "--out",
        str(out),
        *(["--attributes", str(folder / attributes)] if attributes else []),
    ]


@pytest.mark.slow
def test_the_whole_audit_of_given_scores(tmp_path, capsys):
    folder, _, _ = write(tmp_path / "in")
    assert main(arguments(folder, tmp_path / "out")) == 0
    printed = capsys.readouterr().out
    patients = pd.read_parquet(tmp_path / "out" / "patients.parquet")
    assert list(patients["patient_id"]) == [f"p{k:03d}" for k in range(80)]
    assert patients["exposed"].to_numpy()[:8].all()
    assert patients["exposed"].sum() <= 10
    assert "Fewer than 10 of 80 patients are exposed" in printed
    assert "Too few patients are exposed to compare groups." in printed
    for name in (
        "report.html",
        "attacks.parquet",
        "records.parquet",
        "disparity.parquet",
        "figures/survival.pdf",
    ):
        assert (tmp_path / "out" / name).is_file()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "trained elsewhere" in page
    assert "p003" not in page


@pytest.mark.slow
def test_without_attributes_there_is_no_disparity_part(tmp_path, capsys, monkeypatch, no_kernels):
    """In this process; the audit above has kernels."""
    monkeypatch.setattr(notebooks, "execute_notebook", in_process.execute_notebook)
    folder, _, _ = write(tmp_path / "in")
    assert main(arguments(folder, tmp_path / "out", attributes="")) == 0
    assert not (tmp_path / "out" / "disparity.parquet").exists()
    assert "groups" not in capsys.readouterr().out


def test_members_by_record_and_by_patient_are_the_same(tmp_path):
    folder, owner, members = write(tmp_path / "in")
    np.save(folder / "by_record.npy", members[:, owner])
    a, _ = external.create(
        folder / "scores.npy", folder / "members.npy", folder / "ids.csv", None, tmp_path / "a"
    )
    b, _ = external.create(
        folder / "scores.npy",
        folder / "by_record.npy",
        folder / "ids.csv",
        folder / "table.csv",
        tmp_path / "b",
    )
    assert (a.members() == b.members()).all()
    assert (a.scores() == np.load(folder / "scores.npy")).all()
    _, cohort = external.read(tmp_path / "b")
    assert cohort.attributes == ("ward", "sex")
    assert cohort.records["sex"].isna().sum() == (owner % 2).sum()


def test_attributes_may_be_by_record(tmp_path):
    folder, owner, _ = write(tmp_path / "in")
    pd.DataFrame({"view": np.where(owner % 3, "a", "b")}).to_csv(
        folder / "records.csv", index=False
    )
    _, cohort = external.create(
        folder / "scores.npy",
        folder / "members.npy",
        folder / "ids.csv",
        folder / "records.csv",
        tmp_path / "a",
    )
    assert (cohort.records["view"] == np.where(owner % 3, "a", "b")).all()


def edit(name, change):
    def damage(folder):
        np.save(folder / name, change(np.load(folder / name)))

    return damage


def one_in_both(members):
    members[1, 5] = members[0, 5]
    return members


def infinite(scores):
    scores[3, 7] = np.inf
    return scores


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            edit("scores.npy", lambda a: a[:, :-1]),
            r"scores.npy: \(16, \d+\), expected \(targets, \d+\): a column for each row of",
        ),
        (edit("scores.npy", lambda a: a.astype(int)), "scores.npy: int64 .*expected float"),
        (edit("scores.npy", infinite), "scores.npy: target 3, record 7 is NaN or infinite"),
        (edit("scores.npy", lambda a: a[:15]), r"members.npy: \(16, 80\), expected \(15, 80\)"),
        (edit("scores.npy", lambda a: a[:5]), r"5 target models; expected at least 6"),
        (
            edit("members.npy", lambda a: a[:, :-1]),
            r"members.npy: \(16, 79\), expected \(16, 80\) for patients",
        ),
        (edit("members.npy", lambda a: a * np.uint8(2)), "members.npy: uint8 .*expected bool"),
        (edit("members.npy", one_in_both), "column 5 is in both or neither of targets 0 and 1"),
        (
            lambda folder: np.save(
                folder / "scores.npy", np.array([{"a": 1}], object), allow_pickle=True
            ),
            "scores.npy: not a readable .npy",
        ),
        (
            lambda folder: (folder / "members.npy").write_bytes(b"x"),
            "members.npy: not a readable .npy",
        ),
        (lambda folder: (folder / "members.npy").unlink(), "members.npy: not a readable .npy"),
        (
            lambda folder: (folder / "ids.csv").write_text("id,name\n1,2\n"),
            "ids.csv: lacks the column 'patient_id'",
        ),
        (lambda folder: (folder / "ids.csv").write_text(""), "ids.csv: empty"),
        (
            lambda folder: (folder / "table.csv").write_text("patient_id,ward\np000,a\n"),
            "table.csv: no row for patient 'p001'",
        ),
        (
            lambda folder: (folder / "table.csv").write_text("patient_id,ward\np000,a\np000,b\n"),
            "row 3, column 'patient_id': 'p000'",
        ),
        (
            lambda folder: (folder / "table.csv").write_text("ward\na\n"),
            "1 rows and no column patient_id",
        ),
    ],
)
def test_a_wrong_file_is_one_line_and_nothing_is_written(
    tmp_path, capsys, no_kernels, damage, message
):
    folder, _, _ = write(tmp_path / "in")
    damage(folder)
    assert main(arguments(folder, tmp_path / "out")) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert re.search(message, lines[0])
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    folder, _, _ = write(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(InputError, match="is not an audit of own scores"):
        external.create(
            folder / "scores.npy",
            folder / "members.npy",
            folder / "ids.csv",
            None,
            tmp_path / "out",
        )


def test_the_smallest_cell_is_checked_before_anything_is_written(tmp_path):
    paths = [tmp_path / name for name in ("scores.npy", "members.npy", "patients.csv", "out")]
    with pytest.raises(InputError, match="smallest cell is 1"):
        external.create(*paths[:3], None, paths[3], smallest_cell=1)
    words = [f"--{name}=x" for name in ("scores", "members", "patients", "out")]
    assert build_parser("attack").parse_args(["attack", *words]).smallest_cell == MIN_GROUP_SIZE
