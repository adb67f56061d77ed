"""Everything that can be read of a run or of a prepared cohort, as digests by name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall import auditing, datasets
from rollcall.attacks.scores import score_run
from rollcall.data.cohort import Cohort
from rollcall.runs.derived import manifests, tables
from rollcall.runs.derived.parts import STEPS
from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError
from tests.faults.stages import PLAN

TEXTS = ("name", "task", "classes", "attributes", "features", "unit", "simulated", "restricted")
TEXTS += ("notes", "source", "fingerprint")


def read_simulated(place: Path) -> dict[str, str]:
    """Read the run of the simulated cohort, and the cohort that was prepared."""
    where = {"out": str(place / "out"), "data": str(place / "data")}
    return read_study(auditing.plan(**where, **PLAN))


def read_given(place: Path) -> dict[str, str]:
    """Read the run of scores that were given."""
    return read_study(auditing.plan(cohort="own", out=str(place / "out")))


def read_files(place: Path) -> dict[str, str]:
    """Read the prepared cohort of files, its test set included."""
    cohort = datasets.load("mimic_cxr", place / "release", place / "data", size=32)
    return read_cohort(cohort)


def read_study(study: auditing.Audit) -> dict[str, str]:
    """Read the cohort, the targets, every table, the sentences, and what else was made."""
    run, results = study.run, read_cohort(study.cohort)
    results["members"] = digest(run.members())
    if "recipe" in run.config:
        results["scores"] = digest(score_run(run, study.cohort))
        results["performance"] = digest(study.performance().drop(columns="seconds"))
    else:
        results["scores"] = digest(run.scores())
    for step in STEPS.values():
        for name in step.tables:
            if tables.has_table(run, name) or name != "paper_panel":
                read = tables.read_array if name == "statistic" else tables.read_table
                results[name] = digest(read(run, name))
    results["summary"] = digest(study.summary())
    facts = {key: value for key, value in study.facts().items() if key != "Started"}
    results["facts"] = digest(facts)
    if lines := manifests.check_made(run):
        raise InputError(lines[0])
    return results


def read_cohort(cohort: Cohort) -> dict[str, str]:
    """Read a cohort, and its test set."""
    results = {name: digest(getattr(cohort, name)) for name in TEXTS if hasattr(cohort, name)}
    results |= {name: digest(getattr(cohort, name)) for name in ("inputs", "labels", "records")}
    if cohort.test is not None:
        results |= {f"test {name}": value for name, value in read_cohort(cohort.test).items()}
    return results


def digest(value) -> str:
    """Hash a table, an array or what has a representation."""
    if isinstance(value, pd.DataFrame):
        value = value.astype(object).where(value.notna(), None).to_csv() + str(value.dtypes)
    elif isinstance(value, np.ndarray):
        value = f"{value.dtype} {value.shape}".encode() + np.ascontiguousarray(value).tobytes()
    content = value if isinstance(value, bytes) else repr(value).encode()
    return hashlib.sha256(content).hexdigest()


def try_reading(
    read: Callable[[Path], dict], place: Path, expected: dict[str, str]
) -> tuple[str, str]:
    """Return what came of reading: said, unclear, crash, silent or same, and a line on it."""
    try:
        results = read(place)
    except (InputError, MachineError) as error:
        clear = "\n" not in str(error) and any(word in str(error) for word in ADVICE)
        return ("said" if clear else "unclear"), str(error)
    except Exception as error:
        return "crash", f"{type(error).__name__}: {str(error)[:300]}"
    other = [name for name in {**expected, **results} if results.get(name) != expected.get(name)]
    return ("silent", f"other {', '.join(other)}") if other else ("same", "")


ADVICE = (
    "again",
    "anew",
    "delete",
    "put a copy",
    "choose another",
    "train first",
    "finish 1_train",
)
