"""Layouts measured in child processes: what they answer, and every way in which one can fail."""

import dataclasses
import json
import subprocess
import sys
import time

import pytest
import torch

from rollcall.training.gpu.measuring import Meter
from rollcall.training.layout import Layout, choose_layout
from rollcall.util import files
from tests.training.common import TABLE_RECIPE

# A child without torch: it does what its layout's number of streams says, and answers its own pid.
CHILD = """
import json, os, signal, sys, time
for line in sys.stdin:
    streams = json.loads(line)["layout"]["streams"]
    if streams == 2:
        os._exit(3)
    if streams == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if streams == 4:
        time.sleep(600)
    if streams == 5:
        sys.exit("terminate called: device-side assert triggered")
    if streams == 6:
        answer = {"failed": "OutOfMemoryError: CUDA out of memory.", "memory": True}
    elif streams == 7:
        answer = {"failed": "RuntimeError: no compiler", "memory": False}
    else:
        answer = {"seconds": float(os.getpid())}
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def meter(tiny):
    arguments = (tiny.folder, TABLE_RECIPE, "cpu", "float32")
    with Meter(*arguments, command=(sys.executable, "-c", CHILD), longest_seconds=2) as made:
        yield made


FAILURES = {
    2: "its process ended (status 3)",
    3: "its process ended (Killed)",
    4: "no answer within 2 s",
    5: "its process ended (status 1) terminate called: device-side assert triggered",
    7: "RuntimeError: no compiler",
}


def test_one_child_measures_as_long_as_it_succeeds(meter):
    pids = {meter.measure(Layout(stack=stack)) for stack in (1, 2, 4)}
    assert len(pids) == 1
    assert meter.child.process.pid in pids


@pytest.mark.parametrize("streams", FAILURES)
def test_a_child_that_fails_gives_its_reason_and_is_replaced(meter, streams):
    first, process = meter.measure(Layout()), meter.child.process
    with pytest.raises(RuntimeError) as caught:
        meter.measure(Layout(streams=streams))
    assert str(caught.value) == FAILURES[streams]
    assert not isinstance(caught.value, torch.OutOfMemoryError)
    assert process.poll() is not None  # it is gone, also if it hung
    assert meter.measure(Layout()) != first


def test_a_childs_lack_of_memory_is_a_lack_of_memory(meter):
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        meter.measure(Layout(streams=6))


def test_a_child_that_cannot_start_is_a_reason(tiny):
    command = (sys.executable, "-c", "raise ImportError('libcudart.so')")
    arguments = (tiny.folder, TABLE_RECIPE, "cpu", "float32")
    with (
        Meter(*arguments, command=command) as meter,
        pytest.raises(RuntimeError, match=r"\(status 1\) ImportError: libcudart.so"),
    ):
        meter.measure(Layout())


def test_the_fastest_of_those_that_do_not_fail_is_chosen(meter):
    """The others are passed over with their reasons; what lacks memory is halved."""
    layouts = [Layout(streams=streams) for streams in (2, 6, 3, 1, 4, 5)]
    layout, table = choose_layout(layouts, meter.measure)
    assert layout == Layout()
    assert [(row["streams"], row.get("failed")) for row in table] == [
        (2, FAILURES[2]),
        (6, "out of memory"),
        (3, FAILURES[3]),
        (1, None),
        (4, FAILURES[4]),
        (5, FAILURES[5]),
    ]


def test_no_child_outlives_its_meter(tiny):
    with Meter(tiny.folder, TABLE_RECIPE, "cpu", "float32", (sys.executable, "-c", CHILD)) as meter:
        meter.measure(Layout())
        process = meter.child.process
    assert process.poll() is not None


# A child of this library, with steps that are measured as its layout's number of streams says.
SERVE = """
import sys
from unittest import mock
import torch
from rollcall.training.gpu import measuring

def measure(data, recipe, layout, precision):
    print("what a library prints")
    assert (len(data.cohort), recipe.model, precision) == (%d, "mlp", "float32")
    if layout.streams == 2:
        raise torch.OutOfMemoryError("CUDA out of memory.")
    if layout.streams == 3:
        raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`")
    if layout.streams == 4:
        raise NotImplementedError("aten::nonzero")
    if layout.streams == 5:
        torch.ones(2) @ torch.ones(3)
    return 0.25

with mock.patch.object(measuring, "measure_step", measure):
    measuring.serve()
"""


def test_a_child_answers_with_seconds_or_the_reason(tiny):
    """And nothing but answers stands on its output; it ends with its input."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE % len(tiny)],
        cwd=files.home(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    task = {
        "cohort_folder": str(tiny.folder),
        "recipe": TABLE_RECIPE.asdict(),
        "device": "cpu",
        "precision": "float32",
    }
    answers = []
    for streams in (1, 2, 3, 4, 5, 1):
        layout = vars(Layout(streams=streams, recorded=True))
        process.stdin.write(json.dumps(task | {"layout": layout}) + "\n")
        process.stdin.flush()
        answers.append(json.loads(process.stdout.readline()))
    left, printed = process.communicate()
    assert process.returncode == 0
    assert left == ""
    assert printed.count("what a library prints") == 6
    assert answers[0] == answers[-1] == {"seconds": 0.25}
    assert [answer.get("memory") for answer in answers[1:-1]] == [True, True, False, False]
    assert answers[3]["failed"] == "NotImplementedError: aten::nonzero"
    assert answers[4]["failed"].startswith("RuntimeError: inconsistent tensor size")


def test_a_child_measures_real_steps(tiny):
    recipe = dataclasses.replace(TABLE_RECIPE, epochs=1)
    started = time.perf_counter()
    with Meter(tiny.folder, recipe, "cpu", "float32") as meter:
        for layout in (Layout(), Layout(recorded=True)):
            assert 0 < meter.measure(layout) < time.perf_counter() - started
        with pytest.raises(RuntimeError, match="InputError: cpu has not enough memory"):
            meter.measure(Layout(micro_batches=32))
