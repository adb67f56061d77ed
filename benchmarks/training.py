"""How fast targets train on this machine, in each way, beside a plain loop; what an audit of each paper dataset would cost; how cost grows."""

from __future__ import annotations

import math
import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, Subset
from torch.utils.flop_counter import FlopCounterMode

from rollcall import models, recipes
from rollcall.data import store
from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe
from rollcall.runs import environment
from rollcall.training import augmentation as augment
from rollcall.training import batches as feed
from rollcall.training import device as _device
from rollcall.training import evaluation as evaluate
from rollcall.training import layout, local, memory
from rollcall.training import optimiser as optimise
from rollcall.training.layout import Way
from rollcall.training.stack import Lane, place
from rollcall.training.trainer import measure
from rollcall.util.parallel import cores

TARGETS, ROUNDS = 200, 3


@dataclass(frozen=True)
class Case:
    """A family's network on inputs of one shape, invented; `records` is what targets per hour are told for."""

    family: str
    recipe: Recipe
    shape: tuple[int, ...]
    outputs: int
    records: int
    multilabel: bool = False
    dataset: str = ""  # of the paper
    test: int = 0  # records of its test set
    steps: int = field(default=20)  # measured


def cases(device: str) -> list[Case]:
    """One of each family, sized for the device; and on any device the paper's seven datasets with their own recipes (facts, sections 0 and 1)."""
    gpu, simulated = device != "cpu", recipes.load("simulated", model="small_cnn")
    wide = replace(simulated, model="wrn_28_2", settings={})
    small = replace(
        wide, model="vit", settings={"patch": 8, "width": 192, "depth": 6, "heads": 3, "mlp": 768}
    )
    paper = [
        ("chexpert", (64, 64, 1), 14, 223_413, True, 0),
        ("mimic_cxr", (64, 64, 1), 14, 377_110, True, 0),
        ("embed", (64, 48, 1), 4, 351_277, False, 8_882),
        ("fairvision", (64, 64, 1), 7, 19_982, False, 8_560),
        ("fitzpatrick17k", (64, 64, 3), 3, 16_175, False, 348),
        ("ptb_xl", (1000, 12), 5, 19_601, True, 2_198),
        ("mimic_iv_ed", (64,), 1, 334_406, False, 83_601),
    ]
    return [
        Case("mlp", recipes.load("diabetes130"), (292,), 1, 101_766, steps=60),
        Case("small_cnn", simulated, (32, 32, 1), 3, 5_488, steps=60),
        Case("wide_resnet", wide, (32, 32, 3), 3, 5_488, steps=6),
        Case(
            "vit",
            replace(wide, model="vit_b_16") if gpu else small,
            (224, 224, 3) if gpu else (64, 64, 3),
            3,
            5_488,
            steps=6,
        ),
        Case("resnet1d", recipes.load("ptb_xl"), (1000, 12), 5, 19_601, True, steps=6),
        Case(
            "tabular_resnet",
            replace(recipes.load("mimic_iv_ed", "paper"), batch=512),
            (64,),
            1,
            334_406,
            steps=20 if gpu else 4,
        ),
        *(
            Case(
                recipe.model, recipe, shape, outputs, records, labels, name, test, 20 if gpu else 2
            )
            for name, shape, outputs, records, labels, test in paper
            for recipe in [recipes.load(name, "paper")]
        ),
    ]


def invented(case: Case, folder: Path, records: int = 0) -> Cohort:
    """A prepared cohort of random inputs in the case's shape: all its records, or what fits 128 MB, which no processor's cache holds."""
    size = math.prod(case.shape) * (1 if len(case.shape) == 3 else 4)
    count = records or min(case.records, max(2 * case.recipe.batch, 2**27 // size))
    rng = np.random.default_rng(0)
    if len(case.shape) == 3:
        inputs = rng.integers(0, 256, (count, *case.shape), np.uint8)
    else:
        inputs = rng.standard_normal((count, *case.shape), np.float32)
    kind = "multilabel" if case.multilabel else "binary" if case.outputs == 1 else "multiclass"
    targets = rng.integers(
        0,
        2 if kind != "multiclass" else case.outputs,
        (count, case.outputs) if case.multilabel else count,
    )
    classes = ("no", "yes") if kind == "binary" else tuple(map(str, range(case.outputs)))
    table = pd.DataFrame(
        {
            "patient_id": np.arange(count),
            "group": pd.Categorical(np.where(np.arange(count) % 2, "a", "b")),
        }
    )
    store.save(Cohort("bench", table, inputs, targets, kind, classes, ("group",)), folder)
    return store.open_saved(folder)


# --- the plain loop: a Dataset that decodes one record at a time on the host, a DataLoader, one model after another --------------------


class Records(Dataset):
    """One record at a time: decoded, augmented, and given with its label."""

    def __init__(self, cohort: Cohort, policy: str):
        self.cohort, self.policy, self.rng = cohort, policy, np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.cohort)

    def __getitem__(self, record: int):
        value = feed.as_input(
            torch.from_numpy(np.array(self.cohort.inputs[record])), self.cohort.scale
        )
        if self.policy != "none":
            value = augment.augment(value[None], self.policy, self.rng)[0]
        return value, torch.as_tensor(self.cohort.labels[record])


def plain(
    cohort: Cohort, recipe: Recipe, own: np.ndarray, device: str, steps: int, loaders: int = 0
) -> tuple[torch.nn.Module, list[float]]:
    """Train one target as audit tools commonly do, with the recipe's own arithmetic in float32: (network, seconds of each step)."""
    network = models.build(
        recipe.model, cohort.inputs.shape[1:], cohort.outputs, **recipe.settings
    ).to(device)
    loader = DataLoader(
        Subset(Records(cohort, recipe.augment), own.tolist()),
        recipe.batch,
        shuffle=True,
        drop_last=True,
        num_workers=loaders,
        pin_memory=device != "cpu",
        persistent_workers=loaders > 0,
    )
    if recipe.optimiser == "adamw":
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
    else:
        optimiser = torch.optim.SGD(
            network.parameters(),
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
        )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: (
            optimise.learning_rate(recipe, min(step, steps - 1), steps) / recipe.learning_rate
        ),
    )
    average = [value.detach().clone() for value in network.parameters()] if recipe.ema else []
    network.train()
    times, started, batch = [], time.perf_counter(), 0
    while len(times) < steps:
        for inputs, labels in loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = network(inputs)
            if logits.shape[-1] == 1 or labels.ndim == 2:
                loss = F.binary_cross_entropy_with_logits(logits, labels.view(logits.shape).float())
            else:
                loss = F.cross_entropy(logits, labels)
            (loss / recipe.accumulate).backward()
            batch += 1
            if batch % recipe.accumulate:
                continue
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
            with torch.no_grad():
                for kept, value in zip(average, network.parameters()):
                    kept.lerp_(value, 1 - recipe.ema)
            loss.item()  # as the loops do that log it
            times.append(time.perf_counter() - started)
            started = time.perf_counter()
            if len(times) == steps:
                break
    return network, times


@torch.no_grad()
def plain_logits(network: torch.nn.Module, cohort: Cohort, device: str) -> np.ndarray:
    """The plain loop's logits on every record."""
    network.eval()
    return torch.cat(
        [network(inputs.to(device)).cpu() for inputs, _ in DataLoader(Records(cohort, "none"), 512)]
    ).numpy()


# --- measured in processes of their own ----------------------------------------------------------------------------------------------


def _plain(folder: str, case: Case, device: str, loaders: int) -> float:
    """Seconds per step of the plain loop. In a fresh process with torch's own number of threads."""
    found = store.open_saved(Path(folder))
    own = np.random.default_rng(0).permutation(len(found))[
        : max(case.recipe.batch, len(found) // 2)
    ]
    _, times = plain(found, case.recipe, own, device, case.steps + 2, loaders)
    return (
        sum(times[2:]) / case.steps
    )  # the whole time: what loaders fetch ahead in one step is paid in another


def _ours(folder: str, case: Case, device: str, way: Way, how: str) -> float:
    """Seconds per step and target in one worker."""
    _device.prepare(device)
    return measure(place(store.open_saved(Path(folder)), device), case.recipe, way, how, case.steps)


def _predicts(folder: str, case: Case, device: str) -> float:
    """Seconds per record and view of storing logits, in one worker."""
    _device.prepare(device)
    ground = place(store.open_saved(Path(folder)), device)
    lane = Lane(ground, replace(case.recipe, views=1), Way())
    lane.load([0])
    lane.network.eval()
    some = ground.inputs[: 64 if device == "cpu" else 4096]
    times = []
    for _ in range(3):
        started = time.perf_counter()
        evaluate.predict(lane.network, lane.parameters, some, ground.cohort.scale)
        times.append((time.perf_counter() - started) / len(some))
    return statistics.median(times)


def _ready(barrier) -> None:
    barrier.wait()


def _together(count: int, function, *arguments) -> list[float]:
    """The results of the function in `count` fresh processes, which begin at the same moment."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, _ready, (context.Barrier(count),)) as pool:
        return [
            future.result() for future in [pool.submit(function, *arguments) for _ in range(count)]
        ]


def flops(case: Case) -> float:
    """Floating-point operations that training on one record takes: forward and backward, products and convolutions."""
    network = models.build(case.recipe.model, case.shape, case.outputs, **case.recipe.settings)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(2, *case.shape)).sum().backward()
    return counter.get_total_flops() / 2


def ways(case: Case, device: str, targets: int = TARGETS) -> list[tuple[str, Way, str]]:
    """(name, way, precision) of everything worth a measurement; the one that an audit takes is the first on the CPU, and measured there on a GPU."""
    own = _device.precision(case.recipe, device)
    if device != "cpu":
        return [
            (f"{way.lanes} x {way.width}{' compiled' * way.compiled}, {own}", way, own)
            for way in layout.ways(case.recipe, targets, case.family == "vit")
        ]
    width = layout.stack_width(case.recipe)
    both = [
        (Way(width=width), own),
        *((Way(), how) for how in ("float32", "bf16") if (width, own) != (1, how)),
    ]
    return [
        (f"{f'stacks of {way.width}' if way.width > 1 else 'one after another'}, {how}", way, how)
        for way, how in both
    ]


def table(
    device: str = "", rounds: int = ROUNDS, only: tuple[str, ...] = (), progress=lambda text: None
) -> pd.DataFrame:
    """One row for each case and way: samples/s, targets per hour, TFLOP/s, share of the measured rate of matrix products, ratio to the plain loop.

    Plain loop and ways are measured in turn, `rounds` times, and the medians are told: what else the machine does meets all of them.
    `only`: names of families or datasets. Hours are of a whole audit: TARGETS targets with all their steps and predictions on every worker.
    """
    device = device or ("cuda:0" if torch.cuda.is_available() else "cpu")
    count = 1 if device != "cpu" else cores()
    rates = {how: count * _rate(count, device, how) for how in ("float32", "bf16")}
    rows = []
    for case in cases(device):
        if only and case.family not in only and case.dataset not in only:
            continue
        progress(f"{case.dataset or case.family} ({case.recipe.model})")
        with tempfile.TemporaryDirectory() as folder:
            invented(case, Path(folder) / "cohort")
            rows += _measured(case, str(Path(folder) / "cohort"), device, count, rounds, rates)
    return pd.DataFrame(rows).assign(
        device=_device.name(device),
        **{f"version_{name}": text for name, text in environment.versions().items()},
        **environment.hardware(),
    )


def _rate(count: int, device: str, how: str) -> float:
    with local.single_threaded_environment(device == "cpu"):
        return statistics.mean(_together(count, _device.product_rate, device, how))


def _fitted(
    folder: str, case: Case, count: int, name: str, way: Way, how: str
) -> tuple[str, Way, str]:
    """The way with batches in as many parts as memory asks for."""
    _, parts = memory.fitted(store.open_saved(Path(folder)), case.recipe, how, count, way.width)
    return name + f", batches in {parts} parts" * (parts > 1), replace(way, parts=parts), how


def _measured(
    case: Case, folder: str, device: str, count: int, rounds: int, rates: dict
) -> list[dict]:
    tried = ways(case, device)
    if device == "cpu":
        tried = [_fitted(folder, case, count, *one) for one in tried[: 1 if case.dataset else None]]
    times: dict[str, list[float]] = {"plain loop": [], **{name: [] for name, *_ in tried}}
    failed: dict[str, str] = {}
    for _ in range(rounds):
        if not case.dataset:
            times["plain loop"].append(
                min(_together(1, _plain, folder, case, device, loaders)[0] for loaders in (0, 2))
            )
        for name, way, how in tried:
            try:
                with local.single_threaded_environment(device == "cpu"):
                    times[name].append(
                        statistics.mean(_together(count, _ours, folder, case, device, way, how))
                        / count
                    )
            except Exception as error:  # one way that a machine lacks does not end the table
                failed[name] = f"{type(error).__name__}: {error}"[:200]
    with local.single_threaded_environment(device == "cpu"):
        predicts = statistics.mean(_together(count, _predicts, folder, case, device)) / count
    steps, arithmetic, batch = (
        feed.steps_of(case.recipe, case.records),
        flops(case),
        case.recipe.batch * case.recipe.accumulate,
    )
    rows = []
    for name, how in [("plain loop", "float32"), *((name, how) for name, _, how in tried)]:
        base = {
            "dataset": case.dataset,
            "family": case.family,
            "model": case.recipe.model,
            "input": "x".join(map(str, case.shape)),
            "batch": batch,
            "way": name,
            "precision": how,
            "workers": count,
        }
        if not times[name]:
            if name in failed:
                rows.append(base | {"failed": failed[name]})
            continue
        seconds = statistics.median(times[name])
        target = steps * seconds + predicts * (case.records * case.recipe.views + case.test)
        reach = batch * arithmetic / seconds
        plain_seconds = (
            statistics.median(times["plain loop"]) if times["plain loop"] else float("nan")
        )
        rows.append(
            base
            | {
                "samples_per_s": batch / seconds,
                "targets_per_hour": 3600 / target,
                f"hours_{TARGETS}_targets": TARGETS * target / 3600,
                "tflops": reach / 1e12,
                "share_of_products": reach / rates[how],
                "times_the_plain_loop": plain_seconds / seconds,
            }
        )
    return rows
