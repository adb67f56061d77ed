"""A reader who subtracts: from the printed counts, two linear programmes for each hidden count.

Written without the package's code for it. The unknowns are the patients of every combination of
all attributes' groups that exists, and of every combination of flags that exists; each printed
number is an equation. A count is given away if both its bounds lie from 1 to smallest - 1.
"""

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.optimize import linprog


def groups_of(attributes, crossed=()):
    """{attribute: {group: bool (patients,)}} of everything that a table may print."""
    groups = {}
    for column in attributes:
        values = attributes[column]
        if values.dtype == bool:
            attribute, _, group = column.partition(": ")
            groups.setdefault(attribute, {})[group or "yes"] = values.to_numpy()
        else:
            inside = {str(name): (values == name).to_numpy() for name in values.unique()}
            inside.pop("nan", None)
            inside["(missing)"] = values.isna().to_numpy()
            groups[column] = inside
    for attribute, group, inside, _ in crossed:
        groups.setdefault(attribute, {})[group] = inside
    return groups


def regions_of(attributes, crossed=()):
    """What must stay unknown, before flags: unions of an attribute's groups, differences, rests.

    And what a group holds beyond those of another attribute that lie inside it, and who is in one
    group while another attribute, crossed with its own, is not known.
    """
    everyone = np.ones(len(attributes), bool)
    listed = {
        attribute: [mask for mask in groups.values() if mask.any()]
        for attribute, groups in groups_of(attributes, crossed).items()
    }
    for attribute, masks in listed.items():
        for size in range(1, min(len(masks), 6)):
            for some in combinations(masks, size):
                if sum(mask.sum() for mask in some) == np.any(some, axis=0).sum():  # disjoint
                    yield attribute, np.any(some, axis=0)
                    yield attribute, ~np.any(some, axis=0)
        for other, inner in listed.items():
            for one in masks:
                inside = [mask for mask in inner if not (mask & ~one).any()]
                for mask in [*inside, np.any(inside, axis=0)] if inside else []:
                    yield f"{attribute} beyond {other}", one & ~mask
    for attribute in {attribute for attribute, *_ in crossed}:
        one, _, two = attribute.partition(" x ")
        for a in listed[one]:
            for b in listed[two]:
                yield attribute, a & b
    yield "everyone", everyone


def bands_of(flags, patients):
    """Each flag, and each flag without one inside it; all patients are a flag, too."""
    masks = [np.ones(patients, bool), *flags.values()]
    yield from masks
    for outer in masks:
        for inner in masks:
            if not (inner & ~outer).any():
                yield outer & ~inner


def attack(table, attributes, flags, smallest, crossed=()):
    """List (attribute, count, low, high) of what the table gives away; [] is a safe table."""
    groups = groups_of(attributes, crossed)
    groups["(all)"] = {"(all)": np.ones(len(attributes), bool)}
    flags = {name: np.asarray(flag) for name, flag in flags.items()}
    masks = {"patients": np.ones(len(attributes), bool), **flags}
    memberships = np.array(
        [mask for inside in groups.values() for mask in inside.values()], dtype=bool
    ).T
    _, profile = np.unique(memberships, axis=0, return_inverse=True)
    _, combination = np.unique(np.array(list(masks.values())).T, axis=0, return_inverse=True)
    profile, combination = profile.reshape(-1), combination.reshape(-1)
    profiles, combinations_ = profile.max() + 1, combination.max() + 1
    first = np.unique(profile, return_index=True)[1]
    first_flag = np.unique(combination, return_index=True)[1]

    def coefficients(region, band):
        return np.outer(region[first], band[first_flag]).ravel().astype(float)

    equations, values = [], []
    for _, row in table.iterrows():
        region = groups[row["attribute"]][row["group"]]
        for name, band in masks.items():
            if not pd.isna(row[name]):
                value = int(row[name])
                assert value == (region & band).sum(), "a printed count is wrong"
                assert not 0 < value < smallest, "a printed count is small"
                equations.append(coefficients(region, band))
                values.append(value)
    variables = profiles * combinations_
    equations = np.array(equations).reshape(-1, variables)

    def bound(objective, sign):
        solved = linprog(
            sign * objective, A_eq=equations, b_eq=values, bounds=(0, None), method="highs"
        )
        if solved.status == 3:  # nothing bounds it
            return -np.inf * sign
        worlds.append(solved.x)
        return sign * solved.fun

    given_away, seen, worlds = [], set(), []
    bands = list(bands_of(flags, len(attributes)))
    for attribute, region in regions_of(attributes, crossed):
        for band in bands:
            count = int((region & band).sum())
            if not 0 < count < smallest:
                continue
            objective = coefficients(region, band)
            if objective.tobytes() in seen:
                continue
            seen.add(objective.tobytes())
            possible = np.array(worlds).reshape(-1, variables) @ objective
            if ((possible <= 1e-6) | (possible >= smallest - 1e-6)).any():
                continue  # one of the worlds seen already has it 0 or large
            low = bound(objective, 1)
            if low > 1e-6 and (high := bound(objective, -1)) < smallest - 1e-6:
                given_away.append((attribute, count, low, high))
    return given_away
