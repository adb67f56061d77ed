"""Mean and maximum of the AUCs of a patient's records, where targets come one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr, stdtrit

from rollcall.risk.canonical import Order
from rollcall.risk.exposed.interval import to_d
from rollcall.risk.patient import (
    cut_patients,
    group_records,
    maximum_by_patient,
    mean_by_patient,
)
from rollcall.risk.singly.redrawing import DRAWS_AT_ONCE, Sets, draw_sets
from rollcall.stats.moments import MIN_VARIANCE
from rollcall.util.parallel import map_blocks


def summarise_records_singly(
    scores: np.ndarray,
    members: np.ndarray,
    index: np.ndarray,
    auc: np.ndarray,
    rounds: int,
    seed: int,
    progress: Callable,
    order: Order,
    sets: Sets,
) -> dict[str, np.ndarray]:
    """Summarise the records' AUCs of each patient, as rollcall.risk.patient.summarise_records.

    sets: of targets and patients in canonical order. Errors are a jackknife over targets; the
    interval of the mean has Student's t of 2 / (1 / (n_in - 1) + 1 / (n_out - 1)) degrees.
    """
    targets, patients = members.shape
    place = np.empty(patients, np.intp)
    place[order.patients] = np.arange(patients)
    index, members = place[index], order.arrange(members)
    by_patient, first, count = group_records(index)
    out = {
        name: np.empty(patients) for name in ("auc_mean", "auc_mean_se", "auc_max", "auc_max_se")
    }
    out |= {
        name: np.empty((rounds, patients), np.float32)
        for name in ("floor_auc_mean", "floor_auc_max")
    }

    def work(slices: list[slice]) -> None:
        for c in slices:
            columns = by_patient[first[c.start] : first[c.stop - 1] + count[c.stop - 1]]
            starts, of_patient = first[c] - first[c.start], index[columns]
            values = scores[np.ix_(order.targets, columns)].astype(np.float64)
            values -= values.mean(0)
            without = _auc_without_each(values, members[:, of_patient])
            null = _redraw_records(
                sets.take(c), values, of_patient - c.start, rounds, seed, c.start
            )
            for name, summarise in (("auc_mean", mean_by_patient), ("auc_max", maximum_by_patient)):
                sizes = count[c]
                out[f"floor_{name}"][:, c] = summarise(null, starts, sizes)
                out[name][c] = summarise(auc[columns], starts, sizes)
                spread = summarise(without, starts, sizes).std(0)
                out[f"{name}_se"][c] = spread * np.sqrt(targets - 1)

    map_blocks(work, cut_patients(first + count), progress)
    inside = members.sum(0)
    freedom = 2 / (1 / (inside - 1) + 1 / (targets - inside - 1))
    d = to_d(out["auc_mean"])
    slope = np.sqrt(2 * np.pi) * np.exp(d * d / 2)
    reach = stdtrit(freedom, 0.975) * out["auc_mean_se"] * slope
    out |= {"auc_mean_low": ndtr(d - reach), "auc_mean_high": ndtr(d + reach)}
    return {name: order.restore(values) for name, values in out.items()}


def _binormal(n, total, squares, targets, all_squares) -> np.ndarray:
    """Return Phi(d) from the in scores' number, sum and sum of squares; the mean of all is 0."""
    rest = targets - n
    mean_in, mean_out = total / n, -total / rest
    within_in = np.maximum(squares - n * mean_in**2, 0) / (n - 1)
    within_out = np.maximum(all_squares - squares - rest * mean_out**2, 0) / (rest - 1)
    return ndtr((mean_in - mean_out) / np.sqrt(np.maximum(within_in + within_out, MIN_VARIANCE)))


def _redraw_records(
    sets: Sets, values: np.ndarray, of_patient: np.ndarray, rounds: int, seed: int, start: int
) -> np.ndarray:
    """Return AUCs of records under redrawn memberships of their patients, (rounds, n)."""
    rng, targets = np.random.default_rng([seed, 5, start]), len(values)
    squares, n = (values * values).sum(0), sets.count[of_patient]
    out = np.empty((rounds, len(of_patient)), np.float32)
    step = max(DRAWS_AT_ONCE // len(of_patient), 1)
    for begin in range(0, rounds, step):
        height = min(step, rounds - begin)
        total, square = np.zeros((2, height, len(of_patient)), np.float32)
        for value, take in zip(
            values.astype(np.float32), draw_sets(sets, height, rng), strict=True
        ):
            inside = take[:, of_patient] * value
            total += inside
            square += inside * value
        out[begin : begin + height] = _binormal(n, total, square, targets, squares)
    return out


def _auc_without_each(values: np.ndarray, had: np.ndarray) -> np.ndarray:
    """Return the binormal AUCs of records without each target, (M, n); values of mean 0."""
    targets = len(values)
    n, inside = had.sum(0), np.where(had, values, 0)
    total, squares = inside.sum(0) - inside, (inside * inside).sum(0) - inside * inside
    everything = -values  # the sum of the others
    middle = everything / (targets - 1)
    n_left = n - had
    # about the mean of those that are left
    others = (values * values).sum(0) - values * values - (targets - 1) * middle**2
    in_squares = squares - 2 * middle * total + n_left * middle**2
    return _binormal(n_left, total - n_left * middle, in_squares, targets - 1, others)
