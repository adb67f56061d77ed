"""The size question: how much does a model that trains on nearly everybody leak, against halves?

An audit trains on halves of the patients, a hospital's model on all of them. Here each of many
models leaves out a random twentieth, and what it leaks is set beside that of halves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from rollcall.experiments.release.statistic import score_patients, take_moments
from rollcall.util.errors import InputError

PARTS = 20  # that a round cuts the patients into
FPR = 0.01
DRAWS = 400  # of patients, for the interval
LEAST = 1e-12  # of a mean whose logarithm is taken


class Leak(NamedTuple):
    """Hold what `measure_leak` says of models of one size.

    shift    (P,): an unbiased estimate of each patient's squared shift, summed over its records
    caught   (P,): share of the models that had the patient which give it away at 1% false alarms
    shift_without, caught_without   (R,): the means of both over the patients, without each round
    noise    the mean variance of the estimated shifts that the attack went by
    """

    shift: np.ndarray
    caught: np.ndarray
    shift_without: np.ndarray
    caught_without: np.ndarray
    noise: float


class Factor(NamedTuple):
    """Hold full size over halves, with a 95% interval over patients and models."""

    full: float
    half: float
    factor: float
    low: float
    high: float


def draw_left_out(rounds: int, patients: int, seed: int = 0, parts: int = PARTS) -> np.ndarray:
    """Draw members bool (rounds * parts, P): in each round every patient is left out once.

    Models `parts` r to `parts` (r + 1) - 1 are a round, cut by a random permutation of the
    patients. parts=2: complementary halves. InputError for fewer than 2 rounds or patients.
    """
    if rounds < 2 or patients < parts:
        raise InputError(
            f"{rounds} rounds of {patients} patients; expected at least 2, and {parts} patients"
        )
    members = np.ones((rounds * parts, patients), bool)
    for number in range(rounds):
        order = np.random.default_rng(np.random.SeedSequence([seed, number])).permutation(patients)
        members[number * parts + order % parts, np.arange(patients)] = False
    return members


def measure_leak(
    scores: np.ndarray,
    members: np.ndarray,
    index: np.ndarray,
    parts: int,
    label: np.ndarray | None = None,
) -> Leak:
    """Measure what models of one size leak, from rounds as draw_left_out draws them.

    scores (M, N), members bool (M, P), index int (N,), label int (N,) or None. shift: with d_r a
    record's (m_in - m_out) / sd under the models of round r, the mean of d_r d_s over all pairs of
    rounds, whose errors are independent: it is right however few rounds there are. caught: each
    model is attacked with those of all other rounds as references (score_patients), at the
    threshold that 1% exceed of all patients under models without them. InputError for fewer than 4
    rounds.
    """
    rounds, patients = len(scores) // parts, members.shape[1]
    if rounds < 4 or rounds * parts != len(scores) or members.shape[0] != len(scores):
        raise InputError(
            f"scores {scores.shape}, members {members.shape}, parts {parts}; expected at least 4 "
            "rounds of so many models"
        )
    of_round = np.repeat(np.arange(rounds), parts)
    scores, by_record = np.asarray(scores, np.float64), members[:, index]
    deviation = take_moments(scores, by_record).deviation
    shifts = np.empty((rounds, len(index)))
    for number in range(rounds):
        these = of_round == number
        inside, total = by_record[these], scores[these]
        with_it = (total * inside).sum(0) / np.maximum(inside.sum(0), 1)
        without_it = (total * ~inside).sum(0) / np.maximum((~inside).sum(0), 1)
        shifts[number] = (with_it - without_it) / deviation
    ratios = np.empty(members.shape)
    for model in range(len(scores)):
        others = of_round != of_round[model]
        ratios[model] = score_patients(
            scores[model], scores[others], members[others], index, label
        ).ratio
    is_caught = ratios > np.quantile(ratios[~members], 1 - FPR)
    by_round = np.array(
        [(is_caught & members)[of_round == number].sum(0) for number in range(rounds)]
    )
    had = np.array([members[of_round == number].sum(0) for number in range(rounds)])
    kept = [np.arange(rounds) != number for number in range(rounds)]
    noise = take_moments(scores[of_round > 0], by_record[of_round > 0]).noise.mean()
    return Leak(
        np.bincount(index, _multiply_rounds(shifts), patients),
        by_round.sum(0) / had.sum(0),
        np.array([_multiply_rounds(shifts[keep]).sum() / patients for keep in kept]),
        np.array([np.mean(by_round[keep].sum(0) / had[keep].sum(0)) for keep in kept]),
        float(noise),
    )


def _multiply_rounds(shifts: np.ndarray) -> np.ndarray:
    """Return the mean of d_r d_s over pairs of different rounds, (N,), of shifts (R, N)."""
    rounds = len(shifts)
    return (shifts.sum(0) ** 2 - (shifts**2).sum(0)) / (rounds * (rounds - 1))


def compare_sizes(full: Leak, half: Leak, seed: int = 0) -> dict[str, Factor]:
    """Compare full size with halves: {"shift", "caught"}, with intervals over the patients.

    shift: the root mean square shift of a patient, in standard deviations. caught: the share of
    members given away at 1% false alarms; like with like only where `noise` is alike, as with 14
    models in pairs and 80 that leave out a twentieth. The variance of the factor's logarithm is
    that over patients (bootstrap, the same patients for both) and, of either size, that over rounds
    (jackknife), with Student's t of Satterthwaite's degrees of freedom.
    """
    if len(full.shift) != len(half.shift):
        raise InputError(
            f"{len(full.shift)} and {len(half.shift)} patients; expected the same patients"
        )
    rng, patients = np.random.default_rng(seed), len(full.shift)
    weights = rng.multinomial(patients, np.full(patients, 1 / patients), DRAWS) / patients
    factors = {}
    for name, root in (("shift", 0.5), ("caught", 1.0)):
        one, other = getattr(full, name), getattr(half, name)
        values = [max(float(each.mean()), LEAST) ** root for each in (one, other)]
        drawn = np.maximum(weights @ one, LEAST), np.maximum(weights @ other, LEAST)
        variances = [np.var(root * (np.log(drawn[0]) - np.log(drawn[1])))]
        freedoms = [patients - 1]
        for leak in (full, half):
            means = root * np.log(np.maximum(getattr(leak, f"{name}_without"), LEAST))
            variances.append((len(means) - 1) * np.var(means))
            freedoms.append(len(means) - 1)
        total = np.sum(variances)
        freedom = total**2 / np.sum(np.square(variances) / freedoms) if total > 0 else 1.0
        reach = stdtrit(freedom, 0.975) * np.sqrt(total)
        ratio = values[0] / values[1]
        limits = float(ratio * np.exp(-reach)), float(ratio * np.exp(reach))
        factors[name] = Factor(*values, ratio, *limits)
    return factors
