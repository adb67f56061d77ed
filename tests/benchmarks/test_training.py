"""The table of training: its columns, its ways, what is counted and what failed."""

import dataclasses

import benchmarks
from benchmarks import training
from rollcall.training.layout import Layout
from tests.benchmarks.common import TINY


def test_operations_are_counted():
    """A product forward, two backward, less the gradient of the input."""
    assert training.count_flops(TINY) == 2 * (3 * (6 * 8 + 8) - 6 * 8)


def measure_here(monkeypatch):
    """In this process, one case, without loaders in processes of their own."""
    monkeypatch.setattr(training, "list_cases", lambda device: [TINY])
    monkeypatch.setattr(
        training,
        "_run_together",
        lambda count, function, *arguments: [function(*arguments)] * count,
    )
    monkeypatch.setattr(training, "measure_matmul", lambda device, precision: 1e11)
    time_plain_loop = training._time_plain_loop
    monkeypatch.setattr(
        training,
        "_time_plain_loop",
        lambda folder, case, device, loaders: time_plain_loop(folder, case, device, 0),
    )


def test_the_table(monkeypatch):
    measure_here(monkeypatch)
    table = benchmarks.table("training", rounds=1)
    assert list(table["way"]) == [
        "plain loop",
        "stacks of 2, float32",
        "one after another, float32",
        "one after another, bf16",
    ]
    assert (table[["samples_per_s", "targets_per_hour", "tflops"]] > 0).all(axis=None)
    assert table["version_torch"].notna().all()
    assert table["times_the_plain_loop"].iloc[0] == 1
    assert "plain loop" in benchmarks.format_table(table)


def test_a_way_that_fails_does_not_end_the_table(monkeypatch):
    measure_here(monkeypatch)
    time_worker = training._time_worker

    def fail_in_bf16(folder, case, device, layout, precision):
        if precision == "bf16":
            raise RuntimeError("no such product")
        return time_worker(folder, case, device, layout, precision)

    monkeypatch.setattr(training, "_time_worker", fail_in_bf16)
    table = benchmarks.table("training", rounds=1)
    assert table["failed"].iloc[-1] == "RuntimeError: no such product"
    assert table["samples_per_s"].notna().tolist() == [True, True, True, False]


def test_a_gpus_ways_are_the_layouts_that_an_audit_measures():
    recipe = dataclasses.replace(TINY.recipe, precision="float32")
    ways = training.list_ways(dataclasses.replace(TINY, recipe=recipe), "cuda:0", 20)
    assert [way.name for way in ways] == [
        "1 x 1, float32",
        "1 x 8, float32",
        "1 x 8 compiled, float32",
    ]
    assert ways[-1].layout == Layout(stack=8, compiled=True)
