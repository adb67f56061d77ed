"""Sums of clipped gradients of a Poisson sample of units, with Gaussian noise, many times.

The accounting is a library's: privacy loss distributions of dp-accounting (Google), connecting the
dots (Doroshenko et al. 2022), neighbours that differ in one unit added or removed. Only how fine
the loss is cut is chosen here: until a finer cut changes nothing. Every cut's answer is an upper
bound, so a coarse one is never too low.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

from rollcall.util.errors import InputError

ACCOUNTANT = "dp-accounting, privacy loss distributions, Poisson sampling, add or remove a unit"
FIRST_CUTS = 200  # of the loss of one step
FINER = 4
NO_CHANGE, ROUGHLY = 0.006, 0.1  # of epsilon, when the cut is FINER
NO_CHANGE_TOGETHER = 0.03  # of several records' epsilon, whose losses take ten times as long
MOST_REFINEMENTS = 6  # beyond, which takes seconds, the upper bound stands as it is
CLOSE = 0.001  # of the epsilon asked for, from below
LEAST_NOISE, MOST_EPSILON = 0.005, 10_000  # beyond, nothing is promised that is worth a number
LEAST_EPSILON, SMALLEST_DELTA = 0.001, 1e-12  # below, losses in floating point cannot tell
MOST_LOSS = 50_000  # of a step
RAREST = 1e-18


def compute_epsilon(noise: float, delta: float, rate: float, steps: int, records: int = 1) -> float:
    """Return the epsilon at `delta` of `steps` noisy sums over Poisson samples of the units.

    noise: the Gaussian's standard deviation as a multiple of the clip. rate: the chance that a
    unit takes part in a step. records: 1 for what is promised to a unit; where that is a record,
    the epsilon of a patient with so many, each of which a step draws by itself. Noise below 0.005:
    infinity. No step, or none that a unit can be in: 0. About a second. InputError for what is no
    noise, delta, rate or number of steps.
    """
    check_mechanism(noise, delta, rate, steps, records)
    if not steps or not rate or noise == math.inf:
        return 0.0
    ask = partial(_ask_epsilon, delta=delta)
    no_change = NO_CHANGE if records == 1 else NO_CHANGE_TOGETHER
    losses = refine_losses(noise, rate, steps, ask, records, no_change)
    return float(losses.get_epsilon_for_delta(delta)) if losses else math.inf


def calibrate_noise(epsilon: float, delta: float, rate: float, steps: int) -> float:
    """Return the least noise, as a multiple of the clip, that promises (epsilon, delta).

    Its epsilon is at most the one asked for, and within 0.1% of it. epsilon infinity: 0. Seconds.
    InputError as `compute_epsilon`'s, and for an epsilon that is not.
    """
    check_mechanism(1.0, delta, rate, steps)
    if not (LEAST_EPSILON <= epsilon <= MOST_EPSILON or epsilon == math.inf):
        raise InputError(
            f"epsilon is {epsilon}; expected a number from {LEAST_EPSILON} to {MOST_EPSILON:,}, "
            "or inf for no noise"
        )
    takes_part = -math.expm1(steps * math.log1p(-rate)) if rate < 1 else float(steps > 0)
    if epsilon == math.inf or takes_part <= delta:
        return 0.0

    from scipy.optimize import brentq

    def excess(log_noise: float, no_change: float = NO_CHANGE) -> float:
        """log(what this noise promises / a little less than what is asked for)"""
        ask = partial(_ask_epsilon, delta=delta)
        losses = refine_losses(math.exp(log_noise), rate, steps, ask, no_change=no_change)
        promised = max(ask(losses), 1e-12) if losses else math.inf
        return math.log(promised / (epsilon * (1 - CLOSE / 2)))

    near = brentq(excess, *bracket(excess, 0.0, 1.0, ROUGHLY), args=(ROUGHLY,), xtol=0.01)
    log_noise = float(brentq(excess, *bracket(excess, near, 0.03, NO_CHANGE), xtol=CLOSE / 5))
    while excess(log_noise) > CLOSE / 2:
        log_noise += CLOSE / 5
    return math.exp(log_noise)


def bracket(excess, start: float, width: float, no_change: float) -> tuple[float, float]:
    """Return a lower and an upper end between which `excess`, which falls, crosses zero."""
    low = high = start
    while excess(high, no_change) > 0:
        low, high = high, high + width
    while low == high or excess(low, no_change) <= 0:
        low, high = low - width, low
    return low, high


def refine_losses(
    noise: float,
    rate: float,
    steps: int,
    ask: Callable[[Any], float],
    records: int = 1,
    no_change: float = NO_CHANGE,
):
    """Return the composed privacy losses, cut finely enough for what is asked of them.

    ask: losses -> a number that falls as they are cut finer: until it changes by less than a share.
    records as `compute_epsilon`'s. None where the noise promises nothing.
    """
    if noise < LEAST_NOISE:
        return None
    moves = draw_together(records, rate)[0].max() / noise  # the sum of a step, at most
    if moves**2 / 2 > MOST_LOSS:
        return None
    cut = (moves**2 / 2 + 8 * moves) / FIRST_CUTS
    losses = compose_losses(noise, rate, steps, cut, records)
    for _ in range(MOST_REFINEMENTS):
        before = ask(losses)
        cut /= FINER
        losses = compose_losses(noise, rate, steps, cut, records)
        if before - ask(losses) <= no_change * before:
            break
    return losses


def compose_losses(noise: float, rate: float, steps: int, cut: float, records: int = 1):
    """Return the distribution of the privacy loss of all steps, cut into steps of `cut`."""
    from dp_accounting.pld import privacy_loss_distribution as losses

    settings = {"value_discretization_interval": cut, "use_connect_dots": True}
    if records == 1:
        once = losses.from_gaussian_mechanism(noise, sampling_prob=rate, **settings)
    else:
        taken, chances = draw_together(records, rate)
        if len(taken) == 1 and taken[0]:  # a step draws them all
            once = losses.from_gaussian_mechanism(noise / taken[0], **settings)
        else:
            once = losses.from_mixture_gaussian_mechanism(noise, taken, chances, **settings)
    return once.self_compose(steps)


def draw_together(records: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (how many of a patient's records a step may draw, the chance of each number).

    Numbers that are rarer than 1e-18 count as the nearest one that is not.
    """
    taken = np.arange(records + 1)
    log_chances = (
        gammaln(records + 1)
        - gammaln(taken + 1)
        - gammaln(records - taken + 1)
        + xlogy(taken, rate)
        + xlog1py(records - taken, -rate)
    )
    chances = np.exp(log_chances)
    is_kept = chances > RAREST
    return taken[is_kept], chances[is_kept] / chances[is_kept].sum()


def _ask_epsilon(losses, delta: float) -> float:
    return losses.get_epsilon_for_delta(delta)


def check_mechanism(noise: float, delta: float, rate: float, steps: int, records: int = 1) -> None:
    """Raise InputError for what is no noise, delta, rate, number of steps or of records."""
    if not noise >= 0:
        raise InputError(f"noise is {noise}; expected 0 or more, as a multiple of the clip")
    if not SMALLEST_DELTA <= delta < 1:
        raise InputError(
            f"delta is {delta}; expected at least {SMALLEST_DELTA}, at most 1 / number of units"
        )
    if not 0 <= rate <= 1:
        raise InputError(f"rate is {rate}; expected a chance, from 0 to 1")
    if steps != int(steps) or steps < 0:
        raise InputError(f"steps is {steps}; expected a whole number, 0 or more")
    if records != int(records) or records < 1:
        raise InputError(f"records is {records}; expected a whole number, 1 or more")
