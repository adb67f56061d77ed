"""How well attacks do over all targets together, under one threshold.

There are M N attack scores, too many to sort at once. So:

1. The numbers of positives (members' scores) and of negatives are known in each of about 4,096
   cells, which hold equally many of all targets' scores.
2. AUC over all targets, from the cells: with f and g the shares of positives and of negatives in
   each cell, ties within a cell counting half,

       placement of a positive in cell c   P_c = sum of g below c + g_c / 2
       placement of a negative in cell c   N_c = sum of f above c + f_c / 2
       AUC = sum over cells of f_c P_c

3. Its errors. A score moves the AUC by (P_c - AUC) / n1 if positive, by (N_c - AUC) / n0 if
   negative. With the sums of moves of each patient over all targets, of each pair of targets over
   all patients, and of each patient in each pair,

       of patients               V_1 = P / (P - 1) sum of squares by patient      (Obuchowski 1997)
       of models                 V_2 = K / (K - 1) sum of squares by pair
       of patients and models    V_1 + V_2 - sum of squares by patient and pair, at least V_1, V_2

   with single targets for pairs where these are none
   (two-way clusters: Cameron, Gelbach and Miller, Journal of Business & Economic Statistics 2011).
   The first is the error for other patients under these models; the last for other patients under
   other models.
4. True-positive rates are exact, not by cell: the scores above the highest TAIL_SHARE of negatives
   are sorted, and give thresholds and counts.
"""

from __future__ import annotations

import numpy as np

from rollcall.stats import metrics
from rollcall.stats.design import is_paired
from rollcall.stats.tail_rates import Rate, is_resolved, limit_tpr
from rollcall.util.parallel import make_blocks, map_blocks

CELLS = 4096  # of equal content, over all targets
SCORES_SAMPLED = 1_000_000  # to make the cells from
TAIL_SHARE = 0.15  # of negatives, kept for thresholds: more than the largest of metrics.FPRS


def evaluate_pooled(
    result: np.ndarray,
    members: np.ndarray,
    index: np.ndarray,
    counts: np.ndarray,
    codes: np.ndarray,
) -> dict[str, float]:
    """Evaluate attack scores (M, N) of all targets under one threshold; the module says how.

    members bool (M, P); index (N,). counts int (2, M, cells): negatives and positives in each cell.
    codes uint16 (M, N), of each score: its cell, plus the number of cells if it is a positive.
    Returns the columns of evaluation.evaluate but balanced accuracy.
    """
    targets, records_of = len(result), np.bincount(index, minlength=members.shape[1])
    per_cell = counts.sum(1, dtype=np.int64)
    n0, n1 = per_cell.sum(1)
    g, f = per_cell[0] / n0, per_cell[1] / n1
    of_positive, of_negative = np.cumsum(g) - g / 2, 1 - np.cumsum(f) + f / 2  # placements
    area = float(f @ of_positive)
    move = np.concatenate([(of_negative - area) / n0, (of_positive - area) / n1])  # by code
    cells = len(g)
    first = np.flatnonzero(np.cumsum(g[::-1])[::-1] >= TAIL_SHARE)[-1]  # the tail's lowest cell
    tails = []
    for low, high in ((first, cells), (cells + first, 2 * cells)):

        def take_tail(target: int, low=low, high=high) -> np.ndarray:
            code = codes[target]
            return result[target].compress((code >= low) & (code < high))

        tail = np.concatenate(map_targets(take_tail, targets))
        tail.sort()
        tails.append(tail)
    negatives, positives = tails
    fprs = [fpr for fpr in metrics.FPRS if is_resolved(fpr, n0)]
    limits = metrics.threshold_at_fpr(negatives, np.array(fprs), n0)
    size = 2 if is_paired(members, index) else 1
    errors, above = _sum_over_units(result, members.shape[1], index, codes, move, limits, size)

    def curve(k: int) -> float:  # within the tail: of more alarms than it holds, its own
        limit = negatives[max(len(negatives) - 1 - k, 0)]
        return (len(positives) - np.searchsorted(positives, limit, side="right")) / n1

    tries = records_of * (~members).sum(0), records_of * members.sum(0)
    row = {"auc": area} | errors
    for number, fpr in enumerate(fprs):
        (alarms, of_alarms), (hits, of_hits) = (
            _compute_rate(above[kind, number], tries[kind]) for kind in (0, 1)
        )
        limits_of_rate = limit_tpr(curve, fpr, hits, alarms, float(of_hits @ of_alarms))
        row |= name_rates(fpr, hits.rate, *limits_of_rate, alarms.rate)
    return row


def _sum_over_units(
    result: np.ndarray,
    patients: int,
    index: np.ndarray,
    codes: np.ndarray,
    move: np.ndarray,
    limits: np.ndarray,
    size: int,
) -> tuple[dict[str, float], np.ndarray]:
    """Return the errors of the AUC, and each patient's scores above each limit.

    move: of the AUC, by code; limits (F,); size: targets of a unit, 2 of pairs, else 1. The second
    is int (2, F, P): of negatives, positives.
    """
    pairs, cells = len(result) // size, len(move) // 2

    def sum_pairs(slices) -> tuple[np.ndarray, float, float, np.ndarray]:
        moves, of_pairs, of_both = np.zeros(patients), 0.0, 0.0
        above = np.zeros((2, len(limits), patients), np.int64)
        for pair in (block.start for block in slices):
            of_pair = np.zeros(patients)
            for target in range(size * pair, size * (pair + 1)):
                of_pair += np.bincount(index, move[codes[target]], minlength=patients)
                high = np.flatnonzero(result[target] > limits.min(initial=np.inf))
                values, who = result[target].take(high), index.take(high)
                positive = codes[target].take(high) >= cells
                for kind, of_kind in enumerate((~positive, positive)):
                    of_kind_values, of_kind_who = values[of_kind], who[of_kind]
                    for number, limit in enumerate(limits):
                        np.add.at(above[kind, number], of_kind_who[of_kind_values > limit], 1)
            moves += of_pair
            of_pairs += of_pair.sum() ** 2
            of_both += of_pair @ of_pair
        return moves, of_pairs, of_both, above

    parts = map_blocks(sum_pairs, make_blocks(pairs, 1))
    moves, of_pairs, of_both, above = (np.sum(each, axis=0) for each in zip(*parts, strict=True))
    by_patient = patients / max(patients - 1, 1) * float(moves @ moves)
    by_pair = pairs / max(pairs - 1, 1) * of_pairs
    both = max(by_patient + by_pair - of_both, by_patient, by_pair)
    return {"auc_se": float(np.sqrt(by_patient)), "auc_se_two_way": float(np.sqrt(both))}, above


def _compute_rate(hits: np.ndarray, tries: np.ndarray) -> tuple[Rate, np.ndarray]:
    """Return the rate of hits (P,) among tries (P,), and how far each patient moves it, (P,)."""
    total = int(tries.sum())
    rate = float(hits.sum() / total)
    moves = (hits - rate * tries) / total
    return Rate(rate, float(moves @ moves), total, int(np.count_nonzero(tries))), moves


def name_rates(fpr: float, tpr: float, low: float, high: float, made: float) -> dict[str, float]:
    """Return the columns of a true-positive rate and of precisions; made: the FPR that was made."""
    row = {f"tpr_at_fpr_{fpr:g}": tpr, f"tpr_low_{fpr:g}": low, f"tpr_high_{fpr:g}": high}
    if fpr == metrics.PRECISION_FPR:
        row |= {
            f"precision_at_prior_{prior:g}": float(metrics.precision_at_prior(tpr, made, prior))
            for prior in metrics.PRIORS
        }
    return row


def choose_cells(result: np.ndarray) -> np.ndarray:
    """Return ascending edges of about CELLS cells of equal content, of the dtype of result. (E,).

    A value that fills more than one cell is a cell of its own.
    """
    flat = result.ravel()
    sample = np.sort(flat[:: max(1, flat.size // SCORES_SAMPLED)])
    edges = sample[np.linspace(0, len(sample) - 1, CELLS + 1).astype(int)]
    values, times = np.unique(edges, return_counts=True)
    return np.unique(
        np.concatenate([values, np.nextafter(values[times > 1], np.inf, dtype=result.dtype)])
    )


def map_targets(work, targets: int) -> list:
    """Return [work(0), work(1), ...] of every target, computed on every core."""
    parts = map_blocks(
        lambda slices: [(block.start, work(block.start)) for block in slices],
        make_blocks(targets, 1),
    )
    pairs = sorted((pair for pairs in parts for pair in pairs), key=lambda pair: pair[0])
    return [value for _, value in pairs]
