"""A stack is a loop over its targets; a target is the same in any company."""

import dataclasses
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from rollcall import datasets, models, recipes
from rollcall.data import cohort
from rollcall.stats.members import draw_members
from rollcall.training.batches import count_steps, draw_batches, target_seed
from rollcall.training.evaluation import measure_performance
from rollcall.training.layout import Layout
from rollcall.training.optimiser import Optimiser, Plain, learning_rate
from rollcall.training.stack import Stack, to_device
from tests.training.common import IMAGE_RECIPE, TABLE_RECIPE, train_stack, train_together


@pytest.mark.parametrize(
    ("model", "cohort_task"),
    [("mlp", "multiclass"), ("mlp", "binary"), ("tabular_resnet", "binary")],
)
def test_a_stack_is_a_loop(tiny, members, model, cohort_task):
    """As a plain loop over one nn.Module with torch's own loss, to rounding, over a few steps."""
    cohort = tiny
    if cohort_task == "binary":
        cohort = dataclasses.replace(
            tiny, labels=(tiny.labels > 0).astype(np.int64), task="binary", classes=("no", "yes")
        )
    if model == "tabular_resnet":
        flat = np.asarray(tiny.inputs).reshape(len(tiny), -1)[:, ::16].astype(np.float32) / 255
        cohort = dataclasses.replace(cohort, inputs=flat)
    settings = {"width": 60, "depth": 1}
    recipe = dataclasses.replace(TABLE_RECIPE, model=model, epochs=1, settings=settings)
    targets = [0, 1, 2]
    stacked = train_together(cohort, recipe, targets, members)
    for target in targets:
        torch.manual_seed(target_seed(0, target))
        network = models.build_for(recipe, cohort)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        records = np.flatnonzero(members[target][cohort.patient_index])
        steps = count_steps(recipe, len(cohort))
        drawn = draw_batches(target_seed(0, target), records, recipe.batch, steps)
        for step, index in enumerate(drawn):
            optimiser.param_groups[0]["lr"] = learning_rate(recipe, step, steps)
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
    full = train_together(tiny, TABLE_RECIPE, [4, 5, 6, 7], members)
    for company in ([5], [5, 2], [1, 3, 5]):
        assert (train_together(tiny, TABLE_RECIPE, company, members)[5] == full[5]).all()


@pytest.mark.slow
def test_the_demos_target_5_is_the_same_alone(tmp_path):
    """The demo's own recipe and width: the 1e-4 that is asked for is met exactly."""
    cohort = datasets.load("simulated", data=tmp_path, patients=400)
    members, recipe = draw_members(8, 400, 0), recipes.load("simulated")
    assert (
        train_together(cohort, recipe, [5], members)[5]
        == train_together(cohort, recipe, list(range(8)), members)[5]
    ).all()


def test_small_cnn_learns(tiny, members):
    recipe = recipes.load("simulated", "small_cnn")
    (logits,) = train_together(tiny, dataclasses.replace(recipe, epochs=30), [0], members).values()
    member = members[0][tiny.patient_index]
    assert (logits.argmax(1) == tiny.labels)[member].mean() > 0.7


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
    member = members[0][multilabel.patient_index]
    ((logits, test),) = train_stack(multilabel, recipe, [np.flatnonzero(member)], [3])
    assert logits.shape == (len(multilabel), 3, 2)
    assert test.shape == (50, 2)
    assert np.allclose(logits[:50, 0], test, atol=1e-5)  # the first view is the clean image
    assert not np.allclose(logits[:, 0], logits[:, 1])
    result = measure_performance(multilabel, logits, member, test)
    assert set(result) == {
        f"{metric}_{part}"
        for metric in ("accuracy", "auroc")
        for part in ("members", "non_members", "test")
    }
    assert result["accuracy_members"] == pytest.approx(
        ((logits[member, 0] > 0) == multilabel.labels[member]).mean()
    )
    assert result["auroc_members"] > 0.7
    ((again, _),) = train_stack(multilabel, recipe, [np.flatnonzero(member)], [3])
    assert (again == logits).all()


def test_dropout_is_the_targets_own(tiny, members):
    recipe = recipes.Recipe(
        "vit",
        epochs=1,
        batch=16,
        learning_rate=1e-3,
        settings={"patch": 8, "width": 16, "depth": 1, "heads": 2, "mlp": 16},
        stack=1,
    )
    records = np.flatnonzero(members[0][tiny.patient_index])

    def logits(seed, state):
        torch.manual_seed(state)
        return train_stack(tiny, recipe, [records], [seed])[0][0]

    assert (logits(5, state=1) == logits(5, state=2)).all()
    assert (logits(5, state=1) != logits(6, state=1)).any()


class HostReads(TorchDispatchMode):
    """Notes every operation that a GPU cannot record.

    A value or a size that the host waits for, or a tensor made of the host's numbers.
    """

    def __init__(self):
        super().__init__()
        self.operations, self.names = 0, set()

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
            self.names.add(name)
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
    """So that it can be recorded on a GPU: all of it, of every family."""
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
    layouts = [Layout(micro_batches=2)]
    if model not in ("vit", "small_cnn"):  # dropout is never stacked; the fused layers cannot be
        layouts.append(Layout(stack=2))
    for layout in layouts:
        stack = Stack(to_device(made), recipe, layout, "bf16")
        stack.load([0] * layout.stack)
        with HostReads() as reads:
            stack.step()
        assert reads.operations > 30
        assert not reads.names


class Casts(TorchDispatchMode):
    """Counts, by shape, what is cast to bf16."""

    def __init__(self):
        super().__init__()
        self.shapes = Counter()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if operation.overloadpacket.__name__ == "_to_copy" and kwargs["dtype"] == torch.bfloat16:
            self.shapes[tuple(args[0].shape)] += 1
        return operation(*args, **kwargs)


@pytest.mark.parametrize("recipe", [TABLE_RECIPE, IMAGE_RECIPE])
def test_weights_are_cast_once_a_step_whatever_the_micro_batches(tiny, recipe):
    recipe = dataclasses.replace(recipe, accumulate=2)
    counts = []
    for micro_batches in (1, 4):
        layout = Layout(micro_batches=micro_batches)
        stack = Stack(to_device(tiny), recipe, layout, "bf16")
        stack.load([0])
        with Casts() as casts:
            stack.step()
        weights = Counter(tuple(value.shape) for value in stack.parameters.values())
        counts.append({shape: casts.shapes[shape] for shape in weights})
        assert all(casts.shapes[shape] <= weights[shape] for shape in weights)
        assert sum(counts[-1].values()) >= 2
    assert counts[0] == counts[1]


def test_what_the_host_must_know_is_noticed():
    value = torch.ones(3)
    for read in (
        lambda: value.sum().item(),
        lambda: value[value > 0],
        lambda: torch.tensor([1.0]) + value,
        lambda: bool(value[0]),
    ):
        with HostReads() as reads:
            read()
        assert reads.names


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_step_of_public_operations_waits_for_nothing_either(monkeypatch, optimiser):
    monkeypatch.delattr(torch, "_foreach_sub")
    recipe = dataclasses.replace(TABLE_RECIPE, optimiser=optimiser, weight_decay=0.1, ema=0.5)
    weights = torch.ones(3, requires_grad=True)
    made = Optimiser({"w": weights}, recipe, 4)
    assert isinstance(made.operations, Plain)
    weights.square().sum().backward()
    with HostReads() as reads:
        made.step()
    assert reads.operations > 5
    assert not reads.names
