"""The ratio of every group at every cutoff, beside the ratio that it has when nothing leaks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.risk.groups.listing import Groups
from rollcall.risk.groups.ranking import (
    draw_places,
    pair_differences,
    score_differences,
    share_top,
)
from rollcall.risk.groups.ratios import compare_within
from rollcall.risk.groups.two_way import Moves
from rollcall.risk.noise_floor import random_signs
from rollcall.risk.singly.redrawing import Sets, make_sets, redraw_scores, score_members
from rollcall.stats.design import estimate_rates, is_paired
from rollcall.stats.moments import MIN_VARIANCE
from rollcall.stats.unpaired import estimate_moves
from rollcall.util.parallel import make_blocks, map_blocks

CUTOFFS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)  # of all patients
FLOOR_ROUNDS = 200
ROUNDS_PER_BLOCK = 20
PATIENTS_PER_BLOCK = 32  # that share their random signs
GROUPS_PER_BLOCK = 32
MOVED_AT_ONCE = 4096  # patients


def compare_cutoffs(
    groups: Groups,
    statistic: np.ndarray,
    members: np.ndarray,
    exposed: np.ndarray,
    seed: int = 0,
    rounds: int = FLOOR_ROUNDS,
) -> pd.DataFrame:
    """Compare each group's share of the top with all others', at each cutoff: a row for both.

    groups as list_groups returns them; statistic (M, P); members bool (M, P); exposed bool (P,).
    The top is a share of all patients by rank_score, ties shared; and last all exposed.

    attribute, group, intersection
    cutoff, top              share of all patients ("all exposed" is the share that is exposed);
                             number of patients at the top
    is_exposed               bool: the row of all exposed
    inside                   of the group among the top, ties shared
    ratio, ratio_low, ratio_high
                             of the group's share at the top to that of all others, not within
                             labels; 95%, with other patients and as many other models. NaN where
                             nobody is at the top
    floor_low, floor_high    where 95% of the same group's ratios lie when membership is redrawn,
                             with as many patients at the top
    """
    if is_paired(members):
        difference = pair_differences(statistic, members)
        difference = difference[np.argsort((difference.astype(float) ** 2).sum(1), kind="stable")]
        score, sets = score_differences(difference), None
    else:
        order = np.argsort(statistic.sum(1, dtype=np.float64), kind="stable")
        difference, members = statistic[order], members[order]
        sets = make_sets(estimate_rates(members), members.sum(0))
        score = score_members(sets, difference, members)
    patients, number = len(score), len(groups.table)
    counts = [max(1, round(share * patients)) for share in CUTOFFS] + [int(exposed.sum())]
    floors = _draw_floor_ratios(groups, difference, score, counts, rounds, seed, sets)
    move, error = (
        _move_scores(difference, score)
        if sets is None
        else _move_scores_singly(difference, members, score)
    )
    crude = np.zeros(patients, int)
    tables = []
    for place, count in enumerate(counts):
        is_exposed = place == len(CUTOFFS)
        top = exposed.astype(float) if is_exposed else share_top(score, count)
        moves = _move_top(score, count, move, error)
        parts = []
        for c in make_blocks(number, GROUPS_PER_BLOCK):
            inside, known = groups.inside(c), groups.known(c)
            contrast = compare_within(top, inside, known, crude)
            parts.append([top @ inside, contrast.estimate, *contrast.interval(moves)])
        within, *logs = np.concatenate(parts, axis=1)
        ratio, low, high = np.exp(logs)
        keys = groups.table[["attribute", "group", "intersection"]]
        tables.append(
            keys.assign(
                cutoff=count / patients if is_exposed else CUTOFFS[place],
                top=count,
                is_exposed=is_exposed,
                inside=within,
                ratio=ratio,
                ratio_low=low,
                ratio_high=high,
                floor_low=floors[0, place],
                floor_high=floors[1, place],
            )
        )
    table = pd.concat(tables)
    return table.sort_index(kind="stable").reset_index(drop=True)


def _move_scores(difference: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how each pair moves each pair score, (K, P) float32, and its standard error (P,).

    z = m / sqrt(q), m the mean and q the mean square of D_k: pair k moves it by
    D_k / sqrt(q) - z/2 (D_k^2 / q + 1).
    """
    pairs = len(difference)
    square = np.einsum("kn,kn->n", difference, difference, dtype=np.float64) / pairs
    move = difference / np.sqrt(np.maximum(square, MIN_VARIANCE)).astype(np.float32)
    move -= (score / 2).astype(np.float32) * (move * move + 1)
    error = np.sqrt(np.einsum("kn,kn->n", move, move, dtype=np.float64) / (pairs * (pairs - 1)))
    return move, error


def _move_scores_singly(
    statistic: np.ndarray, members: np.ndarray, score: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return how each target moves each rank_score, (M, P) float32, and its standard error (P,).

    With d = z sqrt((M - 2) / M) sqrt(2) / sqrt(1 - z^2) the score that names (estimate_moves), z
    moves by the moves of d times (1 - z^2)^1.5 / sqrt(2 (M - 2) / M).
    """
    targets = len(statistic)
    move = np.empty(statistic.shape, np.float32)
    for c in make_blocks(len(score), MOVED_AT_ONCE):
        slope = np.maximum(1 - score[c] ** 2, 0) ** 1.5 / np.sqrt(2 * (targets - 2) / targets)
        move[:, c] = estimate_moves(statistic[:, c], members[:, c], pooled=True)[1] * slope
    square = np.einsum("kn,kn->n", move, move, dtype=np.float64)
    return move, np.sqrt(square / (targets * (targets - 1)))


def _move_top(score: np.ndarray, count: int, move: np.ndarray, error: np.ndarray) -> Moves:
    """Return how each pair moves patients into the top: the cut moves with all, to keep its size.

    A normal kernel of half the standard error, as for exposed patients (two_way.naming_slope).
    """
    if not count or count >= len(score):
        return Moves(np.zeros_like(move), np.zeros(len(score)))
    cut = np.partition(score, len(score) - count)[len(score) - count]
    width = max(float(np.median(error)) / 2, 1e-3)
    kernel = np.exp(-(((score - cut) / width) ** 2) / 2) / (width * np.sqrt(2 * np.pi))
    cut_move = move @ kernel.astype(np.float32) / np.float32(max(kernel.sum(), 1e-12))
    moves = (move - cut_move[:, None]) * kernel.astype(np.float32)
    return Moves(moves, np.einsum("kn,kn->n", moves, moves, dtype=np.float64))


def _draw_floor_ratios(
    groups: Groups,
    difference: np.ndarray,
    score: np.ndarray,
    counts: list[int],
    rounds: int,
    seed: int,
    sets: Sets | None,
) -> np.ndarray:
    """Return 2.5% and 97.5% points of the ratios of redrawn membership, (2, cutoffs, J)."""
    pairs, patients = difference.shape
    order = np.argsort(
        draw_places(score, seed, 13)
    )  # rows may be shuffled: places go with patients
    shuffled = difference[:, order]
    if sets is None:
        square = np.einsum("kn,kn->n", shuffled, shuffled, dtype=np.float64) / pairs
        shuffled /= (np.sqrt(np.maximum(square, MIN_VARIANCE)) * pairs).astype(np.float32)
    else:
        sets = sets.take(order)
    number = len(groups.table)
    blocks = make_blocks(number, GROUPS_PER_BLOCK)
    weights = [groups.inside(c)[order].astype(np.float32) for c in blocks]
    known = [groups.known(c)[order].astype(np.float32) for c in blocks]
    ratios = np.full((rounds, len(counts), number), np.nan, np.float32)
    drawn = [place for place, count in enumerate(counts) if 0 < count < patients]
    ranks = [patients - counts[place] for place in drawn]
    for c in make_blocks(rounds, ROUNDS_PER_BLOCK):
        null = np.empty((c.stop - c.start, patients), np.float32)

        def draw(slices: list[slice], null: np.ndarray = null, first: int = c.start) -> None:
            for chosen in slices:
                if sets is not None:
                    null[:, chosen] = redraw_scores(
                        *(sets.take(chosen), shuffled[:, chosen], len(null)),
                        *(seed, 14, first, chosen.start),
                    )
                    continue
                signs = random_signs(len(null), pairs, seed, 14, first, chosen.start)
                null[:, chosen] = signs @ shuffled[:, chosen]

        map_blocks(draw, make_blocks(patients, PATIENTS_PER_BLOCK))
        if drawn:
            cuts = np.partition(null, sorted(set(ranks)), axis=1)[:, ranks]
        for place, cut in zip(drawn, cuts.T if drawn else (), strict=True):
            top = (null >= cut[:, None]).astype(np.float32)
            for block, inside, of in zip(blocks, weights, known, strict=True):
                size, everybody = inside.sum(0), top @ of
                a = top @ inside
                with np.errstate(divide="ignore", invalid="ignore"):
                    ratios[c, place, block] = a / size / ((everybody - a) / (of.sum(0) - size))
    if not drawn:
        return np.full((2, len(counts), number), np.nan)
    return _quantiles(ratios)


def _quantiles(ratios: np.ndarray) -> np.ndarray:
    """Return the 2.5% and 97.5% points over rounds; of a ratio that was never defined NaN."""
    ordered = np.sort(ratios, axis=0)  # NaN last
    defined = (~np.isnan(ratios)).sum(0)
    places = [np.clip((q * (defined - 1)).round().astype(int), 0, None) for q in (0.025, 0.975)]
    return np.stack([np.take_along_axis(ordered, p[None], axis=0)[0] for p in places])
