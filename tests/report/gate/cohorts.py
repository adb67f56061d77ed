"""Random cohorts with everything that lets hidden counts be had from others."""

import numpy as np
import pandas as pd

from rollcall.data.groups import iterate_intersections


def make_cohort(seed):
    """(attributes, flags, smallest, crossed groups) of a random cohort."""
    rng = np.random.default_rng([13, seed])
    patients = int(rng.choice([12, 30, 60, 120, 300, 1000]))
    kinds = rng.permutation(["plain", "plain", "refined", "bool", "subset", "twin", "yes"])
    columns = {}
    for number, kind in enumerate(kinds[: rng.integers(1, 5)]):
        groups = int(rng.choice([2, 3, 4, 5, 6, 8, 10, 12]))
        fine = rng.choice(groups, patients, p=rng.dirichlet(np.full(groups, rng.choice([0.3, 1]))))
        fine = np.where(rng.random(patients) < rng.choice([0, 0.02, 0.2]), -1, fine)
        if kind in ("plain", "refined", "twin"):
            columns[f"a{number}"] = categories(fine)
        if kind == "refined":  # a taxonomy, fine and coarse; a missing value may be known coarsely
            coarse = fine // 2 if rng.random() < 0.5 else np.maximum(fine, 0) // 2
            columns[f"b{number}"] = categories(coarse)
        if kind == "twin":  # the same groups but for a few patients
            other = np.where(rng.random(patients) < 0.03, rng.integers(0, groups, patients), fine)
            columns[f"b{number}"] = categories(other)
        if kind == "bool":  # overlapping groups, one inside another
            one = rng.random(patients) < rng.choice([0.05, 0.3])
            columns |= {f"c{number}: wide": one, f"c{number}: narrow": one & (fine > 0)}
            columns[f"c{number}: other"] = rng.random(patients) < 0.2
        if kind == "subset":  # known for a few patients only
            columns[f"d{number}"] = categories(
                np.where(fine == 0, rng.integers(0, 2, patients), -1)
            )
        if kind == "yes":
            columns[f"e{number}"] = fine == 0
    attributes = pd.DataFrame(columns)
    risk = rng.random(patients)
    if rng.random() < 0.5:  # a group leaks
        first = attributes.iloc[:, 0]
        risk -= (first if first.dtype == bool else first.cat.codes == 0) * rng.random(patients)
    cuts = np.sort(rng.choice([0.02, 0.05, 0.1, 0.3, 0.6], rng.integers(1, 4), replace=False))
    flags = {f"top {cut}": risk <= np.quantile(risk, cut) for cut in cuts[:: rng.choice([1, -1])]}
    if rng.random() < 0.3:
        flags["apart"] = rng.random(patients) < 0.2  # nested in none
    smallest = int(rng.choice([5, 10]))
    crossed = list(iterate_intersections(attributes)) if rng.random() < 0.4 else []
    return attributes, flags, smallest, crossed


def categories(codes):
    return pd.Categorical.from_codes(codes, [f"g{code}" for code in range(max(codes.max(), 0) + 1)])
