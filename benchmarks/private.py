"""What training with privacy costs beside plain training: `python -m benchmarks.private`.

    python -m benchmarks.private [rounds] [cohort] [release] [folder of prepared data]

CPU seconds of whole trainings of one stack of the cohort's `mlp`, from some steps of each, in turn:
medians, and their ratios to plain training of the same epochs.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from statistics import median

import numpy as np

from rollcall import datasets, recipes
from rollcall.recipes import Recipe
from rollcall.stats.members import draw_members
from rollcall.training.device import prepare_process
from rollcall.training.layout import Layout
from rollcall.training.private.terms import sketch_terms
from rollcall.training.stack import DeviceCohort, to_device
from rollcall.training.trainer import make_stack

STEPS, WARM_UP = 40, 5
WAYS = {
    "plain": {},
    "records": {"privacy": {"unit": "record", "epsilon": 3}},
    "patients": {"privacy": {"unit": "patient", "epsilon": 3}},
    "patients, batch 1,024": {"privacy": {"unit": "patient", "epsilon": 3}, "batch": 1024},
}


def measure(data: DeviceCohort, recipe: Recipe, records: list[np.ndarray]) -> float:
    """Measure the CPU seconds of the training of one stack, from some of its steps."""
    terms = sketch_terms(recipe, data.cohort) if recipe.private else None
    stack = make_stack(data, recipe, Layout(stack=len(records)), "float32", terms)
    issued = stack.train(records, list(range(len(records))))
    for _ in range(WARM_UP):
        next(issued)
    started = time.process_time()
    for _ in range(STEPS):
        next(issued)
    return (time.process_time() - started) / STEPS * stack.steps


def main(rounds: int = 3, cohort: str = "diabetes130", root: str = "", data: str = "data") -> None:
    """Print the table."""
    prepare_process("cpu")
    loaded = datasets.load(cohort, root or None, data)
    recipe, members = recipes.load(cohort, model="mlp"), draw_members(8, len(loaded.patients), 0)
    records = [np.flatnonzero(row[loaded.patient_index]) for row in members[: recipe.stack]]
    on_device, seconds = to_device(loaded), {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, changes in WAYS.items():
            seconds[name].append(measure(on_device, replace(recipe, **changes), records))
    plain = median(seconds["plain"])
    for name, values in seconds.items():
        print(f"{name:24} {median(values):8.1f} s  x {median(values) / plain:.2f}")


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["3"])[0]), *sys.argv[2:])
