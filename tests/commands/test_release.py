"""`rollcall release` from the command line, with references given, so that nothing is trained."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from rollcall import auditing, models
from rollcall.__main__ import main
from rollcall.stats.members import draw_members
from tests.report.appetite.examples import write_file

OPTIONS = ("--option", "patients=300")


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A release of invented scores on the simulated cohort: every fourth member is remembered."""
    folder = tmp_path_factory.mktemp("release")
    cohort = auditing.load_cohort("simulated", data=str(folder / "data"), patients=300)
    rng, index = np.random.default_rng(0), cohort.patient_index
    members = rng.random(300) < 0.5
    references = draw_members(16, 300, 1)
    shift = (np.arange(300) % 4 == 0) * 6.0
    hard = rng.normal(size=len(cohort))
    kinds = np.concatenate([members[None], references])[:, index]
    scores = hard + kinds * shift[index] + rng.normal(size=kinds.shape)
    np.save(folder / "scores.npy", scores[0])
    np.save(folder / "references.npy", scores[1:])
    np.save(folder / "whom.npy", references)
    table = pd.DataFrame({"patient_id": cohort.patients, "trained": members.astype(int)})
    table.to_csv(folder / "members.csv", index=False)
    return folder, cohort, members


def call(folder, *words):
    files = ("--members", folder / "members.csv", "--outputs", folder / "scores.npy")
    where = ("--out", folder / "out", "--data", folder / "data", *OPTIONS)
    return main(["release", *map(str, (*where, *files, *words))])


def references(folder):
    return (
        *("--reference-scores", folder / "references.npy"),
        *("--reference-members", folder / "whom.npy"),
    )


def test_a_release_is_checked_and_written(given, capsys):
    folder, _, members = given
    assert call(folder, *references(folder), "--name", "mine") == 0
    out = capsys.readouterr().out
    assert "members are exposed by this model" in out
    result = folder / "out" / "simulated" / "mine"
    assert json.loads((result / "release.json").read_text())["members"] == members.sum()
    patients = pd.read_parquet(result / "patients.parquet")
    assert patients["named"].sum() > 20
    assert (np.flatnonzero(patients["named"]) % 4 == 0).mean() > 0.9
    assert not (folder / "out" / "simulated" / "mlp").exists()  # no run that nobody trains


def test_records_are_written_in_their_order(given, capsys):
    folder, cohort, _ = given
    assert call(folder, "--write-records", folder / "records.csv") == 0
    table = pd.read_csv(folder / "records.csv", dtype=str)
    assert list(table["patient_id"]) == list(cohort.records["patient_id"])


def test_without_outsiders_it_is_refused_with_the_reason(given, capsys):
    folder, cohort, _ = given
    everybody = pd.DataFrame({"patient_id": cohort.patients, "trained": 1})
    everybody.to_csv(folder / "all.csv", index=False)
    assert call(folder, *references(folder), "--members", folder / "all.csv") == 2
    assert "0 known outsiders; expected at least 19 from the same source" in capsys.readouterr().err


def test_a_model_that_cannot_be_read_leaves_no_run_behind(given, capsys):
    folder = given[0]
    (folder / "w.pt").write_bytes(b"no weights")
    assert call(folder, "--outputs", "", "--weights", folder / "w.pt", "--run", "fresh") == 2
    assert "w.pt" in capsys.readouterr().err
    assert not (folder / "out" / "simulated" / "fresh").exists()


def test_references_are_models_that_exist(given, capsys):
    """A network and its weights, and one like it: nothing is trained, and no run is left."""
    folder, cohort, _ = given
    torch.manual_seed(0)
    network = models.build("mlp", cohort.inputs.shape[1:], 3, width=128, depth=2)
    words = ["--outputs", "", "--weights", folder / "released.pt"]
    for name in ("released", "one", "two"):
        noise = {key: 1e-3 * torch.randn(value.shape) for key, value in network.named_parameters()}
        weights = {key: value + noise[key] for key, value in network.state_dict().items()}
        torch.save(weights, folder / f"{name}.pt")
        if name != "released":
            words += ["--reference", f"mlp={folder / name}.pt"]
    assert call(folder, *words, "--name", "open", "--run", "fresh") == 0
    out = capsys.readouterr().out
    assert "2 references that never saw the patients" in out
    assert not (folder / "out" / "simulated" / "fresh").exists()
    twin = json.loads((folder / "out" / "simulated" / "open" / "release.json").read_text())
    assert twin["references"] == 2
    assert call(folder, "--reference", f"mlp={folder / 'one.pt'}") == 2
    assert "expected --weights of the released one" in capsys.readouterr().err


def test_outsiders_of_another_source_are_flagged(given, capsys):
    """Members of one sex alone: the control sees it among the attributes."""
    folder, cohort, _ = given
    sex = cohort.records.drop_duplicates("patient_id")["sex"].to_numpy()
    flags = pd.DataFrame({"patient_id": cohort.patients, "in": (sex == sex[0]).astype(int)})
    flags.to_csv(folder / "sex.csv", index=False)
    words = (*references(folder), "--members", folder / "sex.csv", "--name", "confounded")
    assert call(folder, *words) == 0
    assert "Nobody is named: members can be told" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--members", ""), "--members is missing"),
        (("--outputs", ""), "0 of --outputs, --weights and --onnx were given"),
        (("--weights", "w.pt"), "2 of --outputs"),
        (("--reference-scores", "x.npy"), "expected both or neither"),
        (("--name", "../x"), "expected a plain folder name"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(given, capsys, words, line):
    assert call(given[0], *words) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("thresholds", "status"),
    [({"exposed_share": 0.99}, 0), ({"exposed_patients": 12}, 3), ({"models": 64}, 4)],
)
def test_a_release_is_held_against_thresholds(given, capsys, tmp_path, thresholds, status):
    folder, _, _ = given
    path = tmp_path / "appetite.toml"
    path.write_text(write_file(thresholds=thresholds))
    words = (*references(folder), "--name", "judged", "--appetite", path)
    assert call(folder, *words) == status
    result = folder / "out" / "simulated" / "judged"
    assert json.loads((result / "verdict.json").read_text())["exit_status"] == status
    streams = capsys.readouterr()
    assert "By the thresholds of 2024-03-01: " in streams.out
    assert bool(streams.err) == bool(status)
