"""The `a` of offline RMIA, chosen by attacking references as if they were the target."""

from __future__ import annotations

import numpy as np

from rollcall.attacks.checks import check_inputs
from rollcall.attacks.rmia.population import check_numbers, compute_belief
from rollcall.stats import metrics
from rollcall.stats.sampling import sample_evenly, sum_exactly
from rollcall.util.parallel import make_blocks, map_blocks

A_GRID = np.linspace(0, 1, 11)  # values of a to choose from
REFERENCES_TRIED, RECORDS_TRIED = 4, 2_000  # that a value of a is tried on


def tune(scores: np.ndarray, members: np.ndarray, targets: np.ndarray, seed: int = 0) -> np.ndarray:
    """Choose the `a` of the offline attack for each of `targets`, of A_GRID. (T,).

    The one with which their references are best told members from non-members. scores, members as
    run_rmia takes them. For each target, REFERENCES_TRIED references drawn at random are attacked
    as if they were the target, on RECORDS_TRIED records, with neither their own pair nor the
    target's among the references: nothing of the target enters but its share in which records are
    drawn (by mean score over all targets). The highest mean AUC wins, the
    smaller a of equals. The two targets of a pair have the same references, hence the same a.
    """
    scores, members, paired = check_inputs(scores, members)
    targets = check_numbers("targets", targets, len(scores))
    sample = sample_evenly(scores, RECORDS_TRIED, [seed, 1])
    p = compute_belief(scores[:, sample])
    member, pair = members[:, sample], np.arange(len(scores)) // (2 if paired else 1)
    out = np.where(member, 0, p)
    total, number = out.sum(0), (~member).sum(0)
    pairs, position = np.unique(pair[targets], return_inverse=True)
    best = np.empty(len(pairs))
    in_order = np.argsort(sum_exactly(scores, 1), kind="stable")  # in whatever order they come

    def tune_pair(position_of_pair: int) -> None:
        attacked = pairs[position_of_pair]
        references = in_order[pair[in_order] != attacked]
        tried = np.random.default_rng([seed, 2]).permutation(references)
        areas = np.zeros(len(A_GRID))
        for row in tried[:REFERENCES_TRIED]:
            left = (pair == attacked) | (pair == pair[row])
            mean = (total - out[left].sum(0)) / np.maximum(number - (~member[left]).sum(0), 1)
            prior = ((1 + A_GRID[:, None]) * mean + 1 - A_GRID[:, None]) / 2
            with np.errstate(over="ignore"):  # a ratio may be infinite, and is then the largest
                ratio = (p[row] / np.maximum(prior, np.finfo(float).tiny)).astype(np.float32)
            areas += metrics.auc_of_rows(ratio, member[row])
        best[position_of_pair] = A_GRID[np.argmax(np.round(areas, 9))]

    map_blocks(
        lambda slices: [tune_pair(block.start) for block in slices], make_blocks(len(pairs), 1)
    )
    return best[position]
