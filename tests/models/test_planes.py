"""small_cnn on a processor: its pooling is torch's, gradient and ties included; a worker keeps its memory; the fingerprint in pieces is the whole table's."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from rollcall import models
from rollcall.data import cohort
from rollcall.models.small_cnn import Halve
from rollcall.util import files
from tests.oracles.risk import FIXED


@FIXED
@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(2, 7),
    st.integers(2, 7),
    st.integers(1, 4),
    st.integers(0, 2**31),
)
def test_halving_is_torchs_pooling_bit_for_bit(batch, channels, height, width, levels, seed):
    """Few levels make ties; odd sizes lose a row or a column."""
    rng = np.random.default_rng(seed)
    values = torch.from_numpy(
        rng.integers(-levels, levels + 1, (batch, channels, height, width)).astype(np.float32)
    )
    ours, theirs = values.clone().requires_grad_(), values.clone().requires_grad_()
    left, right = Halve()(ours), nn.functional.max_pool2d(theirs, 2)
    given = torch.from_numpy(rng.standard_normal(left.shape).astype(np.float32))
    left.backward(given)
    right.backward(given)
    assert (left == right).all()
    assert (ours.grad == theirs.grad).all()
    with torch.no_grad():
        assert (Halve()(values) == right).all()


def test_a_nan_goes_through_the_pooling():
    """So that a target that diverges is seen to."""
    values = torch.zeros(1, 4, 6, 6)
    values[0, 1, 2, 3] = float("nan")
    assert torch.isnan(Halve()(values)).nonzero().tolist() == [[0, 1, 1, 1]]


@pytest.mark.parametrize("shape", [(32, 32, 1), (28, 20, 3)])
def test_small_cnn_is_what_its_description_says(shape):
    """Logits and gradients are those of plain layers, to rounding."""
    torch.manual_seed(3)
    network = models.build("small_cnn", shape, 3)
    plain, channels = [], shape[2]
    for width in (16, 32, 64):
        plain += [
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.GroupNorm(8, width),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        channels = width
    plain = nn.Sequential(*plain, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 3))
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        theirs.data.copy_(ours.data)
    images, labels = torch.rand(16, *shape) * 2 - 1, torch.arange(16) % 3
    left, right = network(images), plain(images.permute(0, 3, 1, 2))
    assert torch.allclose(left, right, atol=1e-5)
    for logits in (left, right):
        nn.functional.cross_entropy(logits, labels).backward()
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-5, rtol=1e-3)


FAULTS = """
import resource, sys, torch
from rollcall.training import device
if "keep" in sys.argv:
    device.prepare("cpu")
def work():
    for _ in range(20):
        kept = [torch.ones(2**20) for _ in range(4)]
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
rounds = []
for _ in range(5):
    before = faults()
    work()
    rounds.append(faults() - before)
print(sorted(rounds)[2], torch.get_num_threads())
"""


def test_a_worker_faults_no_memory_in_twice():
    faults, threads = subprocess.run(
        [sys.executable, "-c", FAULTS, "keep"],
        cwd=files.home(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert threads == "1"
    if sys.platform == "linux":  # whose allocator it is about
        assert (
            int(faults) < 200
        )  # 80 tensors of 1,024 pages; the median of five rounds, since a busy machine now and then moves one tensor


OPTIMISER = """
import sys, torch
from rollcall.training import optimiser as optimise
from rollcall import recipes
for kind in ("adamw", "sgd"):
    w = torch.ones(3, requires_grad=True)
    made = optimise.Optimiser({"w": w}, recipes.Recipe("mlp", 1, 8, 0.1, optimiser=kind, weight_decay=0.1, ema=0.5), 4)
    (w**2).sum().backward()
    made.step()
    assert (w != 1).all() and w.grad is None
print("torch._dynamo" in sys.modules)
"""


def test_the_optimiser_loads_no_compiler():
    assert (
        subprocess.run(
            [sys.executable, "-c", OPTIMISER],
            cwd=files.home(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        == "False"
    )


def test_the_fingerprint_is_of_the_whole_table(tiny):
    """Long enough for three pieces, with missing values, numbers as categories, and text that needs quotes; hashed here at once."""
    rng, count = np.random.default_rng(5), 20_000
    table = pd.DataFrame(
        {
            "patient_id": np.arange(count),
            "age": rng.normal(60, 15, count),
            "code": pd.Categorical(rng.integers(0, 5, count)),
            "text": rng.choice(["plain", "with, comma", 'with "quote"'], count),
            "flag": rng.random(count) < 0.5,
        }
    )
    table.loc[rng.choice(np.arange(9_000, count), 50), ["age", "code", "text"]] = np.nan
    table["code"] = table["code"].astype("category")
    made = cohort.validate(
        cohort.Cohort(
            "long",
            table,
            rng.random((count, 2), np.float32),
            np.arange(count) % 2,
            "binary",
            ("no", "yes"),
            ("code",),
        )
    )
    head = ["long", "binary", ("no", "yes"), ("code",), (), 1.0, False, "float32", (count, 2)]
    whole = hashlib.sha256(
        json.dumps(head).encode()
        + made.inputs.tobytes()
        + made.labels.tobytes()
        + table.astype(object).to_csv(index=False).encode()
    )
    assert made.fingerprint == whole.hexdigest()
