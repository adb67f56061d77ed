"""Whether scores that were given are log odds, and of the right sign: before they are believed.

What is compared with members is tested so that chance refuses hardly anybody, whatever the scores
are: halves are drawn, so that, if nothing leaks, either sign of a pair's difference is as likely.
The sum of n numbers with such signs is t times the root of their sum of squares with a probability
of at most exp(-t^2 / 2) (Hoeffding 1963): with SURE, 2 of 100 million audits for each test.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rollcall.runs.given.designs.contrasts import iterate_contrasts
from rollcall.runs.given.kinds import LOG_ODDS, LOSS, PROBA, Given, loss_to_log_odds
from rollcall.stats.design import is_paired
from rollcall.util.errors import InputError

SURE = 6.0  # standard errors by which members differ from non-members beyond doubt
SAMPLE = 4096  # records of a target in which equal scores are counted
MANY_TIES = 0.2  # share of a target's scores that are one number, from which it is said
# Losses that end at one of these are no cross-entropies, which end nowhere: squared or absolute
# errors of one label, squared errors of all classes together.
ENDS = (1.0, 2.0)
EDGE = 0.05  # share of an end in which patients with so large a loss are counted
MANY_AT_EDGE = 30  # patients; if the losses went on, as many would lie beyond, or half of them
MANY_SURE = 0.25  # share of losses below EDGE, of models that are often sure
NEAR_NOTHING = 0.05  # log-probabilities of sure models pile up so near to 0


@dataclass
class Looks:
    """Hold what one pass over all scores has seen."""

    low: float = np.inf
    high: float = -np.inf
    near_nothing: float = 0.0  # share of scores in (-0.05, 0]
    one_sum: bool = True  # of several columns: whether they add up to the same for every record
    sums: tuple[float, float] = (np.inf, -np.inf)
    total_probability: bool = True  # whether exp of several columns adds up to 1
    same: list[int] = field(default_factory=list)  # targets that give every record one score
    tied: list[float] = field(default_factory=list)  # by target: share of its most common score
    seen: list[bytes] = field(default_factory=list)  # by target: its first scores
    contrast: float = 0.0  # members' scores less non-members', in standard errors
    by_rank: float = 0.0  # the same of their ranks within each target, as an attack sees them
    effect: float = 0.0  # the one that is further from 0, in standard deviations
    at_edge: list[int] = field(default_factory=list)  # of losses: patients under each of ENDS
    sure: float = 0.0  # share of losses below EDGE
    downwards: float = 0.0  # how sure it is that some records' scores go down, in standard errors


def look(given: Given, members: np.ndarray, codes: np.ndarray) -> Looks:
    """Read all scores once, a pair of targets at a time; of targets one by one twice.

    members bool (M, P); codes (N,): the patient of each record.
    """
    looks, patients, rng = Looks(), members.shape[1], np.random.default_rng(0)
    paired = is_paired(members)
    up = squares = none = 0.0  # of each record and label, over units: sums of signed differences
    totals, sizes = np.zeros(2), np.zeros(2)  # of scores, and of ranks
    edges = np.zeros((len(ENDS), len(codes)), bool)  # records that have a loss just under an end
    sure = float(loss_to_log_odds(EDGE))
    unders = [float(loss_to_log_odds((1 - EDGE) * end)) for end in ENDS]
    for first, rows, difference, ranks, sign in iterate_contrasts(given, members):
        for place, row in enumerate(rows):
            _look_at_target(looks, first + place, row)
            if given.kind == LOSS:
                looks.sure += float((row > sure).mean()) / len(given.array)
                for under, edge in zip(unders, edges, strict=True):
                    edge |= (row.reshape(len(codes), -1) < under).any(1)
        for test, values in enumerate((difference.reshape(len(codes), -1).sum(1), ranks)):
            by_patient = np.bincount(codes, values, patients)
            by_patient -= by_patient.mean()
            spread = np.sqrt((by_patient**2).mean())
            if spread > 0:
                totals[test] += float(by_patient @ sign) / spread
                sizes[test] += patients
        shape = (-1, *[1] * (difference.ndim - 1))
        up = up + difference * sign[codes].reshape(shape)
        if not paired:  # signs of unequal size are skewed: compared with members drawn anew
            none = none + difference * rng.permutation(sign)[codes].reshape(shape)
        squares = squares + difference * difference * (sign * sign).mean()
    looks.at_edge = [len(np.unique(codes[edge])) for edge in edges]
    looks.near_nothing /= len(given.array)
    looks.contrast, looks.by_rank = map(float, totals / np.sqrt(np.maximum(sizes, 1)))
    effects = totals / np.maximum(sizes, 1)
    looks.effect = float(effects[abs(effects).argmax()])
    excess = _find_excess(up, squares, codes, patients)
    if not paired:
        excess -= _find_excess(none, squares, codes, patients)
    error = excess.std() / np.sqrt(patients)
    looks.downwards = float(excess.mean() / error) if error > 0 else 0.0
    return looks


def _look_at_target(looks: Looks, target: int, row: np.ndarray) -> None:
    low, high = float(row.min()), float(row.max())
    looks.low, looks.high = min(looks.low, low), max(looks.high, high)
    looks.near_nothing += float(((row <= 0) & (row > -NEAR_NOTHING)).mean())
    if row.ndim == 2:
        sums = row.sum(1, dtype=np.float64)
        looks.sums = min(looks.sums[0], sums.min()), max(looks.sums[1], sums.max())
        first = row[:SAMPLE].astype(np.float64)
        if looks.total_probability:
            looks.total_probability = bool(
                (first <= 0).all() and np.allclose(np.exp(first).sum(1), 1, atol=1e-3)
            )
    if low == high:
        looks.same.append(target)
        return
    looks.seen.append(hashlib.sha256(row[:SAMPLE].tobytes()).digest())
    counts = np.unique(row[:SAMPLE], return_counts=True)[1]
    looks.tied.append(float(counts.max() / counts.sum()))


def _find_excess(up, squares, codes: np.ndarray, patients: int) -> np.ndarray:
    """Return by how much each patient's records are lower for members, whatever others do. (P,)

    up, squares (N,) or (N, L): of each record, the sums over pairs of its differences with the
    signs of members, and of their squares. If nothing leaks, t = up / sqrt(squares) has mean square
    1 and either sign, so that t^2 where t < 0 has the mean 1/2; where members' scores rise, less.
    Patients are independent.
    """
    t = np.divide(up, np.sqrt(squares), out=np.zeros_like(up), where=squares > 0)
    excess = np.where(t < 0, t * t, 0) - 0.5 * (squares > 0)
    return np.bincount(codes, excess.reshape(len(codes), -1).sum(1), patients)


def _find_end(looks: Looks) -> tuple[float, int]:
    """Return the end in ENDS that no loss lies beyond, and the patients just under it; or 0, 0."""
    for end, patients in zip(ENDS, looks.at_edge, strict=True):
        if looks.low >= float(loss_to_log_odds(end)) - 1e-5:
            return end, patients
    return 0.0, 0


def refuse_kind(given: Given, looks: Looks) -> None:
    """Raise InputError where log odds or losses that were given are plainly something else."""
    if given.kind == LOSS:
        end, patients = _find_end(looks)
        if patients >= MANY_AT_EDGE and looks.high > loss_to_log_odds(EDGE):
            raise InputError(
                f"{given.path}: no loss is above {end:g} and those of {patients:,} patients almost "
                f"are, as Brier scores and other errors of probabilities end there; expected "
                f"cross-entropies, -log(p). Give the probabilities with --kind {PROBA} --labels"
            )
    if given.kind != LOG_ODDS or looks.low == looks.high:
        return
    path, several = given.path, given.array.ndim == 3
    expected = "expected log odds of each record's own label, log(p / (1 - p))"
    low, high = looks.sums
    if looks.low >= 0 and looks.high <= 1:
        raise InputError(
            f"{path}: all values lie between 0 and 1, as probabilities do; {expected}. Give "
            + ("those of all classes" if several else "those of class 1 of two, or of all classes,")
            + f" with --kind {PROBA} --labels"
        )
    if several and (looks.total_probability or high - low <= 1e-3 * max(1, abs(low), abs(high))):
        what = "log-probabilities" if looks.total_probability else "logits"
        raise InputError(
            f"{path}: the {given.array.shape[2]} columns of each record add up to the same, as "
            f"those of classes do; expected one for each of several labels. Are they {what} of "
            "classes? Give them with --kind logits --labels"
        )
    if looks.high <= 0 and looks.near_nothing > 0.01:
        raise InputError(
            f"{path}: no value is above 0 and many are almost 0, as log-probabilities are; "
            f"{expected}. Give -log(p) with --kind {LOSS}"
        )


def refuse_sign(given: Given, members_path: Path, looks: Looks) -> None:
    """Raise InputError where scores of members are lower, of all records or of some."""
    path = given.path
    guess = {
        LOG_ODDS: "Are they losses? Give them with --kind loss, or with the sign turned.",
        LOSS: "Are they log odds or likelihoods, and no losses?",
    }.get(given.kind, "Are labels those of these records, numbered as the columns?")
    if min(looks.contrast, looks.by_rank) < -SURE and max(looks.contrast, looks.by_rank) < SURE:
        raise InputError(
            f"{path}: scores are lower where a model had the record (by {-looks.effect:.2f} "
            f"standard deviations); expected higher to mean more like a member. {guess} Or does "
            f"{members_path} say who was left out?"
        )
    if looks.downwards > SURE:
        guess = {
            LOG_ODDS: "Are they of one class for all records? Give the probabilities with --kind "
            "proba, or logits with --kind logits, and --labels",
            LOSS: "Are they losses of one class for all records?",
        }.get(
            given.kind,
            "Are they of each record's own label? Give -log(p) with --kind loss. "
            "Are labels those of these records?",
        )
        raise InputError(
            f"{path}: scores are lower where a model had the record for some records, and higher "
            f"for others; expected those of each record's own label to be higher. {guess}"
        )


def note_oddities(given: Given, looks: Looks) -> list[str]:
    """Say what is odd about scores, but may be right."""
    notes = []
    if looks.low == looks.high:
        return [f"every score is {looks.low:g}: nothing can be told from them"]
    if given.kind == LOG_ODDS and looks.low >= 0:
        notes.append("no score is negative, as of losses, but members' are not lower")
    if given.kind == LOG_ODDS and looks.high <= 0:
        notes.append("no score is positive, as of log-probabilities; log odds were expected")
    end = _find_end(looks)[0] if given.kind == LOSS else 0
    if end == ENDS[0] or (end and looks.sure > MANY_SURE):
        notes.append(
            f"no loss is above {end:g}: are they Brier scores? Cross-entropies, -log(p), were "
            "expected"
        )
    if looks.same:
        notes.append(
            f"target {looks.same[0]} gives every record one score ({len(looks.same)} such "
            "target models): it tells nothing"
        )
    repeated = len(looks.seen) - len(set(looks.seen))
    if repeated:
        notes.append(f"{repeated} target models give the very scores of another: are they copies?")
    tied = float(np.median(looks.tied)) if looks.tied else 0.0
    if tied > MANY_TIES:
        notes.append(f"{tied:.0%} of a target's scores are one and the same number: were they cut?")
    return notes
