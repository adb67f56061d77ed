"""What a device does best: the chooser, halving when memory runs out, precision, and that every way trains the same targets."""

import dataclasses

import numpy as np
import pytest
import torch

from lib import augment, device, models, recipes, run, training, workers
from lib.device import Way
from lib.errors import InputError

RECIPE = recipes.Recipe(model="mlp", epochs=2, batch=16, learning_rate=1e-3, settings={"width": 32, "depth": 2}, stack=4)
FILMS = recipes.Recipe(model="wide_resnet", epochs=1, batch=16, learning_rate=1e-2, settings={"depth": 10, "widen": 1}, optimiser="sgd", ema=0.9, augment="medium", accumulate=2)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_the_fastest_way_is_chosen_and_one_that_lacks_memory_is_halved():
    def measure(way):
        if way.compiled:
            raise RuntimeError("no compiler")
        if way.targets > 8:
            raise torch.OutOfMemoryError
        return 1 / way.targets

    way, table = device.choose([Way(), Way(compiled=True), Way(lanes=4), Way(width=32)], measure)
    assert way == Way(width=8)
    assert [row.get("failed", row.get("seconds")) for row in table] == [1, "RuntimeError: no compiler", 0.25, "out of memory", "out of memory", 1 / 8]
    assert device.choose([Way(compiled=True)], measure)[0] == Way()
    assert Way(lanes=3, width=2).halved() == Way(lanes=3) and Way(lanes=3).halved() == Way() and Way().halved() is None


def test_ways_fit_the_number_of_targets_and_dropout_trains_alone():
    assert device.ways(RECIPE, 20, False) == [Way(), Way(width=8)]
    assert all(way.targets == 1 for way in device.ways(FILMS, 200, True)) and {way.targets for way in device.ways(FILMS, 200, False)} == {1, 4, 8}


def trained(cohort, recipe, targets, members, **how):
    own = [np.flatnonzero(members[target][cohort.patient_index]) for target in targets]
    trainer = training.Trainer(training.place(cohort), recipe, **how)
    return [logits for logits, _ in trainer.train(own, list(targets))], trainer


@pytest.fixture(scope="module")
def members(tiny):
    from lib.members import draw

    return draw(8, len(tiny.patients), 0)


@pytest.mark.parametrize("recipe, ways", [(RECIPE, [Way(width=3), Way(lanes=2, width=2), Way(lanes=5)]), (FILMS, [Way(width=2), Way(lanes=2)])])
def test_every_way_trains_the_same_targets_to_rounding(tiny, members, recipe, ways):
    """Lanes side by side, stacks of any width (convolutions too), and reuse of a lane: as one target after another, each on its own."""
    alone = [trained(tiny, recipe, [target], members, way=Way())[0][0] for target in range(5)]
    for way in ways:
        for mine, theirs in zip(trained(tiny, recipe, range(5), members, way=way)[0], alone):
            np.testing.assert_allclose(mine, theirs, atol=2e-3)


def test_out_of_memory_halves_the_stack_and_goes_on(tiny, members, monkeypatch):
    whole, lane = trained(tiny, RECIPE, range(4), members, way=Way())[0], training.Lane

    def small(ground, recipe, width, *more):
        if width > 2:
            raise torch.OutOfMemoryError
        return lane(ground, recipe, width, *more)

    monkeypatch.setattr(training, "Lane", small)
    results, trainer = trained(tiny, RECIPE, range(4), members, way=Way(width=8))
    assert trainer.way == Way(width=2) and len(results) == 4
    for mine, theirs in zip(results, whole):
        np.testing.assert_allclose(mine, theirs, atol=2e-3)
    monkeypatch.setattr(training, "Lane", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError))
    with pytest.raises(torch.OutOfMemoryError):
        trained(tiny, RECIPE, range(4), members, way=Way(width=8))


def test_bf16_leaves_heads_losses_and_logits_in_float32(tiny, members):
    for recipe in (RECIPE, FILMS, dataclasses.replace(RECIPE, model="small_cnn", settings={})):
        seen, network = [], models.build(recipe.model, tiny.inputs.shape[1:], tiny.outputs, **recipe.settings)
        next(layer for layer in network.modules() if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)).register_forward_hook(
            lambda _, inputs, output: seen.append(output.dtype))
        with device.autocast("cpu", "bf16"):
            assert network(torch.zeros(2, *tiny.inputs.shape[1:])).dtype == torch.float32 and seen == [torch.bfloat16]
    exact = trained(tiny, FILMS, [0], members, way=Way())[0][0]
    rounded = trained(tiny, FILMS, [0], members, way=Way(), precision="bf16")[0][0]
    assert rounded.dtype == np.float32 and (rounded != exact).any()
    np.testing.assert_allclose(rounded, exact, atol=0.1)


def test_precision_is_the_recipes_or_the_devices_and_settled_once(tiny, tmp_path, monkeypatch):
    assert device.precision(dataclasses.replace(FILMS, precision="bf16"), "cpu") == "bf16"
    assert device.precision(RECIPE, "cpu") == "float32"
    for has in (True, False):
        monkeypatch.setattr(device, "bf16_processor", lambda: has)
        assert device.precision(FILMS, "cpu") == ("bf16" if has else "float32")
    made = run.create(tmp_path / "r", tiny, dataclasses.replace(FILMS, augment="none"), 8)
    assert workers.join(str(made.path), 8, str(tiny.folder), "cpu").trainer.precision == "float32"
    monkeypatch.setattr(device, "bf16_processor", lambda: True)
    assert workers.join(str(made.path), 8, str(tiny.folder), "cpu").trainer.precision == "float32"  # as the first worker found
    assert run.open_run(made.path).config["precision"] == "float32"
    with pytest.raises(InputError, match="precision is 'fp8'"):
        recipes.check(dataclasses.replace(FILMS, precision="fp8"))


def test_augmentation_takes_draws_that_are_on_the_device_already(tiny):
    images = training.as_input(torch.from_numpy(np.array(tiny.inputs[:9])))
    draws = augment.draw("strong", np.random.default_rng(0), 9, 32, 32)
    assert torch.equal(augment.apply(images, draws), augment.apply(images, {name: torch.from_numpy(values) for name, values in draws.items()}))


def test_the_rate_of_products_is_measured():
    assert 1e8 < device.product_rate("cpu", "float32", 128, 0.02) < 1e14
