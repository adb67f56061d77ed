"""The loops that an audit is set beside train what they say."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from benchmarks import loops
from benchmarks.cases import invent_cohort
from tests.benchmarks.common import TINY

IN_TORCH = [loop.train for loop in loops.LOOPS if not loop.package]


@torch.no_grad()
def logits_of(network, cohort):
    """The network's logits on every record."""
    network.eval()
    batches = DataLoader(loops.Records(cohort, "none"), 512)
    return torch.cat([network(inputs) for inputs, _ in batches]).numpy()


def make_work(folder, outputs=1, **settings) -> loops.Work:
    """A cohort whose label is whether (or: how far) its first input is above 0."""
    recipe = dataclasses.replace(TINY.recipe, learning_rate=0.05, batch=64, **settings)
    case = dataclasses.replace(TINY, recipe=recipe, outputs=outputs)
    cohort = invent_cohort(case, folder / "cohort", 256)
    first = np.asarray(cohort.inputs)[:, 0]
    cohort = dataclasses.replace(cohort, labels=np.digitize(first, [0, 1][: max(1, outputs - 1)]))
    return loops.Work(cohort, recipe, np.arange(256), "cpu", 60)


@pytest.mark.parametrize("train", IN_TORCH)
@pytest.mark.parametrize("outputs", [1, 3])
def test_a_loop_learns(train, outputs, tmp_path):
    torch.set_num_threads(1)
    torch.manual_seed(0)  # some first weights of eight units never learn
    work = make_work(tmp_path, outputs)
    network, seconds = train(work)
    logits = logits_of(network, work.cohort)
    predicted = logits[:, 0] > 0 if outputs == 1 else logits.argmax(1)
    assert (predicted == work.cohort.labels).mean() > 0.9
    assert 0 < seconds < 1


@pytest.mark.parametrize("train", IN_TORCH)
def test_a_step_has_the_recipes_records(train, tmp_path, monkeypatch):
    """Of the recipe's batches, `accumulate` for each step, after the warm-up."""
    torch.set_num_threads(1)
    work = dataclasses.replace(make_work(tmp_path, accumulate=3, ema=0.5), steps=5)
    sizes = []
    loss = loops._loss
    monkeypatch.setattr(loops, "_loss", lambda z, y: sizes.append(len(y)) or loss(z, y))
    train(work)
    assert sizes == [64] * 3 * (5 + loops.WARM_UP_STEPS)


def test_hits_are_counted():
    z = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
    assert loops._count_hits(z, torch.tensor([1, 1])) == 1
    assert loops._count_hits(z, torch.tensor([[1, 1], [1, 1]])) == 3
    assert loops._count_hits(z[:, :1], torch.tensor([1, 0])) == 1


def test_scikit_learn_fits_the_recipes_network(tmp_path):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: the extra `bench`")
    settings = {"width": 8, "depth": 2}
    work = make_work(tmp_path, epochs=30, weight_decay=1e-4, settings=settings)
    classifier, seconds = loops.fit_scikit_learn(work)
    assert [layer.shape for layer in classifier.coefs_] == [(6, 8), (8, 8), (8, 1)]
    assert {layer.dtype for layer in classifier.coefs_} == {np.dtype("float32")}
    assert classifier.n_iter_ == 30
    assert classifier.t_ == 30 * 256
    inputs = np.asarray(work.cohort.inputs)
    assert (classifier.predict(inputs) == work.cohort.labels).mean() > 0.9
    assert 0 < seconds < 1
