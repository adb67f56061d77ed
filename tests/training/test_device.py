"""What a device does best: the chooser, halving when memory runs out, precision, and that every way trains the same targets."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from rollcall import models, recipes
from rollcall.data import cohort
from rollcall.runs import run
from rollcall.training import augmentation as augment
from rollcall.training import device, layout, stack, trainer
from rollcall.training import worker as workers
from rollcall.training.layout import Way
from rollcall.util.errors import InputError

RECIPE = recipes.Recipe(
    model="mlp", epochs=2, batch=16, learning_rate=1e-3, settings={"width": 32, "depth": 2}, stack=4
)
FILMS = recipes.Recipe(
    model="wide_resnet",
    epochs=1,
    batch=16,
    learning_rate=1e-2,
    settings={"depth": 10, "widen": 1},
    optimiser="sgd",
    ema=0.9,
    augment="medium",
    accumulate=2,
)


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

    way, table = layout.choose([Way(), Way(compiled=True), Way(lanes=4), Way(width=32)], measure)
    assert way == Way(width=8)
    assert [row.get("failed", row.get("seconds")) for row in table] == [
        1,
        "RuntimeError: no compiler",
        0.25,
        "out of memory",
        "out of memory",
        1 / 8,
    ]
    assert layout.choose([Way(compiled=True)], measure)[0] == Way()
    assert Way(lanes=3, width=2).halved() == Way(lanes=3)
    assert Way(lanes=3).halved() == Way()
    assert Way().halved() == Way(parts=2)


def test_a_compiler_is_asked_only_where_the_work_is_long():
    """At a second a step and target without it and half with it: 299 steps are not worth the minutes it takes, 300 are."""

    def measure(way):
        return 0.5 if way.compiled else 1.0

    assert layout.choose([Way(), Way(compiled=True)], measure, 299) == (
        Way(),
        [{**vars(Way()), "seconds": 1.0}],
    )
    assert layout.choose([Way(), Way(compiled=True)], measure, 300)[0] == Way(compiled=True)
    for recipe, random in [(RECIPE, False), (FILMS, False), (FILMS, True)]:
        compiled = [way.compiled for way in layout.ways(recipe, 200, random)]
        assert any(compiled)
        assert compiled == sorted(compiled)


def test_ways_fit_the_number_of_targets_and_dropout_trains_alone():
    assert layout.ways(RECIPE, 20, False) == [Way(), Way(width=8), Way(width=8, compiled=True)]
    assert all(way.targets == 1 for way in layout.ways(FILMS, 200, True))
    assert {way.targets for way in layout.ways(FILMS, 200, False)} == {1, 4, 8}


def trained(cohort, recipe, targets, members, **how):
    own = [np.flatnonzero(members[target][cohort.patient_index]) for target in targets]
    one = trainer.Trainer(stack.place(cohort), recipe, **how)
    return [logits for logits, _ in one.train(own, list(targets))], one


@pytest.fixture(scope="module")
def members(tiny):
    from rollcall.stats.members import draw_members

    return draw_members(8, len(tiny.patients), 0)


@pytest.mark.parametrize(
    ("recipe", "ways"),
    [
        (RECIPE, [Way(width=3), Way(lanes=2, width=2), Way(lanes=5), Way(width=3, parts=3)]),
        (FILMS, [Way(width=2), Way(lanes=2), Way(parts=2), Way(width=2, parts=16)]),
    ],
)
def test_every_way_trains_the_same_targets_to_rounding(tiny, members, recipe, ways):
    """Lanes side by side, stacks of any width (convolutions too), batches in parts, and reuse of a lane: as one target after another, each on its own."""
    alone = [trained(tiny, recipe, [target], members, way=Way())[0][0] for target in range(5)]
    for way in ways:
        for mine, theirs in zip(trained(tiny, recipe, range(5), members, way=way)[0], alone):
            np.testing.assert_allclose(mine, theirs, atol=2e-3)


@pytest.mark.parametrize(("room", "left"), [(2, Way(width=2)), (0.25, Way(parts=4))])
def test_out_of_memory_halves_the_stack_then_the_batch_and_goes_on(
    tiny, members, monkeypatch, room, left
):
    """`room`: the batches of how many targets fit."""
    whole, lane = trained(tiny, RECIPE, range(4), members, way=Way())[0], stack.Lane

    def small(ground, recipe, way, *more):
        if way.width / way.parts > room:
            raise torch.OutOfMemoryError
        return lane(ground, recipe, way, *more)

    monkeypatch.setattr(trainer, "Lane", small)
    results, one = trained(tiny, RECIPE, range(4), members, way=Way(width=8))
    assert one.way == left
    assert len(results) == 4
    for mine, theirs in zip(results, whole):
        np.testing.assert_allclose(mine, theirs, atol=2e-3)


def test_what_does_not_fit_with_one_record_at_a_time_says_so(tiny, members, monkeypatch):
    lane = stack.Lane

    def none(*arguments):
        lane(*arguments)  # which refuses parts of less than a record
        raise torch.OutOfMemoryError

    monkeypatch.setattr(trainer, "Lane", none)
    with pytest.raises(
        InputError, match="not enough memory to train 'mlp' .* one record at a time"
    ):
        trained(tiny, RECIPE, range(4), members, way=Way(width=8))
    way, table = layout.choose([Way(width=4)], lambda way: none(stack.place(tiny), RECIPE, way))
    assert way == Way()
    assert [row["failed"][:13] for row in table] == ["out of memory"] * 7 + ["InputError: c"]


class Asked(TorchDispatchMode):
    """Notes every operation that a GPU cannot record: a value or a size that the host waits for, a tensor made of the host's numbers."""

    def __init__(self):
        super().__init__()
        self.operations, self.asked = 0, set()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name, self.operations = operation.overloadpacket.__name__, self.operations + 1
        if name in (
            "_local_scalar_dense",
            "nonzero",
            "masked_select",
            "unique",
            "lift_fresh",
            "equal",
            "is_nonzero",
        ) or (
            name == "index"
            and any(index is not None and index.dtype == torch.bool for index in args[1])
        ):
            self.asked.add(name)
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
@pytest.mark.parametrize(
    ("model", "settings", "shape"),
    [
        ("mlp", {"width": 16}, (9,)),
        ("tabular_resnet", {"width": 20, "depth": 1}, (9,)),
        ("small_cnn", {"widths": (8, 8)}, (16, 16, 1)),
        ("wide_resnet", {"depth": 10, "widen": 1}, (16, 16, 3)),
        ("resnet1d", {"width": 16}, (40, 2)),
        ("vit", {"patch": 8, "width": 16, "depth": 1, "heads": 2, "mlp": 16}, (16, 16, 1)),
    ],
)
def test_a_step_waits_for_nothing_that_the_host_must_know(model, settings, shape, optimiser):
    """So that it can be recorded on a GPU: forward, backward, augmentation, optimiser and average, of every family."""
    rng, images = np.random.default_rng(0), len(shape) == 3
    inputs = (
        rng.integers(0, 256, (64, *shape), np.uint8)
        if images
        else rng.standard_normal((64, *shape), np.float32)
    )
    table = pd.DataFrame(
        {
            "patient_id": np.arange(64),
            "group": pd.Categorical(np.where(np.arange(64) % 2, "a", "b")),
        }
    )
    made = cohort.validate(
        cohort.Cohort(
            "c", table, inputs, np.arange(64) % 3, "multiclass", ("a", "b", "c"), ("group",)
        )
    )
    recipe = recipes.Recipe(
        model,
        1,
        8,
        0.1,
        settings,
        optimiser,
        weight_decay=0.1,
        ema=0.5,
        accumulate=2,
        augment="strong" if images else "none",
    )
    for way in [Way(parts=2)] + [Way(width=2)] * (
        model not in ("vit", "small_cnn")
    ):  # dropout goes one after another; small_cnn's pooling is a processor's
        lane = stack.Lane(stack.place(made), recipe, way, "bf16")
        lane.load([0] * way.width)
        with Asked() as asked:
            lane.step()
        assert asked.operations > 30
        assert not asked.asked


def test_what_the_host_must_know_is_noticed():
    value = torch.ones(3)
    for ask in (
        lambda: value.sum().item(),
        lambda: value[value > 0],
        lambda: torch.tensor([1.0]) + value,
        lambda: bool(value[0]),
    ):
        with Asked() as asked:
            ask()
        assert asked.asked


def test_bf16_leaves_heads_losses_and_logits_in_float32(tiny, members):
    for recipe in (RECIPE, FILMS, dataclasses.replace(RECIPE, model="small_cnn", settings={})):
        seen, network = (
            [],
            models.build(recipe.model, tiny.inputs.shape[1:], tiny.outputs, **recipe.settings),
        )
        next(
            layer
            for layer in network.modules()
            if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)
        ).register_forward_hook(lambda _, inputs, output: seen.append(output.dtype))
        with device.autocast("cpu", "bf16"):
            assert network(torch.zeros(2, *tiny.inputs.shape[1:])).dtype == torch.float32
            assert seen == [torch.bfloat16]
    exact = trained(tiny, FILMS, [0], members, way=Way())[0][0]
    rounded = trained(tiny, FILMS, [0], members, way=Way(), precision="bf16")[0][0]
    assert rounded.dtype == np.float32
    assert (rounded != exact).any()
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
    assert (
        workers.join(str(made.path), 8, str(tiny.folder), "cpu").trainer.precision == "float32"
    )  # as the first worker found
    assert run.open_run(made.path).config["precision"] == "float32"
    with pytest.raises(InputError, match="precision is 'fp8'"):
        recipes.check(dataclasses.replace(FILMS, precision="fp8"))


def test_augmentation_takes_draws_that_are_on_the_device_already(tiny):
    images = stack.as_input(torch.from_numpy(np.array(tiny.inputs[:9])))
    draws = augment.draw("strong", np.random.default_rng(0), 9, 32, 32)
    assert torch.equal(
        augment.apply(images, draws),
        augment.apply(images, {name: torch.from_numpy(values) for name, values in draws.items()}),
    )


def test_the_rate_of_products_is_measured():
    assert 1e8 < device.product_rate("cpu", "float32", 128, 0.02) < 1e14
