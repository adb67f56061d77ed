"""The benchmark: the plain loop trains what it says, every case can be built, the table has its columns, memory is seen."""

import dataclasses
import time

import numpy as np
import torch

import benchmarks as bench
from benchmarks import (
    attacks as bench_attacks,
)
from benchmarks import (
    decode as bench_prepare,
)
from benchmarks import (
    growth as bench_growth,
)
from benchmarks import (
    risk as bench_risk,
)
from benchmarks import (
    training as bench_training,
)
from rollcall import recipes

TINY = bench_training.Case(
    "mlp",
    recipes.Recipe(
        "mlp", epochs=1, batch=16, learning_rate=1e-3, settings={"width": 8, "depth": 1}, stack=2
    ),
    (6,),
    1,
    200,
    steps=3,
)


def test_every_paper_dataset_and_family_has_a_case():
    found = bench_training.cases("cpu")
    assert len({case.dataset for case in found} - {""}) == 7
    assert {"mlp", "small_cnn", "wide_resnet", "vit", "resnet1d", "tabular_resnet"} <= {
        case.family for case in found
    }
    for case in found:
        assert case.recipe.model
        assert len(case.shape) in (1, 2, 3)


def test_operations_are_counted():
    assert bench_training.flops(TINY) == 2 * (
        3 * (6 * 8 + 8) - 6 * 8
    )  # a product forward, two backward, less the gradient of the input


def test_the_plain_loop_learns(tmp_path):
    torch.set_num_threads(1)
    case = dataclasses.replace(
        TINY, recipe=dataclasses.replace(TINY.recipe, learning_rate=0.05, batch=64)
    )
    found = bench_training.invented(case, tmp_path / "c", 256)
    found = dataclasses.replace(found, labels=(np.asarray(found.inputs)[:, 0] > 0).astype(np.int64))
    network, times = bench_training.plain(found, case.recipe, np.arange(256), "cpu", 60)
    assert len(times) == 60
    assert (
        (bench_training.plain_logits(network, found, "cpu")[:, 0] > 0) == found.labels
    ).mean() > 0.9


def test_the_table(monkeypatch):
    monkeypatch.setattr(bench_training, "cases", lambda device: [TINY])
    monkeypatch.setattr(bench_training, "_rate", lambda *_: 1e11)
    monkeypatch.setattr(
        bench_training,
        "_together",
        lambda count, function, *arguments: [function(*arguments)] * count,
    )  # here, not in fresh processes
    plain = bench_training._plain
    monkeypatch.setattr(
        bench_training,
        "_plain",
        lambda folder, case, device, loaders: plain(folder, case, device, 0),
    )
    found = bench.table("training", rounds=1)
    assert list(found["way"]) == [
        "plain loop",
        "stacks of 2, float32",
        "one after another, float32",
        "one after another, bf16",
    ]
    assert (found[["samples_per_s", "targets_per_hour", "tflops"]] > 0).all(axis=None)
    assert found["version_torch"].notna().all()
    assert found["times_the_plain_loop"].iloc[0] == 1
    assert "plain loop" in bench.shown(found)


def test_memory_is_seen():
    with bench_growth.Peak() as peak:
        held = np.ones(30_000_000)
        torch.zeros(1)
        time.sleep(0.8)
    assert peak.most > held.nbytes


def test_preparing_is_set_beside_a_bare_loop():
    found = bench_prepare.table((70, 130), rounds=1, size=16)
    assert found["images"].tolist() == [70, 130]
    assert (found > 0).all(axis=None)


def test_attacks_and_risk_are_set_beside_one_addition():
    for table in (
        bench_attacks.table(32, 400, 120, repeats=1),
        bench_risk.table(32, 400, 120, repeats=1, draws=1000),
    ):
        assert table["multiple"].iloc[0] == 1
        assert (table[["seconds", "multiple"]] > 0).all(axis=None)
        assert (table["memory"] >= 1).all()
        assert table["step"].is_unique
        assert "scores.sum(0)" in bench.shown(table)
