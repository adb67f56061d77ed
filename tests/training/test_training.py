import dataclasses
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from rollcall import datasets as cohorts
from rollcall import models, recipes, training
from rollcall.runs import run
from rollcall.training import batches as feed
from rollcall.training import evaluation as evaluate
from rollcall.training import optimiser as optimise
from rollcall.training import stack, trainer
from rollcall.training import worker as workers
from rollcall.util import files
from rollcall.util.errors import InputError

RECIPE = recipes.Recipe(
    model="mlp", epochs=3, batch=16, learning_rate=1e-3, settings={"width": 32, "depth": 2}, stack=4
)


def trained_alone(cohort, recipe, targets, members):
    """The logits of each target, one stack for all of `targets`."""
    torch.set_num_threads(1)
    own = [np.flatnonzero(members[target][cohort.patient_index]) for target in targets]
    seeds = [feed.target_seed(0, target) for target in targets]
    return {
        target: logits
        for target, (logits, _) in zip(targets, trainer.train_stack(cohort, recipe, own, seeds))
    }


@pytest.fixture(scope="module")
def members(tiny):
    from rollcall.stats.members import draw_members

    return draw_members(8, len(tiny.patients), 0)


def test_batches_use_every_member_before_any_again():
    own = np.arange(10, 33)
    drawn = np.concatenate(list(feed.batches(5, own, 7, 23)))
    assert len(drawn) == 7 * 23
    assert set(drawn) == set(own)
    for start in range(0, len(drawn) - 23, 23):
        assert sorted(drawn[start : start + 23]) == sorted(own)
    assert (drawn == np.concatenate(list(feed.batches(5, own, 7, 23)))).all()


def test_the_learning_rate_rises_then_falls_to_zero():
    rates = [optimise.learning_rate(RECIPE, step, 100) for step in range(100)]
    assert rates[0] < rates[3] < rates[4]
    assert max(rates) <= RECIPE.learning_rate
    assert rates[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("model", "cohort_task"),
    [("mlp", "multiclass"), ("mlp", "binary"), ("tabular_resnet", "binary")],
)
def test_a_stack_is_a_loop(tiny, members, model, cohort_task):
    """The stacked training equals a plain loop over one nn.Module with torch's own loss, to rounding, over a few steps."""
    cohort = tiny
    if cohort_task == "binary":
        cohort = dataclasses.replace(
            tiny, labels=(tiny.labels > 0).astype(np.int64), task="binary", classes=("no", "yes")
        )
    if model == "tabular_resnet":
        flat = np.asarray(tiny.inputs).reshape(len(tiny), -1)[:, ::16].astype(np.float32) / 255
        cohort = dataclasses.replace(cohort, inputs=flat)
    recipe = dataclasses.replace(RECIPE, model=model, epochs=1, settings={"width": 60, "depth": 1})
    targets = [0, 1, 2]
    stacked = trained_alone(cohort, recipe, targets, members)
    for target in targets:
        torch.manual_seed(feed.target_seed(0, target))
        network = models.build(model, cohort.inputs.shape[1:], cohort.outputs, **recipe.settings)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        own = np.flatnonzero(members[target][cohort.patient_index])
        steps = feed.steps_of(recipe, len(cohort))
        for step, index in enumerate(
            feed.batches(feed.target_seed(0, target), own, recipe.batch, steps)
        ):
            optimiser.param_groups[0]["lr"] = optimise.learning_rate(recipe, step, steps)
            x = torch.from_numpy(np.asarray(cohort.inputs[index])).float()
            x = x / 127.5 - 1 if cohort.inputs.dtype == np.uint8 else x
            y = torch.from_numpy(cohort.labels[index])
            z = network(x)
            loss = (
                torch.nn.functional.cross_entropy(z, y)
                if cohort.task == "multiclass"
                else torch.nn.functional.binary_cross_entropy_with_logits(z[:, 0], y.float())
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            x = torch.from_numpy(np.asarray(cohort.inputs)).float()
            expected = network(x / 127.5 - 1 if cohort.inputs.dtype == np.uint8 else x).numpy()
        np.testing.assert_allclose(stacked[target], expected, atol=2e-3)


def test_a_target_alone_is_the_same_target_in_a_stack(tiny, members):
    full = trained_alone(tiny, RECIPE, [4, 5, 6, 7], members)
    for company in ([5], [5, 2], [1, 3, 5]):
        assert (trained_alone(tiny, RECIPE, company, members)[5] == full[5]).all()


def test_the_demos_target_5_is_the_same_alone(tmp_path):
    """The demo's own recipe and width: the 1e-4 that is asked for is met exactly."""
    cohort = cohorts.load("simulated", data=tmp_path, patients=400)
    from rollcall.stats.members import draw_members

    members, recipe = draw_members(8, 400, 0), recipes.load("simulated")
    assert (
        trained_alone(cohort, recipe, [5], members)[5]
        == trained_alone(cohort, recipe, list(range(8)), members)[5]
    ).all()


def test_small_cnn_learns(tiny, members):
    recipe = recipes.load("simulated", "small_cnn")
    (logits,) = trained_alone(tiny, dataclasses.replace(recipe, epochs=30), [0], members).values()
    own = members[0][tiny.patient_index]
    assert (logits.argmax(1) == tiny.labels)[own].mean() > 0.7


@pytest.fixture(scope="module")
def multilabel(tiny):
    """The tiny cohort with two labels of its own, and a test set."""
    labels = np.stack([tiny.labels == 1, tiny.labels > 0], 1).astype(np.int64)
    return dataclasses.replace(
        tiny,
        labels=labels,
        task="multilabel",
        classes=("effusion", "any"),
        test=dataclasses.replace(
            tiny,
            inputs=tiny.inputs[:50],
            labels=labels[:50],
            task="multilabel",
            records=tiny.records[:50],
            classes=("effusion", "any"),
        ),
    )


def test_many_labels_average_views_and_a_test_set(multilabel, members):
    recipe = recipes.Recipe(
        "small_cnn",
        epochs=20,
        batch=16,
        learning_rate=3e-3,
        augment="weak",
        views=3,
        ema=0.9,
        accumulate=2,
        stack=1,
    )
    own = members[0][multilabel.patient_index]
    ((logits, test),) = trainer.train_stack(multilabel, recipe, [np.flatnonzero(own)], [3])
    assert logits.shape == (len(multilabel), 3, 2)
    assert test.shape == (50, 2)
    assert np.allclose(logits[:50, 0], test, atol=1e-5)  # the first view is the clean image
    assert not np.allclose(logits[:, 0], logits[:, 1])
    result = evaluate.performance(multilabel, logits, own, test)
    assert set(result) == {
        f"{metric}_{part}"
        for metric in ("accuracy", "auroc")
        for part in ("members", "non_members", "test")
    }
    assert result["accuracy_members"] == pytest.approx(
        ((logits[own, 0] > 0) == multilabel.labels[own]).mean()
    )
    assert result["auroc_members"] > 0.7
    ((again, _),) = trainer.train_stack(multilabel, recipe, [np.flatnonzero(own)], [3])
    assert (again == logits).all()


def test_a_label_that_never_occurs_does_not_hide_the_others():
    z, y = np.array([[1.0, 2], [-1, 3], [2, -1]]), np.array([[1, 0], [0, 0], [1, 0]])
    assert evaluate._accuracy_auroc(z, y, "multilabel") == (pytest.approx(4 / 6), 1.0)


def test_signals_are_scaled():
    stored = torch.tensor([[1000, -500]], dtype=torch.int16)
    assert feed.as_input(stored, 1e-3).tolist() == [[1.0, -0.5]]
    assert feed.as_input(torch.tensor([0, 255], dtype=torch.uint8), 5.0).tolist() == [-1.0, 1.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"augment": "medum"}, "did you mean 'medium'"), ({"augment": "none", "views": 4}, "4 views")],
)
def test_an_augmentation_that_cannot_be_is_said_before_training(tiny, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        training.train(
            run.create(tmp_path / "r", tiny, dataclasses.replace(RECIPE, **change), 8),
            tiny,
            workers=1,
        )


def test_dropout_is_the_targets_own(tiny, members):
    recipe = recipes.Recipe(
        "vit",
        epochs=1,
        batch=16,
        learning_rate=1e-3,
        settings={"patch": 8, "width": 16, "depth": 1, "heads": 2, "mlp": 16},
        stack=1,
    )
    own = np.flatnonzero(members[0][tiny.patient_index])
    torch.manual_seed(1)
    first = next(trainer.train_stack(tiny, recipe, [own], [5]))[0]
    torch.manual_seed(2)
    assert (first == next(trainer.train_stack(tiny, recipe, [own], [5]))[0]).all()
    assert (first != next(trainer.train_stack(tiny, recipe, [own], [6]))[0]).any()


def test_parameter_counts():
    def count(name, shape, outputs, **settings):
        return sum(p.numel() for p in models.build(name, shape, outputs, **settings).parameters())

    assert count("tabular_resnet", (64,), 1) == 1_649_401  # Knolle et al. 2026
    assert count("mlp", (32, 32, 1), 3) == 1024 * 128 + 128 + 128 * 128 + 128 + 128 * 3 + 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: models.build("small_cnn", (64,), 1), "needs images"),
        (lambda: models.build("tabular_resnet", (8, 8, 1), 1), "needs a table"),
        (lambda: models.build("mpl", (64,), 1), "did you mean 'mlp'"),
        (lambda: models.build("mlp", (64,), 1, wdith=3), "wdith"),
        (
            lambda: recipes.load("simulated", model="vit"),
            "unknown model for cohort 'simulated' 'vit'",
        ),
        (
            lambda: recipes.check(dataclasses.replace(RECIPE, learning_rate=-1)),
            "learning_rate is -1",
        ),
    ],
)
def test_unknown_models_and_recipes(call, message):
    with pytest.raises(InputError, match=message):
        call()


# --- runs: killed, resumed, shared -----------------------------------------------------------------------------------------------

PLAN = """
import sys
from rollcall import audit
if __name__ == "__main__":
    plan = audit.plan(cohort="simulated", targets=16, out=sys.argv[1], data=sys.argv[2], options=["patients=60"], recipe=["epochs=40", "stack=2"])
    audit.train(plan)
"""


def start(folder, out, data):
    script = folder / "train.py"
    script.write_text(PLAN)
    return subprocess.Popen(
        [sys.executable, str(script), str(out), str(data)],
        env=os.environ | {"PYTHONPATH": str(files.home())},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def finished(out):
    return sorted((out / "simulated" / "mlp" / "targets").glob("*.npy"))


def same_results(a, b):
    assert (
        [path.name for path in finished(a)]
        == [path.name for path in finished(b)]
        == [f"{target:04d}.npy" for target in range(16)]
    )
    for left, right in zip(finished(a), finished(b)):
        assert left.read_bytes() == right.read_bytes()
        left_info, right_info = (
            run.open_run(left.parents[1]).info(int(left.stem)),
            run.open_run(right.parents[1]).info(int(right.stem)),
        )
        assert {**left_info, "seconds": 0} == {**right_info, "seconds": 0}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    assert start(folder, folder / "out", folder / "data").wait() == 0
    return folder


def test_killed_at_ten_random_moments_and_resumed(undisturbed, tmp_path):
    moments = random.Random(7)
    kills = 0
    while kills < 10:
        process = start(tmp_path, tmp_path / "out", undisturbed / "data")
        time.sleep(moments.uniform(1.5, 6.0))
        if (
            process.poll() is not None
        ):  # it was quicker than the kill: take two targets away, so that there is something to kill
            for target in moments.sample(range(16), 4):
                (tmp_path / "out" / "simulated" / "mlp" / "targets" / f"{target:04d}.json").unlink()
            continue
        os.killpg(process.pid, signal.SIGKILL)  # the process and its workers
        process.wait()
        kills += 1
    assert start(tmp_path, tmp_path / "out", undisturbed / "data").wait() == 0
    same_results(undisturbed / "out", tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.part"))


def test_two_processes_train_each_target_once(undisturbed, tmp_path):
    both = [start(tmp_path, tmp_path / "out", undisturbed / "data") for _ in range(2)]
    seen = {}
    while any(process.poll() is None for process in both):
        for path in (tmp_path / "out").glob("simulated/mlp/targets/*.json"):
            seen.setdefault(path.name, set()).add(path.stat().st_mtime_ns)
        time.sleep(0.05)
    assert [process.returncode for process in both] == [0, 0]
    assert len(seen) == 16
    assert all(len(times) == 1 for times in seen.values())
    same_results(undisturbed / "out", tmp_path / "out")


def test_workers_stop_when_the_one_who_asked_is_gone(undisturbed, tmp_path):
    process = start(tmp_path, tmp_path / "out", undisturbed / "data")
    while (
        not (tmp_path / "out" / "simulated" / "mlp" / "locks").is_dir()
        or len(list((tmp_path / "out" / "simulated" / "mlp" / "locks").iterdir())) < 2
    ):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)  # the parent alone
    process.wait()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("a worker outlived its parent")


def test_divergence_is_said(tiny, tmp_path):
    recipe = dataclasses.replace(RECIPE, optimiser="sgd", learning_rate=1e12, momentum=0.9)
    made = run.create(tmp_path / "r", tiny, recipe, 8)
    with pytest.raises(
        InputError,
        match=r"target \d diverged .* each of 3 seeds; lower the recipe's learning_rate, now 1e\+12",
    ):
        training.train(made, tiny, workers=1)
    assert made.missing() == list(range(8))
    assert multiprocessing.active_children() == []
    (journal,) = (made.path / "logs").glob("*.log")
    assert journal.read_text().count("diverged with seed") >= 3


def test_a_target_that_diverges_leaves_its_neighbours_alone_and_is_tried_with_another_seed(
    tiny, tmp_path, monkeypatch
):
    """Target 1's first seed, and target 3's first two, are made to start from NaN; everything after that is the ordinary way."""
    quiet = run.create(tmp_path / "quiet", tiny, RECIPE, 8)
    member = workers.join(str(quiet.path), 8, str(tiny.folder), "cpu")
    assert member.train(list(range(8)), most=4) == 4
    assert member.train(list(range(8)), most=4) == 4
    bad = {feed.target_seed(0, 1), feed.target_seed(0, 3), feed.target_seed(0, 3, 1)}
    build = stack._build

    def poisoned(recipe, cohort, seed):
        network = build(recipe, cohort, seed)
        if seed in bad:
            next(network.parameters()).data[0, 0] = float("nan")
        return network

    monkeypatch.setattr(stack, "_build", poisoned)
    shaken = run.create(tmp_path / "shaken", tiny, RECIPE, 8)
    member = workers.join(str(shaken.path), 8, str(tiny.folder), "cpu")
    assert member.train(list(range(8)), most=4) == 4
    assert member.train(list(range(8)), most=4) == 4
    for target in range(8):
        if target in (1, 3):
            lost = [
                feed.target_seed(0, target, attempt) for attempt in range(2 if target == 3 else 1)
            ]
            info = shaken.info(target)
            assert info["diverged_seeds"] == lost
            assert info["seed"] == feed.target_seed(0, target, len(lost))
            assert np.isfinite(shaken.logits(target)).all()
        else:
            assert (shaken.logits(target) == quiet.logits(target)).all()
            assert "diverged_seeds" not in shaken.info(target)
    assert "target 3 diverged" in next((shaken.path / "logs").glob("*.log")).read_text()
