"""What only a GPU can show. Skipped, with the reason, where there is none."""

import dataclasses
import threading

import numpy as np
import pytest
import torch

from rollcall import recipes, training
from rollcall.runs import run
from rollcall.training import stack as stack_module
from rollcall.training.batches import count_steps
from rollcall.training.device import device_name, prepare_process
from rollcall.training.feeding import STEPS_PER_CHUNK
from rollcall.training.gpu.failures import device_answers, free_memory
from rollcall.training.gpu.measuring import Meter
from rollcall.training.layout import Layout, config_key, failed_key
from rollcall.training.stack import Stack, to_device
from rollcall.training.trainer import Trainer

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine"),
    # a compiler's advice is no failure: TF32 is there and off, a GPU has few processors
    pytest.mark.filterwarnings("ignore:::torch._inductor"),
    pytest.mark.filterwarnings("ignore:::torch._dynamo"),
    pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores"),
]
TABLE = recipes.Recipe(
    model="mlp",
    epochs=4,
    batch=16,
    learning_rate=1e-3,
    settings={"width": 32, "depth": 2},
    precision="float32",
)
IMAGES = recipes.Recipe(
    model="wide_resnet",
    epochs=2,
    batch=16,
    learning_rate=1e-2,
    settings={"depth": 10, "widen": 1},
    optimiser="sgd",
    momentum=0.9,
    ema=0.9,
    augment="medium",
    accumulate=2,
    precision="float32",
)
TOKENS = recipes.Recipe(
    model="vit",
    epochs=1,
    batch=16,
    learning_rate=1e-3,
    settings={"patch": 8, "width": 32, "depth": 1, "heads": 2, "mlp": 32, "dropout": 0.0},
)


@pytest.fixture(autouse=True)
def prepared():
    prepare_process("cuda:0")


def train_targets(cohort, recipe, device, layout, precision="float32", targets=3):
    members = np.random.default_rng(0).permuted(
        np.tile(np.arange(len(cohort)) % 2 == 0, (targets, 1)), axis=1
    )
    trainer = Trainer(to_device(cohort, device), recipe, layout, precision)
    records = [np.flatnonzero(rows) for rows in members]
    return np.array([logits for logits, _ in trainer.train(records, list(range(targets)))])


@pytest.mark.parametrize("recipe", [TABLE, IMAGES, TOKENS])
@pytest.mark.parametrize(
    "layout",
    [
        Layout(),
        Layout(recorded=True),
        Layout(stack=4),
        Layout(stack=4, recorded=True),
        Layout(streams=2, recorded=True),
        Layout(micro_batches=4, recorded=True),
        Layout(recorded=True, compiled=True),
        Layout(stack=4, recorded=True, compiled=True),
    ],
)
def test_every_layout_trains_the_targets_that_a_cpu_trains(tiny, recipe, layout):
    np.testing.assert_allclose(
        train_targets(tiny, recipe, "cuda:0", layout),
        train_targets(tiny, recipe, "cpu", Layout()),
        atol=5e-2,
    )


@pytest.mark.parametrize("recipe", [TABLE, IMAGES])
@pytest.mark.parametrize("streams", [1, 2])
def test_several_recorded_steps_are_the_steps_one_by_one(tiny, recipe, streams):
    """Over more than two chunks, with a rest that no graph of several steps holds."""
    epochs = (2 * STEPS_PER_CHUNK + 21) * 2 * recipe.batch * recipe.accumulate // len(tiny)
    recipe = dataclasses.replace(recipe, epochs=epochs, learning_rate=1e-4)
    recorded = Layout(streams=streams, recorded=True)
    steps = count_steps(recipe, len(tiny))
    at_once = Stack(to_device(tiny, "cuda:0"), recipe, recorded).steps_at_once
    assert at_once > 1
    assert steps > 2 * STEPS_PER_CHUNK
    assert steps % STEPS_PER_CHUNK % at_once
    np.testing.assert_allclose(
        train_targets(tiny, recipe, "cuda:0", recorded),
        train_targets(tiny, recipe, "cuda:0", Layout()),
        atol=1e-2,
    )


def test_chunks_are_drawn_in_a_thread(tiny, monkeypatch):
    """The next one while a GPU works on this one; the numbers are those of no thread."""
    threads, draw = set(), stack_module.feeding.draw_chunks

    def draw_noting(*arguments):
        for chunk in draw(*arguments):
            threads.add(threading.current_thread())
            yield chunk

    recipe = dataclasses.replace(TABLE, epochs=40)
    with_thread = train_targets(tiny, recipe, "cuda:0", Layout())
    monkeypatch.setattr(stack_module.feeding, "make_ahead", iter)
    alone = train_targets(tiny, recipe, "cuda:0", Layout())
    np.testing.assert_allclose(with_thread, alone, atol=1e-3)
    monkeypatch.undo()
    monkeypatch.setattr(stack_module.feeding, "draw_chunks", draw_noting)
    train_targets(tiny, recipe, "cuda:0", Layout())
    assert threads
    assert threading.current_thread() not in threads


def test_a_child_measures_layouts_and_this_process_stays_clean(tiny):
    with Meter(tiny.folder, IMAGES, "cuda:0", "float32") as meter:
        for layout in (Layout(), Layout(recorded=True), Layout(streams=2, recorded=True)):
            assert 0 < meter.measure(layout) < 10
        with pytest.raises(RuntimeError, match="not enough memory"):
            meter.measure(Layout(micro_batches=32))
    assert device_answers("cuda:0")


def test_a_failed_recording_leaves_the_plain_layout_a_device_that_works(tiny, monkeypatch):
    """What the host must know ends a recording, as an operation that cannot be recorded does."""
    add_gradients = Stack._add_gradients

    def wait_while_recording(self, *arguments):
        if torch.cuda.is_current_stream_capturing():
            self.index.sum().item()
        add_gradients(self, *arguments)

    monkeypatch.setattr(Stack, "_add_gradients", wait_while_recording)
    notes = []
    trainer = Trainer(
        to_device(tiny, "cuda:0"),
        TABLE,
        Layout(streams=2, recorded=True),
        note_failure=lambda *note: notes.append(note),
    )
    records = [np.arange(number, len(tiny), 2) for number in (0, 1, 0)]
    logits = np.array([one for one, _ in trainer.train(records, [0, 1, 2])])
    assert trainer.layout == Layout()
    assert [for_good for *_, for_good in notes] == [True]
    plain = Trainer(to_device(tiny, "cuda:0"), TABLE, Layout())
    expected = np.array([one for one, _ in plain.train(records, [0, 1, 2])])
    np.testing.assert_allclose(logits, expected, atol=1e-3)


def test_a_limit_of_memory_halves_the_layout_and_all_targets_are_trained(tiny):
    """The allocator's own limit, so that it is a real lack of memory and not an injected one."""
    recipe = dataclasses.replace(IMAGES, batch=64, settings={"depth": 10, "widen": 4}, epochs=1)
    free_memory("cuda:0")
    torch.cuda.reset_peak_memory_stats()
    train_targets(tiny, recipe, "cuda:0", Layout(recorded=True), targets=1)
    one = torch.cuda.max_memory_reserved()
    free_memory("cuda:0")
    total = torch.cuda.get_device_properties(0).total_memory
    trainer = Trainer(to_device(tiny, "cuda:0"), recipe, Layout(streams=8, recorded=True))
    records = [np.arange(number, len(tiny), 2) for number in (0, 1) * 4]
    torch.cuda.set_per_process_memory_fraction(min(1.0, 3 * one / total))
    try:
        assert len(list(trainer.train(records, list(range(8))))) == 8
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert trainer.layout.targets < 8


def test_a_stack_used_again_forgets_the_targets_before(tiny):
    both, again = (
        train_targets(tiny, IMAGES, "cuda:0", Layout(recorded=True), targets=count)
        for count in (3, 1)
    )
    np.testing.assert_allclose(both[0], again[0], atol=1e-3)


@pytest.mark.parametrize("recipe", [TABLE, IMAGES, TOKENS])
def test_stored_logits_are_float32_and_not_less(tiny, recipe):
    """Of the same weights, after no training: TF32, with 10 bits, would differ by 1e-3."""
    on_gpu, on_cpu = (
        Stack(to_device(tiny, device), recipe, Layout()) for device in ("cuda:0", "cpu")
    )
    for stack in (on_gpu, on_cpu):
        stack.load([7])
        for average, value in zip(
            stack.optimiser.average or (), stack.optimiser.values if recipe.ema else (), strict=True
        ):
            average.copy_(value.detach())
    np.testing.assert_allclose(on_gpu.logits(0)[0], on_cpu.logits(0)[0], atol=2e-5)


def test_bf16_is_close_to_float32(tiny):
    np.testing.assert_allclose(
        train_targets(tiny, IMAGES, "cuda:0", Layout(), "bf16"),
        train_targets(tiny, IMAGES, "cuda:0", Layout()),
        atol=0.2,
    )


@pytest.mark.parametrize("recipe", [TABLE, IMAGES])
def test_a_run_on_gpus_is_complete_and_keeps_its_layout(tiny, tmp_path, recipe):
    made = run.create(tmp_path / "r", tiny, dataclasses.replace(recipe, precision="auto"), 8)
    training.train(made, tiny)
    config = run.open_run(made.path).config
    assert not made.missing()
    assert Layout.from_config(config[config_key(device_name("cuda:0"))]).targets >= 1
    assert failed_key(device_name("cuda:0")) not in config
