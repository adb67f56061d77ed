"""A worker: what it claims, what it stores, and what a target that diverges does."""

import dataclasses
import multiprocessing

import numpy as np
import pytest

from rollcall import datasets, models, training
from rollcall.runs import run
from rollcall.training import device
from rollcall.training.backends.worker import join_run
from rollcall.training.batches import target_seed
from rollcall.util.errors import InputError
from tests.training.common import IMAGE_RECIPE, TABLE_RECIPE


def test_divergence_is_one_line(tiny, tmp_path):
    recipe = dataclasses.replace(TABLE_RECIPE, optimiser="sgd", learning_rate=1e12, momentum=0.9)
    made = run.create(tmp_path / "r", tiny, recipe, 8)
    with pytest.raises(
        InputError,
        match=r"target \d diverged .* each of 3 seeds; lower the recipe's learning_rate, "
        r"now 1e\+12",
    ):
        training.train(made, tiny, workers=1)
    assert made.missing() == list(range(8))
    assert multiprocessing.active_children() == []
    (log,) = (made.path / "logs").glob("*.log")
    assert log.read_text().count("diverged with seed") >= 3


def test_a_target_that_diverges_leaves_its_neighbours_alone_and_is_tried_with_another_seed(
    tiny, tmp_path, monkeypatch
):
    """Target 1's first seed, and target 3's first two, start from NaN; the rest is as always."""
    quiet = run.create(tmp_path / "quiet", tiny, TABLE_RECIPE, 8)
    worker = join_run(str(quiet.path), 8, str(tiny.folder), "cpu")
    assert worker.train(list(range(8)), most=4) == 4
    assert worker.train(list(range(8)), most=4) == 4
    bad = {target_seed(0, 1), target_seed(0, 3), target_seed(0, 3, 1)}
    build = models.build_seeded

    def build_poisoned(recipe, cohort, seed):
        network = build(recipe, cohort, seed)
        if seed in bad:
            next(network.parameters()).data[0, 0] = float("nan")
        return network

    monkeypatch.setattr(models, "build_seeded", build_poisoned)
    shaken = run.create(tmp_path / "shaken", tiny, TABLE_RECIPE, 8)
    worker = join_run(str(shaken.path), 8, str(tiny.folder), "cpu")
    assert worker.train(list(range(8)), most=4) == 4
    assert worker.train(list(range(8)), most=4) == 4
    for target in range(8):
        if target in (1, 3):
            attempts = 2 if target == 3 else 1
            lost = [target_seed(0, target, attempt) for attempt in range(attempts)]
            info = shaken.info(target)
            assert info["diverged_seeds"] == lost
            assert info["seed"] == target_seed(0, target, len(lost))
            assert np.isfinite(shaken.logits(target)).all()
        else:
            assert (shaken.logits(target) == quiet.logits(target)).all()
            assert "diverged_seeds" not in shaken.info(target)
    assert "target 3 diverged" in next((shaken.path / "logs").glob("*.log")).read_text()


def test_precision_is_decided_once(tiny, tmp_path, monkeypatch):
    """By the first worker, for all that follow on other machines."""
    monkeypatch.setattr(device, "has_bf16_cpu", lambda: False)
    recipe = dataclasses.replace(IMAGE_RECIPE, augment="none")
    made = run.create(tmp_path / "r", tiny, recipe, 8)
    assert join_run(str(made.path), 8, str(tiny.folder), "cpu").trainer.precision == "float32"
    monkeypatch.setattr(device, "has_bf16_cpu", lambda: True)
    assert join_run(str(made.path), 8, str(tiny.folder), "cpu").trainer.precision == "float32"
    assert run.open_run(made.path).config["precision"] == "float32"


def test_a_worker_refuses_another_cohort_than_the_runs(tiny, tmp_path):
    made = run.create(tmp_path / "r", tiny, TABLE_RECIPE, 8)
    other = datasets.load("simulated", data=tmp_path / "data", patients=61)
    with pytest.raises(InputError, match="not the cohort of run"):
        join_run(str(made.path), 8, str(other.folder), "cpu")
    assert made.missing() == list(range(8))
