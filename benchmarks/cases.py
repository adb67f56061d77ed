"""What is trained in the benchmarks: one case of each family, and the paper's seven datasets."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall import recipes
from rollcall.data import store
from rollcall.data.cohort import Cohort
from rollcall.models.registry import MODELS
from rollcall.recipes import Recipe

INVENTED_BYTES = 2**27  # of inputs that are invented: more than any CPU's cache holds


@dataclass(frozen=True)
class Case:
    """A recipe on invented inputs of one shape.

    records: of the cohort for which targets per hour are reported. dataset: of the paper, if it is
    one's. test: records of its test set. steps: that are measured.
    """

    recipe: Recipe
    shape: tuple[int, ...]
    outputs: int
    records: int
    multilabel: bool = False
    dataset: str = ""
    test: int = 0
    steps: int = 20

    @property
    def family(self) -> str:
        """The model's family; of a paper's dataset, the model itself."""
        return self.recipe.model if self.dataset else MODELS[self.recipe.model].family


def list_cases(device: str) -> list[Case]:
    """List one case of each family, sized for the device, then the paper's datasets.

    Those have their own recipes, inputs and numbers of records (Knolle et al. 2026).
    """
    on_gpu, simulated = device != "cpu", recipes.load("simulated", model="small_cnn")
    wide = replace(simulated, model="wrn_28_2", settings={})
    vit_settings = {"patch": 8, "width": 192, "depth": 6, "heads": 3, "mlp": 768}
    vit = replace(wide, model="vit", settings=vit_settings)
    table = replace(recipes.load("mimic_iv_ed", "paper"), batch=512)
    families = [
        Case(recipes.load("diabetes130"), (292,), 1, 101_766, steps=60),
        Case(simulated, (32, 32, 1), 3, 5_488, steps=60),
        Case(wide, (32, 32, 3), 3, 5_488, steps=6),
        Case(replace(wide, model="vit_b_16"), (224, 224, 3), 3, 5_488, steps=6)
        if on_gpu
        else Case(vit, (64, 64, 3), 3, 5_488, steps=6),
        Case(recipes.load("ptb_xl"), (1000, 12), 5, 19_601, True, steps=6),
        Case(table, (64,), 1, 334_406, steps=20 if on_gpu else 4),
    ]
    paper = [
        ("chexpert", (64, 64, 1), 14, 223_413, True, 0),
        ("mimic_cxr", (64, 64, 1), 14, 377_110, True, 0),
        ("embed", (64, 48, 1), 4, 351_277, False, 8_882),
        ("fairvision", (64, 64, 1), 7, 19_982, False, 8_560),
        ("fitzpatrick17k", (64, 64, 3), 3, 16_175, False, 348),
        ("ptb_xl", (1000, 12), 5, 19_601, True, 2_198),
        ("mimic_iv_ed", (64,), 1, 334_406, False, 83_601),
    ]
    steps = 20 if on_gpu else 2
    return families + [
        Case(recipes.load(name, "paper"), shape, outputs, records, multilabel, name, test, steps)
        for name, shape, outputs, records, multilabel, test in paper
    ]


def invent_cohort(case: Case, folder: Path, records: int = 0) -> Cohort:
    """Prepare a cohort of random inputs in the case's shape.

    records: 0 for all of the case's, or what fits INVENTED_BYTES.
    """
    is_image = len(case.shape) == 3
    size = math.prod(case.shape) * (1 if is_image else 4)
    count = records or min(case.records, max(2 * case.recipe.batch, INVENTED_BYTES // size))
    rng = np.random.default_rng(0)
    if is_image:
        inputs = rng.integers(0, 256, (count, *case.shape), np.uint8)
    else:
        inputs = rng.standard_normal((count, *case.shape), np.float32)
    task = "multilabel" if case.multilabel else "binary" if case.outputs == 1 else "multiclass"
    labels = rng.integers(
        0,
        case.outputs if task == "multiclass" else 2,
        (count, case.outputs) if case.multilabel else count,
    )
    classes = ("no", "yes") if task == "binary" else tuple(map(str, range(case.outputs)))
    group = pd.Categorical(np.where(np.arange(count) % 2, "a", "b"))
    table = pd.DataFrame({"patient_id": np.arange(count), "group": group})
    store.save(Cohort("bench", table, inputs, labels, task, classes, ("group",)), folder)
    return store.open_saved(folder)
