import builtins
import dataclasses
import errno
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from filelock import FileLock

from rollcall import recipes
from rollcall.data.cohort import Cohort
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.runs import run
from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError


@pytest.fixture
def recipe():
    return recipes.load("simulated")


def test_a_run_keeps_what_decides_it(tiny, recipe, tmp_path):
    made = run.create(tmp_path / "r", tiny, recipe, 8, seed=3)
    again = run.open_run(tmp_path / "r")
    assert again == made
    assert again.recipe == recipe
    assert again.missing() == list(range(8))
    assert again.members().shape == (8, 60)
    assert {"torch", "python"} <= set(again.config["versions"])


def test_of_another_recipe_what_differs_is_said(tiny, recipe, tmp_path):
    """At any depth, and nothing else of it: a recipe is long."""
    private = {"unit": "patient", "epsilon": 3}
    run.create(tmp_path / "r", tiny, dataclasses.replace(recipe, privacy=private), 8)
    other = dataclasses.replace(recipe, privacy=private | {"epsilon": 1, "clip": 2})
    said = re.escape(
        'recipe is {"privacy": {"epsilon": 3.0, "clip": 1.0}}, '
        'yours is {"privacy": {"epsilon": 1.0, "clip": 2.0}}; a run is never mixed'
    )
    with pytest.raises(InputError, match=said):
        run.create(tmp_path / "r", tiny, other, 8)
    with pytest.raises(InputError, match=r'"privacy": \{"unit": "patient".*yours is .*null'):
        run.create(tmp_path / "r", tiny, recipe, 8)


def test_a_run_grows_and_keeps_its_rows(tiny, recipe, tmp_path):
    before = run.create(tmp_path / "r", tiny, recipe, 8).members()
    grown = run.create(tmp_path / "r", tiny, recipe, 12)
    assert (grown.members()[:8] == before).all()
    assert grown.targets == 12
    assert run.create(tmp_path / "r", tiny, recipe, 8).members().shape == (8, 60)
    assert run.open_run(tmp_path / "r").targets == 12


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"seed": 1}, ["seed is 0", "yours is 1"]),
        ({"epochs": 99}, ["recipe", "99"]),
        ({"name": "other"}, ["cohort", "other"]),
        ({"fingerprint": "f00"}, ["fingerprint", "f00"]),
    ],
)
def test_a_mismatch_names_both_sides(tiny, recipe, tmp_path, change, names):
    run.create(tmp_path / "r", tiny, recipe, 8)
    before = (tmp_path / "r" / "run.json").read_bytes()
    cohort = dataclasses.replace(
        tiny,
        **{
            k: v
            for k, v in change.items()
            if k in {field.name for field in dataclasses.fields(Cohort)}
        },
    )
    other = dataclasses.replace(recipe, **{k: v for k, v in change.items() if k == "epochs"})
    with pytest.raises(InputError) as caught:
        run.create(tmp_path / "r", cohort, other, 8, seed=change.get("seed", 0))
    assert all(name in str(caught.value) for name in names)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "r" / "run.json").read_bytes() == before


def test_a_folder_that_is_no_run_is_left_alone(tiny, recipe, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="is not a run"):
        run.create(tmp_path, tiny, recipe, 8)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("targets", [0, 7, 6, -2])
def test_odd_or_too_few_targets(tiny, recipe, tmp_path, targets):
    with pytest.raises(
        InputError, match=f"targets is {targets}; expected an even number of at least 8"
    ):
        run.create(tmp_path / "r", tiny, recipe, targets)
    assert not (tmp_path / "r").exists()


def test_a_target_exists_when_its_json_does(tiny, recipe, tmp_path):
    made = run.create(tmp_path / "r", tiny, recipe, 8)
    lock = made.claim(3)
    logits = np.random.default_rng(0).normal(size=(len(tiny), 3)).astype(np.float32)
    np.save(tmp_path / "r" / "targets" / "0003.npy", logits)
    assert not made.has(3)
    made.write_target(3, logits, {"seed": 1})
    assert made.has(3)
    assert (made.logits(3) == logits).all()
    assert made.info(3)["seed"] == 1
    assert made.claim(3) is None  # it exists
    lock.release()
    assert made.claim(3) is None


def test_a_claimed_target_is_nobody_elses(tiny, recipe, tmp_path):
    made = run.create(tmp_path / "r", tiny, recipe, 8)
    lock = made.claim(2)
    assert made.claim(2) is None
    lock.release()
    assert made.claim(2) is not None


def test_damaged_logits_are_named(tiny, recipe, tmp_path):
    made = run.create(tmp_path / "r", tiny, recipe, 8)
    made.write_target(0, np.zeros((5, 3), np.float32), {})
    with open(tmp_path / "r" / "targets" / "0000.npy", "ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match=r"0000\.npy: damaged.*sha256"):
        made.logits(0)
    with pytest.raises(InputError, match="target 1 is not trained yet"):
        made.logits(1)


@pytest.mark.parametrize("content", ["", "{", json.dumps([1])[:2]])
def test_a_damaged_run_json(tiny, recipe, tmp_path, content):
    run.create(tmp_path / "r", tiny, recipe, 8)
    (tmp_path / "r" / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"run\.json: not a readable run"):
        run.open_run(tmp_path / "r")


def test_a_run_killed_while_it_was_created_is_created_again(tiny, recipe, tmp_path):
    """Found by random SIGKILLs: the folder was there, and run.json not yet."""
    for name in ("members.npy.part", "members.npy", "run.json.part"):
        folder = tmp_path / name.replace(".", "-")
        (folder / "locks").mkdir(parents=True)
        (folder / "targets").mkdir()
        (folder / name).write_bytes(b"half")
        assert run.create(folder, tiny, recipe, 8).members().shape == (8, 60)


@pytest.mark.parametrize("step", ["create", "set_once"])
def test_run_json_is_changed_by_one_at_a_time(tiny, recipe, tmp_path, step):
    made = run.create(tmp_path / "r", tiny, recipe, 8)
    change = {
        "create": lambda: run.create(tmp_path / "r", tiny, recipe, 12),
        "set_once": lambda: made.set_once("parts", 3),
    }[step]
    with ThreadPoolExecutor(1) as pool:
        with FileLock(made.path / "locks" / "run.lock"):
            task = pool.submit(change)
            with pytest.raises(TimeoutError):
                task.result(0.3)
            before = run.open_run(made.path).config
        task.result(30)
    assert run.open_run(made.path).config != before


def test_the_smallest_cell_is_noted(tiny, recipe, tmp_path):
    made = run.create(tmp_path / "r", tiny, recipe, 8)
    assert made.smallest_cell == MIN_GROUP_SIZE == 10
    assert made.with_smallest_cell(10) is made
    assert made.with_smallest_cell(5).smallest_cell == 5
    assert run.open_run(tmp_path / "r").smallest_cell == 5
    grown = run.create(tmp_path / "r", tiny, recipe, 12)
    assert grown.with_smallest_cell(10).smallest_cell == 10
    with pytest.raises(
        InputError, match="smallest cell is 2; expected a number of patients of at least 3"
    ):
        made.with_smallest_cell(2)


def test_a_run_that_grew_meanwhile_is_not_finished(tiny, invent, tmp_path):
    small = invent(tmp_path / "r", tiny).run
    run.create(tmp_path / "r", tiny, small.recipe, 12)  # another audit
    small.finish()
    assert run.open_run(tmp_path / "r").config["finished"] is None
    invent(tmp_path / "r", tiny, targets=12).run.finish()
    first = run.open_run(tmp_path / "r").config["finished"]
    assert first
    small.finish()
    assert run.open_run(tmp_path / "r").config["finished"] == first


@pytest.mark.parametrize(
    "damage",
    [
        lambda members: ~members,
        lambda members: members[[1, 0, *range(2, 8)]],
        lambda members: members[:, ::-1],
        lambda members: members[:6],
        lambda members: members[:, :59],
        lambda members: members.astype(np.int8),
        lambda members: np.where(np.arange(60) == 7, ~members, members),
    ],
)
def test_members_are_what_the_seed_draws(tiny, recipe, tmp_path, damage):
    made = run.create(tmp_path / "r", tiny, recipe, 8)
    right, path = made.members(), made.path / "members.npy"
    np.save(path, damage(right))
    assert made.members() is right  # read once
    for use in (run.open_run(made.path).members, lambda: run.create(made.path, tiny, recipe, 12)):
        with pytest.raises(InputError, match=r"members\.npy: damaged .*delete it and audit again"):
            use()
    path.unlink()
    assert (run.create(made.path, tiny, recipe, 8).members() == right).all()
    assert (np.load(path) == right).all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"targets": "16"}, "its targets is '16'"),
        ({"targets": True}, "its targets is True"),
        ({"targets": 9}, "its targets are 9"),
        ({"targets": -8}, "its targets is -8"),
        ({"seed": None}, "its seed is None"),
        ({"fingerprint": 3}, "its fingerprint is 3"),
        ({"hardware": {}}, "its hardware lacks"),
        ({"recipe": []}, "its recipe is"),
        ({"smallest_cell": "ten"}, "its smallest_cell is 'ten'"),
        ({"cohort": ...}, "it has no 'cohort'"),
        ({"patients": ...}, "it has no 'patients'"),
        ({"versions": ...}, "it has no 'versions'"),
    ],
)
def test_a_run_json_of_another_shape(tiny, recipe, tmp_path, change, says):
    """Without a checksum, as older versions wrote it."""
    path = run.create(tmp_path / "r", tiny, recipe, 8).path / "run.json"
    content = json.loads(path.read_text()) | change
    content.pop("checksum")
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not ...}))
    with pytest.raises(InputError, match=rf"run\.json: not a readable run \({says}"):
        run.open_run(tmp_path / "r")


def test_an_unknown_recipe_is_one_line(tiny, recipe, tmp_path):
    made = run.create(tmp_path / "r", tiny, recipe, 8)
    newer = run.Run(made.path, made.config | {"recipe": recipe.asdict() | {"novelty": 1}})
    with pytest.raises(InputError, match="no recipe that this version knows"):
        _ = newer.recipe


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"metrics": {"auroc": 0.99}}, "its checksum"),
        ({"seed": 5}, "its checksum"),
        ({"checksum": None, "target": 4}, "it is not of target 3"),
        ({"checksum": None, "sha256": 7}, "it is not of target 3"),
        ({"checksum": None, "run": "other"}, "it is of another run"),
        ({"checksum": None, "metrics": [1]}, "its metrics have no names"),
        ({"checksum": None, "metrics": ...}, "it has no 'metrics'"),
    ],
)
def test_a_damaged_json_of_a_target(tiny, invent, tmp_path, change, says):
    study = invent(tmp_path / "r", tiny)
    path = study.run.path / "targets" / "0003.json"
    content = json.loads(path.read_text()) | change
    path.write_text(json.dumps({k: v for k, v in content.items() if v not in (None, ...)}))
    with pytest.raises(InputError, match=rf"0003\.json: damaged \({says}.*trained anew"):
        study.performance()
    path.unlink()
    assert study.run.missing() == [3]


def test_a_target_of_an_older_version_is_read(tiny, invent, tmp_path):
    study = invent(tmp_path / "r", tiny)
    path = study.run.path / "targets" / "0003.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in content.items() if k not in ("checksum", "run")}))
    assert study.run.logits(3).shape == (len(tiny), tiny.outputs)
    assert len(study.performance()) == 8


@pytest.mark.parametrize("fault", [errno.EMFILE, errno.EACCES, errno.EIO, errno.ENOMEM])
@pytest.mark.parametrize("name", ["run.json", "members.npy", "0003.json", "0003.npy"])
def test_faults_of_the_machine_are_no_damage(tiny, invent, tmp_path, monkeypatch, fault, name):
    real = builtins.open
    invent(tmp_path / "r", tiny)

    def refuse(file, *arguments, **options):
        if str(file).endswith(name):
            raise OSError(fault, os.strerror(fault), str(file))
        return real(file, *arguments, **options)

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("io.open", refuse)

    def read():
        opened = run.open_run(tmp_path / "r")
        return opened.members(), opened.logits(3)

    with pytest.raises(MachineError) as caught:
        read()
    assert "damaged" not in str(caught.value)
    assert "delete" not in str(caught.value)
