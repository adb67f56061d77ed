"""Tables are read by the run they were made from, and by no other."""

import json
import multiprocessing
import threading

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from rollcall import auditing
from rollcall.runs import run as run_folder
from rollcall.runs.derived import manifests
from rollcall.runs.derived.manifests import check_made, describe_step
from rollcall.runs.derived.parts import ARRAYS, STEPS, list_derived, name_file
from rollcall.runs.derived.tables import read_array, read_table, write_step
from rollcall.runs.run import Run
from rollcall.util.errors import InputError

TABLE = pd.DataFrame({"a": [1.0, 2.0]})


def write(run, step, **tables):
    write_step(run, step, describe_step(run, step), tables or {STEPS[step].tables[0]: TABLE})


@pytest.fixture
def study(tmp_path, tiny, invent):
    return invent(tmp_path / "r", tiny, targets=16)


def of_targets(run, targets):
    return Run(run.path, run.config | {"targets": targets})


def test_a_table_carries_what_it_was_made_from(study):
    run = study.run
    write(run, "attack", attacks=TABLE, statistic=np.ones((16, 60), np.float32))
    pd.testing.assert_frame_equal(read_table(run, "attacks"), TABLE)
    assert read_array(run, "statistic").shape == (16, 60)
    inside = json.loads(pq.read_schema(run.file("attacks.parquet")).metadata[b"PANDAS_ATTRS"])
    made_from = inside["made_from"]
    assert made_from == describe_step(run, "attack")
    assert set(made_from) == {"fingerprint", "members", "scores", "targets", "seed", "version"}
    assert read_table(run, "attacks").attrs == {}
    assert TABLE.attrs == {}
    assert check_made(run) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda run: of_targets(run, 8), "made from 16 target models, and not 8; run 2_attack"),
        (lambda run: Run(run.path, run.config | {"fingerprint": "f0"}), "another cohort"),
        (lambda run: Run(run.path, run.config | {"recipe": {}}), "is of another run"),
        (lambda run: Run(run.path, run.config | {"seed": 1}), "is of another run"),
    ],
)
def test_another_run_is_refused(study, change, reason):
    write(study.run, "attack")
    other = change(study.run)
    if "another cohort" in reason:  # the targets' json says so first
        reason = "is of another run"
    with pytest.raises(InputError, match=reason) as caught:
        read_table(other, "attacks")
    assert "\n" not in str(caught.value)


def test_another_version_is_refused(study, monkeypatch):
    write(study.run, "attack")
    monkeypatch.setattr(manifests, "__version__", "99.0")
    with pytest.raises(InputError, match="another version of Rollcall; run 2_attack again"):
        read_table(study.run, "attacks")


def test_a_target_trained_anew_with_other_logits_makes_tables_stale(study):
    write(study.run, "attack")
    logits, info = study.run.logits(3), study.run.info(3)
    study.run.write_target(3, np.asarray(logits) + 1, info)
    with pytest.raises(InputError, match="made from other scores; run 2_attack again"):
        read_table(study.run, "attacks")


def test_groups_of_an_earlier_attack_are_stale(study):
    write(study.run, "attack")
    write(study.run, "disparity")
    read_table(study.run, "disparity")
    write(study.run, "attack")  # the same once more
    read_table(study.run, "disparity")
    write(study.run, "attack", attacks=TABLE + 1)
    assert not study.run.file("disparity.parquet").exists()
    with pytest.raises(InputError, match="run 3_disparity again"):
        read_table(study.run, "disparity")


def test_groups_are_of_a_smallest_cell_and_attacks_are_not(study):
    write(study.run, "attack")
    write(study.run, "disparity")
    few = study.run.with_smallest_cell(5)
    read_table(few, "attacks")
    with pytest.raises(InputError, match="another smallest cell; run 3_disparity again"):
        read_table(few, "disparity")


def test_tables_of_an_older_version_are_refused_and_its_targets_are_not(study):
    run = study.run
    for name in [name for name in STEPS["attack"].tables if name not in ARRAYS]:
        TABLE.to_parquet(run.file(name_file(name)))
    for path in [run.file("run.json"), *run.file("targets").glob("*.json")]:
        content = json.loads(path.read_text())
        path.write_text(json.dumps({k: v for k, v in content.items() if k != "checksum"}))
    older = run_folder.open_run(run.path)
    assert older.logits(3).shape == (len(study.cohort), study.cohort.outputs)
    with pytest.raises(InputError, match="run 2_attack again"):
        read_table(older, "attacks")


def test_an_attack_leaves_nothing_of_another(study):
    run = study.run
    write(run, "attack")
    write(run, "disparity")
    for name in list_derived():
        path = run.file(name)
        path.parent.mkdir(exist_ok=True)
        path.exists() or path.write_bytes(b"first")
    mine = [run.file("figures/mine.png"), run.file("notebooks/notes.ipynb"), run.file("mine.txt")]
    for path in mine:
        path.write_bytes(b"mine")
    write(of_targets(run, 8), "attack")
    left = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
    assert left & set(list_derived()) == {"attacks.parquet"}
    assert all(path.exists() for path in mine)
    assert sorted(path.name for path in run.file("made").iterdir()) == ["attack.json"]


def test_a_step_that_is_killed_leaves_tables_that_are_not_read(study, monkeypatch):
    run = study.run
    write(run, "attack", attacks=TABLE, risk=TABLE)

    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(manifests, "write_sealed", die)
        with pytest.raises(Killed):
            write(run, "attack", attacks=TABLE + 1, risk=TABLE)
    with pytest.raises(InputError, match="run 2_attack again"):
        read_table(run, "risk")
    write(run, "attack", attacks=TABLE, risk=TABLE)
    read_table(run, "risk")


def _write_often(path, cohort, targets, times):
    run = of_targets(run_folder.open_run(path), targets)
    table = pd.DataFrame({"a": np.full(20_000, targets, float)})
    for _ in range(times):
        with run.hold("steps"):
            write(run, "attack", attacks=table, risk=table)


def test_two_writers_never_mix(study):
    """Each read is the reader's own whole table, or one line."""
    run, path = study.run, study.run.path
    context = multiprocessing.get_context("fork")
    writers = [
        context.Process(target=_write_often, args=(path, None, targets, 15)) for targets in (8, 16)
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        for targets in (8, 16):
            try:
                table = read_table(of_targets(run, targets), "attacks")
            except InputError:
                continue
            assert (table["a"] == targets).all()
            assert len(table) == 20_000
    assert all(writer.exitcode == 0 for writer in writers)
    last = []
    for targets in (8, 16):
        try:
            last.append(len(read_table(of_targets(run, targets), "attacks")))
        except InputError:
            continue
    assert last == [20_000]  # of the writer who came last; the other's is refused


def test_a_reader_waits_for_who_is_writing(study):
    run = study.run
    write(run, "attack")
    seen = []
    with run.hold("steps"):
        manifests.forget(run, "attack")
        reader = threading.Thread(target=lambda: seen.append(read_table(run, "attacks")))
        reader.start()
        reader.join(0.5)
        assert reader.is_alive()
        write(run, "attack")
    reader.join(30)
    pd.testing.assert_frame_equal(seen[0], TABLE)


def test_an_unfinished_run_cannot_be_described(tmp_path, tiny):
    from rollcall import recipes

    run = run_folder.create(tmp_path / "r", tiny, recipes.load("simulated"), 8)
    with pytest.raises(InputError, match="target 0 is not trained yet"):
        auditing.attack(auditing.Audit(run, tiny))
