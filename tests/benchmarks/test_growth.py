"""How cost grows: memory is seen, each size has a row, the exponent is a slope."""

import dataclasses
import subprocess
import sys
import time

import numpy as np
import pytest

from benchmarks import growth
from rollcall.risk import deconvolution
from rollcall.risk.groups import deconvolved
from tests.benchmarks.common import TINY


def test_memory_is_seen():
    held = np.ones(30_000_000)
    deadline = time.monotonic() + 60
    with growth.MemoryPeak() as peak:
        while not peak.bytes and time.monotonic() < deadline:
            time.sleep(0.05)
    assert peak.bytes > held.nbytes


def test_an_exponent_is_the_slope_of_logarithms():
    def measure(size, other):
        yield "cubic", 5e-9 * size**3, 1e6 * size
        yield "linear", 7 * size, other

    sweep = growth.Sweep(measure, "size", (1, 10, 300), {"other": 2_000})
    table = growth.table((sweep,), progress=lambda text: None)
    assert list(table["step"]) == ["cubic"] * 3 + ["linear"] * 3
    assert table["exponent"].dropna().tolist() == pytest.approx([3, 1])
    assert table["exponent"].notna().tolist() == [False, False, True] * 2
    assert list(table["peak_mb"][:3]) == [1, 10, 300]
    assert set(table["stays"]) == {"2,000 other"}


SMALL = {
    "targets": (8, 16),
    "records": (60, 80),
    "labels": (1, 3),
    "attributes": (2, 4),
    "diagnoses": (2, 3),
}
STAYS = {"targets": 8, "records": 200, "labels": 1, "patients": 100, "diagnoses": 2, "epochs": 1}


def shrink(sweep: growth.Sweep) -> growth.Sweep:
    """The same sweep at sizes that take no time."""
    stays = {name: STAYS.get(name, 2) for name in sweep.stays}
    if sweep.measure is growth.measure_analysis:
        stays |= {"draws": 1_000}
    return dataclasses.replace(sweep, sizes=SMALL[sweep.grows], stays=stays)


def test_every_size_has_its_rows(monkeypatch):
    trained = []
    for module in (deconvolution, deconvolved):  # whose fits take most of the time
        monkeypatch.setattr(module, "NEWTON_STEPS", 1)
    monkeypatch.setattr(growth, "list_cases", lambda device: [TINY])
    monkeypatch.setattr(growth.training, "train", lambda run, cohort: trained.append(run))
    table = growth.table(tuple(map(shrink, growth.SWEEPS)), progress=lambda text: None)
    assert [run.targets for run in trained] == [8, 8, 16, 8, 8, 8]  # the first twice: once to load
    analysis = {"attacks", "evaluation", "risk", "disparity"}
    for grows, steps in (
        ("targets", analysis | {"training"}),
        ("records", analysis | {"training"}),
        ("labels", analysis),
        ("attributes", {"disparity"}),
        ("diagnoses", {"disparity"}),
    ):
        rows = table[table["grows"] == grows]
        assert set(rows["step"]) == steps
        assert set(rows["size"]) == set(SMALL[grows])
    assert (table["seconds"] > 0).all()
    assert (table["peak_mb"] >= 0).all()
    assert table.groupby(["grows", "stays", "step"], sort=False)["exponent"].count().eq(1).all()


MEASURE = """
from benchmarks import growth
from tests.benchmarks.test_growth import TINY
growth.list_cases = lambda device: [TINY]
((step, seconds, peak),) = growth.measure_training(2, 60, 1)
print(step, seconds, peak)
"""


@pytest.mark.slow
def test_training_is_measured():
    """In a process of its own: what others free or end meanwhile would be subtracted."""
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True)
    step, seconds, peak = done.stdout.split()
    assert step == "training"
    assert float(seconds) > 0
    assert float(peak) > 1e7
