"""Scores that are plainly something else are refused; those that tell nothing are not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rollcall.runs.plausibility import check_scores
from rollcall.util.errors import InputError
from tests.oracles import risk as naive

PATHS = Path("scores.npy"), Path("members.npy")


def make(seed=0, shift=2.0, targets=32, patients=300):
    """(scores, members, codes, names): two records a patient, in random order."""
    rng = np.random.default_rng(seed)
    ids = rng.permutation(np.repeat([f"p{number:03d}" for number in range(patients)], 2))
    codes, names = pd.factorize(ids)
    members = naive.paired(rng, targets, patients)
    scores = rng.standard_normal((targets, len(ids))) + shift * members[:, codes]
    return scores.astype(np.float32), members, codes, pd.Index(names)


@pytest.mark.parametrize("shift", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("targets", [8, 32])
def test_what_is_right_passes(shift, targets):
    check_scores(*PATHS, *make(shift=shift, targets=targets))


def test_many_audits_without_leakage_pass():
    """A limit of ten standard errors: none of 200 is refused."""
    for seed in range(200):
        check_scores(*PATHS, *make(seed, 0.0, 16, 60))


def test_probabilities_are_refused():
    scores, *rest = make()
    p = 1 / (1 + np.exp(-scores))
    for given in (p, np.stack([p, 1 - p], axis=2)):
        with pytest.raises(InputError, match=r"scores.npy: all values lie between 0 and 1"):
            check_scores(*PATHS, given, *rest)


def test_losses_are_refused():
    scores, *rest = make()
    with pytest.raises(InputError, match=r"lower where a model had the record \(by 0.9"):
        check_scores(*PATHS, -scores, *rest)


def test_members_in_the_order_of_sorted_ids_are_refused():
    scores, members, codes, names = make()
    by_name = members[:, np.argsort(np.asarray(names, str))]
    with pytest.raises(InputError, match=r"members.npy: .* order of their sorted ids"):
        check_scores(*PATHS, scores, by_name, codes, names)


def test_constant_scores_pass():
    scores, *rest = make()
    check_scores(*PATHS, np.full_like(scores, 3.0), *rest)
