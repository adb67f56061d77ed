"""The table of training: its columns, its ways, what is counted and what failed."""

import dataclasses

import pytest

import benchmarks
from benchmarks import training
from benchmarks.loops import LOOPS
from rollcall.training.layout import list_layouts
from tests.benchmarks.common import TINY

WAYS = ["stacks of 2, float32", "one after another, float32", "one after another, bf16"]


def test_operations_are_counted():
    """A product forward, two backward, less the gradient of the input."""
    assert training.count_flops(TINY) == 2 * (3 * (6 * 8 + 8) - 6 * 8)


@pytest.fixture
def here(monkeypatch):
    """One case, in this process, without loaders in processes of their own."""
    monkeypatch.setattr(training, "list_cases", lambda device: [TINY])
    monkeypatch.setattr(
        training,
        "_run_together",
        lambda count, function, *arguments: [function(*arguments)] * count,
    )
    monkeypatch.setattr(training, "measure_matmul", lambda device, precision: 1e11)
    loops = tuple(dataclasses.replace(loop, loaders=(0,)) for loop in LOOPS)
    monkeypatch.setattr(training, "LOOPS", loops)


def without(package, monkeypatch):
    monkeypatch.setattr(training, "find_spec", lambda name: None if name == package else object())


def test_the_table(here, monkeypatch):
    without("sklearn", monkeypatch)
    table = benchmarks.table("training", rounds=1).set_index("way")
    assert list(table.index) == [*(loop.name for loop in LOOPS), *WAYS]
    measured = table.drop("scikit-learn")
    assert (measured[["samples_per_s", "targets_per_hour", "tflops"]] > 0).all(axis=None)
    assert table["device"].notna().all()
    for loop in LOOPS[:-1]:
        gain = measured["samples_per_s"] / measured["samples_per_s"][loop.name]
        assert measured[loop.column].to_numpy() == pytest.approx(gain.to_numpy())
    shown = benchmarks.format_table(table.reset_index())
    assert all(name in shown for name in ("plain loop", "times_leakpro_like"))


def test_a_package_that_is_absent_is_named(here, monkeypatch):
    without("sklearn", monkeypatch)
    table = benchmarks.table("training", rounds=1).set_index("way")
    assert "scikit-learn is not installed" in table["failed"]["scikit-learn"]
    assert table["times_scikit_learn"].isna().all()


def test_scikit_learn_has_its_row_beside_an_mlp_alone(here, monkeypatch):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: the extra `bench`")
    table = benchmarks.table("training", rounds=1).set_index("way")
    assert table["times_scikit_learn"]["scikit-learn"] == 1
    assert (table["times_scikit_learn"] > 0).all()
    resnet = dataclasses.replace(TINY.recipe, model="tabular_resnet", settings={"width": 20})
    case = dataclasses.replace(TINY, recipe=resnet)
    monkeypatch.setattr(training, "list_cases", lambda device: [case])
    assert "scikit-learn" not in list(benchmarks.table("training", rounds=1)["way"])


def test_a_dataset_of_the_paper_stands_alone(here, monkeypatch):
    case = dataclasses.replace(TINY, dataset="chexpert")
    monkeypatch.setattr(training, "list_cases", lambda device: [case])
    assert list(benchmarks.table("training", rounds=1)["way"]) == WAYS[:1]


def test_a_way_that_fails_does_not_end_the_table(here, monkeypatch):
    without("sklearn", monkeypatch)
    time_worker = training._time_worker

    def fail_in_bf16(folder, case, device, layout, precision):
        if precision == "bf16":
            raise RuntimeError("no such product")
        return time_worker(folder, case, device, layout, precision)

    monkeypatch.setattr(training, "_time_worker", fail_in_bf16)
    table = benchmarks.table("training", rounds=1).set_index("way")
    assert table["failed"].iloc[-1] == "RuntimeError: no such product"
    assert table["samples_per_s"][WAYS].notna().tolist() == [True, True, False]


def test_a_gpus_ways_are_the_layouts_that_an_audit_measures():
    recipe = dataclasses.replace(TINY.recipe, precision="float32")
    case = dataclasses.replace(TINY, recipe=recipe)
    ways = training.list_ways(case, "cuda:0", 20)
    assert [way.layout for way in ways] == list_layouts(recipe, 20, False)
    names = [way.name for way in ways]
    assert len(set(names)) == len(names)
    assert names[0] == "1 x 1, float32"
    assert names[-1].startswith("1 x 8 compiled")
    assert names[-1].endswith(", float32")
