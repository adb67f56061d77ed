"""How cost grows: memory is seen, and each run has a row."""

import time

import numpy as np
import pytest

from benchmarks import cases, growth
from tests.benchmarks.common import TINY


def test_memory_is_seen():
    held = np.ones(30_000_000)
    deadline = time.monotonic() + 60
    with growth.MemoryPeak() as peak:
        while not peak.bytes and time.monotonic() < deadline:
            time.sleep(0.05)
    assert peak.bytes > held.nbytes


@pytest.mark.slow
def test_every_size_has_a_row(monkeypatch):
    monkeypatch.setattr(growth, "list_cases", lambda device: [TINY])
    assert growth.invent_cohort is cases.invent_cohort
    table = growth.table(targets=(1, 2, 8), records=(60, 80), epochs=1)
    sizes = list(zip(table["targets"], table["records"], strict=True))
    assert sizes == [(1, 80), (2, 80), (8, 80), (8, 60), (8, 80)]
    assert (table["seconds"] > 0).all()
