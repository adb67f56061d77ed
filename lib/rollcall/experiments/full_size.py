"""The size question: how much does a model that trains on nearly everybody leak, against halves?

An audit trains on halves of the patients, a hospital's model on all of them. Here each of many
models leaves out a random twentieth, and what it leaks is set beside that of halves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rollcall.experiments.release.statistic import score_patients, take_moments
from rollcall.util.errors import InputError

PARTS = 20  # that a round cuts the patients into
FPR = 0.01
DRAWS = 400  # of patients, for the interval


class Leak(NamedTuple):
    """Hold what `measure_leak` says of models of one size, (P,) each but the last.

    shift    product of two independent estimates of a patient's squared shift, summed over records:
             its mean is that of the squared shift, however many models there are
    caught   share of the models that had the patient which give it away at 1% false alarms
    noise    the mean variance of the estimated shifts that the attack went by
    """

    shift: np.ndarray
    caught: np.ndarray
    noise: float


class Factor(NamedTuple):
    """Hold full size over halves, with a 95% interval over patients."""

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

    scores (M, N), members bool (M, P), index int (N,), label int (N,) or None. shift: with d_A and
    d_B a record's (m_in - m_out) / sd under the even and the odd rounds, the sum of d_A d_B.
    caught: each model is attacked with those of all other rounds as references (score_patients), at
    the threshold that 1% exceed of all patients under models without them. InputError for fewer
    than 4 rounds.
    """
    rounds, patients = len(scores) // parts, members.shape[1]
    if rounds < 4 or rounds * parts != len(scores) or members.shape[0] != len(scores):
        raise InputError(
            f"scores {scores.shape}, members {members.shape}, parts {parts}; expected at least 4 "
            "rounds of so many models"
        )
    of_round = np.repeat(np.arange(rounds), parts)
    scores, by_record = np.asarray(scores, np.float64), members[:, index]
    halves = [
        take_moments(scores[of_round % 2 == half], by_record[of_round % 2 == half])
        for half in (0, 1)
    ]
    deviation = take_moments(scores, by_record).deviation
    products = np.prod([(half.inside - half.outside) / deviation for half in halves], axis=0)
    ratios = np.empty(members.shape)
    for model in range(len(scores)):
        others = of_round != of_round[model]
        ratios[model] = score_patients(
            scores[model], scores[others], members[others], index, label
        ).ratio
    is_caught = ratios > np.quantile(ratios[~members], 1 - FPR)
    inside = members.sum(0)
    noise = take_moments(scores[of_round > 0], by_record[of_round > 0]).noise.mean()
    return Leak(
        np.bincount(index, products, patients),
        (is_caught & members).sum(0) / inside,
        float(noise),
    )


def compare_sizes(full: Leak, half: Leak, seed: int = 0) -> dict[str, Factor]:
    """Compare full size with halves: {"shift", "caught"}, with intervals over the patients.

    shift: the root mean square shift of a patient, in standard deviations. caught: the share of
    members given away at 1% false alarms; like with like only where `noise` is alike, as with 14
    models in pairs and 80 that leave out a twentieth. The same patients are drawn for both.
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
        values = [max(float(each.mean()), 0.0) ** root for each in (one, other)]
        drawn = np.maximum(weights @ one, 0) ** root / np.maximum(weights @ other, 1e-12) ** root
        low, high = np.quantile(drawn, (0.025, 0.975))
        ratio = values[0] / values[1] if values[1] else float("nan")
        factors[name] = Factor(*values, ratio, float(low), float(high))
    return factors
