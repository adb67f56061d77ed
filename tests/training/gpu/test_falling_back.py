"""Failures on a GPU, injected on a CPU: each ends in the plain way's targets, bit for bit."""

import logging
import sys
import weakref
from functools import partial

import numpy as np
import pytest
import torch
from filelock import FileLock

from rollcall.recipes import Recipe
from rollcall.runs import run
from rollcall.training import stack, trainer
from rollcall.training.backends import worker as worker_module
from rollcall.training.backends.worker import Worker
from rollcall.training.gpu import choosing
from rollcall.training.gpu.choosing import find_layout
from rollcall.training.gpu.failures import DeviceLostError
from rollcall.training.gpu.measuring import Meter
from rollcall.training.layout import Layout, config_key, failed_key
from rollcall.training.stack import Stack, to_device
from rollcall.training.trainer import Trainer
from tests.training.common import TABLE_RECIPE, train_targets

TARGETS, NAME = range(5), "NVIDIA H100"
RECIPE = TABLE_RECIPE
CONVOLUTIONS = Recipe(
    "small_cnn", epochs=1, batch=16, learning_rate=1e-3, settings={"widths": (8, 8)}
)
CAPTURING = "CUDA error: operation not permitted when stream is capturing"
OTHERS = [
    NotImplementedError("aten::nonzero"),
    RuntimeError("Cannot prepare for replay during capturing stage"),
    torch.AcceleratorError(CAPTURING),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
]
OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory."),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def plain(tiny):
    """Logits of the targets by their layout: trained when first asked for, one after another."""
    torch.set_num_threads(1)
    made = {}

    def train(members, micro_batches=1):
        layout = Layout(micro_batches=micro_batches)
        if layout not in made:
            made[layout] = train_targets(tiny, RECIPE, TARGETS, members, layout=layout)[0]
        return made[layout]

    return train


class Notes(list):
    """What a trainer notes of layouts that failed."""

    def __call__(self, layout, reason, for_good):
        self.append((layout, reason, for_good))


def fail_once(monkeypatch, owner, name, error, at=0):
    """Raise `error` in call number `at` of a function, and before and after do what it does."""
    calls, function = iter(range(10**9)), getattr(owner, name)

    def call(*arguments, **options):
        if next(calls) == at:
            raise error
        return function(*arguments, **options)

    monkeypatch.setattr(owner, name, call)


def fall_back(tiny, members, layout):
    notes = Notes()
    results, used = train_targets(tiny, RECIPE, TARGETS, members, layout=layout, note_failure=notes)
    return np.array(results), used.layout, notes


@pytest.mark.parametrize("error", OTHERS)
@pytest.mark.parametrize("streams", [1, 2])
def test_where_a_recording_fails_the_plain_layout_takes_over(
    tiny, members, plain, monkeypatch, error, streams
):
    """For good: nothing is recorded again."""
    fail_once(monkeypatch, stack.recording, "record", error, at=streams - 1)
    layout = Layout(streams=streams, recorded=True)
    results, left, notes = fall_back(tiny, members, layout)
    assert (results == plain(members)).all()
    assert left == Layout()
    ((failed, reason, for_good),) = notes
    assert (failed, for_good) == (layout, True)
    assert str(error) in reason


@pytest.mark.parametrize("when", ["made", "run"])
def test_where_a_compiler_fails_the_plain_layout_takes_over(
    tiny, members, plain, monkeypatch, when
):
    def compile_nothing(network):
        def fail(*arguments):
            raise RuntimeError("backend='inductor' raised: no compiler")

        return fail if when == "run" else fail()

    monkeypatch.setattr(torch, "compile", compile_nothing)
    results, left, notes = fall_back(tiny, members, Layout(compiled=True, recorded=True))
    assert (results == plain(members)).all()
    assert left == Layout()
    assert len(notes) == 1


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
@pytest.mark.parametrize("targets_before", [0, 2.5], ids=["first step", "amid the third target"])
def test_where_memory_runs_out_half_as_many_targets_go_on(
    tiny, members, plain, monkeypatch, error, targets_before
):
    """Recorded as before: a lack of memory is no fault of the recording, and not for good."""
    steps = Stack(to_device(tiny), RECIPE, Layout()).steps
    fail_once(monkeypatch, Stack, "step", error, at=int(targets_before * steps))
    layout = Layout(streams=2, recorded=True)
    results, left, notes = fall_back(tiny, members, layout)
    assert (results == plain(members)).all()
    assert left == Layout(recorded=True)
    assert [(failed, for_good) for failed, _, for_good in notes] == [(layout, False)]


def test_where_one_target_does_not_fit_the_third_begins_anew_with_half_its_batch(
    tiny, members, plain, monkeypatch
):
    steps = Stack(to_device(tiny), RECIPE, Layout()).steps
    fail_once(monkeypatch, Stack, "step", OUT_OF_MEMORY[0], at=2 * steps + steps // 2)
    results, left, _ = fall_back(tiny, members, Layout(recorded=True))
    assert left == Layout(micro_batches=2, recorded=True)
    assert (results[:2] == plain(members)[:2]).all()
    assert (results[2:] == plain(members, micro_batches=2)[2:]).all()


@pytest.mark.parametrize("error", [OTHERS[3], OUT_OF_MEMORY[0]])
def test_what_failed_is_freed_before_another_layout_is_made(tiny, members, monkeypatch, error):
    """The handler's traceback holds frames, and they the tensors: so it is left before."""
    made = []

    class Watched(Stack):
        def __init__(self, *arguments):
            self.fails = not made
            assert all(one() is None for one in made)
            made.append(weakref.ref(self))
            super().__init__(*arguments)

        def step(self, place=0):
            if self.fails:
                raise type(error)(str(error))
            super().step(place)

    monkeypatch.setattr(trainer, "Stack", Watched)
    train_targets(tiny, RECIPE, [0], members, layout=Layout(streams=4, recorded=True))
    assert len(made) == 2


def test_what_the_plain_layout_fails_by_is_raised(tiny, members, monkeypatch):
    def fail(*arguments):
        raise OTHERS[3]

    monkeypatch.setattr(Stack, "step", fail)
    for layout in (Layout(), Layout(streams=2, recorded=True)):
        with pytest.raises(RuntimeError, match="CUDNN_STATUS_INTERNAL_ERROR"):
            train_targets(tiny, RECIPE, [0, 1], members, layout=layout)


# --- workers: what is stored, and what run.json keeps -------------------------------------------


def make_worker(tiny, made, layout, **options):
    log = logging.getLogger("test")
    note = partial(worker_module._note_failure, made, NAME, log)
    data = to_device(tiny)
    return Worker(made, data, Trainer(data, made.recipe, layout, "float32", note), log, **options)


def find(made, tiny):
    return find_layout(made, tiny, "cpu", "float32", logging.getLogger("test"), wait=True)


@pytest.fixture
def on_h100(monkeypatch):
    monkeypatch.setattr(choosing, "device_name", lambda device: NAME)


@pytest.fixture
def expected(tiny, tmp_path):
    """All 8 targets of a recipe, by the plain layout."""

    def train(recipe):
        made = run.create(tmp_path / "plain", tiny, recipe, 8)
        assert make_worker(tiny, made, Layout()).train(made.missing()) == 8
        return np.array([made.logits(target) for target in range(8)])

    return train


def stored(made):
    assert not made.missing()
    return np.array([made.logits(target) for target in range(8)])


@pytest.mark.parametrize("error", [OTHERS[2], OUT_OF_MEMORY[0]])
def test_a_failure_after_some_of_a_group_are_stored_leaves_those(
    tiny, tmp_path, monkeypatch, expected, on_h100, error
):
    """The others of the group train again; and who comes later does not take the layout."""
    truth = expected(RECIPE)
    made = run.create(tmp_path / "r", tiny, RECIPE, 8)
    layout = Layout(streams=4, recorded=True)
    made.set_once(config_key(NAME), layout.to_config())
    writes = []
    monkeypatch.setattr(
        worker_module.Run,
        "write_target",
        lambda self, target, *more, write=run.Run.write_target: (
            writes.append(target),
            write(self, target, *more),
        ),
    )
    fail_once(monkeypatch, Stack, "logits", error, at=2)
    worker = make_worker(tiny, made, layout)
    assert worker.train(made.missing()) == 8
    assert (stored(made) == truth).all()
    assert writes == list(range(8))
    failed = run.open_run(made.path).config.get(failed_key(NAME), "")
    if error is OUT_OF_MEMORY[0]:
        assert not failed
        assert find(made, tiny) == layout
    else:
        assert CAPTURING in failed
        assert find(made, tiny) == worker.trainer.layout == Layout()


def test_a_device_that_is_lost_is_one_line_and_the_same_command_resumes(
    tiny, tmp_path, monkeypatch, expected, on_h100
):
    """In a process of its own: the layout is marked, so that it is not lost again."""
    truth = expected(RECIPE)
    made = run.create(tmp_path / "r", tiny, RECIPE, 8)
    layout = Layout(streams=4, recorded=True)
    made.set_once(config_key(NAME), layout.to_config())
    error = torch.AcceleratorError("CUDA error: device-side assert triggered\nCUDA kernel errors")
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "device_answers", lambda device: False)
        fail_once(patch, Stack, "logits", error, at=1)
        with pytest.raises(DeviceLostError, match="the same command resumes") as caught:
            make_worker(tiny, made, layout).train(made.missing())
    assert "\n" not in str(caught.value)
    assert "device-side assert triggered" in str(caught.value)
    assert made.missing() == list(range(1, 8))
    assert find(made, tiny) == Layout()
    assert make_worker(tiny, made, find(made, tiny)).train(made.missing()) == 7
    assert (stored(made) == truth).all()


FAILING_CHILD = """
import json, os, signal, sys, time
for line in sys.stdin:
    layout = json.loads(line)["layout"]
    if layout["recorded"] or "all" in sys.argv:
        if "hangs" in sys.argv:
            time.sleep(600)
        os.kill(os.getpid(), signal.SIGKILL)
    print(json.dumps({"seconds": 1.0}), flush=True)
"""


@pytest.mark.parametrize("fault", [("killed",), ("hangs",), ("killed", "all")])
def test_where_layouts_cannot_be_measured_a_run_is_finished_all_the_same(
    tiny, tmp_path, monkeypatch, expected, on_h100, fault
):
    truth = expected(CONVOLUTIONS)

    def failing(*arguments):
        return Meter(*arguments, (sys.executable, "-c", FAILING_CHILD, *fault), 1)

    monkeypatch.setattr(choosing, "Meter", failing)
    made = run.create(tmp_path / "r", tiny, CONVOLUTIONS, 8)
    layout = find(made, tiny)
    assert layout == Layout()
    assert make_worker(tiny, made, layout).train(made.missing()) == 8
    assert (stored(made) == truth).all()


def test_while_another_worker_measures_targets_train_one_after_another(
    tiny, tmp_path, monkeypatch, expected, on_h100
):
    truth = expected(RECIPE)
    made = run.create(tmp_path / "r", tiny, RECIPE, 8)
    worker = make_worker(tiny, made, Layout(), lacks_layout=True)
    layout = Layout(streams=2, recorded=True)
    with FileLock(made.path / "locks" / "way.lock"):
        assert worker.train(made.missing(), most=1) == 1
        assert worker.lacks_layout
        made.set_once(config_key(NAME), layout.to_config())
        assert worker.train(made.missing(), most=1) == 1
    assert not worker.lacks_layout
    assert worker.trainer.layout == layout
    assert worker.train(made.missing()) == 6
    assert (stored(made) == truth).all()
