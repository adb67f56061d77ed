import numpy as np
import pytest

from rollcall import auditing, recipes
from rollcall.runs import run as run_folder


@pytest.fixture(scope="session")
def invent():
    """A function that makes a run of 8 targets of invented logits, some of which leak."""

    def make(path, cohort, targets=8, seed=0, **changes):
        recipe = recipes.choose("simulated", entries=[f"{k}={v}" for k, v in changes.items()])
        run = run_folder.create(path, cohort, recipe, targets, seed)
        rng, members = np.random.default_rng(seed + 7), run.members()
        for target in range(run.targets):
            logits = rng.normal(size=(len(cohort), cohort.outputs)).astype(np.float32)
            inside = members[target][cohort.patient_index]
            logits[np.arange(len(cohort)), cohort.labels] += 2 * inside
            metrics = {"auroc_members": 0.9, "auroc_non_members": 0.7 + target / 100}
            if not run.has(target):
                info = {"seed": target, "seconds": 1.0, "metrics": metrics}
                run.write_target(target, logits, info)
        return auditing.Audit(run, cohort)

    return make
