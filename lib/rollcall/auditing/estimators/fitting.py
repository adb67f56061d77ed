"""Fit an estimator on every model's half of the patients, several at once; each result is kept."""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from rollcall.auditing.estimators.inputs import Inputs, take_rows
from rollcall.auditing.estimators.scoring import (
    Reading,
    choose_reading,
    measure,
    predict,
    score_labels,
)
from rollcall.runs.run import Run
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import MEMORY, MachineError, raise_machine_fault
from rollcall.util.parallel import cores
from rollcall.util.progress import bar

READING = "reading"  # of a model's json: how its log odds were read
WORTH_A_PROCESS = 5.0  # seconds of work left, under which no other process is started for it


@dataclass(frozen=True)
class Work:
    """Hold what every model is made of: estimator, X, y and classes as given, labels int (N,)."""

    estimator: Any
    X: Any
    y: np.ndarray
    labels: np.ndarray
    classes: np.ndarray
    seed: int


def fit_all(run: Run, inputs: Inputs, estimator, n_jobs: int | None = None) -> Reading:
    """Fit and store every model of the run that is missing, behind a progress bar.

    n_jobs: processes, as joblib counts them; None: one for each core, where it is worth it. What is
    computed does not depend on it. One process at a time fits for a run; another waits. Returns how
    log odds were read. InputError names the model whose fit fails; what is finished by then stays.
    """
    workers = count_workers(n_jobs)
    with run.hold("fitting"):
        if missing := run.missing():
            work = Work(
                estimator, inputs.X, inputs.y, inputs.cohort.labels, inputs.classes, run.seed
            )
            members = run.members()[:, inputs.cohort.patient_index]
            with bar(len(missing), "Fitting", "model", f"{len(missing)} models") as show:
                results = _fit(run, work, members, missing, workers, n_jobs is None)
                for done, (model, scores, info) in enumerate(results, 1):
                    _store(run, model, scores, info)
                    show(done)
            run.finish()
    return Reading(**run.info(0, READING)[READING])


def count_workers(n_jobs: int | None) -> int:
    """Return the number of processes, as joblib counts: -1 is one a core, -2 one less."""
    if n_jobs is None:
        return cores()
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int | np.integer) or n_jobs == 0:
        raise InputError(f"n_jobs is {n_jobs!r}; expected a number of processes, or -1 for all")
    return int(n_jobs) if n_jobs > 0 else max(1, cores() + 1 + int(n_jobs))


def _fit(
    run: Run, work: Work, members: np.ndarray, missing: list[int], workers: int, is_free: bool
) -> Iterator[tuple[int, np.ndarray, dict]]:
    """Yield number, scores and json of each missing model, the first model before all others.

    members: bool (models, records); is_free: whether fewer workers will do.
    """
    if 0 in missing:
        yield fit_model(work, members[0], 0, None, workers > 1)
    first = run.info(0, READING)
    reading, left = Reading(**first[READING]), [model for model in missing if model]
    if is_free and first["seconds"] * len(left) < WORTH_A_PROCESS:
        workers = 1
    if min(workers, len(left)) < 2:
        for model in left:
            yield fit_model(work, members[model], model, reading, False)
        return
    calls = (delayed(fit_model)(work, members[model], model, reading, True) for model in left)
    parallel = Parallel(min(workers, len(left)), return_as="generator_unordered")
    try:
        yield from parallel(calls)
    except TerminatedWorkerError as error:
        raise MachineError(
            f"a process that fitted models was ended, by too little memory perhaps: {MEMORY}"
        ) from error
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InputError(
            f"estimator: cannot be sent to another process ({first_line(error)}); give n_jobs=1"
        ) from error


def fit_model(
    work: Work, member: np.ndarray, model: int, reading: Reading | None, is_shared: bool
) -> tuple[int, np.ndarray, dict]:
    """Fit one model and score all records: its number, scores float32 (N,), its json.

    member: bool (N,); reading: None for the first model, which decides; is_shared: whether others
    are fitted at the same time. Numerical libraries have one thread, so that bits do not depend on
    how many models are fitted at once.
    """
    started, cpu, where = time.perf_counter(), time.process_time(), f"model {model}"
    seed = draw_seed(work.seed, model)
    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fitted = prepare(work.estimator, seed, is_shared)
            fitted.fit(take_rows(work.X, member), work.y[member])
            reading = reading or choose_reading(fitted, work.X, work.classes, where)
            values = predict(fitted, work.X, work.classes, reading, where)
        except InputError:
            raise
        except Exception as error:
            raise_machine_fault(error)
            raise InputError(
                f"{where}: the estimator failed on its half of the patients "
                f"({type(error).__name__}: {first_line(error)})"
            ) from error
        scores = score_labels(values, work.labels, reading)
    kinds = [each.category.__name__ for each in caught if issubclass(each.category, UserWarning)]
    info = {
        "seed": seed,
        "metrics": measure(values, work.labels, member, reading),
        "warnings": sorted(set(kinds)),
        READING: reading.asdict(),
        "seconds": round(time.perf_counter() - started, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
    }
    return model, scores, info


def draw_seed(seed: int, model: int) -> int:
    """Return the seed of a model, which follows from that of the audit."""
    return int(np.random.SeedSequence([seed, model]).generate_state(1)[0] >> 1)


def prepare(estimator, seed: int, is_shared: bool):
    """Return an unfitted copy of an estimator, every random_state in it set to `seed`.

    is_shared: what it would do with several processes or threads, it does with one.
    """
    copy = clone(estimator, safe=False)
    if not hasattr(copy, "get_params"):
        return copy
    names = {name: name.rsplit("__", 1)[-1] for name in copy.get_params(deep=True)}
    settings = {name: seed for name, last in names.items() if last == "random_state"}
    if is_shared:
        settings |= {name: 1 for name, last in names.items() if last == "n_jobs"}
    return copy.set_params(**settings) if settings else copy


def _store(run: Run, model: int, scores: np.ndarray, info: dict) -> None:
    lock = run.claim(model)
    if lock is not None:
        try:
            run.write_target(model, scores, info)
        finally:
            lock.release()
