"""The plain loop trains what it says."""

import dataclasses

import numpy as np
import torch
from torch.utils.data import DataLoader

from benchmarks.cases import invent_cohort
from benchmarks.plain_loop import Records, train_plainly
from tests.benchmarks.common import TINY


@torch.no_grad()
def logits_of(network, cohort):
    """The network's logits on every record."""
    network.eval()
    batches = DataLoader(Records(cohort, "none"), 512)
    return torch.cat([network(inputs) for inputs, _ in batches]).numpy()


def test_the_plain_loop_learns(tmp_path):
    torch.set_num_threads(1)
    recipe = dataclasses.replace(TINY.recipe, learning_rate=0.05, batch=64)
    cohort = invent_cohort(dataclasses.replace(TINY, recipe=recipe), tmp_path / "c", 256)
    labels = (np.asarray(cohort.inputs)[:, 0] > 0).astype(np.int64)
    cohort = dataclasses.replace(cohort, labels=labels)
    network, times = train_plainly(cohort, recipe, np.arange(256), "cpu", 60)
    assert len(times) == 60
    assert ((logits_of(network, cohort)[:, 0] > 0) == labels).mean() > 0.9
