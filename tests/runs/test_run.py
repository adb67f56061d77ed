import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from filelock import FileLock

from rollcall import recipes
from rollcall.data.cohort import Cohort
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.runs import run
from rollcall.util.errors import InputError


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
