"""How fast targets train on this machine, in each layout, beside what a user would pick instead.

And what an audit of each of the paper's datasets would cost.
"""

from __future__ import annotations

import math
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.cases import Case, invent_cohort, list_cases
from benchmarks.loops import LOOPS, Loop, Work
from rollcall import models
from rollcall.data import store
from rollcall.recipes import Recipe
from rollcall.training import memory
from rollcall.training.batches import count_steps
from rollcall.training.device import (
    choose_precision,
    device_name,
    measure_matmul,
    prepare_process,
)
from rollcall.training.evaluation import predict
from rollcall.training.layout import Layout, cpu_stack, list_layouts
from rollcall.training.stack import Stack, to_device
from rollcall.training.trainer import measure_step
from rollcall.util.forkserver import single_threaded_environment
from rollcall.util.parallel import cores

TARGETS, ROUNDS = 200, 3


@dataclass(frozen=True)
class Way:
    """A way to train that is measured: its name in the table, its layout and its precision."""

    name: str
    layout: Layout
    precision: str


# --- measured in processes of their own ---------------------------------------------------------


def _time_loop(folder: str, case: Case, device: str, loop: Loop, loaders: int) -> float:
    """Measure seconds per step of a loop of benchmarks.loops."""
    cohort = store.open_saved(Path(folder))
    count = max(case.recipe.batch, len(cohort) // 2)
    records = np.random.default_rng(0).permutation(len(cohort))[:count]
    # beside others it is measured for as long as a worker, which steps with a whole stack
    steps = case.steps * (cpu_stack(case.recipe) if loop.on_every_core else 1)
    return loop.train(Work(cohort, case.recipe, records, device, steps), loaders)[1]


def _time_worker(folder: str, case: Case, device: str, layout: Layout, precision: str) -> float:
    """Measure seconds per step and target in one worker."""
    prepare_process(device)
    data = to_device(store.open_saved(Path(folder)), device)
    return measure_step(data, case.recipe, layout, precision, case.steps)


def _time_prediction(folder: str, case: Case, device: str) -> float:
    """Measure seconds per record and view of computing logits, in one worker."""
    prepare_process(device)
    data = to_device(store.open_saved(Path(folder)), device)
    stack = Stack(data, replace(case.recipe, views=1), Layout())
    stack.load([0])
    stack.network.eval()
    inputs = data.inputs[: 64 if device == "cpu" else 4096]
    times = []
    for _ in range(3):
        started = time.perf_counter()
        predict(stack.network, stack.parameters, inputs, data.cohort.scale)
        times.append((time.perf_counter() - started) / len(inputs))
    return statistics.median(times)


def _wait_at(barrier) -> None:
    barrier.wait()


def _run_together(count: int, function: Callable, *arguments) -> list[float]:
    """Return the function's results in `count` fresh processes, which begin at the same moment."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, _wait_at, (context.Barrier(count),)) as pool:
        futures = [pool.submit(function, *arguments) for _ in range(count)]
        return [future.result() for future in futures]


def _mean_of_workers(count: int, device: str, function: Callable, *arguments) -> float:
    """Return the mean result of `count` workers at a time, of one thread each on the CPU."""
    with single_threaded_environment(device == "cpu"):
        return statistics.mean(_run_together(count, function, *arguments))


# --- the table ----------------------------------------------------------------------------------


def count_flops(case: Case) -> float:
    """Count the floating-point operations of training on one record: forward and backward.

    Matrix products and convolutions alone.
    """
    network = models.build(case.recipe.model, case.shape, case.outputs, **case.recipe.settings)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(2, *case.shape)).sum().backward()
    return counter.get_total_flops() / 2


def list_ways(case: Case, device: str, targets: int = TARGETS) -> list[Way]:
    """List everything worth a measurement.

    On the CPU the audit's own way comes first; on a GPU an audit measures these ways itself.
    """
    precision = choose_precision(case.recipe, device)
    if device != "cpu":
        layouts = list_layouts(case.recipe, targets, case.family == "vit")
        return [Way(_name_gpu_layout(layout, precision), layout, precision) for layout in layouts]
    size = cpu_stack(case.recipe)
    first = f"stacks of {size}" if size > 1 else "one after another"
    ways = [Way(f"{first}, {precision}", Layout(stack=size), precision)]
    for other in ("float32", "bf16"):
        if (size, precision) != (1, other):
            ways.append(Way(f"one after another, {other}", Layout(), other))
    return ways


def _name_gpu_layout(layout: Layout, precision: str) -> str:
    marks = [name for name, value in asdict(layout).items() if value is True]
    return f"{' '.join([f'{layout.streams} x {layout.stack}', *marks])}, {precision}"


def _fit_to_memory(folder: str, case: Case, count: int, way: Way) -> Way:
    """Return the way with as many micro-batches as memory asks for."""
    cohort = store.open_saved(Path(folder))
    _, micro_batches = memory.fit_workers(
        cohort, case.recipe, way.precision, count, way.layout.stack
    )
    suffix = f", batches in {micro_batches} parts" if micro_batches > 1 else ""
    layout = replace(way.layout, micro_batches=micro_batches)
    return Way(way.name + suffix, layout, way.precision)


def table(
    device: str = "",
    rounds: int = ROUNDS,
    only: tuple[str, ...] = (),
    progress: Callable[[str], None] = lambda text: None,
) -> pd.DataFrame:
    """Measure each case in each way.

    Columns: samples/s, targets per hour, TFLOP/s, share of the measured rate of matrix products,
    ratio to each of benchmarks.loops. Medians of `rounds` interleaved rounds, so that background
    load affects all alike. only: names of families or datasets. Hours are of a whole audit: TARGETS
    targets with all their steps and predictions, on every worker.
    """
    device = device or ("cuda:0" if torch.cuda.is_available() else "cpu")
    count = 1 if device != "cpu" else cores()
    rates = {
        precision: count * _mean_of_workers(count, device, measure_matmul, device, precision)
        for precision in ("float32", "bf16")
    }
    rows = []
    for case in list_cases(device):
        if only and case.family not in only and case.dataset not in only:
            continue
        progress(f"{case.dataset or case.family} ({case.recipe.model})")
        with tempfile.TemporaryDirectory() as folder:
            invent_cohort(case, Path(folder) / "cohort")
            rows += _measure(case, str(Path(folder) / "cohort"), device, count, rounds, rates)
    return pd.DataFrame(rows).assign(device=device_name(device))


def _measure(
    case: Case, folder: str, device: str, count: int, rounds: int, rates: dict[str, float]
) -> list[dict]:
    """Measure a case in each way, beside other loops where it is no dataset of the paper."""
    ways = list_ways(case, device)
    if device == "cpu":
        chosen = ways[:1] if case.dataset else ways
        ways = [_fit_to_memory(folder, case, count, way) for way in chosen]
    loops = [loop for loop in LOOPS if not case.dataset and loop.family in ("", case.family)]
    times: dict[str, list[float]] = {each.name: [] for each in (*loops, *ways)}
    failed: dict[str, str] = {}
    for _ in range(rounds):
        for each in (*loops, *ways):
            try:
                times[each.name].append(_measure_step(folder, case, device, count, each))
            except Exception as error:  # one way that a machine lacks does not end the table
                failed[each.name] = f"{type(error).__name__}: {error}"[:200]
    prediction = _mean_of_workers(count, device, _time_prediction, folder, case, device) / count
    arithmetic = count_flops(case)
    medians = {name: statistics.median(measured) for name, measured in times.items() if measured}
    rows = []
    for each in (*loops, *ways):
        precision = "float32" if isinstance(each, Loop) else each.precision
        row = _describe(case, each.name, precision, count)
        if each.name in medians:
            rate = _rate(case, medians, each.name, prediction, arithmetic, rates[precision])
            rows.append(row | rate)
        elif each.name in failed:
            rows.append(row | {"failed": failed[each.name]})
    return rows


def _measure_step(folder: str, case: Case, device: str, count: int, way: Way | Loop) -> float:
    """Measure seconds per step over all processes: of a layout's workers, or of a loop's."""
    if isinstance(way, Way):
        arguments = (folder, case, device, way.layout, way.precision)
        return _mean_of_workers(count, device, _time_worker, *arguments) / count
    if way.package and find_spec(way.package) is None:
        raise ModuleNotFoundError(f"{way.name} is not installed")
    device = "cpu" if way.package else device
    alone = device != "cpu" or not way.on_every_core
    processes = 1 if alone else cores()
    with single_threaded_environment(not alone):
        return min(
            statistics.mean(
                _run_together(processes, _time_loop, folder, case, device, way, loaders)
            )
            / processes
            for loaders in way.loaders
        )


def _describe(case: Case, way: str, precision: str, workers: int) -> dict:
    return {
        "dataset": case.dataset,
        "family": case.family,
        "model": case.recipe.model,
        "input": "x".join(map(str, case.shape)),
        "batch": _records_per_step(case.recipe),
        "way": way,
        "precision": precision,
        "workers": workers,
    }


def _records_per_step(recipe: Recipe) -> int:
    return recipe.batch * recipe.accumulate


def _rate(
    case: Case,
    medians: dict[str, float],
    way: str,
    prediction: float,
    flops: float,
    matmul: float,
) -> dict:
    """Return the rates of one way.

    medians: of every way, seconds per step over all workers. prediction: per record and view.
    flops: per record. matmul: FLOP/s.
    """
    records, seconds = _records_per_step(case.recipe), medians[way]
    predictions = case.records * case.recipe.views + case.test
    target = count_steps(case.recipe, case.records) * seconds + prediction * predictions
    reached = records * flops / seconds
    return {
        "samples_per_s": records / seconds,
        "targets_per_hour": 3600 / target,
        f"hours_{TARGETS}_targets": TARGETS * target / 3600,
        "tflops": reached / 1e12,
        "share_of_products": reached / matmul,
        **{loop.column: medians.get(loop.name, math.nan) / seconds for loop in LOOPS},
    }
