"""Does training with privacy keep its promise? Audits of it, with all of the noise and half.

`python -m benchmarks.promise 100` trains 100 targets with the noise that the claim needs, and 100
with half of it, of a cohort with canary patients; docs/privacy.md has what came out. Options after
the number: the epsilon that is claimed (3), canaries (2400), a csv file for every repeat.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
import torch

from rollcall.experiments.private.canaries import insert_canaries, linear_recipe
from rollcall.experiments.private.claims import make_claims
from rollcall.experiments.private.repeats import plan_guesses
from rollcall.experiments.private.training import repeat_audit, summarise_repeats
from rollcall.recipes import Recipe
from rollcall.training.private.terms import find_terms

REAL, RECORDS, FEATURES = 500, 2, 10  # patients that are no canaries; of each; inputs
RATE, STEPS = 0.2, 20


def prepare(epsilon: float, count: int, seed: int = 0):
    """Make (canaries, recipe, terms, claims, plan) of an audit."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(REAL), RECORDS)
    inputs = rng.standard_normal((len(groups), FEATURES))
    labels = inputs[:, 0] + rng.standard_normal(len(groups)) > 0
    canaries = insert_canaries(inputs, labels, groups, count, RECORDS, clip=1.0)
    recipe = linear_recipe(
        Recipe(
            model="mlp",
            epochs=round(RATE * STEPS),
            batch=round(RATE * (REAL + count) / 2),
            learning_rate=1e-3,
            precision="float32",
            stack=4,
            privacy={"unit": "patient", "epsilon": epsilon, "clip": 1.0},
        )
    )
    terms = find_terms(recipe, canaries.cohort)
    claims = make_claims(terms.noise_multiplier, terms.delta, terms.rate, terms.steps)
    return canaries, recipe, terms, claims, plan_guesses(claims, count, seed)


def main(repeats: int, epsilon: float, count: int, out: str) -> None:
    """Print what 2 x `repeats` trainings prove; write every repeat to `out`, if it is named."""
    torch.set_num_threads(1)
    started, tables = time.process_time(), []
    audit = prepare(epsilon, count)
    terms, claims, plan = audit[2:]
    print(
        f"claimed: epsilon {claims.epsilon:.3f} at delta {terms.delta:.2g}, noise "
        f"{terms.noise_multiplier:.3f}, rate {terms.rate:.2f}, {terms.steps} steps; {count} "
        f"canaries and {REAL} real patients of {RECORDS} records; {plan}"
    )
    for number, share in enumerate((1.0, 0.5)):
        table = repeat_audit(*audit, repeats=repeats, share=share, seed=number)
        tables.append(table.assign(share=share))
        print(f"\n{share:g} of the noise")
        print(summarise_repeats(table, claims).round(3).to_string(index=False), flush=True)
    print(f"\n{time.process_time() - started:.0f} s of CPU")
    if out:
        pd.concat(tables).to_csv(out, index=False)


if __name__ == "__main__":
    given = [*sys.argv[1:], *("100", "3", "2400", "")[len(sys.argv) - 1 :]]
    main(int(given[0]), float(given[1]), int(given[2]), given[3])
