"""The layout of a run on a GPU: measured once, kept in run.json, given up for good if it fails."""

import logging
import sys

import pytest
from filelock import FileLock

from rollcall.runs import run
from rollcall.training.gpu import choosing
from rollcall.training.gpu.choosing import find_layout, mark_failed
from rollcall.training.gpu.measuring import Meter
from rollcall.training.layout import Layout
from tests.training.common import TABLE_RECIPE

KEY = "way on NVIDIA H100"


class FakeMeter(Meter):
    """Measures without a child: larger stacks are faster, but for those in `failing`."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.measured, self.failing = [], set()

    def measure(self, layout):
        self.measured.append(layout)
        if layout in self.failing:
            raise RuntimeError("no recording")
        return 1 / layout.targets


@pytest.fixture
def meter(tiny, monkeypatch):
    made = FakeMeter(tiny.folder, TABLE_RECIPE, "cuda:0", "float32")
    monkeypatch.setattr(choosing, "Meter", lambda *arguments: made)
    monkeypatch.setattr(choosing, "device_name", lambda device: "NVIDIA H100")
    return made


@pytest.fixture
def made(tiny, tmp_path):
    return run.create(tmp_path / "r", tiny, TABLE_RECIPE, 8)


def find(made, tiny, wait=False):
    return find_layout(made, tiny, "cuda:0", "float32", logging.getLogger("test"), wait)


def test_it_is_measured_once_and_kept_under_the_old_keys(tiny, made, meter):
    assert find(made, tiny) == Layout(stack=8, recorded=True)
    measured = [Layout(), Layout(recorded=True), Layout(stack=8, recorded=True), Layout(stack=8)]
    assert meter.measured == measured
    stored = {"lanes": 1, "width": 8, "compiled": False, "parts": 1, "recorded": True}
    assert run.open_run(made.path).config[KEY] == stored
    assert find(made, tiny) == Layout(stack=8, recorded=True)
    assert len(meter.measured) == 4


def test_a_run_of_version_0_1_0_goes_on_with_its_layout(tiny, made, meter):
    made.set_once(KEY, {"lanes": 1, "width": 4, "compiled": False, "parts": 1})
    assert find(made, tiny) == Layout(stack=4, recorded=True)
    assert not meter.measured


def test_where_nothing_can_be_recorded_the_run_has_an_unrecorded_layout(tiny, made, meter):
    meter.failing = {Layout(recorded=True), Layout(stack=8, recorded=True)}
    assert find(made, tiny) == Layout(stack=8)
    assert run.open_run(made.path).config[KEY]["recorded"] is False


def test_a_layout_that_failed_in_training_is_not_taken_again(tiny, made, meter, caplog):
    made.set_once(KEY, Layout(stack=8, micro_batches=2, recorded=True).to_config())
    mark_failed(made, "NVIDIA H100", "AcceleratorError: CUDA error: device-side assert triggered")
    mark_failed(made, "NVIDIA H100", "another worker's reason")
    with caplog.at_level(logging.INFO):
        assert find(made, tiny) == Layout(micro_batches=2)
    assert "device-side assert" in caplog.text
    assert run.open_run(made.path).config[f"{KEY} failed"].startswith("AcceleratorError")


def test_while_another_worker_measures_there_is_none_yet(tiny, made, meter):
    with FileLock(made.path / "locks" / "way.lock"):
        assert find(made, tiny) is None
        made.set_once(KEY, Layout(stack=2).to_config())
        assert find(made, tiny) == Layout(stack=2)  # kept, so nothing to wait for
    assert not meter.measured


def test_where_every_child_dies_the_plain_layout_is_left(tiny, made, monkeypatch):
    def dying(*arguments):
        return Meter(*arguments, command=(sys.executable, "-c", "import os; os.abort()"))

    monkeypatch.setattr(choosing, "Meter", dying)
    monkeypatch.setattr(choosing, "device_name", lambda device: "NVIDIA H100")
    assert find(made, tiny, wait=True) == Layout()
